"""Rules 1, 2 and 4: weights, what they are bound to, and managed routes change only to pods that can carry it.

In: the worlds before and after an effect. Out: a sentence for each breach. Called by `violations`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...plugin import Wanted
from ..managedroutes import has_managed_routes
from .carrying import needed_pods
from .sides import Side, World


def moved(before: World, following: World) -> Iterator[str]:
    """What is wrong with a change of weights or of what they are bound to."""
    old = before.sides()
    readable = {router for router, _ in following.sides()}
    for router in sorted({router for router, _ in old} - readable):
        yield f"rule 4: the weights of {router} do not add up any more"
    for key, side in following.sides().items():
        if not 0 <= side.weight <= following.total:
            yield f"rule 4: {side.name} gets {side.weight} of {following.total}"
        known = old.get(key)
        rebound = known is None or known.pod_hash != side.pod_hash
        if rebound and side.pod_hash and following.available(side.pod_hash) == 0:
            yield f"rule 2: {side.name} is bound to {side.pod_hash}, which has no available pod"
        elif _takes_over(before, side, known) and not _from_the_dead(before, following, side):
            yield from _carried(following, side)


def routes_to_nobody(before: World, following: World) -> Iterator[str]:
    """Managed routes send requests to the canary whatever its weight is: so it needs pods, too."""
    if not has_managed_routes(following.snapshot) or following.snapshot.rollout.replicas == 0:
        # with `replicas: 0` nobody is meant to answer, whatever the routes say
        return
    dead = [
        side.pod_hash
        for side in following.sides().values()
        if side.name == "canary" and following.available(side.pod_hash) == 0
    ]
    if dead and before.available(dead[0]) > 0:
        yield f"rule 1: managed routes send requests to {dead[0]}, which has no available pod"
    elif dead and not has_managed_routes(before.snapshot):
        yield f"rule 1: managed routes are made to {dead[0]}, which has no available pod"


def _takes_over(before: World, side: Side, known: Side | None) -> bool:
    """The side gets requests that others have answered until now."""
    mates = [s for s in before.sides().values() if s.router == side.router]
    if mates and all(s.pod_hash == side.pod_hash for s in mates):
        # the same pods answer for all sides already
        return False
    if known is None or known.pod_hash == side.pod_hash:
        return known is None or side.weight > known.weight
    return before.available(known.pod_hash) > 0


def _from_the_dead(before: World, following: World, side: Side) -> bool:
    """What it takes over is that of an Experiment's pods that are lost: better off with whoever there is."""
    after = following.sides()
    return any(
        s.name not in ("canary", "stable")
        and s.router == side.router
        and before.available(s.pod_hash) == 0
        and s.weight > (after[key].weight if key in after else 0)
        for key, s in before.sides().items()
    )


def _carried(world: World, side: Side) -> Iterator[str]:
    if side.weight <= 0 or world.rollout.replicas == 0:
        return
    pods, needed = world.available(side.pod_hash), needed_pods(world, side)
    if pods == 0:
        yield f"rule 1: {side.name} gets {side.weight} of {world.total} without an available pod"
    elif pods < needed and not _other_side_is_dead(world, side):
        yield (
            f"rule 1: {side.name} gets {side.weight} of {world.total} "
            f"with {pods} of {needed} pods that can carry it"
        )


def _other_side_is_dead(world: World, side: Side) -> bool:
    """Nobody answers on the other side: whatever can be moved away from it is better off."""
    others = [s for (router, _), s in world.sides().items() if router == side.router and s != side]
    return all(world.available(s.pod_hash) == 0 for s in others)


def proportions(wanted: Wanted) -> Iterator[str]:
    """What is wrong with weights that a control plane outside the cluster is told."""
    canary = wanted.weight or 0
    weights = (canary, *(d.weight for d in wanted.additional))
    if min(weights) < 0 or sum(weights) > wanted.total:
        yield f"rule 4: weights {weights} of {wanted.total}"
