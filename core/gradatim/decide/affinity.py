"""Keeps the pods of a canary or preview off the nodes of stable's, by a term in their ReplicaSet's template.

In: the Rollout, and the hashes of its template and of stable. Out: the affinity that a template gets. Called when a
ReplicaSet is created and when it is used again. §2.18 of the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..model import names
from ..model.reading import Json, Reader
from ..model.rollout import Rollout
from ..model.workload import ReplicaSet

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def wanted_affinity(rollout: Rollout, pod_hash: str) -> Json | None:
    """The affinity for the template of `pod_hash`: the author's, with the term if a distinct stable is there.

    None where a template has none.
    """
    own = Reader(rollout.template).object("spec").json("affinity")
    block, stable_hash = _block(rollout), rollout.status.stable_hash
    if block is None or stable_hash in ("", pod_hash):
        return own or None
    key, term = _term(block, stable_hash, rollout.namespace)
    against = Reader(own).json("podAntiAffinity")
    terms = [*Reader(against).list(key), term]
    return {**own, "podAntiAffinity": {**against, key: terms}}


def is_outdated(rollout: Rollout, replica_set: ReplicaSet) -> bool:
    """Its term keeps clear of a revision that is not stable any more."""
    stable_hash = rollout.status.stable_hash
    if _block(rollout) is None or stable_hash in ("", replica_set.pod_hash):
        return False
    return any(stable_hash not in hashes for hashes in _injected(replica_set.template))


def _block(rollout: Rollout) -> Reader | None:
    strategy = Reader(rollout.raw).object("spec").object("strategy")
    for name in ("canary", "blueGreen"):
        if strategy.object(name).has("antiAffinity"):
            return strategy.object(name).object("antiAffinity")
    return None


def _term(block: Reader, stable_hash: str, namespace: str) -> tuple[str, Json]:
    """The list that the term belongs to, and the term."""
    expression = {"key": names.POD_HASH, "operator": "In", "values": [stable_hash]}
    term: Json = {
        "labelSelector": {"matchExpressions": [expression]},
        "namespaces": [namespace],
        "topologyKey": "kubernetes.io/hostname",
    }
    if not block.has(_PREFERRED):
        return _REQUIRED, term
    weight = block.object(_PREFERRED).number("weight")
    return _PREFERRED, {"weight": weight, "podAffinityTerm": term}


def _injected(template: Json) -> Iterator[list[object]]:
    """The hashes that each injected term of a template keeps clear of."""
    against = Reader(template).object("spec").object("affinity").object("podAntiAffinity")
    terms = [*against.objects(_REQUIRED)]
    terms += [weighted.object("podAffinityTerm") for weighted in against.objects(_PREFERRED)]
    for term in terms:
        for expression in term.object("labelSelector").objects("matchExpressions"):
            if expression.text("key") == names.POD_HASH:
                yield expression.list("values")
