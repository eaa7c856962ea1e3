"""The traffic-safety rules, as a check on what a decision wants done.

In: a snapshot, effects in their order, and the present. Out: a sentence for each breach; none for a safe plan.
Called by tests and simulations on every decision. It judges by the objects alone and shares no code with the planning
(`traffic.py`, `services.py`, `delays.py`), so that a mistake there is seen here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ..model.canary import ProgressThreshold
from ..model.rollout import Rollout
from ..model.workload import ReplicaSet
from ..plugin import Observed, RouterError, Target, Wanted
from .bluegreen.safety import blue_green_violations
from .effects import (
    ApplyRoute,
    CreateReplicaSet,
    DeleteReplicaSet,
    Effect,
    PatchRoute,
    ScaleReplicaSet,
    SwitchService,
)
from .limits import limits
from .managedroutes import has_managed_routes
from .pingpong import with_services
from .predict import after
from .progress import max_weight
from .snapshot import Route, Snapshot

#: Hash of a side that no selector narrows: all pods answer for it.
_EVERYBODY: Final = ""
#: Hash that no pods have.
_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class _Side:
    """One destination of one router: its share, and the pods that it is bound to."""

    router: str
    name: str
    weight: int
    pod_hash: str


@dataclass(frozen=True, slots=True)
class _World:
    """The world between two effects; `outside` has the weights of control planes that we cannot read."""

    snapshot: Snapshot
    now: datetime
    outside: Mapping[str, int] = field(default_factory=dict)

    @property
    def rollout(self) -> Rollout:
        return self.snapshot.rollout

    @property
    def total(self) -> int:
        canary = self.rollout.canary
        return max_weight(canary) if canary else 0

    def after(self, effect: Effect) -> _World:
        """The world after one more effect."""
        changed = replace(self, snapshot=after(self.snapshot, effect, self.now))
        if isinstance(effect, ApplyRoute):
            outside = {**self.outside, effect.router: effect.wanted.weight or 0}
            return replace(changed, outside=outside)
        return changed

    def sides(self) -> dict[tuple[str, str], _Side]:
        """All destinations whose weight can be read."""
        found = (side for route in self.snapshot.routes for side in _sides(self, route))
        return {(side.router, side.name): side for side in found}

    def available(self, pod_hash: str) -> int:
        """Pods that answer for a hash, and are to stay."""
        experiments = self.snapshot.experiment_sets if pod_hash else ()
        return sum(
            min(r.available, r.replicas)
            for r in (*self.snapshot.replica_sets, *experiments)
            if pod_hash in (_EVERYBODY, r.pod_hash)
        )


def violations(snapshot: Snapshot, effects: Iterable[Effect], now: datetime) -> list[str]:
    """Every breach of the rules on the way through `effects`, in their order."""
    block = snapshot.rollout.blue_green_view
    if block is not None and snapshot.rollout.canary is None:
        return blue_green_violations(snapshot, block, effects, now)
    world = _World(snapshot, now, _outside_weights(snapshot))
    found: list[str] = []
    for effect in effects:
        following = world.after(effect)
        found += _judged(world, following, effect)
        world = following
    return found


def _judged(before: _World, following: _World, effect: Effect) -> Iterator[str]:
    match effect:
        case PatchRoute() | ApplyRoute():
            if isinstance(effect, ApplyRoute):
                yield from _proportions(effect.wanted)
            yield from _moved(before, following)
            yield from _routes_to_nobody(before, following)
        case SwitchService(name, pod_hash):
            if following.available(pod_hash) == 0:
                yield f"rule 2: Service {name} is pointed at {pod_hash}, which has no available pod"
            yield from _moved(before, following)
        case ScaleReplicaSet(name, _, replicas):
            found = next((r for r in before.snapshot.replica_sets if r.name == name), None)
            if found is not None and replicas < found.replicas:
                yield from _shrunk(before, found, replicas)
                yield from _routes_to_nobody(before, following)
        case DeleteReplicaSet(name):
            for other in before.snapshot.replica_sets:
                if other.name == name and (other.replicas or other.current):
                    yield f"rule 3: {name} is deleted while it has pods"
        case CreateReplicaSet(_, name, replicas) if replicas < 0:
            yield f"rule 3: {name} is created with {replicas} pods"
        case _:
            return


def _moved(before: _World, following: _World) -> Iterator[str]:
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


def _routes_to_nobody(before: _World, following: _World) -> Iterator[str]:
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


def _takes_over(before: _World, side: _Side, known: _Side | None) -> bool:
    """The side gets requests that others have answered until now."""
    mates = [s for s in before.sides().values() if s.router == side.router]
    if mates and all(s.pod_hash == side.pod_hash for s in mates):
        # the same pods answer for all sides already
        return False
    if known is None or known.pod_hash == side.pod_hash:
        return known is None or side.weight > known.weight
    return before.available(known.pod_hash) > 0


def _from_the_dead(before: _World, following: _World, side: _Side) -> bool:
    """What it takes over is that of an Experiment's pods that are lost: better off with whoever there is."""
    after = following.sides()
    return any(
        s.name not in ("canary", "stable")
        and s.router == side.router
        and before.available(s.pod_hash) == 0
        and s.weight > (after[key].weight if key in after else 0)
        for key, s in before.sides().items()
    )


def _carried(world: _World, side: _Side) -> Iterator[str]:
    if side.weight <= 0 or world.rollout.replicas == 0:
        return
    pods, needed = world.available(side.pod_hash), _needed(world, side)
    if pods == 0:
        yield f"rule 1: {side.name} gets {side.weight} of {world.total} without an available pod"
    elif pods < needed and not _other_side_is_dead(world, side):
        yield (
            f"rule 1: {side.name} gets {side.weight} of {world.total} "
            f"with {pods} of {needed} pods that can carry it"
        )


def _other_side_is_dead(world: _World, side: _Side) -> bool:
    """Nobody answers on the other side: whatever can be moved away from it is better off."""
    others = [s for (router, _), s in world.sides().items() if router == side.router and s != side]
    return all(world.available(s.pod_hash) == 0 for s in others)


def _needed(world: _World, side: _Side) -> int:
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


def _shrunk(world: _World, replica_set: ReplicaSet, replicas: int) -> Iterator[str]:
    """What is wrong with asking for fewer pods of a ReplicaSet."""
    if world.rollout.replicas == 0:
        # nobody is to answer
        return
    name, pod_hash = replica_set.name, replica_set.pod_hash
    change = f"{name} is scaled from {replica_set.replicas} to {replicas}"
    sides = [side for side in world.sides().values() if side.pod_hash == pod_hash]
    rule = "rule 5" if world.rollout.status.abort else "rule 3"
    for side in sides:
        if side.weight > 0 and replicas < _needed(world, side):
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
    world: _World, replica_set: ReplicaSet, replicas: int, sides: list[_Side]
) -> Iterator[str]:
    """A dynamic stable gives up pods only for others that are there."""
    rollout, canary = world.rollout, world.rollout.canary
    is_stable = replica_set.pod_hash == rollout.status.stable_hash
    if canary is None or not canary.dynamic_stable_scale or replicas >= rollout.replicas:
        return
    for side in world.sides().values() if is_stable and replica_set.available else ():
        if side in sides or side.weight <= 0:
            continue
        pods, needed = world.available(side.pod_hash), _needed(world, side)
        if pods < needed:
            yield (
                f"rule 3: stable {replica_set.name} is scaled from {replica_set.replicas} to "
                f"{replicas} while {side.name} has {pods} of {needed} pods for its weight"
            )


def _is_named(world: _World, replica_set: ReplicaSet, sides: list[_Side]) -> bool:
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


def _proportions(wanted: Wanted) -> Iterator[str]:
    canary = wanted.weight or 0
    weights = (canary, *(d.weight for d in wanted.additional))
    if min(weights) < 0 or sum(weights) > wanted.total:
        yield f"rule 4: weights {weights} of {wanted.total}"


def _sides(world: _World, route: Route) -> Iterator[_Side]:
    canary = world.rollout.canary
    if canary is None:
        return
    canary = with_services(world.rollout, canary)
    names = {"canary": canary.canary_service, "stable": canary.stable_service}
    seen = _observed(world, route, names)
    weight = world.outside.get(route.key, seen.weight)
    if weight is None:
        return
    services = world.snapshot.services
    bound = {"canary": seen.canary_hash, "stable": seen.stable_hash}
    yield from _experiment_sides(world, route, seen)
    others = sum(seen.additional.values())
    for name, share in (("canary", weight), ("stable", world.total - weight - others)):
        service = services.get(names[name])
        pod_hash = bound[name]
        if pod_hash is None:
            pod_hash = service.pod_hash if service else _EVERYBODY
        yield _Side(route.key, name, share, pod_hash)


def _experiment_sides(world: _World, route: Route, seen: Observed) -> Iterator[_Side]:
    """The sets of pods of Experiments that get requests; one whose pods nobody knows has none."""
    hashes = {s.service: s.pod_hash for e in world.snapshot.experiments for s in e.template_states}
    for service, weight in sorted(seen.additional.items()):
        yield _Side(route.key, service, weight, hashes.get(service) or _NOBODY)


def _observed(world: _World, route: Route, names: Mapping[str, str]) -> Observed:
    routing = world.rollout.canary.routing if world.rollout.canary else None
    asked = Wanted(
        rollout=world.rollout.name,
        namespace=world.rollout.namespace,
        config=route.config,
        stable=Target(names["stable"]),
        canary=Target(names["canary"]),
        total=world.total,
        managed_routes=routing.managed_routes if routing else (),
        keep_routes=True,
    )
    try:
        return route.router.observed(asked, route.objects)
    except RouterError:
        return Observed()


def _outside_weights(snapshot: Snapshot) -> dict[str, int]:
    """Weights at control planes outside the cluster: what the status says was written last."""
    weights = snapshot.rollout.status.weights
    written = weights.canary.weight if weights else 0
    return {route.key: written for route in snapshot.routes if not route.objects}
