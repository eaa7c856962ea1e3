"""The DestinationRule's subsets: which pods each of them means, by pod hash.

In: the DestinationRule as JSON, its entry of the block and what is wanted. Out: JSON Patch operations, hashes,
faults. Pure. Called by the router; only `operations` may raise, the rest takes the object however broken it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gradatim.plugin import Json, Wanted

from .block_problems import type_name
from .config import DestinationRuleBlock
from .names import short_host

#: The label that tells the pods of one ReplicaSet from those of another.
POD_HASH: Final = "rollouts-pod-template-hash"

#: Marks the DestinationRule with the name of the Rollout that writes its subsets.
MANAGED_BY: Final = "argo-rollouts.argoproj.io/managed-by-rollouts"

_MANAGED_BY_POINTER: Final = "/metadata/annotations/argo-rollouts.argoproj.io~1managed-by-rollouts"


def faults(obj: Json, rule: DestinationRuleBlock) -> Iterator[tuple[str, str]]:
    """What makes the object unusable: (field of the block that it is about, sentence)."""
    if not isinstance(obj.get("metadata"), dict):
        yield "name", "the DestinationRule has no metadata"
    subsets = _object(obj.get("spec")).get("subsets")
    if not isinstance(subsets, list | None):
        yield "name", f"spec.subsets of the DestinationRule is {type_name(subsets)}"
        return
    for index, subset in enumerate(subsets or ()):
        yield from (("name", text) for text in _subset_faults(subset, f"spec.subsets[{index}]"))
    names = [name for name in map(_name, _subsets(obj)) if name]
    for field, wanted in (
        ("canarySubsetName", rule.canary_subset),
        ("stableSubsetName", rule.stable_subset),
    ):
        if wanted not in names:
            there = ", ".join(f"'{name}'" for name in names) or "none"
            text = f"DestinationRule '{rule.name}' has no subset '{wanted}'; it has: {there}"
            yield field, " ".join(text.split())


def _subset_faults(subset: object, place: str) -> Iterator[str]:
    if not isinstance(subset, dict):
        yield f"{place} of the DestinationRule is {type_name(subset)}"
        return
    labels = subset.get("labels")
    if not isinstance(labels, dict | None):
        yield f"{place}.labels of the DestinationRule is {type_name(labels)}"


def operations(obj: Json, rule: DestinationRuleBlock, wanted: Wanted) -> list[Json]:
    """Operations that bind the subsets to the wanted pod hashes; `obj` has no `faults`.

    The reference drops every subset that it does not know. Here only those go that look exactly as
    the controller makes them for an experiment: other people's VirtualServices may use the rest.

    Rollouts may share the object, each with subsets of its own. The mark is then of whoever changed
    a subset last: to write it for its own sake would be answered by the others, for ever.
    """
    bound = {
        name: pod_hash
        for name, pod_hash in (
            (rule.canary_subset, wanted.canary.pod_hash),
            (rule.stable_subset, wanted.stable.pod_hash),
        )
        if pod_hash is not None
    }
    own = {rule.canary_subset, rule.stable_subset, *rule.additional_subsets}
    experiments = {
        more.service: more.pod_hash
        for more in wanted.additional
        if more.service not in own and more.service and more.pod_hash
    }
    owner = _owner(obj)
    result: list[Json] = []
    names = set()
    for index, subset in enumerate(_subsets(obj)):
        names.add(_name(subset))
        pod_hash = (bound | experiments).get(_name(subset))
        if pod_hash is not None:
            result += _labelled(subset, pod_hash, f"/spec/subsets/{index}/labels")
    if owner in (None, wanted.rollout):
        result += _without_made(obj, wanted.rollout, own, frozenset(experiments))
    for name in sorted(experiments.keys() - names):
        made = {"name": name, "labels": {POD_HASH: experiments[name]}}
        result.append({"op": "add", "path": "/spec/subsets/-", "value": made})
    is_due = (bound or experiments) and (owner is None or result)
    return _marked(obj, wanted.rollout) + result if is_due else result


def release(obj: Json, rule: DestinationRuleBlock, rollout: str) -> list[Json]:
    """Operations that take the controller's marks off again; none when they are another Rollout's."""
    if _owner(obj) != rollout:
        return []
    result: list[Json] = [{"op": "remove", "path": _MANAGED_BY_POINTER}]
    own = {rule.canary_subset, rule.stable_subset, *rule.additional_subsets}
    for index, subset in enumerate(_subsets(obj)):
        if _name(subset) in own and POD_HASH in _object(_object(subset).get("labels")):
            path = f"/spec/subsets/{index}/labels/{POD_HASH}"
            result.append({"op": "remove", "path": path})
    return result + _without_made(obj, rollout, own)


def host(obj: Json) -> str:
    """The short host that the subsets belong to; "" for a wildcard or none."""
    found = _object(obj.get("spec")).get("host")
    return short_host(found) if isinstance(found, str) and not found.startswith("*") else ""


def pod_hash(obj: Json, name: str) -> str | None:
    """The pod hash that the named subset is bound to; None for none."""
    for subset in _subsets(obj):
        if _name(subset) == name:
            return _hash(subset) or None
    return None


def pod_hashes(obj: Json) -> frozenset[str]:
    """All pod hashes that any subset is bound to."""
    return frozenset(found for subset in _subsets(obj) if (found := _hash(subset)))


def _owner(obj: Json) -> object:
    """The Rollout that the mark names; None for no mark."""
    return _object(_object(obj.get("metadata")).get("annotations")).get(MANAGED_BY)


def _marked(obj: Json, rollout: str) -> list[Json]:
    annotations = _object(obj.get("metadata")).get("annotations")
    if not isinstance(annotations, dict):
        value = {MANAGED_BY: rollout}
        return [{"op": "add", "path": "/metadata/annotations", "value": value}]
    if annotations.get(MANAGED_BY) == rollout:
        return []
    op = "replace" if MANAGED_BY in annotations else "add"
    return [{"op": op, "path": _MANAGED_BY_POINTER, "value": rollout}]


def _labelled(subset: object, pod_hash: str, pointer: str) -> list[Json]:
    labels = _object(subset).get("labels")
    if not isinstance(labels, dict):
        if not pod_hash:
            return []
        return [{"op": "add", "path": pointer, "value": {POD_HASH: pod_hash}}]
    path = f"{pointer}/{POD_HASH}"
    if not pod_hash:
        return [{"op": "remove", "path": path}] if POD_HASH in labels else []
    if labels.get(POD_HASH) == pod_hash:
        return []
    op = "replace" if POD_HASH in labels else "add"
    return [{"op": op, "path": path, "value": pod_hash}]


def _without_made(
    obj: Json, rollout: str, own: set[str], kept: frozenset[str] = frozenset()
) -> list[Json]:
    """Removals, last first, of subsets that were made for an experiment of this Rollout and are not `kept`.

    Where others bind subsets too, one of theirs may be getting requests right now: then only those go
    that have the name of this Rollout's experiments, which no author has chosen for their Service.
    """
    subsets = _subsets(obj)
    is_shared = any(_hash(s) and not _is_made(s) and _name(s) not in own for s in subsets)
    prefix = f"{rollout}-" if is_shared else ""
    made = [
        index
        for index, subset in enumerate(subsets)
        if _is_made(subset) and _name(subset) not in own | kept and _name(subset).startswith(prefix)
    ]
    return [{"op": "remove", "path": f"/spec/subsets/{index}"} for index in reversed(made)]


def _is_made(subset: object) -> bool:
    fields = _object(subset)
    return fields.keys() == {"name", "labels"} and _object(fields["labels"]).keys() == {POD_HASH}


def _subsets(obj: Json) -> list[Any]:
    subsets = _object(obj.get("spec")).get("subsets")
    return subsets if isinstance(subsets, list) else []


def _name(subset: object) -> str:
    name = _object(subset).get("name")
    return name if isinstance(name, str) else ""


def _hash(subset: object) -> str:
    found = _object(_object(subset).get("labels")).get(POD_HASH)
    return found if isinstance(found, str) else ""


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
