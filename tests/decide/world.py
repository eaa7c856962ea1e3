"""A world small enough to think about: ReplicaSets with pods that become ready when they are told to.

It carries out decisions on plain views, so that thousands of histories take seconds. `tests/sim` has the whole API.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gradatim.decide import Decision, Route, Snapshot, decide
from gradatim.decide.effects import Effect, Emit
from gradatim.decide.predict import after
from gradatim.model.rollout import Rollout, parse_rollout
from gradatim.model.status import read_status
from gradatim.model.reading import Reader
from gradatim.model.workload import ReplicaSet, parse_service
from gradatim.plugin import FieldPath, ObjectRef

START = datetime(2026, 1, 1, tzinfo=UTC)


def manifest(replicas: int = 4, image: str = "app:v1", **canary: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "default", "uid": "u-1", "generation": 1},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
            "strategy": {"canary": canary},
        },
    }


def service(name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": "web"}},
    }


def virtual_service() -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "default", "resourceVersion": "1"},
        "spec": {
            "hosts": ["web"],
            "http": [
                {
                    "name": "primary",
                    "route": [
                        {"destination": {"host": "web-stable"}, "weight": 100},
                        {"destination": {"host": "web-canary"}, "weight": 0},
                    ],
                }
            ],
        },
    }


@dataclass
class World:
    """The cluster of one Rollout."""

    snapshot: Snapshot
    now: datetime = START
    events: list[str] = field(default_factory=list)
    log: list[Effect] = field(default_factory=list)
    ready_images: bool = True

    @staticmethod
    def of(raw: dict[str, Any], **around: Any) -> World:
        return World(Snapshot(rollout=parse_rollout(raw), **around))

    @property
    def rollout(self) -> Rollout:
        return self.snapshot.rollout

    @property
    def status(self) -> dict[str, Any]:
        return self.rollout.status.raw

    def edit(self, change: Any) -> None:
        """Change the spec, as `kubectl apply` does."""
        raw = self.rollout.raw
        spec = change({**raw["spec"]})
        meta = {**raw["metadata"], "generation": self.rollout.meta.generation + 1}
        meta["annotations"] = dict(self.rollout.meta.annotations)
        raw = {**raw, "metadata": meta, "spec": spec}
        self.snapshot = replace(self.snapshot, rollout=parse_rollout(raw))

    def image(self, image: str) -> None:
        def change(spec: dict[str, Any]) -> dict[str, Any]:
            template = {**spec["template"], "spec": {"containers": [{"name": "app", "image": image}]}}
            return {**spec, "template": template}

        self.edit(change)

    def scale(self, replicas: int) -> None:
        self.edit(lambda spec: {**spec, "replicas": replicas})

    def patch_status(self, **changes: Any) -> None:
        """Change the status, as the CLI's promote, abort and retry do."""
        status = {k: v for k, v in {**self.status, **changes}.items() if v is not None}
        raw = {**self.rollout.raw, "status": status}
        rollout = replace(self.rollout, raw=raw, status=read_status(Reader(status)))
        self.snapshot = replace(self.snapshot, rollout=rollout)

    def promote(self) -> None:
        status = self.rollout.status
        if self.rollout.paused:
            self.edit(lambda spec: {**spec, "paused": False})
        if status.pause_conditions:
            self.patch_status(pauseConditions=None)
        else:
            index = status.step_index or 0
            self.patch_status(pauseConditions=None, currentStepIndex=index + 1)

    def decide(self) -> Decision:
        return decide(self.snapshot, self.now)

    def carry_out(self, decision: Decision, stop_after: int | None = None) -> None:
        """Effects in order, then the status; a crash leaves the rest undone."""
        effects = decision.effects if stop_after is None else decision.effects[:stop_after]
        for effect in effects:
            self.log.append(effect)
            if isinstance(effect, Emit):
                self.events.append(f"{effect.reason}: {effect.message}")
            self.snapshot = after(self.snapshot, effect, self.now)
        if stop_after is None or stop_after >= len(decision.effects):
            raw = {**self.rollout.raw, "status": decision.status}
            rollout = replace(self.rollout, raw=raw, status=read_status(Reader(decision.status)))
            self.snapshot = replace(self.snapshot, rollout=rollout)

    def kubelet(self, pods: int | None = None) -> bool:
        """Let pods come and go, `pods` of each set at most; True if any did."""
        sets = tuple(_stepped(r, pods) for r in self.snapshot.replica_sets)
        changed = sets != self.snapshot.replica_sets
        self.snapshot = replace(self.snapshot, replica_sets=sets)
        return changed

    def run(self, seconds: float = 120, step: float = 1.0, kubelet: bool = True) -> None:
        """Let controller and kubelet work until nothing is left to do within `seconds`."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            decision = self.decide()
            quiet = decision.is_quiet and decision.status == self.status
            self.carry_out(decision)
            moved = self.kubelet() if kubelet else False
            if quiet and not moved:
                if decision.look_again_in is None:
                    return
                target = self.now + max(decision.look_again_in, timedelta(milliseconds=1))
                if target > end:
                    return
                self.now = target
            else:
                self.now += timedelta(seconds=step)
                if self.now > end + timedelta(seconds=600):
                    raise AssertionError("the world does not come to rest")

    def sets(self) -> dict[int, tuple[int, int]]:
        """By revision: pods asked for, pods available."""
        return {r.revision: (r.replicas, r.available) for r in self.snapshot.replica_sets}


def _stepped(replica_set: ReplicaSet, pods: int | None) -> ReplicaSet:
    def toward(value: int, goal: int) -> int:
        if pods is None:
            return goal
        return min(goal, value + pods) if value < goal else max(goal, value - pods)

    images = [c.get("image", "") for c in (replica_set.template.get("spec") or {}).get("containers", [])]
    bad = any("bad" in image for image in images)
    current = toward(replica_set.current, replica_set.replicas)
    available = 0 if bad else min(current, toward(replica_set.available, replica_set.replicas))
    return replace(
        replica_set,
        current=current,
        ready=available,
        available=available,
        observed_generation=replica_set.meta.generation,
    )


def routed(raw: dict[str, Any], **around: Any) -> World:
    """A world with Istio in it."""
    from gradatim_istio.router import IstioRouter

    router = IstioRouter()
    world = World.of(raw, **around)
    canary = world.rollout.canary
    assert canary is not None
    assert canary.routing is not None
    config = canary.routing.routers["istio"]
    (ref,) = [r for r in router.references(config, "default") if r.kind == "VirtualService"]
    objects: dict[ObjectRef, Any] = {ref: virtual_service()}
    route = Route(
        key="istio",
        router=router,
        config=config,
        path=FieldPath("spec", "strategy", "canary", "trafficRouting", "istio"),
        objects=objects,
    )
    services = {n: parse_service(service(n)) for n in ("web-stable", "web-canary")}
    world.snapshot = replace(world.snapshot, routes=(route,), services=services)
    return world


def weights(world: World) -> tuple[int, int]:
    """What the VirtualService says: stable, canary."""
    ((_, raw),) = world.snapshot.routes[0].objects.items()
    stable, canary = raw["spec"]["http"][0]["route"]
    return stable["weight"], canary["weight"]
