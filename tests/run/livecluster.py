"""The controller on an embedded cluster in virtual time: what whole-cluster tests and benchmarks begin with.

`play(story)` runs an async function of a `Live`; hours of its time take moments of ours. All is real but for the API
server, the kubelet and the metric provider, which answers what the test says.
"""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from gradatim.crds import custom_resource_definitions
from gradatim.kube.client import Client
from gradatim.kube.transport import Transport
from gradatim.plugin import Measurement, MetricProvider, StepCall, StepPlugin, TrafficRouter
from gradatim.plugin.spec import hookimpl
from gradatim.registry import Registry, load_registry
from gradatim.run.controller import Controller, Settings
from gradatim.run.pluginthread import SameLoop
from gradatim.sim import Sim, SimSettings, run_virtual

Json = dict[str, Any]
Story = Callable[["Live"], Awaitable[None]]

#: Who writes in the name of the controller, in the counts of the cluster.
AGENT = "gradatim"


# manifests


def rollout(name: str = "web", *, replicas: int = 2, image: str = "app:v1", **canary: Any) -> Json:
    """A Rollout with a canary strategy; `canary` is its block."""
    labels = {"app": name}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
            "strategy": {"canary": canary},
        },
    }


def service(name: str, app: str = "web") -> Json:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    spec = {"selector": {"app": app}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def virtual_service(name: str = "web") -> Json:
    route = [
        {"destination": {"host": f"{name}-stable"}, "weight": 100},
        {"destination": {"host": f"{name}-canary"}, "weight": 0},
    ]
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": [f"{name}.example.com"], "http": [{"name": "primary", "route": route}]},
    }


def istio(name: str = "web", **canary: Any) -> Json:
    """A canary block with Istio and one Service a side."""
    return {
        "canaryService": f"{name}-canary",
        "stableService": f"{name}-stable",
        "trafficRouting": {"istio": {"virtualService": {"name": name}}},
        **canary,
    }


def routed(name: str = "web", **given: Any) -> list[Json]:
    """A Rollout behind Istio, with its Services and its VirtualService."""
    replicas = given.pop("replicas", 2)
    return [
        service(f"{name}-stable", name),
        service(f"{name}-canary", name),
        virtual_service(name),
        rollout(name, replicas=replicas, **istio(name, **given)),
    ]


def template(name: str = "good", **metric: Any) -> Json:
    """An AnalysisTemplate with one metric of the provider `test/answers`."""
    asked = {
        "name": "value",
        "successCondition": "result < 2",
        "provider": {"plugin": {"test/answers": {"series": name}}},
        **metric,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": name},
        "spec": {"metrics": [asked]},
    }


def analysis(*names: str) -> Json:
    """A step that analyses with templates."""
    return {"analysis": {"templates": [{"templateName": name} for name in names]}}


# plugins of the tests


@dataclass
class EntryPoint:
    """A plugin made of classes, as if it were installed."""

    name: str
    classes: Iterable[type]
    value: str = ""
    dist: Any = None

    def load(self) -> ModuleType:
        providers = [c for c in self.classes if issubclass(c, MetricProvider)]
        routers = [c for c in self.classes if issubclass(c, TrafficRouter)]
        steps = [c for c in self.classes if issubclass(c, StepPlugin)]
        keys = {c.key for c in self.classes}  # type: ignore[attr-defined]
        module = ModuleType(self.name)
        made: dict[str, Any] = {
            "GRADATIM_API": "1.1",
            "gradatim_metric_providers": hookimpl(lambda: providers),
            "gradatim_traffic_routers": hookimpl(lambda: routers),
            "gradatim_step_plugins": hookimpl(lambda: steps),
            "gradatim_validate_step": hookimpl(
                lambda key, config, path: [] if key in keys else None
            ),
            "gradatim_validate_metric": hookimpl(
                lambda key, config, path: [] if key in keys else None
            ),
            "gradatim_validate_route": hookimpl(
                lambda key, config, path: [] if key in keys else None
            ),
        }
        for attribute, value in made.items():
            setattr(module, attribute, value)
        return module


def answering(answer: Callable[[str], Any]) -> type[MetricProvider]:
    """A provider that answers with what `answer` gives for a series, raised where it is an exception."""

    class Answers(MetricProvider):
        key = "test/answers"

        async def measure(self, query: Any) -> Measurement:
            value = answer(query.config["series"])
            if isinstance(value, Awaitable):
                value = await value
            if isinstance(value, BaseException):
                raise value
            return Measurement(value=value, text=str(value))

    return Answers


def stepping(say: Callable[[str, StepCall], Any], name: str = "test/step") -> type[StepPlugin]:
    """A step plugin that does what `say` says for an operation and a call; raised where it is an exception."""

    async def done(operation: str, call: StepCall) -> Any:
        result = say(operation, call)
        if isinstance(result, Awaitable):
            result = await result
        if isinstance(result, BaseException):
            raise result
        return result

    class Steps(StepPlugin):
        key = name

        async def run(self, call: StepCall) -> Any:
            return await done("run", call)

        async def terminate(self, call: StepCall) -> Any:
            return await done("terminate", call)

        async def abort(self, call: StepCall) -> Any:
            return await done("abort", call)

    return Steps


def plugin_step(name: str = "test/step", **config: Any) -> Json:
    """A step that a plugin carries out."""
    return {"plugin": {"name": name, "config": config}}


def registry_of(*classes: type) -> Registry:
    """All installed plugins, and one with these classes."""
    import importlib_metadata

    installed = importlib_metadata.entry_points(group="gradatim")
    return load_registry([*installed, EntryPoint("of-the-tests", classes)])


# the cluster


@dataclass
class Live:
    """A cluster, and controllers on it."""

    sim: Sim
    registry: Registry
    settings: Settings = field(default_factory=Settings)
    controllers: list[Controller] = field(default_factory=list)
    running: list[tuple[asyncio.Task[None], asyncio.Event]] = field(default_factory=list)

    @property
    def controller(self) -> Controller:
        return self.controllers[-1]

    def start(
        self, transport: Transport | None = None, settings: Settings | None = None
    ) -> Controller:
        """Start a controller; it lives until `stop` or `kill`."""
        loop = asyncio.get_running_loop()
        controller = Controller(
            Client(transport or self.sim.transport(AGENT)),
            self.registry,
            settings or self.settings,
            clock=self.sim.clock.now,
            ticks=loop.time,
            # a thread of its own would not know the time of this cluster
            place=SameLoop(),
        )
        stop = asyncio.Event()
        self.controllers.append(controller)
        self.running.append((asyncio.create_task(controller.run(stop)), stop))
        return controller

    async def stop(self) -> None:
        """End the last controller as SIGTERM does."""
        task, stop = self.running.pop()
        stop.set()
        await task

    async def kill(self) -> None:
        """End the last controller in the middle of whatever it does."""
        task, _ = self.running.pop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    # what people do

    def apply(self, *objects: Json, namespace: str = "default") -> None:
        for each in objects:
            self.sim.create_object(each, namespace)

    def edit(self, patch: Json, name: str = "web", namespace: str = "default") -> None:
        self.sim.patch("Rollout", name, patch, namespace)

    def image(self, image: str, name: str = "web", namespace: str = "default") -> None:
        containers = [{"name": "app", "image": image}]
        self.edit({"spec": {"template": {"spec": {"containers": containers}}}}, name, namespace)

    def steps(self, *steps: Json, name: str = "web") -> None:
        self.edit({"spec": {"strategy": {"canary": {"steps": list(steps)}}}}, name)

    def status_is(self, name: str = "web", namespace: str = "default", **fields: Any) -> None:
        """Change the status, as the CLI's promote, abort and retry do."""
        self.edit({"status": fields}, name, namespace)

    def promote(self, name: str = "web") -> None:
        self.status_is(name, pauseConditions=None)

    # what can be seen

    def status(self, name: str = "web", namespace: str = "default") -> Json:
        found: Json = self.sim.get("Rollout", name, namespace).get("status") or {}
        return found

    def phase(self, name: str = "web", namespace: str = "default") -> str:
        return str(self.status(name, namespace).get("phase", ""))

    def message(self, name: str = "web", namespace: str = "default") -> str:
        return str(self.status(name, namespace).get("message", ""))

    def is_current(self, name: str, namespace: str) -> bool:
        """The status is of the spec as it is."""
        found = self.sim.get("Rollout", name, namespace)
        seen = (found.get("status") or {}).get("observedGeneration")
        return bool(seen == str(found["metadata"]["generation"]))

    async def until(
        self, phase: str, name: str = "web", namespace: str = "default", within: float = 120.0
    ) -> Json:
        """Wait for the phase, as a status of the present spec."""
        try:
            await self.sim.until(
                lambda: self.phase(name, namespace) == phase and self.is_current(name, namespace),
                within,
            )
        except TimeoutError:
            status = self.status(name, namespace)
            raise AssertionError(f"{name} is not {phase} but {status}") from None
        return self.status(name, namespace)

    def sets(self, name: str = "web", namespace: str = "default") -> dict[str, int]:
        """Pods asked for by image, of the ReplicaSets of a Rollout."""
        return {
            each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
            for each in self.sim.list("ReplicaSet", namespace)
            if each["metadata"]["ownerReferences"][0]["name"] == name
        }

    def weights(self, name: str = "web", namespace: str = "default") -> tuple[int, ...]:
        """Stable's and the canary's, as the VirtualService has them."""
        found = self.sim.get("VirtualService", name, namespace)
        return tuple(each["weight"] for each in found["spec"]["http"][0]["route"])

    def events(self, namespace: str = "default") -> list[str]:
        return [
            f"{e['type']} {e['reason']}: {e['message']}" for e in self.sim.list("Event", namespace)
        ]

    def reasons(self, namespace: str = "default") -> set[str]:
        return {str(e["reason"]) for e in self.sim.list("Event", namespace)}

    def writes(self, *, events: bool = False) -> Counter[str]:
        """Successful writes of the controller by verb and resource."""
        return Counter(
            f"{w.verb} {w.resource}"
            for w in self.sim.writes.latest
            if w.user_agent == AGENT and w.code < 300 and (events or w.resource != "events")
        )


@functools.cache
def definitions() -> tuple[Json, ...]:
    """The CRDs; making them takes as long as many a story."""
    return tuple(custom_resource_definitions())


#: The CRDs as a cluster keeps them, from the first one on: to check them again takes as long as many a story.
_DEFINED: list[Json] = []
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


async def _define(cluster: Sim) -> None:
    for stored in _DEFINED:
        cluster.store.put(_DEFINITIONS, stored)
    if not _DEFINED:
        for definition in definitions():
            cluster.create_object(definition)
        await cluster.settle()
        _DEFINED.extend(cluster.list("CustomResourceDefinition"))
    await cluster.settle()


def play(
    story: Story,
    *classes: type,
    sim: SimSettings | None = None,
    settings: Settings | None = None,
    started: bool = True,
) -> None:
    """Run a story in virtual time. `classes` are providers and routers that are installed for it."""

    async def whole() -> None:
        async with Sim(sim or SimSettings(ready_after=0.5, gone_after=0.3)) as cluster:
            await _define(cluster)
            live = Live(cluster, registry_of(*classes), settings or Settings(environment={}))
            if started:
                live.start()
                await asyncio.sleep(0.01)
            try:
                await story(live)
            finally:
                while live.running:
                    await live.kill()
                await live.registry.aclose()

    run_virtual(whole())
