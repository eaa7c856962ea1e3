"""Gathers mere counts of pods: a status that tells of nothing else may wait a moment for more of them.

In: the status as it is and as it shall be. Out: for how long it may wait. Asked before each patch of a status.
Pods come and go one by one, and every one of them changes a count; what people and pipelines wait for is never held.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..model.reading import Json

Key = tuple[str, str]

#: Seconds for which counts are gathered.
GATHERING: Final = 0.8

_COUNTS: Final = frozenset(
    {"HPAReplicas", "availableReplicas", "readyReplicas", "replicas", "updatedReplicas"}
)
_COUNTS_OF_SETS: Final = _COUNTS | {"lastTransitionTime"}
#: Reasons of Progressing that only tell how many pods are there.
_ON_THE_WAY: Final = ("ReplicaSetUpdated", "ReplicaSetNotAvailable")
#: What the counts bring with them while a release is under way: the sentence on what is still awaited.
_COMES_WITH_COUNTS: Final = _COUNTS | {"message"}


class HeldCounts:
    """Since when the status of each object is behind its counts.

    Args:
        only_counts: is nothing else new in a status? A Rollout's by default.
    """

    def __init__(self, only_counts: Callable[[Json, Json], bool] | None = None) -> None:
        self._only_counts = only_counts or only_counts_differ
        self._since: dict[Key, float] = {}

    def may_wait(self, key: Key, before: Json, after: Json, now: float) -> float:
        """Seconds for which the new status need not be written; 0: write it now. `now`: the loop's time."""
        if before == after or not self._only_counts(before, after):
            self._since.pop(key, None)
            return 0.0
        left = self._since.setdefault(key, now) + GATHERING - now
        if left <= 0:
            del self._since[key]
        return max(0.0, left)

    def forget(self, key: Key) -> None:
        """The object is gone, or its status has been written."""
        self._since.pop(key, None)


def only_counts_differ(before: Json, after: Json) -> bool:
    """Is nothing new in `after` but counts of pods, and what follows from them while the release goes on?"""
    if before.get("phase") != after.get("phase"):
        return False
    ignored = _COMES_WITH_COUNTS if after.get("phase") == "Progressing" else _COUNTS
    ignored = ignored | {"conditions"}
    for key in before.keys() | after.keys():
        if key not in ignored and before.get(key) != after.get(key):
            return False
    return _by_type(before.get("conditions")) == _by_type(after.get("conditions"))


def only_counts_of_sets_differ(before: Json, after: Json) -> bool:
    """The same of an Experiment: counts stand with each of its sets, and the instant at which they changed."""
    return _without_counts(before) == _without_counts(after)


def _without_counts(status: Json) -> Json:
    sets = status.get("templateStatuses")
    told = [
        {key: value for key, value in each.items() if key not in _COUNTS_OF_SETS}
        for each in (sets if isinstance(sets, list) else ())
        if isinstance(each, dict)
    ]
    conditions = _by_type(status.get("conditions"))
    return {**status, "templateStatuses": told, "conditions": conditions}


def _by_type(conditions: Any) -> dict[str, Any]:
    """Type: status, reason and message. How far Progressing has come changes with every pod, times with it."""
    found: dict[str, Any] = {}
    for each in conditions if isinstance(conditions, list) else ():
        if isinstance(each, dict):
            said = (each.get("reason"), each.get("message"))
            is_count = each.get("type") == "Progressing" and said[0] in _ON_THE_WAY
            found[str(each.get("type"))] = (each.get("status"), None if is_count else said)
    return found
