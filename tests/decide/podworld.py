"""A world with single pods in it: a ReplicaSet controller, a kubelet and a disruption budget for them.

Pods are made from their set's template in one round, and ready in the next. An evicted pod is going for a round, and
meanwhile its set's status still counts it, as that of a real one does for a moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from world import World

from gradatim.decide.effects import Effect, EvictPods
from gradatim.model.meta import Meta
from gradatim.model.workload import Pod, ReplicaSet


@dataclass
class PodWorld:
    """The cluster of one Rollout, pod by pod."""

    world: World
    refused: set[str] = field(default_factory=set)
    #: fewest ready pods at any moment since it was last set to a large number
    fewest: int = 1_000_000
    made: int = 0
    going: set[str] = field(default_factory=set)
    fresh: set[str] = field(default_factory=set)
    #: pods that were evicted, in their order
    gone: list[str] = field(default_factory=list)

    @staticmethod
    def of(raw: dict[str, Any], **around: Any) -> PodWorld:
        return PodWorld(World.of(raw, pods=(), **around))

    @property
    def pods(self) -> tuple[Pod, ...]:
        return self.world.snapshot.pods or ()

    def names(self) -> set[str]:
        return {p.meta.name for p in self.pods}

    def of_revision(self, revision: int) -> list[Pod]:
        uid = self.world.of_revision(revision).meta.uid
        return [p for p in self.pods if p.meta.owner_uid == uid]

    def spec(self, **changes: Any) -> None:
        self.world.edit(lambda spec: {**spec, **changes})

    def restart(self) -> None:
        """What the restart command of the CLI does."""
        self.world.pass_time(1)
        self.spec(restartAt=self.world.now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.world.pass_time(1)

    def turn(self) -> list[Effect]:
        """One pass of the controller, and what the cluster does on it."""
        before = len(self.world.log)
        self.carry_out()
        self.cluster()
        self.world.pass_time(1)
        return self.world.log[before:]

    def carry_out(self) -> None:
        """One decision, with evictions as far as they are not refused."""
        decision = self.world.decide()
        self.world.carry_out(decision)
        for effect in decision.effects:
            if isinstance(effect, EvictPods):
                allowed = [name for name, _ in effect.pods if name not in self.refused]
                self.going |= {*allowed[: effect.most]}

    def run(self, turns: int = 40) -> list[Effect]:
        return [effect for _ in range(turns) for effect in self.turn()]

    def cluster(self) -> None:
        snapshot = self.world.snapshot
        kept = tuple(
            replace(p, meta=replace(p.meta, deleting=True)) if p.meta.name in self.going else p
            for p in self.pods
            if not p.meta.deleting
        )
        self.fresh = set()
        sets = tuple(self._with_uid(r) for r in snapshot.replica_sets)
        pods = tuple(pod for r in sets for pod in self._of(r, kept))
        self.world.snapshot = replace(
            snapshot,
            replica_sets=tuple(_counted(r, pods, self.fresh) for r in sets),
            pods=pods,
            evicted=frozenset(),
        )
        self.gone += [p.meta.name for p in kept if p.meta.deleting]
        self.going = set()
        ready = sum(p.ready and not p.meta.deleting for p in pods)
        self.fewest = min(self.fewest, ready)

    def _with_uid(self, replica_set: ReplicaSet) -> ReplicaSet:
        meta = replica_set.meta
        return replace(replica_set, meta=replace(meta, uid=meta.uid or f"uid-{meta.name}"))

    def _of(self, replica_set: ReplicaSet, kept: tuple[Pod, ...]) -> Iterator[Pod]:
        bad = "bad" in str(replica_set.template)
        own = [p for p in kept if p.meta.owner_uid == replica_set.meta.uid]
        alive = [p for p in own if not p.meta.deleting]
        yield from (p for p in own if p.meta.deleting)
        yield from (replace(p, ready=not bad) for p in alive[: replica_set.replicas])
        for _ in range(replica_set.replicas - len(alive)):
            yield self._new(replica_set)

    def _new(self, replica_set: ReplicaSet) -> Pod:
        self.made += 1
        self.fresh.add(f"{replica_set.name}-{self.made}")
        meta = replica_set.template.get("metadata") or {}
        return Pod(
            meta=Meta(
                name=f"{replica_set.name}-{self.made}",
                uid=f"pod-{self.made}",
                labels=meta.get("labels") or {},
                annotations=meta.get("annotations") or {},
                owner_uid=replica_set.meta.uid,
                created=self.world.now.replace(microsecond=0),
            )
        )


def _counted(replica_set: ReplicaSet, pods: tuple[Pod, ...], fresh: set[str]) -> ReplicaSet:
    # the status is a round behind: pods that are going still count, and those just made do not yet
    uid = replica_set.meta.uid
    own = [p for p in pods if p.meta.owner_uid == uid and p.meta.name not in fresh]
    ready = sum(p.ready for p in own)
    return replace(
        replica_set,
        current=len(own),
        ready=ready,
        available=ready,
        observed_generation=replica_set.meta.generation,
    )
