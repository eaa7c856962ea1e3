"""Scaling the ReplicaSets of a canary: stable first, then the new one, then all others.

In: the draft of a pass. Out: at most one group's effects; the rest waits for the next pass, so that surge and
unavailability hold between any two writes. §2.6, §2.11.
"""

from __future__ import annotations

from ..model import names
from ..model.workload import ReplicaSet
from .basic_scale import Counts, Pods, next_counts, target_counts
from .delays import (
    abort_delay,
    delays_on_abort,
    is_referenced,
    may_shrink,
    resting_service,
    scale_down_delay,
    weight_of,
)
from .draft import Draft
from .dynamic_stable import is_canary_carrying, stable_pods
from .effects import SwitchService
from .limits import Limits, limits
from .progress import canary_scale, current_weight, is_promoted, max_weight


def scale_all(draft: Draft) -> bool:
    """Scale what is due; True if anything was, so that the pass ends with it."""
    if draft.is_halted:
        return False
    _drop_stale_deadlines(draft)
    return _scale_stable(draft) or _scale_new(draft) or _scale_others(draft)


def wanted_counts(draft: Draft) -> Counts:
    """The pods wanted of canary and stable in this pass."""
    if draft.canary.routing is None:
        return basic_counts(draft)
    counts = draft.step_counts(aborted=draft.is_aborted)
    if not draft.canary.dynamic_stable_scale:
        return counts
    return Counts(counts.canary, stable_pods(draft, counts.stable))


def basic_counts(draft: Draft) -> Counts:
    """The next counts of a canary without traffic routing."""
    aborted = draft.is_aborted
    if aborted not in draft.counts:
        draft.counts[aborted] = _next_basic_counts(draft)
    return draft.counts[aborted]


def _next_basic_counts(draft: Draft) -> Counts:
    rollout, revisions = draft.rollout, draft.revisions
    total = max_weight(draft.canary)
    status = rollout.status
    promoting = status.promote_full or status.stable_hash == "" or is_promoted(rollout)
    weight = total if promoting else current_weight(rollout, aborted=draft.is_aborted)
    bounds = surge_limits(draft)
    if revisions.has_distinct_stable:
        target = target_counts(rollout.replicas, weight, total, surge=bounds.surge > 0)
        stable = Pods.of(revisions.stable)
    else:
        # nothing to share with: the new revision is all there is
        target, stable = Counts(rollout.replicas, 0), Pods()
    return next_counts(
        replicas=rollout.replicas,
        target=target,
        limits=bounds,
        canary=Pods.of(revisions.new),
        stable=stable,
        others=sum(r.replicas for r in revisions.others),
    )


def surge_limits(draft: Draft) -> Limits:
    """maxSurge and maxUnavailable as pods."""
    canary = draft.canary
    return limits(
        draft.rollout.replicas,
        max_surge=canary.max_surge,
        max_unavailable=canary.max_unavailable,
    )


def _drop_stale_deadlines(draft: Draft) -> None:
    revisions = draft.revisions
    if revisions.new is not None and not delays_on_abort(draft):
        draft.drop_deadline(revisions.new)
    if revisions.stable is not None and revisions.has_distinct_stable:
        draft.drop_deadline(revisions.stable)


def _scale_stable(draft: Draft) -> bool:
    stable = draft.revisions.stable
    if stable is None or not draft.revisions.has_distinct_stable:
        return False
    wanted = wanted_counts(draft).stable
    if wanted < stable.replicas and not _may_give_up_pods(draft, stable, wanted):
        return False
    return draft.scale(stable, wanted)


def _may_give_up_pods(draft: Draft, stable: ReplicaSet, wanted: int) -> bool:
    if _counts_are_in_doubt(draft):
        return False
    if draft.canary.dynamic_stable_scale and not is_canary_carrying(draft):
        return False
    return may_shrink(draft, stable, wanted)


def _counts_are_in_doubt(draft: Draft) -> bool:
    """Without routing the pods of one set go on account of another's: not of one whose status is from before a write.

    That is over in a moment: its controller observes each write, and a change of its status begins a pass.
    """
    return draft.canary.routing is None and any(r.is_in_doubt for r in draft.revisions.all)


def _scale_new(draft: Draft) -> bool:
    new = draft.revisions.new
    if new is None:
        return False
    wanted = wanted_counts(draft).canary
    if delays_on_abort(draft) and wanted < new.replicas:
        return scale_aborted(draft, new, wanted)
    if wanted < new.replicas:
        wanted = min(new.replicas, max(wanted, _carrying(draft, new)))
    if wanted < new.replicas and (
        _counts_are_in_doubt(draft) or not may_shrink(draft, new, wanted)
    ):
        return False
    return draft.scale(new, wanted)


def _carrying(draft: Draft, new: ReplicaSet) -> int:
    """Pods that the canary needs for the weight that it still has, when that could not be lowered."""
    weight = weight_of(draft, new.pod_hash)
    if draft.canary.routing is None or weight == 0 or not draft.revisions.has_distinct_stable:
        return 0
    if canary_scale(draft.rollout, aborted=draft.is_aborted) is not None:
        # the author said how many pods suffice
        return 1
    return -(-draft.rollout.replicas * weight // max_weight(draft.canary))


def scale_aborted(draft: Draft, new: ReplicaSet, wanted: int) -> bool:
    """Keep the canary of an aborted release until its delay is over; stable must be whole before it starts."""
    delay, stable = abort_delay(draft), draft.revisions.stable
    if delay is None or stable is None:
        return False
    if new.deadline is None:
        if stable.available >= draft.rollout.replicas:
            draft.scale(new, new.replicas)
            draft.set_deadline(new, draft.now + delay)
            draft.due(draft.now + delay)
        return False
    if draft.now < new.deadline:
        draft.due(new.deadline)
        return False
    # the deadline stays on it, as the mark that it went by an abort and not by a release
    return may_shrink(draft, new, wanted) and draft.scale(new, wanted)


def _scale_others(draft: Draft) -> bool:
    others = [r for r in draft.revisions.others if r.replicas > 0 or r.has_deadline]
    if not others:
        return False
    if draft.canary.routing is None:
        return _shrink_by_availability(draft, others)
    return _expire_delays(draft, others)


def _shrink_by_availability(draft: Draft, others: list[ReplicaSet]) -> bool:
    """Without routing: pods that cannot answer go at once, the rest as far as availability allows."""
    scaled = False
    sizes = {r.name: r.replicas for r in others}
    for other in others:
        if other.available < other.replicas:
            sizes[other.name] = other.available
    revisions = draft.revisions
    # pods that are asked to go still count as available until they are gone
    available = sum(r.answering for r in revisions.all)
    may_go = available - (draft.rollout.replicas - surge_limits(draft).unavailable)
    if _counts_are_in_doubt(draft):
        may_go = 0
    named = _named(draft, others)
    for other in sorted(others, key=lambda r: (r.pod_hash in named, -r.revision)):
        size = sizes[other.name]
        going = min(max(0, size - (other.pod_hash in named)), max(0, may_go))
        may_go -= going
        drop = {names.SCALE_DOWN_DEADLINE: None} if other.has_deadline and size == going else {}
        scaled |= draft.scale(other, size - going, drop)
    return scaled


def _named(draft: Draft, others: list[ReplicaSet]) -> set[str]:
    """The revisions that a Service still names, for nobody of the new one answers yet: each keeps a pod.

    But room stays for a pod of the new one. The stable Service's comes first. With `replicas: 0` nobody is to answer.
    """
    if draft.rollout.replicas == 0:
        return set()
    moved = {e.name for e in draft.effects if isinstance(e, SwitchService)}
    by_rank = (draft.canary.stable_service, draft.canary.canary_service)
    services = [draft.snapshot.services.get(name) for name in by_rank if name not in moved]
    hashes = {r.pod_hash for r in others}
    found = dict.fromkeys(s.pod_hash for s in services if s is not None and s.pod_hash in hashes)
    room = draft.rollout.replicas + surge_limits(draft).surge - 1
    return set(list(found)[: max(0, room)])


def _expire_delays(draft: Draft, others: list[ReplicaSet]) -> bool:
    """With routing: the last release's pods stay for the delay, those of an interrupted one until drained."""
    scaled = False
    limit, kept = draft.canary.scale_down_delay_revision_limit, 0
    finished = is_promoted(draft.rollout)
    for other in sorted(others, key=lambda r: -r.revision):
        if is_referenced(draft, other):
            continue
        if finished or other.has_deadline:
            kept += 1
            size = size_under_delay(draft, other, within_limit=limit is None or kept <= limit)
        else:
            size = 0
        stays = size >= other.replicas
        if not (stays or (_is_left(draft, other) and may_shrink(draft, other, size))):
            continue
        drop = {names.SCALE_DOWN_DEADLINE: None} if size == 0 and other.has_deadline else {}
        scaled |= draft.scale(other, size, drop)
    return scaled


def _is_left(draft: Draft, other: ReplicaSet) -> bool:
    """The Service of ping and pong that waits does not name these pods, or is taken from them now."""
    stable, service = draft.revisions.stable, draft.snapshot.services.get(resting_service(draft))
    if service is None or stable is None or service.pod_hash != other.pod_hash:
        return True
    if stable.answering == 0:
        return draft.rollout.replicas == 0
    draft.switch(service, stable)
    return True


def size_under_delay(draft: Draft, other: ReplicaSet, *, within_limit: bool) -> int:
    """The pods that a set of an earlier release keeps for its delay; begins the delay."""
    if not within_limit:
        return 0
    if other.has_deadline:
        deadline = other.deadline
        if deadline is None or deadline <= draft.now:
            return 0
        draft.due(deadline)
        return other.replicas
    delay = scale_down_delay(draft)
    if not delay or other.replicas == 0:
        return 0
    draft.set_deadline(other, draft.now + delay)
    draft.due(draft.now + delay)
    return other.replicas
