"""Restarting the pods of a Rollout one after the other, without a new revision (`spec.restartAt`).

In: the Rollout, its revisions and pods. Out: evictions, when to look again, and `status.restartedAt` once no old pod is
left. Called by both strategies when a pass has nothing else to do. §2.17 of the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..model.rollout import Rollout
from ..model.workload import Pod, ReplicaSet
from .effects import EvictPods
from .revisions import Revisions
from .snapshot import Snapshot

#: While old pods are left, it is tried again after this: a disruption budget tells nobody when it lets go.
RECHECK: Final = timedelta(seconds=30)
#: When to look again for pods that are not known yet.
_UNKNOWN: Final = timedelta(seconds=2)


def is_due(rollout: Rollout, now: datetime) -> bool:
    """A restart was asked for whose time has come, and that has not ended."""
    wanted = rollout.restart_at
    return wanted is not None and wanted != rollout.status.restarted_at and wanted < now


def restarted_at(snapshot: Snapshot, now: datetime) -> datetime | None:
    """`status.restartedAt`: up to when all pods have been restarted.

    Pods that this very decision has asked to go are still there: an eviction may be refused. And the sets'
    own statuses must tell of the last ones, or the Rollout would be called healthy for a moment.
    """
    rollout = snapshot.rollout
    if not is_due(rollout, now) or snapshot.pods is None or any(_old_pods(snapshot)):
        return rollout.status.restarted_at
    if answering(snapshot, now) != snapshot.replica_sets:
        return rollout.status.restarted_at
    return rollout.restart_at


def next_look(snapshot: Snapshot, now: datetime) -> datetime | None:
    """When the restart wants another pass."""
    rollout = snapshot.rollout
    if rollout.restart_at is None or rollout.restart_at == rollout.status.restarted_at:
        return None
    if rollout.restart_at >= now:
        return rollout.restart_at + timedelta(milliseconds=1)
    return now + (_UNKNOWN if snapshot.pods is None else RECHECK)


def answering(snapshot: Snapshot, now: datetime) -> tuple[ReplicaSet, ...]:
    """The ReplicaSets, with no more pods available than there are that answer.

    A ReplicaSet's status still counts pods that were evicted a moment ago. Whoever decides on it scales down
    what is needed while the evicted pods are away (argo-rollouts #4221).
    """
    sets, pods = snapshot.replica_sets, snapshot.pods
    if pods is None or not is_due(snapshot.rollout, now):
        return sets
    return tuple(_clipped(each, len(_ready(each, pods))) for each in sets)


def _clipped(replica_set: ReplicaSet, ready: int) -> ReplicaSet:
    if replica_set.available <= ready and replica_set.ready <= ready:
        return replica_set
    return replace(
        replica_set,
        available=min(replica_set.available, ready),
        ready=min(replica_set.ready, ready),
    )


def _ready(replica_set: ReplicaSet, pods: tuple[Pod, ...]) -> list[Pod]:
    uid = replica_set.meta.uid
    return [p for p in pods if p.meta.owner_uid == uid and p.ready and not p.meta.deleting]


def evictions(
    snapshot: Snapshot, revisions: Revisions, now: datetime, *, unavailable: int, by_name: bool
) -> EvictPods | None:
    """The pods that may go now, in the order stable, new, others by age.

    So many that all that the sets ask for is left available, but for maxUnavailable (one at least): while an
    update is on its way its surge has to be there, too.

    Args:
        revisions: of the sets that `answering` gives.
        unavailable: maxUnavailable in pods.
        by_name: requests come to each revision by a name of its own. Then, as long as there are two of
            them, none loses the last pod that answers, as the other one does not answer for it.
    """
    pods = snapshot.pods
    if pods is None or snapshot.evicted or not is_due(snapshot.rollout, now):
        return None
    budget = _budget(snapshot, revisions, unavailable)
    left = {r.meta.uid: {p.meta.name for p in _ready(r, pods)} for r in revisions.all}
    guarded = by_name and revisions.has_distinct_stable
    going = []
    for pod in _in_order(snapshot, revisions):
        others = left[pod.meta.owner_uid] - {pod.meta.name}
        if not (guarded and pod.ready and not others):
            left[pod.meta.owner_uid] = others
            going.append((pod.meta.name, pod.meta.uid))
    return EvictPods(tuple(going), budget) if going and budget > 0 else None


def _budget(snapshot: Snapshot, revisions: Revisions, unavailable: int) -> int:
    wanted = sum(r.replicas for r in revisions.all)
    available = sum(r.answering for r in revisions.all)
    return available - (max(snapshot.rollout.replicas, wanted) - max(unavailable, 1))


def _in_order(snapshot: Snapshot, revisions: Revisions) -> Iterator[Pod]:
    first = dict.fromkeys(r.meta.uid for r in (revisions.stable, revisions.new) if r is not None)
    order = list(dict.fromkeys([*first, *(r.meta.uid for r in revisions.all)]))
    old = [p for p in _old_pods(snapshot) if p.meta.owner_uid in order]
    # of one set, pods that do not answer go first: nobody misses them
    yield from sorted(
        old, key=lambda p: (order.index(p.meta.owner_uid), p.ready, p.meta.created, p.meta.name)
    )


def _old_pods(snapshot: Snapshot) -> Iterator[Pod]:
    """Pods of the Rollout from before the restart that nobody has asked to go."""
    restart_at, owners = snapshot.rollout.restart_at, {r.meta.uid for r in snapshot.replica_sets}
    for pod in snapshot.pods or ():
        is_ours = pod.meta.owner_uid in owners and not pod.meta.deleting
        if is_ours and restart_at is not None and pod.meta.created < restart_at:
            yield pod
