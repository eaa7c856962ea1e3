"""A world small enough to think about: ReplicaSets with pods that become ready when they are told to.

It carries out decisions on plain views, so that thousands of histories take seconds. `tests/sim` has the whole API.
Each decision is checked by `gradatim.decide.safety` before it is carried out; `mesh.py` watches the requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from gradatim.decide import Decision, PluginAnswer, PluginAsk, PluginCall, Route, Snapshot, decide
from gradatim.decide.effects import Effect, Emit
from gradatim.decide.pingpong import with_services
from gradatim.decide.predict import after
from gradatim.decide.safety import violations
from gradatim.model.analysis import TemplateRef, parse_template
from gradatim.model.analysisrun import AnalysisRun, Phase
from gradatim.model.reading import Reader
from gradatim.model.rollout import Rollout, parse_rollout
from gradatim.model.status import read_status
from gradatim.model.stepplugins import PluginPhase
from gradatim.model.workload import ReplicaSet, parse_service
from gradatim.plugin import FieldPath, ObjectRef
from gradatim_istio.router import IstioRouter
from mesh import Mesh

START = datetime(2026, 1, 1, tzinfo=UTC)

#: What a metric source says of a run: phase and message.
Verdict = Callable[[AnalysisRun], tuple[str, str]]

#: What a step plugin says to a call: phase, and the rest of a `PluginAnswer`; None: not yet.
Saying = Callable[[PluginCall], tuple[str, dict[str, Any]] | None]


def in_two_calls(call: PluginCall) -> tuple[str, dict[str, Any]]:
    """A step plugin that is running when it is called first, and through the second time."""
    phase = "Running" if call.operation == "Run" and call.runs == 0 else "Successful"
    return phase, {"requeue_after": 10.0, "status": {"runs": call.runs + 1}}


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


HOSTS = [
    {"destination": {"host": "web-stable"}, "weight": 100},
    {"destination": {"host": "web-canary"}, "weight": 0},
]
SUBSETS = [
    {"destination": {"host": "web", "subset": "stable"}, "weight": 100},
    {"destination": {"host": "web", "subset": "canary"}, "weight": 0},
]


def virtual_service(*http: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "default", "resourceVersion": "1"},
        "spec": {"hosts": ["web"], "http": list(http) or [{"name": "primary", "route": HOSTS}]},
    }


def destination_rule() -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "DestinationRule",
        "metadata": {"name": "web", "namespace": "default", "resourceVersion": "1"},
        "spec": {
            "host": "web",
            "subsets": [{"name": name, "labels": {"app": "web"}} for name in ("stable", "canary")],
        },
    }


def istio(**canary: Any) -> dict[str, Any]:
    """A canary block with Istio and one Service a side."""
    return {
        "canaryService": "web-canary",
        "stableService": "web-stable",
        "trafficRouting": {"istio": {"virtualService": {"name": "web"}}},
        **canary,
    }


def ping_pong(**canary: Any) -> dict[str, Any]:
    """A canary block with Istio and two Services that are stable in turn."""
    services = {"pingService": "web-stable", "pongService": "web-canary"}
    block = istio(pingPong=services, **canary)
    return {k: v for k, v in block.items() if k not in ("canaryService", "stableService")}


def istio_subsets(**canary: Any) -> dict[str, Any]:
    """A canary block with Istio and one subset a side."""
    rule = {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}
    block = {"virtualService": {"name": "web"}, "destinationRule": rule}
    return {"trafficRouting": {"istio": block}, **canary}


@dataclass(repr=False)
class World:
    """The cluster of one Rollout."""

    snapshot: Snapshot
    now: datetime = START
    events: list[str] = field(default_factory=list)
    log: list[Effect] = field(default_factory=list)
    mesh: Mesh | None = None
    verdict: Verdict = lambda run: ("Successful", "")
    plugin: Saying = in_two_calls
    #: what routers say of the weights as they are, whenever they are asked after a while; "": nobody asks them
    arrived: bool | Literal[""] | None = ""
    #: the call of a step plugin that is under way, and all that were begun
    flight: PluginCall | None = None
    calls: tuple[PluginCall, ...] = ()
    checked: bool = True

    @staticmethod
    def of(raw: dict[str, Any], **around: Any) -> World:
        """A world without routing."""
        return World(Snapshot(rollout=parse_rollout(raw), **around))

    def __repr__(self) -> str:
        spec = self.rollout.raw["spec"]
        lag = f", {self.mesh.lag}" if self.mesh else ""
        rest = {k: v for k, v in spec.items() if k not in ("selector", "template", "strategy")}
        return f"World({rest}, {spec['strategy']['canary']}{lag})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def rollout(self) -> Rollout:
        return self.snapshot.rollout

    @property
    def status(self) -> dict[str, Any]:
        return self.rollout.status.raw

    @property
    def phase(self) -> tuple[str, str]:
        return self.status.get("phase", ""), self.status.get("message", "")

    # what people do

    def edit(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change the spec, as `kubectl apply` does."""
        raw = self.rollout.raw
        spec = change({**raw["spec"]})
        if spec == raw["spec"]:
            return
        meta = {**raw["metadata"], "generation": self.rollout.meta.generation + 1}
        meta["annotations"] = dict(self.rollout.meta.annotations)
        raw = {**raw, "metadata": meta, "spec": spec}
        self.snapshot = replace(self.snapshot, rollout=parse_rollout(raw))

    def image(self, image: str) -> None:
        def change(spec: dict[str, Any]) -> dict[str, Any]:
            containers = [{"name": "app", "image": image}]
            template = {**spec["template"], "spec": {"containers": containers}}
            return {**spec, "template": template}

        self.edit(change)

    def canary(self, **changes: Any) -> None:
        """Change fields of the strategy; None takes one away."""

        def change(spec: dict[str, Any]) -> dict[str, Any]:
            block = {**spec["strategy"]["canary"], **changes}
            block = {key: value for key, value in block.items() if value is not None}
            return {**spec, "strategy": {"canary": block}}

        self.edit(change)

    def scale(self, replicas: int) -> None:
        self.edit(lambda spec: {**spec, "replicas": replicas})

    def pause(self, paused: bool = True) -> None:
        self.edit(lambda spec: {**spec, "paused": paused})

    def patch_status(self, **changes: Any) -> None:
        """Change the status, as the CLI's promote, abort and retry do."""
        status = {k: v for k, v in {**self.status, **changes}.items() if v is not None}
        self._status_is(status)

    def _status_is(self, status: dict[str, Any]) -> None:
        raw = {**self.rollout.raw, "status": status}
        rollout = replace(self.rollout, raw=raw, status=read_status(Reader(status)))
        self.snapshot = replace(self.snapshot, rollout=rollout)

    def promote(self) -> None:
        status = self.rollout.status
        index = (status.step_index or 0) + 1
        if self.rollout.paused:
            self.pause(False)
        if status.is_paused_for("InconclusiveAnalysisRun"):
            self.patch_status(pauseConditions=None, controllerPause=False, currentStepIndex=index)
        elif status.pause_conditions:
            self.patch_status(pauseConditions=None)
        elif self.rollout.canary and self.rollout.canary.steps:
            self.patch_status(pauseConditions=None, currentStepIndex=index)

    def promote_full(self) -> None:
        if self.rollout.status.pod_hash != self.rollout.status.stable_hash:
            self.patch_status(promoteFull=True)

    def abort(self) -> None:
        self.patch_status(abort=True)

    def retry(self) -> None:
        self.patch_status(abort=False)

    # what the controller does

    def decide(self) -> Decision:
        return decide(self.snapshot, self.now)

    def carry_out(self, decision: Decision, stop_after: int | None = None) -> None:
        """Effects in order, then the status, then its events; a crash leaves the rest undone."""
        if self.checked:
            found = violations(self.snapshot, decision.effects, self.now)
            assert not found, "\n".join([*found, *map(str, decision.effects)])
        writes = [e for e in decision.effects if not (isinstance(e, Emit) and e.of_status)]
        crashes = stop_after is not None and stop_after <= len(writes)
        for effect in writes[:stop_after]:
            self._effect(effect)
        if crashes:
            # whoever comes next has not heard of any call
            self.flight, self.snapshot = None, replace(self.snapshot, plugin_answer=None)
            return
        self._status_is(decision.status)
        self._follow(decision.plugin)
        for effect in decision.effects:
            if isinstance(effect, Emit) and effect.of_status:
                self._effect(effect)

    def _effect(self, effect: Effect) -> None:
        self.log.append(effect)
        if isinstance(effect, Emit):
            self.events.append(f"{effect.type} {effect.reason}: {effect.message}")
        before, self.snapshot = self.snapshot, after(self.snapshot, effect, self.now)
        self._watch()
        if self.mesh is not None:
            self.mesh.check_load(before, self.snapshot, self.now)
            self.mesh.check_takeover(before, self.snapshot, self.now)

    def _follow(self, ask: PluginAsk | None) -> None:
        """What `run/stepping.py` does: one call at a time, and none that is not in the status."""
        if self.flight is not None and (ask is None or ask.call != self.flight):
            self.flight, self.snapshot = None, replace(self.snapshot, plugin_answer=None)
        if self.flight is None and ask is not None and ask.may_begin:
            entries = self.status["canary"]["stepPluginStatuses"]
            assert [ask.call.index, ask.call.operation] in [
                [e["index"], e["operation"]] for e in entries
            ]
            self.flight, self.calls = ask.call, (*self.calls, ask.call)

    def _watch(self) -> None:
        if self.mesh is not None:
            self.mesh.note(self.snapshot, self.now)
            self.mesh.check(self.snapshot, self.now)

    # what the cluster does

    def kubelet(self, pods: int | None = None) -> bool:
        """Let pods come and go, `pods` of each set at most; True if any did."""
        sets = tuple(_stepped(r, pods) for r in self.snapshot.replica_sets)
        changed = sets != self.snapshot.replica_sets
        self.snapshot = replace(self.snapshot, replica_sets=sets)
        self._watch()
        return changed

    def lose(self, revision: int, pods: int) -> None:
        """Pods of a revision stop being ready; the kubelet brings them back."""
        sets = tuple(
            replace(r, ready=max(0, r.ready - pods), available=max(0, r.available - pods))
            if r.revision == revision
            else r
            for r in self.snapshot.replica_sets
        )
        self.snapshot = replace(self.snapshot, replica_sets=sets)

    def measure(self) -> bool:
        """Let every run that goes on have what `verdict` says; True if any changed."""
        runs = tuple(self._measured(run) for run in self.snapshot.runs)
        changed = runs != self.snapshot.runs
        self.snapshot = replace(self.snapshot, runs=runs)
        return self._answer() or changed

    def _answer(self) -> bool:
        """Let the step plugin that was called answer; True if it did."""
        call = self.flight
        said = None if call is None or self.snapshot.plugin_answer else self.plugin(call)
        if said is None or call is None:
            return False
        answer = PluginAnswer(call=call, at=self.now, phase=PluginPhase(said[0]), **said[1])
        self.snapshot = replace(self.snapshot, plugin_answer=answer)
        return True

    def _measured(self, run: AnalysisRun) -> AnalysisRun:
        if run.phase.is_completed:
            return run
        if run.terminate:
            return replace(run, phase=Phase.SUCCESSFUL, message="Run Terminated")
        if run.phase is Phase.NONE:
            return replace(run, phase=Phase.RUNNING)
        phase, message = self.verdict(run)
        return replace(run, phase=Phase(phase), message=message)

    # time

    def run(self, seconds: float = 120, step: float = 1.0, pods: int | None = None) -> None:
        """Let everybody work until nothing is left to do, or `seconds` have gone by."""
        end = self.now + timedelta(seconds=seconds)
        for _ in range(5_000):
            decision = self.decide()
            quiet = decision.is_quiet and decision.status == self.status
            self.carry_out(decision)
            moved = self.kubelet(pods)
            moved = self.measure() or moved
            if not quiet or moved:
                self.pass_time(step)
                continue
            wait = decision.look_again_in
            if wait is None or self.now + wait > end:
                if self.mesh is not None:
                    self.pass_time(self.mesh.lag.total_seconds())
                return
            self.pass_time(max(wait.total_seconds(), 0.001))
        raise AssertionError("the world does not come to rest")

    def pass_time(self, seconds: float) -> None:
        """The clock goes on, and with it the proxies."""
        self.now += timedelta(seconds=seconds)
        if self.arrived != "":
            routes = (replace(route, verified=self.arrived) for route in self.snapshot.routes)
            self.snapshot = replace(self.snapshot, routes=tuple(routes))
        self._watch()

    # what can be seen

    def sets(self) -> dict[int, tuple[int, int]]:
        """By revision: pods asked for, pods available."""
        return {r.revision: (r.replicas, r.available) for r in self.snapshot.replica_sets}

    def plugins(self) -> list[tuple[str, int, str]]:
        """Operation, index and phase of each entry of `stepPluginStatuses`."""
        entries = self.status.get("canary", {}).get("stepPluginStatuses", [])
        return [(e["operation"], e["index"], e.get("phase", "")) for e in entries]

    def of_revision(self, revision: int) -> ReplicaSet:
        return next(r for r in self.snapshot.replica_sets if r.revision == revision)

    def weights(self) -> tuple[int, ...]:
        """What the VirtualService's own route says: stable, canary. Managed routes are before it."""
        spec = next(
            raw["spec"]
            for ref, raw in self.snapshot.routes[0].objects.items()
            if ref.kind == "VirtualService"
        )
        return tuple(d["weight"] for d in spec["http"][-1]["route"])

    def selectors(self) -> dict[str, int]:
        """Revision that each Service points at; 0 for all."""
        return {n: self._revision(s.pod_hash) for n, s in self.snapshot.services.items()}

    def subsets(self) -> dict[str, int]:
        """Revision that each subset is bound to; 0 for none."""
        spec = next(
            raw["spec"]
            for ref, raw in self.snapshot.routes[0].objects.items()
            if ref.kind == "DestinationRule"
        )
        label = "rollouts-pod-template-hash"
        return {s["name"]: self._revision(s["labels"].get(label, "")) for s in spec["subsets"]}

    def _revision(self, pod_hash: str) -> int:
        return next((r.revision for r in self.snapshot.replica_sets if r.pod_hash == pod_hash), 0)

    def conditions(self) -> dict[str, tuple[str, str, str]]:
        """By type: status, reason, message."""
        return {
            c["type"]: (c["status"], c["reason"], c["message"])
            for c in self.status.get("conditions", [])
        }


def _stepped(replica_set: ReplicaSet, pods: int | None) -> ReplicaSet:
    def toward(value: int, goal: int) -> int:
        if pods is None:
            return goal
        return min(goal, value + pods) if value < goal else max(goal, value - pods)

    containers = (replica_set.template.get("spec") or {}).get("containers", [])
    bad = any("bad" in c.get("image", "") for c in containers)
    # a pod is made in one round and ready in a later one
    made = min(replica_set.current, replica_set.replicas)
    available = 0 if bad else toward(min(replica_set.available, made), made)
    current = toward(replica_set.current, replica_set.replicas)
    return replace(
        replica_set,
        current=current,
        ready=available,
        available=available,
        observed_generation=replica_set.meta.generation,
    )


def routed(
    raw: dict[str, Any],
    *http: dict[str, Any],
    lag: float | None = None,
    delay: float | None = None,
    **around: Any,
) -> World:
    """A world with Istio in it. `lag`: seconds until every proxy follows; `delay`: what the controller allows."""
    router = IstioRouter()
    world = World.of(raw, **around)
    canary = world.rollout.canary
    assert canary is not None
    assert canary.routing is not None
    config = canary.routing.routers["istio"]
    subsets = "destinationRule" in config
    http = http or (({"name": "primary", "route": SUBSETS},) if subsets else ())
    made = {"VirtualService": virtual_service(*http), "DestinationRule": destination_rule()}
    objects: dict[ObjectRef, Any] = {
        ref: made[ref.kind] for ref in router.references(config, "default")
    }
    path = FieldPath("spec", "strategy", "canary", "trafficRouting", "istio")
    route = Route(key="istio", router=router, config=config, path=path, objects=objects)
    canary = with_services(world.rollout, canary)
    names = filter(None, (canary.stable_service, canary.canary_service))
    services = {n: parse_service(service(n)) for n in names}
    world.snapshot = replace(world.snapshot, routes=(route,), services=services)
    if delay is not None:
        world.snapshot = replace(world.snapshot, propagation_delay=timedelta(seconds=delay))
    if lag is not None:
        world.mesh = Mesh(timedelta(seconds=lag))
        world.mesh.note(world.snapshot, world.now)
    return world


def with_template(world: World, name: str = "t", **spec: Any) -> World:
    """The world with an AnalysisTemplate in it."""
    metric = {
        "name": "value",
        "successCondition": "result < 2",
        "provider": {"web": {"url": "http://metrics.example/", "jsonPath": "{$.value}"}},
    }
    body = {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"metrics": [metric], **spec},
    }
    templates = {**world.snapshot.templates, TemplateRef(name): parse_template(body)}
    world.snapshot = replace(world.snapshot, templates=templates)
    return world


def weights(world: World) -> tuple[int, ...]:
    """What the VirtualService says: stable, canary."""
    return world.weights()


def applied(effects: Iterable[Effect], snapshot: Snapshot, now: datetime) -> Snapshot:
    """The snapshot after effects."""
    for effect in effects:
        snapshot = after(snapshot, effect, now)
    return snapshot
