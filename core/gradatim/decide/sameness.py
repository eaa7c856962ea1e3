"""Whether what was decided of a Rollout still holds after somebody wrote to it.

In: the object as it was decided on, and as it is now. Out: yes, where nothing changed that a decision reads. `apply`
asks it when a write meets a conflict: a tool that annotates a Rollout all the time could stop a release otherwise.
"""

from __future__ import annotations

from typing import Any, Final

from ..model.reading import Json

#: Whose labels and annotations decide something. Others' annotations are copied to ReplicaSets, a pass later.
_DECISIVE: Final = ("argoproj.io/", "gradatim.dev/")


def holds_still(before: Json, now: Json) -> bool:
    """The same Rollout, with the same spec, status and settings; it is not being deleted."""
    return _decisive(before) == _decisive(now) and not _meta(now).get("deletionTimestamp")


def _decisive(rollout: Json) -> tuple[Any, ...]:
    meta = _meta(rollout)
    return (
        meta.get("uid"),
        meta.get("generation"),
        rollout.get("status") or {},
        *(_ours(meta.get(kind)) for kind in ("labels", "annotations")),
    )


def _meta(rollout: Json) -> Json:
    meta = rollout.get("metadata")
    return meta if isinstance(meta, dict) else {}


def _ours(texts: object) -> Json:
    if not isinstance(texts, dict):
        return {}
    return {key: text for key, text in texts.items() if any(mark in key for mark in _DECISIVE)}
