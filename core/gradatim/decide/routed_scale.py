"""How many canary and stable pods with traffic routing, where weights do not depend on numbers of pods.

In: the Rollout and its revisions. Out: the pods wanted of both at its step. §2.8 of the reference.
"""

from __future__ import annotations

from ..model.canary import ProgressThreshold
from ..model.rollout import Rollout
from .basic_scale import Counts
from .progress import (
    canary_scale,
    current_weight,
    is_promoted,
    max_weight,
    step_index,
    weight_at,
)
from .revisions import Revisions


def routed_counts(rollout: Rollout, *, aborted: bool) -> Counts:
    """The pods wanted of the canary and of stable at the present step.

    A dynamic stable needs more while traffic is on its way: `dynamic_stable.py` adds that.
    """
    canary = rollout.canary
    if canary is None:
        return Counts(0, rollout.replicas)
    replicas, total = rollout.replicas, max_weight(canary)
    status = rollout.status
    promoting = status.promote_full or status.stable_hash == "" or is_promoted(rollout)
    weight = total if promoting else current_weight(rollout, aborted=aborted)
    scale = None if promoting else canary_scale(rollout, aborted=aborted)
    stable = share(replicas, total - weight, total) if canary.dynamic_stable_scale else replicas
    if scale is not None and scale.replicas is not None:
        return Counts(scale.replicas, stable)
    part = weight if scale is None or scale.weight is None else scale.weight
    return Counts(at_least(share(replicas, part, total), canary.min_pods, replicas), stable)


def share(replicas: int, weight: int, total: int) -> int:
    """The pods of `replicas` that a weight needs, rounded up."""
    return -(-replicas * weight // total)


def at_least(count: int, least: int | None, replicas: int) -> int:
    """No fewer than `minPodsPerReplicaSet`, so that a small canary is not a single point of failure."""
    if count == 0 or least is None:
        return count
    return max(count, min(least, replicas))


def is_at_counts(rollout: Rollout, revisions: Revisions, counts: Counts) -> bool:
    """The pods are there: all of the canary's available (or the threshold's share), stable scaled."""
    canary = rollout.canary
    if canary is None:
        return False
    if not (
        threshold_met(rollout, revisions, counts.canary) or _is_ahead(rollout, revisions, counts)
    ):
        return False
    routed = canary.routing is not None
    stable = revisions.stable
    if stable is not None and not (routed and canary.dynamic_stable_scale):
        wanted = counts.stable if revisions.has_distinct_stable else counts.canary
        if stable.replicas != wanted:
            return False
    return routed or all(r.available == 0 for r in revisions.others)


def _is_ahead(rollout: Rollout, revisions: Revisions, counts: Counts) -> bool:
    """There are more pods than a step needs that raises the weight.

    A controller that was killed had come further than the status says. What it had done is not taken back, to be done
    once more: the step is complete with these pods.
    """
    new, index = revisions.new, step_index(rollout)
    if new is None or index is None or rollout.canary is None or rollout.canary.routing is None:
        return False
    raises = weight_at(rollout, index) > (weight_at(rollout, index - 1) if index > 0 else 0)
    if not raises or canary_scale(rollout, aborted=False) is not None:
        return False
    return new.replicas > counts.canary > 0 and new.answering >= counts.canary


def threshold_met(rollout: Rollout, revisions: Revisions, wanted: int) -> bool:
    """Enough of the new ReplicaSet's `wanted` pods are available for the release to go on."""
    new = revisions.new
    if new is None:
        return wanted == 0
    if new.replicas == wanted == new.available:
        return True
    threshold = rollout.canary.threshold if rollout.canary else None
    # pods that are asked to go do not count, though they may still answer
    return meets(threshold, new.answering, wanted)


def meets(threshold: ProgressThreshold | None, available: int, wanted: int) -> bool:
    """There is a threshold, and so many of the pods that are wanted suffice for it."""
    if threshold is None or threshold.value < 0:
        return False
    if threshold.kind == "Pods":
        # never more than the step wants: the reference waits for ever when that is less
        return available >= min(threshold.value, wanted)
    return available * 100 >= threshold.value * wanted
