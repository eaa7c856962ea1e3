"""Disruption budgets: may this pod be evicted?

In: the pods and the PodDisruptionBudgets of a namespace. Out: a budget's status, or the sentence of a refusal.
Called by the eviction subresource and by the cluster's disruption controller.
"""

from __future__ import annotations

import math
from typing import Any

from gradatim.sim.document import Json, dig, named
from gradatim.sim.selectors import object_selector
from gradatim.sim.verbs import Verbs


def is_ready(pod: Json) -> bool:
    """Tell whether the pod's Ready condition is True."""
    condition = named(dig(pod, "status", "conditions"), "type", "Ready")
    return bool(condition) and (condition or {}).get("status") == "True"


def _amount(value: Any, expected: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return math.ceil(int(value[:-1]) * expected / 100)
    return int(value)


def budget_status(budget: Json, pods: list[Json]) -> Json:
    """Return the status of a budget over the pods that it selects."""
    spec = budget.get("spec") or {}
    alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    healthy = sum(is_ready(pod) for pod in alive)
    if spec.get("maxUnavailable") is not None:
        desired = max(0, len(alive) - _amount(spec["maxUnavailable"], len(alive)))
    else:
        desired = _amount(spec.get("minAvailable", 1), len(alive))
    return {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": max(0, healthy - desired),
        "expectedPods": len(alive),
        "observedGeneration": budget["metadata"].get("generation", 1),
    }


def selected_pods(verbs: Verbs, budget: Json) -> list[Json]:
    """Return the pods that a budget is about."""
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
        status = budget_status(budget, selected_pods(verbs, budget))
        if status["disruptionsAllowed"] < 1:
            return (
                f"The disruption budget {budget['metadata']['name']} needs "
                f"{status['desiredHealthy']} healthy pods and has "
                f"{status['currentHealthy']} currently"
            )
    return ""
