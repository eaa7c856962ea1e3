"""How long old pods stay, and what may not be scaled down yet.

In: the draft of a pass. Out: whether a ReplicaSet may go down, and until when it stays. §2.11, and rule 3 of the
safety plan: no scale-down of pods that may still get traffic.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ..model.status import Weights
from ..model.workload import ReplicaSet
from ..plugin import RouterError
from .draft import Draft
from .effects import ApplyRoute, PatchRoute, SwitchService
from .managedroutes import has_managed_routes
from .pingpong import alternates, rests
from .shares import canary_share, share_of

DEFAULT_DELAY: Final = timedelta(seconds=30)


def scale_down_delay(draft: Draft) -> timedelta:
    """How long the pods of an old revision stay after the release.

    Basic canaries do not keep them, nor does who lets stable shrink during the release already.
    """
    if draft.is_basic or draft.canary.dynamic_stable_scale:
        return timedelta()
    seconds = draft.strategy.scale_down_delay
    return DEFAULT_DELAY if seconds is None else timedelta(seconds=max(0, seconds))


def abort_delay(draft: Draft) -> timedelta | None:
    """How long canary pods stay after an abort; None: for ever, as an explicit 0 says."""
    delay = draft.strategy.abort_scale_down_delay
    if delay is None:
        return DEFAULT_DELAY
    return timedelta(seconds=delay) if delay > 0 else None


def delays_on_abort(draft: Draft) -> bool:
    """The canary's pods stay for a while after an abort, as traffic may come back."""
    canary = draft.canary
    if not draft.is_aborted or draft.is_basic or not draft.revisions.has_distinct_stable:
        return False
    return not canary.dynamic_stable_scale or canary.abort_scale_down_delay is not None


def drained_at(draft: Draft, replica_set: ReplicaSet) -> datetime | None:
    """The instant from which no proxy sends it traffic any more; None while some is meant to come.

    Weights and subsets take a while to reach every proxy, so pods stay for the propagation delay after
    the last change of traffic (`spec/users.md` rows 1, 2, 4, 7).
    """
    if weight_of(draft, replica_set.pod_hash) > 0:
        return None
    if replica_set is draft.revisions.new and has_managed_routes(draft.snapshot):
        # requests with a header come without any weight
        return None
    # the subset of a canary stays bound to it when a step wants no pods of it
    by_step = replica_set is draft.revisions.new and not draft.is_aborted
    if not by_step and (is_bound(draft, replica_set.pod_hash) or _is_served(draft, replica_set)):
        return None
    return settled_at(draft)


def is_bound(draft: Draft, pod_hash: str) -> bool:
    """A router's object still names it; one that cannot say keeps the pods."""
    namespace = draft.rollout.namespace
    try:
        return any(
            pod_hash in r.router.bound_hashes(r.config, namespace, r.objects)
            for r in draft.snapshot.routes
        )
    except RouterError:
        return True


def _is_served(draft: Draft, replica_set: ReplicaSet) -> bool:
    """A Service of an aborted canary still names it, and is not taken from it in this pass."""
    if draft.canary.routing is None or replica_set is not draft.revisions.new:
        return False
    resting = resting_service(draft)
    moved = {e.name for e in draft.effects if isinstance(e, SwitchService)}
    return any(
        service.pod_hash == replica_set.pod_hash
        for name, service in draft.snapshot.services.items()
        if name not in moved and name != resting
    )


def settled_at(draft: Draft) -> datetime | None:
    """The instant from which every proxy follows the present weights; None while a router says they do not."""
    if draft.is_basic:
        return draft.now
    if not has_arrived(draft):
        return None
    if any(isinstance(e, SwitchService | PatchRoute | ApplyRoute) for e in draft.effects):
        # this very pass moves traffic
        return draft.now + draft.snapshot.propagation_delay
    changed = draft.snapshot.traffic_changed
    return draft.now if changed is None else changed + draft.snapshot.propagation_delay


def has_arrived(draft: Draft) -> bool:
    """No router says that the present weights have not reached it, or will be asked about those of this pass."""
    return not unreported(draft)


def unreported(draft: Draft) -> tuple[str, ...]:
    """Keys of the routers that can tell when weights have arrived, and have not told it of the present ones."""
    told = {e.router for e in draft.effects if isinstance(e, PatchRoute | ApplyRoute)}
    routes = draft.snapshot.routes
    return tuple(
        r.key for r in routes if r.verified is False or (r.verified is True and r.key in told)
    )


def weight_of(draft: Draft, pod_hash: str) -> int:
    """The weight that this revision gets: as it was before this pass or as that leaves it, the greater one.

    The status says whose a weight was when it was written. What could not be lowered since went with a Service or
    subset to whoever has that now.
    """
    written = max(_weight(weights, pod_hash) for weights in (draft.status.weights, draft.weights))
    return max(written, share_of(draft, pod_hash))


def _weight(weights: Weights | None, pod_hash: str) -> int:
    if weights is None:
        return 0
    targets = (weights.canary, weights.stable, *weights.additional)
    return sum(max(0, target.weight) for target in targets if target.pod_hash == pod_hash)


def may_shrink(draft: Draft, replica_set: ReplicaSet, wanted: int) -> bool:
    """It may lose pods now, down to `wanted`. If not yet, a pass is asked for when it may."""
    if draft.is_basic or draft.rollout.replicas == 0:
        # with no replicas nobody is to answer, whatever the weights are
        return True
    moment = settled_at(draft) if wanted > 0 else drained_at(draft, replica_set)
    if moment is not None and moment <= draft.now:
        return True
    if moment is not None:
        draft.due(moment)
    if moment is not None or not has_arrived(draft):
        draft.kept.append((replica_set, wanted))
    return False


def resting_service(draft: Draft) -> str:
    """The Service of ping and pong that waits for a release, or for its first pod; "" for none. It keeps no pods."""
    waits = rests(draft.rollout) or _awaits_a_pod(draft)
    return draft.canary.canary_service if waits else ""


def _awaits_a_pod(draft: Draft) -> bool:
    """A release has begun, and nobody of it answers who could have the Service.

    The pods of an earlier one, that it still names, would else stay as long as the new ones do not come; and there may
    be no room for those until they are gone. No proxy sends them anything any more.
    """
    new = draft.revisions.new
    if not alternates(draft.rollout) or draft.is_aborted or new is None or new.answering > 0:
        return False
    if canary_share(draft) > 0 or has_managed_routes(draft.snapshot):
        return False
    moment = settled_at(draft)
    if moment is not None and moment > draft.now:
        draft.due(moment)
    return moment is not None and moment <= draft.now


def is_referenced(draft: Draft, replica_set: ReplicaSet) -> bool:
    """Something still names this revision: the status, or the selector of a live Service.

    Its pods are the ones that answer there, whatever the delays say. With `replicas: 0` nobody is to answer at a
    Service, which stays where it is until there are pods to point it at.
    """
    status, pod_hash = draft.status, replica_set.pod_hash
    named = {status.stable_hash, draft.pod_hash}
    for weights in (status.weights, draft.weights):
        if weights is not None:
            named |= {weights.canary.pod_hash, weights.stable.pod_hash}
    if draft.rollout.replicas > 0:
        resting = resting_service(draft)
        named |= {s.pod_hash for name, s in draft.snapshot.services.items() if name != resting}
    return pod_hash in named
