"""Pods without which a side cannot carry its weight, by the Rollout's replicas and its author's word.

In: a side and the world that it is in. Out: a number of pods. Asked by the rules for weights and for scale-downs.
"""

from __future__ import annotations

from ...model.canary import ProgressThreshold
from .sides import Side, World


def needed_pods(world: World, side: Side) -> int:
    """Pods without which a side cannot carry its weight; its part of the replicas, rounded down.

    A canary that some step gives another number of pods than its weight needs that number only, and with
    a threshold for progress its part of it: both are the author's word that so many pods suffice.
    """
    rollout = world.rollout
    if side.name not in ("canary", "stable"):
        # an author says how many pods an Experiment has and what they get
        return 1
    needed = rollout.replicas * side.weight // world.total
    canary = rollout.canary
    for step in canary.steps if canary and side.name == "canary" else ():
        scale = step.canary_scale
        if scale is not None and not scale.match_traffic_weight:
            share = rollout.replicas * (scale.weight or 0) // world.total
            needed = min(needed, share if scale.replicas is None else scale.replicas)
    return max(1, _relaxed(needed, canary.threshold if canary else None))


def _relaxed(needed: int, threshold: ProgressThreshold | None) -> int:
    if threshold is None or threshold.value < 0:
        return needed
    if threshold.kind == "Pods":
        return min(needed, threshold.value)
    return min(needed, -(-needed * threshold.value // 100))
