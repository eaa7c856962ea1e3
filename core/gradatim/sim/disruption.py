"""Disruption budgets: may this pod be evicted?

In: the pods and the PodDisruptionBudgets of a namespace. Out: a budget's status, or the sentence of a refusal.
Called by the eviction subresource and by the cluster's disruption controller.
"""

from __future__ import annotations

import math
from typing import Any

from gradatim.sim.document import Json, dig
from gradatim.sim.pods import controller_of, is_ready
from gradatim.sim.selectors import object_selector
from gradatim.sim.verbs import Verbs


def _amount(value: Any, expected: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return math.ceil(int(value[:-1]) * expected / 100)
    return int(value)


def budget_status(verbs: Verbs, budget: Json) -> Json:
    """Return the status of a budget over the pods that it selects."""
    spec = budget.get("spec") or {}
    pods = _selected_pods(verbs, budget)
    alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    healthy = sum(is_ready(pod) for pod in alive)
    expected = _expected(verbs, pods)
    if spec.get("maxUnavailable") is not None:
        desired = max(0, expected - _amount(spec["maxUnavailable"], expected))
    else:
        desired = _amount(spec.get("minAvailable", 1), expected)
    return {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": max(0, healthy - desired),
        "expectedPods": expected,
        "observedGeneration": budget["metadata"].get("generation", 1),
    }


def _expected(verbs: Verbs, pods: list[Json]) -> int:
    """Return how many pods there should be: as many as their ReplicaSets want, and the pods without one."""
    wanted: dict[str, int] = {}
    for pod in pods:
        owner = controller_of(pod)
        found = verbs.store.find_uid(owner["uid"]) if owner else None
        uid = owner["uid"] if owner and found else pod["metadata"]["uid"]
        wanted[uid] = int(dig(found[1], "spec", "replicas") or 0) if found else 1
    return sum(wanted.values())


def _selected_pods(verbs: Verbs, budget: Json) -> list[Json]:
    selects = object_selector(dig(budget, "spec", "selector"))
    pods = verbs.store.listed("pods", budget["metadata"]["namespace"])
    return [pod for pod in pods if selects(pod["metadata"].get("labels") or {})]


def refusal(verbs: Verbs, pod: Json) -> str:
    """Return why the pod may not be evicted, an empty string when it may.

    A pod that is not ready protects nobody and may always go.
    """
    if not is_ready(pod):
        return ""
    labels = pod["metadata"].get("labels") or {}
    for budget in verbs.store.listed("poddisruptionbudgets.policy", pod["metadata"]["namespace"]):
        if not object_selector(dig(budget, "spec", "selector"))(labels):
            continue
        status = budget_status(verbs, budget)
        if status["disruptionsAllowed"] < 1:
            return (
                f"The disruption budget {budget['metadata']['name']} needs "
                f"{status['desiredHealthy']} healthy pods and has "
                f"{status['currentHealthy']} currently"
            )
    return ""
