"""Which ReplicaSet is that of the present template, also where another controller gave it another hash.

In: the Rollout, its ReplicaSets, and its template with the API server's defaults where it is known. Out: the hash
label by which the template goes. `decision.py` begins with it; `run/` asks whether the defaults are needed. §2.3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..model import names
from ..model.hashing import normalized_template, pod_template_hash
from ..model.reading import Json
from ..model.rollout import Rollout
from ..model.workload import ReplicaSet
from .snapshot import Snapshot

_TERMS: Final = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def own_hash(rollout: Rollout) -> str:
    """The hash that this controller gives to the template."""
    return pod_template_hash(rollout.template, rollout.status.collision_count)


def needs_defaults(rollout: Rollout, replica_sets: Iterable[ReplicaSet]) -> bool:
    """Only the API server can tell whether one of these is of the template, whatever its label says.

    A set that contradicts the template somewhere is not; so an ordinary release, with its new image,
    needs no answer.
    """
    return _needs_defaults(own_hash(rollout), rollout, tuple(replica_sets))


def _needs_defaults(own: str, rollout: Rollout, sets: tuple[ReplicaSet, ...]) -> bool:
    return own not in {r.pod_hash for r in sets} and any(_candidates(rollout, sets))


def recognised_hash(snapshot: Snapshot) -> str | None:
    """The label of the template's ReplicaSet, or the one it will get if there is none.

    None: it cannot be told before the API server has filled in its defaults; to create another set now could
    restart every pod of a cluster that has just changed over.
    """
    rollout, sets = snapshot.rollout, snapshot.replica_sets
    own = own_hash(rollout)
    if not _needs_defaults(own, rollout, sets):
        return own
    if snapshot.defaulted_template is None:
        return None
    wanted = comparable(snapshot.defaulted_template)
    equal = (r for r in _candidates(rollout, sets) if _template(r, wanted) == wanted)
    return next((r.pod_hash for r in equal), own)


def comparable(template: Json) -> Json:
    """The part of a template that says what pods run: without the hash label and what controllers put in.

    That is the injected anti-affinity term, and the deprecated `serviceAccount` beside `serviceAccountName`.
    """
    result = normalized_template(template)
    labels = {k: v for k, v in _object(result, "metadata", "labels").items() if k != names.POD_HASH}
    spec = {**_object(result, "spec")}
    account = spec.pop("serviceAccount", None)
    if account and not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = account
    affinity = _without_injected(_object(spec, "affinity"))
    meta = {**_object(result, "metadata"), "labels": labels}
    pod = {k: v for k, v in {**spec, "affinity": affinity}.items() if k != "affinity" or v}
    return {"metadata": {k: v for k, v in meta.items() if v}, "spec": pod}


def contradicts(template: Json, replica_set: ReplicaSet) -> bool:
    """The ReplicaSet is of another template, whatever the defaults of this one are."""
    wanted = comparable(template)
    return not _is_within(wanted, _template(replica_set, wanted))


def _candidates(rollout: Rollout, sets: Iterable[ReplicaSet]) -> Iterable[ReplicaSet]:
    """The sets that do not contradict the template, oldest first."""
    for each in sorted(sets, key=lambda r: (r.meta.created, r.name)):
        if each.pod_hash and not each.meta.deleting and not contradicts(rollout.template, each):
            yield each


def _template(replica_set: ReplicaSet, wanted: Json) -> Json:
    """A set's template without the metadata that was injected into it and that nobody wants there."""
    template = comparable(replica_set.template)
    meta = {**_object(template, "metadata")}
    for kind, injected in _injected_metadata(replica_set).items():
        asked = _object(wanted, "metadata", kind)
        given = _object(meta, kind)
        meta[kind] = {k: v for k, v in given.items() if k not in injected or k in asked}
    return {**template, "metadata": {k: v for k, v in meta.items() if v}}


def _injected_metadata(replica_set: ReplicaSet) -> dict[str, Mapping[str, Any]]:
    text = replica_set.meta.annotations.get(names.EPHEMERAL_METADATA, "")
    try:
        recorded = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        recorded = {}
    return {kind: _object({"_": recorded}, "_", kind) for kind in ("labels", "annotations")}


def _without_injected(affinity: Mapping[str, Any]) -> Json:
    """The affinity without terms that keep pods apart from those of a revision by its hash."""
    against = {**_object(affinity, "podAntiAffinity")}
    for key in _TERMS:
        terms = against.get(key)
        if isinstance(terms, list):
            against[key] = [term for term in terms if not _is_injected(term)]
            if not against[key]:
                del against[key]
    return {k: v for k, v in {**affinity, "podAntiAffinity": against}.items() if v}


def _is_injected(term: Any) -> bool:
    if not isinstance(term, dict):
        return False
    wanted = _object(term, "podAffinityTerm") or term
    expressions = _object(wanted, "labelSelector").get("matchExpressions")
    listed = expressions if isinstance(expressions, list) else []
    return any(isinstance(e, dict) and e.get("key") == names.POD_HASH for e in listed)


def _is_within(part: Any, whole: Any) -> bool:
    """All that `part` says is said by `whole`, too; `whole` may say more, as defaults do."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _is_within(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(_is_within, part, whole))
    return bool(part == whole)


def _object(value: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The object at a path, an empty one where there is none."""
    for key in path:
        found = value.get(key)
        value = found if isinstance(found, dict) else {}
    return value
