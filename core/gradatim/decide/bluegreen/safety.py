"""The traffic-safety rules of blue-green, as a check on what a decision wants done.

In: a snapshot, effects in their order, and the present. Out: a sentence for each breach. Called by `decide/safety/`.
Like that it judges by the objects alone and shares no code with the planning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ...model.bluegreen import BlueGreen
from ...model.workload import ReplicaSet
from ..effects import DeleteReplicaSet, Effect, ScaleReplicaSet, SwitchService
from ..predict import after
from ..snapshot import Snapshot


def blue_green_violations(
    snapshot: Snapshot, block: BlueGreen, effects: Iterable[Effect], now: datetime
) -> list[str]:
    """Every breach of the rules on the way through `effects`, in their order."""
    found: list[str] = []
    for effect in effects:
        if snapshot.rollout.replicas > 0:
            # with no replicas nobody is to answer
            found += _judged(snapshot, block, effect, now)
        snapshot = after(snapshot, effect, now)
    return found


def _judged(snapshot: Snapshot, block: BlueGreen, effect: Effect, now: datetime) -> Iterator[str]:
    match effect:
        case SwitchService(name, pod_hash):
            yield from _switched(snapshot, name, pod_hash, is_active=name == block.active_service)
        case ScaleReplicaSet(name, before, replicas) if replicas < before:
            for replica_set in snapshot.replica_sets:
                if replica_set.name == name:
                    yield from _shrunk(snapshot, block, replica_set, replicas)
                    yield from _hurried(snapshot, replica_set, now)
        case DeleteReplicaSet(name):
            for other in snapshot.replica_sets:
                if other.name == name and (other.replicas or other.current):
                    yield f"rule 3: {name} is deleted while it has pods"
        case _:
            return


def _switched(snapshot: Snapshot, name: str, pod_hash: str, *, is_active: bool) -> Iterator[str]:
    """Requests go where somebody answers, and all requests where as many answer as did before."""
    pods, service = _available(snapshot, pod_hash), snapshot.services[name]
    if pods == 0:
        yield f"rule 2: Service {name} is pointed at {pod_hash}, which has no available pod"
    before = _available(snapshot, service.pod_hash)
    needed = min(snapshot.rollout.replicas, before)
    if is_active and pods < needed:
        yield f"rule 1: Service {name} gets {pods} pods at {pod_hash} instead of {needed}"


def _shrunk(
    snapshot: Snapshot, block: BlueGreen, replica_set: ReplicaSet, replicas: int
) -> Iterator[str]:
    """Whoever answers stays; only an aborted revision leaves the preview Service without pods."""
    rollout, pod_hash = snapshot.rollout, replica_set.pod_hash
    hashes = {name: service.pod_hash for name, service in snapshot.services.items()}
    rule = "rule 5" if rollout.status.abort else "rule 3"
    change = f"{replica_set.name} is scaled from {replica_set.replicas} to {replicas}"
    if hashes.get(block.active_service) == pod_hash and replicas < rollout.replicas:
        yield f"{rule}: {change} while all requests go there"
    named = hashes.get(block.preview_service) == pod_hash and not rollout.status.abort
    if named and replicas == 0 and block.preview_count != 0:
        yield f"{rule}: {change} while the preview Service names it"


def _hurried(snapshot: Snapshot, replica_set: ReplicaSet, now: datetime) -> Iterator[str]:
    changed, delay = snapshot.traffic_changed, snapshot.propagation_delay
    if replica_set.available and changed is not None and changed + delay > now:
        yield f"rule 3: {replica_set.name} loses pods before every proxy can have followed"


def _available(snapshot: Snapshot, pod_hash: str) -> int:
    """Pods that answer for a hash ("" is everybody), and are to stay."""
    sets = (r for r in snapshot.replica_sets if pod_hash in ("", r.pod_hash))
    return sum(r.answering for r in sets)
