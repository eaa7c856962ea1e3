"""The traffic-safety rules, as a check on what a decision wants done.

In: a snapshot, effects in their order, and the present. Out: a sentence for each breach; none for a safe plan.
Called by tests and simulations on every decision. It judges by the objects alone and shares no code with the planning
(`traffic.py`, `services.py`, `delays.py`), so that a mistake there is seen here. `weights.py` guards weights, bindings
and managed routes, `scale_downs.py` pods, `carrying.py` says how many a weight needs, `sides.py` reads who gets what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ..bluegreen.safety import blue_green_violations
from ..effects import (
    ApplyRoute,
    CreateReplicaSet,
    DeleteReplicaSet,
    Effect,
    PatchRoute,
    ScaleReplicaSet,
    SwitchService,
)
from ..snapshot import Snapshot
from .scale_downs import shrunk
from .sides import World, outside_weights
from .weights import moved, proportions, routes_to_nobody


def violations(snapshot: Snapshot, effects: Iterable[Effect], now: datetime) -> list[str]:
    """Every breach of the rules on the way through `effects`, in their order."""
    block = snapshot.rollout.blue_green_view
    if block is not None and snapshot.rollout.canary is None:
        return blue_green_violations(snapshot, block, effects, now)
    world = World(snapshot, now, outside_weights(snapshot))
    found: list[str] = []
    for effect in effects:
        following = world.after(effect)
        found += _judged(world, following, effect)
        world = following
    return found


def _judged(before: World, following: World, effect: Effect) -> Iterator[str]:
    match effect:
        case PatchRoute() | ApplyRoute():
            if isinstance(effect, ApplyRoute):
                yield from proportions(effect.wanted)
            yield from moved(before, following)
            yield from routes_to_nobody(before, following)
        case SwitchService(name, pod_hash):
            if following.available(pod_hash) == 0:
                yield f"rule 2: Service {name} is pointed at {pod_hash}, which has no available pod"
            yield from moved(before, following)
        case ScaleReplicaSet(name, _, replicas):
            found = next((r for r in before.snapshot.replica_sets if r.name == name), None)
            if found is not None and replicas < found.replicas:
                yield from shrunk(before, found, replicas)
                yield from routes_to_nobody(before, following)
        case DeleteReplicaSet(name):
            for other in before.snapshot.replica_sets:
                if other.name == name and (other.replicas or other.current):
                    yield f"rule 3: {name} is deleted while it has pods"
        case CreateReplicaSet(_, name, replicas) if replicas < 0:
            yield f"rule 3: {name} is created with {replicas} pods"
        case _:
            return


__all__ = ["violations"]
