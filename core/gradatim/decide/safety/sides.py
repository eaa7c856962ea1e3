"""The destinations of a routed canary as the routers' objects say them: shares, and the pods that they are bound to.

In: a snapshot, and weights of control planes that cannot be read. Out: a `World` between two effects, with its sides.
Read by the rules in `weights.py` and `scale_downs.py`; it shares no code with the planning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ...model.rollout import Rollout
from ...plugin import Observed, RouterError, Target, Wanted
from ..effects import ApplyRoute, Effect
from ..pingpong import with_services
from ..predict import after
from ..progress import max_weight
from ..snapshot import Route, Snapshot

#: Hash of a side that no selector narrows: all pods answer for it.
_EVERYBODY: Final = ""
#: Hash that no pods have.
_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class Side:
    """One destination of one router: its share, and the pods that it is bound to."""

    router: str
    name: str
    weight: int
    pod_hash: str


@dataclass(frozen=True, slots=True)
class World:
    """The world between two effects; `outside` has the weights of control planes that we cannot read."""

    snapshot: Snapshot
    now: datetime
    outside: Mapping[str, int] = field(default_factory=dict)

    @property
    def rollout(self) -> Rollout:
        """The Rollout."""
        return self.snapshot.rollout

    @property
    def total(self) -> int:
        """What all weights add up to; 0 where there is no canary."""
        canary = self.rollout.canary
        return max_weight(canary) if canary else 0

    def after(self, effect: Effect) -> World:
        """The world after one more effect."""
        changed = replace(self, snapshot=after(self.snapshot, effect, self.now))
        if isinstance(effect, ApplyRoute):
            outside = {**self.outside, effect.router: effect.wanted.weight or 0}
            return replace(changed, outside=outside)
        return changed

    def sides(self) -> dict[tuple[str, str], Side]:
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


def _sides(world: World, route: Route) -> Iterator[Side]:
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
        yield Side(route.key, name, share, pod_hash)


def _experiment_sides(world: World, route: Route, seen: Observed) -> Iterator[Side]:
    """The sets of pods of Experiments that get requests; one whose pods nobody knows has none."""
    hashes = {s.service: s.pod_hash for e in world.snapshot.experiments for s in e.template_states}
    for service, weight in sorted(seen.additional.items()):
        yield Side(route.key, service, weight, hashes.get(service) or _NOBODY)


def _observed(world: World, route: Route, names: Mapping[str, str]) -> Observed:
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


def outside_weights(snapshot: Snapshot) -> dict[str, int]:
    """Weights at control planes outside the cluster: what the status says was written last."""
    weights = snapshot.rollout.status.weights
    written = weights.canary.weight if weights else 0
    return {route.key: written for route in snapshot.routes if not route.objects}
