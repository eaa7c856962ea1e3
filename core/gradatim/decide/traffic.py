"""The weights and routes of a routed canary: which state is wanted, and the writes that bring it about.

In: the draft of a pass. Out: route patches in a safe order, and the weights for the status. §5.0 of the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from ..model import names
from ..model.status import Weights, WeightStatus
from ..model.workload import ReplicaSet
from ..plugin import Destination, Observed, RouterError, Target, Wanted
from ..plugin.patches import apply_patch
from .delays import has_arrived
from .draft import Draft
from .dynamic_stable import carried_back
from .effects import ApplyRoute, PatchRollout, PatchRoute
from .experiments import destinations
from .goal import Goal, others_are_dead, stable_can_carry, wanted_goal
from .managedroutes import NO_ROUTES, ManagedRoutes
from .pingpong import with_services
from .progress import max_weight
from .reverted import tell_reverted
from .services import canary_target, takes_over
from .snapshot import Route, Snapshot

#: When routing is tried again after a router could not do it, and when one is asked again whether weights arrived.
_RETRY: Final = timedelta(seconds=10)


def route_traffic(draft: Draft) -> None:
    """Have every router bring about the weights that are wanted now."""
    if draft.canary.routing is None:
        draft.weights = None
        return
    if not has_arrived(draft):
        draft.due(draft.now + _RETRY)
    goal = wanted_goal(draft)
    if draft.canary.dynamic_stable_scale:
        goal = carried_back(draft, goal)
    if not stable_can_carry(draft, goal.taken):
        # more than stable's pods can take would be an outage; the weights stay where they are
        if goal.routes == NO_ROUTES and others_are_dead(draft):
            _routed(draft, lambda route: _clear_routes(draft, route))
        return
    if _routed(draft, lambda route: _bring_about(draft, route, goal)):
        _note_routes(draft, goal.routes)
        _note_weights(draft, goal)


def _routed(draft: Draft, act: Callable[[Route], None]) -> bool:
    """Each router was told; if one could not do it, that is said and tried again."""
    try:
        for route in draft.snapshot.routes:
            act(route)
    except RouterError as error:
        draft.trouble = str(error)
        draft.declare("TrafficRoutingError", draft.trouble, "Warning")
        draft.due(draft.now + _RETRY)
        return False
    return True


def _clear_routes(draft: Draft, route: Route) -> None:
    """Take the managed routes away, and leave everything else as it is."""
    wanted = wanted_state(draft, route, Goal(0, additional=destinations(draft)))
    stable, canary = Target(wanted.stable.service), Target(wanted.canary.service)
    state = replace(wanted, weight=None, stable=stable, canary=canary)
    _patch(draft, route, [state])


def _bring_about(draft: Draft, route: Route, goal: Goal) -> None:
    wanted = wanted_state(draft, route, goal)
    objects = dict(route.objects)
    if _is_settled(draft, route, wanted):
        return
    if not any(True for _ in route.router.references(route.config, draft.rollout.namespace)):
        if _differs(draft, goal) or _is_untold(draft, goal.routes):
            draft.effects.append(ApplyRoute(route.key, wanted))
        return
    observed = route.router.observed(wanted, objects)
    tell_reverted(draft, route, observed, goal.weight)
    stable = draft.revisions.stable
    if stable is not None and not takes_over(draft, observed.stable_hash or "", stable):
        wanted = replace(wanted, stable=Target(wanted.stable.service))
    if not any(True for _ in route.router.plan(wanted, objects)):
        # all is as wanted already: no need to plan the way there
        draft.settled[route.key] = (route, wanted)
        return
    shrinks = draft.canary.dynamic_stable_scale
    first = min(goal.weight, observed.weight or 0) if shrinks else 0
    if not observed.stable_hash and not stable_can_carry(draft, first):
        # no label was there yet: pods of a Deployment may answer too, until all of ours do (row 5)
        wanted = replace(wanted, stable=Target(wanted.stable.service))
    _patch(draft, route, _in_safe_order(wanted, observed))


def _is_settled(draft: Draft, route: Route, wanted: Wanted) -> bool:
    """An earlier pass of this decision found the same objects in the same state."""
    known = draft.settled.get(route.key)
    return known is not None and known[0] is route and known[1] == wanted


def _patch(draft: Draft, route: Route, states: Iterable[Wanted]) -> None:
    """Go through the states, each from what the one before leaves."""
    objects = dict(route.objects)
    for state in states:
        for patch in route.router.plan(state, objects):
            objects[patch.ref] = apply_patch(objects[patch.ref], patch)
            draft.effects.append(PatchRoute(route.key, patch))
            if patch.reason:
                draft.emit(patch.reason, patch.message)


def wanted_state(draft: Draft, route: Route, goal: Goal) -> Wanted:
    """The whole state of the traffic, as one router is told it."""
    canary, routing = draft.canary, draft.canary.routing
    return Wanted(
        rollout=draft.rollout.name,
        namespace=draft.rollout.namespace,
        config=route.config,
        stable=Target(canary.stable_service, _bindable(draft.revisions.stable)),
        canary=Target(canary.canary_service, _bindable(canary_target(draft))),
        weight=goal.weight,
        total=max_weight(canary),
        managed_routes=routing.managed_routes if routing else (),
        additional=goal.additional,
        header_routes=goal.routes.header,
        mirror_routes=goal.routes.mirror,
        keep_routes=goal.routes.keep,
    )


def _bindable(target: ReplicaSet | None) -> str | None:
    """The hash that a subset may be moved to; None (leave it where it is) while nobody could answer there."""
    if target is None or target.answering == 0:
        return None
    return target.pod_hash or None


def _in_safe_order(wanted: Wanted, observed: Observed) -> Iterator[Wanted]:
    """The states to go through: no subset takes a greater weight with it than is wanted of its new pods
    (`spec/users.md` rows 1, 3, 4).

    And stable's moves before its weight grows: at a promotion the old revision, whose pods may be dead by
    then, would else get all requests once more.
    """
    if wanted.stable.pod_hash not in (None, observed.stable_hash):
        yield replace(
            wanted,
            weight=None,
            canary=Target(wanted.canary.service),
            header_routes=(),
            mirror_routes=(),
            keep_routes=True,
        )
    moves = wanted.canary.pod_hash not in (None, observed.canary_hash)
    # a weight that cannot be told may be a greater one: some of several routes were written, and then not
    falls = observed.weight is None or observed.weight > (wanted.weight or 0)
    if moves and observed.canary_hash and falls:
        yield replace(wanted, canary=Target(wanted.canary.service))
    yield wanted


def _note_weights(draft: Draft, goal: Goal) -> None:
    before, weight = draft.status.weights, goal.weight
    after = _weights(draft, goal)
    same = before is not None and replace(before, verified=None) == after
    if same:
        after = replace(after, verified=_verdict(draft))
    draft.weights = after
    if same:
        return
    if before is None:
        change = f"to {weight}"
    elif before.canary.weight != weight:
        change = f"from {before.canary.weight} to {weight}"
    else:
        change = ""
    draft.declare("TrafficWeightUpdated", f"Traffic weight updated {change}")


def _verdict(draft: Draft) -> bool | None:
    """What all routers together say of the present weights; None where one cannot say, and none says no."""
    verdicts = {route.verified for route in draft.snapshot.routes}
    if False in verdicts:
        return False
    return True if verdicts == {True} else None


def _note_routes(draft: Draft, routes: ManagedRoutes) -> None:
    """Note what routers outside the cluster were told, since it cannot be read from them."""
    if _is_untold(draft, routes) and any(isinstance(e, ApplyRoute) for e in draft.effects):
        note = {names.OUTSIDE_ROUTES: routes.digest() or None}
        draft.effects.append(PatchRollout({"metadata": {"annotations": note}}))


def _is_untold(draft: Draft, routes: ManagedRoutes) -> bool:
    """The routes are others than those that routers outside the cluster were told last."""
    told = draft.rollout.meta.annotations.get(names.OUTSIDE_ROUTES, "")
    return not routes.keep and told != routes.digest()


def _differs(draft: Draft, goal: Goal) -> bool:
    before = draft.status.weights
    return before is None or replace(before, verified=None) != _weights(draft, goal)


def _weights(draft: Draft, goal: Goal) -> Weights:
    canary, revisions = draft.canary, draft.revisions
    stable = revisions.stable
    # whoever has the canary's side, which may be stable's own pods until their weight has gone back by name, too
    new = (canary_target(draft) if goal.weight else None) or revisions.new
    # ping and pong have no name here, as in the reference: only those that the strategy names itself do
    named = draft.rollout.canary or canary
    return Weights(
        canary=WeightStatus(
            weight=goal.weight,
            service=named.canary_service,
            pod_hash=new.pod_hash if new else "",
        ),
        stable=WeightStatus(
            weight=max_weight(canary) - goal.taken,
            service=named.stable_service,
            pod_hash=stable.pod_hash if stable else "",
        ),
        additional=tuple(
            WeightStatus(weight=each.weight, service=each.service, pod_hash=each.pod_hash)
            for each in goal.additional
        ),
    )


def present_state(snapshot: Snapshot, route: Route) -> Wanted | None:
    """The state that the status says was written last, to ask a router whether it has arrived."""
    weights, canary = snapshot.rollout.status.weights, snapshot.rollout.canary
    if weights is None or canary is None or canary.routing is None:
        return None
    now = with_services(snapshot.rollout, canary)
    stable, other = weights.stable.service, weights.canary.service
    # a subset without weight is wherever it was left: it is stable's again after an abort, say
    canary_hash = weights.canary.pod_hash if weights.canary.weight > 0 else ""
    return Wanted(
        rollout=snapshot.rollout.name,
        namespace=snapshot.rollout.namespace,
        config=route.config,
        stable=Target(stable or now.stable_service, weights.stable.pod_hash or None),
        canary=Target(other or now.canary_service, canary_hash or None),
        weight=weights.canary.weight,
        additional=tuple(Destination(w.service, w.pod_hash, w.weight) for w in weights.additional),
        total=max_weight(canary),
        managed_routes=canary.routing.managed_routes,
        keep_routes=True,
    )
