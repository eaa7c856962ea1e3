"""The demo's stage: an embedded cluster, the real controller with the installed plugins, and the shop.

In: nothing. Out: a running stage, and views of what is on it. `story.py` plays on it, `screen.py` shows it.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any, Final

from gradatim.crds import custom_resource_definitions
from gradatim.errors import SetupError
from gradatim.kube.client import Client
from gradatim.registry import Registry, load_registry
from gradatim.run.controller import Controller, Settings
from gradatim.sim import Sim, SimSettings

from .shop import ComputedVisitors
from .telemetry import PrometheusFace
from .visitors import Visitors, quality

Json = dict[str, Any]

#: Seconds until the proxies follow a change.
MESH_LAG: Final = 0.5
_BUILT_IN: Final = "the built-in mesh stands in for proxies: its requests are computed"

_WANTED: Final = {"istio": "gradatim-istio", "prometheus": "gradatim-prometheus"}


@dataclass(frozen=True, slots=True)
class Version:
    """One revision of the shop.

    Attributes:
        image: its image.
        ready: pods that are ready.
        rate: requests a second.
        share: its share of all of them.
        success: the share of good answers, as the metric reads it.
    """

    image: str
    ready: int
    rate: float
    share: float
    success: float | None


class Stage:
    """`async with Stage(mesh) as stage`: everything runs; afterwards nothing is left.

    `mesh` is `envoy`, `built-in`, or `auto`: Envoy if there is one. `mesh_told` says which it is, and why.
    """

    def __init__(self, mesh: str = "auto") -> None:
        self.sim = Sim(SimSettings(ready_after=0.8, gone_after=0.4, mesh_lag=MESH_LAG))
        self.visitors: Visitors = ComputedVisitors(self.sim)
        self.mesh_told = _BUILT_IN
        self.told: list[str] = []
        self._mesh = mesh
        self._stack = AsyncExitStack()
        self._stop = asyncio.Event()

    async def __aenter__(self) -> Stage:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        registry = checked_registry()
        await self._stack.enter_async_context(self.sim)
        for crd in custom_resource_definitions():
            self.sim.create_object(crd)
        if self._mesh != "built-in":
            await self._use_envoy()
        face = PrometheusFace(self.visitors)
        address = await face.start()
        self._stack.push_async_callback(face.aclose)
        settings = Settings(propagation_delay=timedelta(seconds=1), environment={})
        controller = Controller(Client(self.sim.transport()), registry, settings)
        controller.recorder.listeners.append(lambda e: self.told.append(f"{e.reason}: {e.message}"))
        working = asyncio.create_task(controller.run(self._stop))
        self._stack.push_async_callback(self._ended, working)
        text = files(__package__).joinpath("shop.yaml").read_text("utf-8")
        self.sim.create(text.replace("${PROMETHEUS}", address))
        visiting = asyncio.create_task(self.visitors.visit())
        self._stack.push_async_callback(_cancelled, visiting)

    async def _use_envoy(self) -> None:
        # not at the top: a demo without Envoy needs none of it
        from gradatim.sim.envoy import EnvoyFault, Lag, RealMesh

        from .envoyshop import EnvoyVisitors

        try:
            mesh = RealMesh(self.sim, Lag(rules=MESH_LAG), quality)
            await self._stack.enter_async_context(mesh)
        except EnvoyFault as fault:
            if self._mesh == "envoy":
                raise SetupError(str(fault)) from fault
            self.mesh_told = f"{fault}; {_BUILT_IN}"
        else:
            self.visitors = EnvoyVisitors(mesh)
            self.mesh_told = "HTTP requests go through a real Envoy, and each is counted"

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    async def _ended(self, working: asyncio.Task[None]) -> None:
        self._stop.set()
        await working

    def release(self, image: str) -> None:
        """Give the shop a new image, as a pipeline does."""
        spec = {"template": {"spec": {"containers": [{"name": "shop", "image": image}]}}}
        self.sim.patch("Rollout", "shop", {"spec": spec})

    @property
    def status(self) -> Json:
        """The Rollout's status."""
        status: Json = self.sim.get("Rollout", "shop").get("status", {})
        return status

    @property
    def has_seen_spec(self) -> bool:
        """The controller has seen the Rollout as it is now."""
        generation = self.sim.get("Rollout", "shop")["metadata"].get("generation", 1)
        return bool(self.status.get("observedGeneration") == str(generation))

    @property
    def weight(self) -> int:
        """The canary's weight, as the VirtualService has it."""
        route = self.sim.get("VirtualService", "shop")["spec"]["http"][0]["route"]
        return int(route[1].get("weight", 0))

    @property
    def stable_image(self) -> str:
        """The image of the stable revision."""
        return self._images().get(self.status.get("stableRS", ""), "")

    def versions(self) -> list[Version]:
        """The revisions that have pods or get requests, oldest first."""
        rates = self.visitors.rates()
        total = sum(rates.values()) or 1.0
        found = []
        for each in self.sim.list("ReplicaSet"):
            pod_hash = each["metadata"]["labels"]["rollouts-pod-template-hash"]
            ready = each.get("status", {}).get("readyReplicas", 0)
            rate = rates.get(pod_hash, 0.0)
            if ready or rate:
                image = each["spec"]["template"]["spec"]["containers"][0]["image"]
                success = self.visitors.success_rate(pod_hash)
                found.append(Version(image, ready, rate, rate / total, success))
        return found

    def measurements(self) -> list[str]:
        """The values of the newest AnalysisRun, in their order."""
        runs = self.sim.list("AnalysisRun")
        if not runs:
            return []
        newest = max(runs, key=lambda r: int(r["metadata"]["resourceVersion"]))
        results = newest.get("status", {}).get("metricResults", [])
        return [m.get("value", "") for r in results for m in r.get("measurements", [])]

    def _images(self) -> dict[str, str]:
        return {
            r["metadata"]["labels"]["rollouts-pod-template-hash"]: r["spec"]["template"]["spec"][
                "containers"
            ][0]["image"]
            for r in self.sim.list("ReplicaSet")
        }


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def checked_registry() -> Registry:
    """The installed plugins; the demo needs two of them.

    Raises:
        SetupError: one of them is not there.
    """
    registry = load_registry()
    served = {*registry.router_keys(), *registry.metric_keys()}
    missing = [package for key, package in _WANTED.items() if key not in served]
    if missing:
        raise SetupError(
            f"the demo needs plugins that are not installed: pip install {' '.join(missing)}"
        )
    return registry
