"""How many canary and stable pods with traffic routing, where weights do not depend on numbers of pods.

In: the Rollout, its revisions and the weights that count. Out: the pods wanted of both. §2.8 of the reference.
"""

from __future__ import annotations

from ..model.canary import ProgressThreshold
from ..model.rollout import Rollout
from ..model.status import Weights
from .basic_scale import Counts
from .progress import canary_scale, current_weight, is_promoted, max_weight
from .revisions import Revisions


def routed_counts(rollout: Rollout, *, weights: Weights | None, aborted: bool) -> Counts:
    """The pods wanted of the canary and of stable.

    `weights` are those that stable must still be able to carry: the persisted ones when stable is
    scaled, the freshly planned ones when the canary is, so that stable follows one pass behind.
    """
    canary = rollout.canary
    if canary is None:
        return Counts(0, rollout.replicas)
    replicas, total = rollout.replicas, max_weight(canary)
    status = rollout.status
    promoting = status.promote_full or status.stable_hash == "" or is_promoted(rollout)
    weight = total if promoting else current_weight(rollout, aborted=aborted)
    scale = None if promoting else canary_scale(rollout, aborted=aborted)
    if scale is not None and scale.replicas is not None:
        wanted = scale.replicas
    else:
        share = weight if scale is None or scale.weight is None else scale.weight
        wanted = _share(replicas, share, total)
    if not canary.dynamic_stable_scale:
        explicit = scale is not None and scale.replicas is not None
        count = wanted if explicit else _at_least(wanted, canary.min_pods, replicas)
        return Counts(count, replicas)
    stable = _share(replicas, total - weight, total)
    if weights is not None:
        stable = max(stable, _share(replicas, weights.stable.weight, total))
        if aborted:
            wanted = max(wanted, _share(replicas, weights.canary.weight, total))
    return Counts(
        _at_least(wanted, canary.min_pods, replicas), _at_least(stable, canary.min_pods, replicas)
    )


def _share(replicas: int, weight: int, total: int) -> int:
    return -(-replicas * weight // total)


def _at_least(count: int, least: int | None, replicas: int) -> int:
    """No fewer than `minPodsPerReplicaSet`, so that a small canary is not a single point of failure."""
    if count == 0 or least is None:
        return count
    return max(count, min(least, replicas))


def is_at_counts(rollout: Rollout, revisions: Revisions, counts: Counts) -> bool:
    """The pods are there: all of the canary's available (or the threshold's share), stable scaled."""
    canary = rollout.canary
    if canary is None or not threshold_met(rollout, revisions, counts.canary):
        return False
    routed = canary.routing is not None
    stable = revisions.stable
    if stable is not None and not (routed and canary.dynamic_stable_scale):
        wanted = counts.stable if revisions.has_distinct_stable else counts.canary
        if stable.replicas != wanted:
            return False
    return routed or all(r.available == 0 for r in revisions.others)


def threshold_met(rollout: Rollout, revisions: Revisions, wanted: int) -> bool:
    """Enough of the new ReplicaSet's `wanted` pods are available for the release to go on."""
    new = revisions.new
    if new is None:
        return wanted == 0
    if new.replicas == wanted == new.available:
        return True
    threshold = rollout.canary.threshold if rollout.canary else None
    # pods that are asked to go do not count, though they may still answer
    return meets(threshold, min(new.available, new.replicas), wanted)


def meets(threshold: ProgressThreshold | None, available: int, wanted: int) -> bool:
    """There is a threshold, and so many of the pods that are wanted suffice for it."""
    if threshold is None or threshold.value < 0:
        return False
    if threshold.kind == "Pods":
        # never more than the step wants: the reference waits for ever when that is less
        return available >= min(threshold.value, wanted)
    return available * 100 >= threshold.value * wanted
