"""Rules 3 and 5: no pods go while they get requests, are named, or are needed for what comes back.

In: the world before a scale-down. Out: a sentence for each breach. Called by `violations`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...model.rollout import Rollout
from ...model.workload import ReplicaSet
from ..limits import limits
from .carrying import needed_pods
from .sides import Side, World


def shrunk(world: World, replica_set: ReplicaSet, replicas: int) -> Iterator[str]:
    """What is wrong with asking for fewer pods of a ReplicaSet."""
    if world.rollout.replicas == 0:
        # nobody is to answer
        return
    name, pod_hash = replica_set.name, replica_set.pod_hash
    change = f"{name} is scaled from {replica_set.replicas} to {replicas}"
    sides = [side for side in world.sides().values() if side.pod_hash == pod_hash]
    rule = "rule 5" if world.rollout.status.abort else "rule 3"
    for side in sides:
        if side.weight > 0 and replicas < needed_pods(world, side):
            yield f"{rule}: {change} while {side.name} gets {side.weight} of {world.total}"
    yield from _given_up(world, replica_set, replicas, sides)
    if replicas == 0 and replica_set.available and _is_named(world, replica_set, sides):
        yield f"rule 3: {change} while a Service or subset names it"
    if not world.snapshot.routes or not replica_set.available:
        return
    changed, delay = world.snapshot.traffic_changed, world.snapshot.propagation_delay
    if changed is not None and changed + delay > world.now:
        yield f"rule 3: {change} before every proxy can have followed the last change"
    if any(route.verified is False for route in world.snapshot.routes):
        yield f"rule 3: {change} while a router says that its weights have not arrived"


def _given_up(
    world: World, replica_set: ReplicaSet, replicas: int, sides: list[Side]
) -> Iterator[str]:
    """A dynamic stable gives up pods only for others that are there."""
    rollout, canary = world.rollout, world.rollout.canary
    is_stable = replica_set.pod_hash == rollout.status.stable_hash
    if canary is None or not canary.dynamic_stable_scale or replicas >= rollout.replicas:
        return
    # those that do not answer yet go first
    for side in world.sides().values() if is_stable and replicas < replica_set.available else ():
        if side in sides or side.weight <= 0:
            continue
        pods, needed = world.available(side.pod_hash), needed_pods(world, side)
        if pods < needed:
            yield (
                f"rule 3: stable {replica_set.name} is scaled from {replica_set.replicas} to "
                f"{replicas} while {side.name} has {pods} of {needed} pods for its weight"
            )


def _is_named(world: World, replica_set: ReplicaSet, sides: list[Side]) -> bool:
    """Something still names it that is not about to be served by others.

    The set of the newest template may go to 0 while a canary's name is its: its steps can ask for that.
    Without routing, an author who lets all pods be unavailable has said that nobody need answer.
    """
    rollout = world.rollout
    if not world.snapshot.routes and _all_may_be_unavailable(rollout):
        return False
    newest = max(r.revision for r in world.snapshot.replica_sets)
    if replica_set.revision == newest and not rollout.status.abort:
        return any(side.weight > 0 for side in sides)
    services = world.snapshot.services.values()
    return bool(sides) or any(s.pod_hash == replica_set.pod_hash for s in services)


def _all_may_be_unavailable(rollout: Rollout) -> bool:
    canary = rollout.canary
    if canary is None:
        return True
    surge, unavailable = canary.max_surge, canary.max_unavailable
    bounds = limits(rollout.replicas, max_surge=surge, max_unavailable=unavailable)
    return bounds.unavailable >= rollout.replicas
