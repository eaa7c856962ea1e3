"""The controller: watches, queues, workers, events, and how they stop.

In: a client, the plugins and settings. Out: a running controller, until it is told to stop. `cli/run.py` runs it on a
cluster, the demo and whole-cluster tests on an embedded one: it does not know which.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..apply import Applier
from ..apply import Ports as ApplierPorts
from ..decide import DEFAULT_PROPAGATION_DELAY
from ..kube.cache import Cache, Change
from ..kube.client import Client
from ..kube.events import EventRecorder
from ..kube.resources import Resource
from ..model.analysis import Template
from ..model.analysisrun import AnalysisRun
from ..model.rollout import Rollout
from ..model.workload import ReplicaSet, Service
from ..plugin import ObjectRef, Wanted
from ..registry import Registry
from .analysis import AnalysisRuns
from .analysis import Ports as AnalysisPorts
from .dependencies import Dependencies
from .fence import Fence
from .gather import Around, Gatherer, service_key, template_key
from .guardedrouter import GuardedRouter
from .measuring import Measuring, Surroundings
from .queue import WorkQueue
from .rollouts import Ports as RolloutPorts
from .rollouts import Rollouts
from .routeobjects import RouteObjects
from .secretcache import SecretCache
from .secrets import Secrets
from .trafficmemory import TrafficMemory
from .world import Scope, World
from .writes import WrittenObjects

log = logging.getLogger(__name__)

Key = tuple[str, str]

#: Seconds that passes and events are given to end when the controller stops.
GRACE: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the controller works; the defaults are those of the flags (§7.5 of the reference).

    Attributes:
        namespace: the controller's own, where providers' Secrets are.
        resync: seconds after which every Rollout gets a pass without a reason.
    """

    scope: Scope = field(default_factory=Scope)
    namespace: str = "gradatim"
    rollout_workers: int = 10
    analysis_workers: int = 30
    resync: float = 900.0
    propagation_delay: timedelta = DEFAULT_PROPAGATION_DELAY
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)


class Controller:
    """One controller on one cluster."""

    def __init__(
        self,
        client: Client,
        registry: Registry,
        settings: Settings | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings = settings or Settings()
        self._client = client
        self._registry = registry
        self._clock = clock
        self.world = World()
        self.recorder = EventRecorder(client, now=clock)
        self._dependencies: Dependencies[Key] = Dependencies()
        self._memory = TrafficMemory()
        self._objects = RouteObjects(client, settings.scope.namespace, self._object_changed)
        self._written = WrittenObjects(self._cache_of)
        self.rollouts = self._make_rollouts()
        self.rollout_queue = WorkQueue("rollout", self.rollouts.reconcile)
        self.fence = Fence(ticks)
        secrets = SecretCache(Secrets(client), ticks)
        surroundings = Surroundings(namespace=settings.namespace, environment=settings.environment)
        measuring = Measuring(registry, self.fence, secrets, surroundings, clock)
        self.runs = AnalysisRuns(
            AnalysisPorts(
                client=client,
                runs=self.world.runs,
                measurer=measuring,
                recorder=self.recorder,
                requeue=lambda key: self.run_queue.add(key),
                clock=clock,
            )
        )
        self.run_queue = WorkQueue("analysis run", self.runs.reconcile)
        self._reflectors = self.world.reflectors(client, settings.scope)
        self._subscribe()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then end what is under way, and return."""
        following = [self._task(r.run()) for r in self._reflectors]
        telling = self._task(self.recorder.run())
        try:
            await self._synced()
            log.info("watching %s", ", ".join(r.health.of for r in self._reflectors))
            working = [self._task(self.rollout_queue.work()) for _ in range(self._workers[0])]
            working += [self._task(self.run_queue.work()) for _ in range(self._workers[1])]
            working.append(self._task(self._resync()))
            try:
                await stop.wait()
            finally:
                await self._wind_up(working)
        finally:
            await self.recorder.flushed(within=GRACE)
            await _ended([*following, telling])
            await self._objects.aclose()

    @property
    def faults(self) -> list[str]:
        """What keeps the controller from working, one line each; nothing when all is well."""
        return [
            f"{health.of}: {health.fault}" if health.fault else f"{health.of}: not listed yet"
            for health in (*(r.health for r in self._reflectors), *self._objects.health)
            if not health.is_synced or health.failures > 3
        ]

    @property
    def _workers(self) -> tuple[int, int]:
        return self.settings.rollout_workers, self.settings.analysis_workers

    async def _synced(self) -> None:
        caches = [cache for cache, _ in self.world.selections(self.settings.scope)]
        await asyncio.gather(*(cache.synced() for cache in caches))

    async def _resync(self) -> None:
        """A pass for everything, now and then: it heals what an event that never came has left."""
        while True:
            await asyncio.sleep(self.settings.resync)
            for entry in self.world.rollouts.all():
                self.rollout_queue.add((entry.namespace, entry.name))
            for run in self.world.runs.all():
                self.run_queue.add((run.namespace, run.name))

    async def _wind_up(self, working: list[asyncio.Task[None]]) -> None:
        """Let passes that have begun reach their end: half a plan is safe, but a whole one is better."""
        self.rollout_queue.close()
        self.run_queue.close()
        await self.rollout_queue.rested(within=GRACE)
        await _ended(working)
        await self.runs.aclose()

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    def _make_rollouts(self) -> Rollouts:
        settings = self.settings
        gatherer = Gatherer(
            Around(
                world=self.world,
                objects=self._objects,
                registry=self._registry,
                memory=self._memory,
                dependencies=self._dependencies,
                propagation_delay=settings.propagation_delay,
                instance_id=settings.scope.instance_id,
            )
        )
        applier = Applier(
            ApplierPorts(
                client=self._client,
                recorder=self.recorder,
                memory=self._written,
                routers=_Outside(self._registry),
                resource_of=self._objects.resource,
            )
        )
        return Rollouts(
            RolloutPorts(
                world=self.world,
                gatherer=gatherer,
                applier=applier,
                written=self._written,
                memory=self._memory,
                clock=self._clock,
            )
        )

    def _cache_of(self, resource: Resource) -> Cache[Any] | None:
        return self.world.of(resource) or self._objects.cache(resource)

    # changes and whom they concern

    def _subscribe(self) -> None:
        world = self.world
        world.rollouts.subscribe(self._rollout_changed)
        world.replica_sets.subscribe(self._owned_changed)
        world.runs.subscribe(self._run_changed)
        world.services.subscribe(self._service_changed)
        world.templates.subscribe(self._template_changed)
        world.cluster_templates.subscribe(self._template_changed)

    def _rollout_changed(self, change: Change[Rollout]) -> None:
        entry = change.new or change.old
        if entry is None:
            return
        self.rollout_queue.add((entry.namespace, entry.name))
        if change.old is None and entry.view is not None and not entry.view.status.raw:
            # the reference tells of it at each start, for each Rollout; once is enough
            message = f"Rollout resource added to informer: {entry.namespace}/{entry.name}"
            self.recorder.emit(entry.object, "Normal", "RolloutAddedToInformer", message)
        if change.new is None:
            message = f"Rollout resource deleted: {entry.namespace}/{entry.name}"
            self.recorder.emit(entry.object, "Normal", "RolloutDeleted", message)

    def _owned_changed(self, change: Change[ReplicaSet] | Change[AnalysisRun]) -> None:
        for entry in (change.old, change.new):
            if entry is not None and entry.view is not None:
                meta = entry.view.meta
                if meta.owner_kind == "Rollout":
                    self.rollout_queue.add((entry.namespace, meta.owner_name))

    def _run_changed(self, change: Change[AnalysisRun]) -> None:
        entry = change.new or change.old
        if entry is None:
            return
        self.run_queue.add((entry.namespace, entry.name))
        old, new = (e.view if e is not None else None for e in (change.old, change.new))
        if old is None or new is None or old.phase != new.phase or old.message != new.message:
            self._owned_changed(change)

    def _service_changed(self, change: Change[Service]) -> None:
        entry = change.new or change.old
        if entry is not None:
            self._thing_changed(service_key(entry.namespace, entry.name))

    def _template_changed(self, change: Change[Template]) -> None:
        for entry in (change.old, change.new):
            if entry is not None and entry.view is not None:
                self._thing_changed(template_key(entry.namespace, entry.view.ref))

    def _object_changed(self, ref: ObjectRef) -> None:
        self._thing_changed(ref)

    def _thing_changed(self, thing: object) -> None:
        for key in self._dependencies.on(thing):
            self.rollout_queue.add(key)


class _Outside:
    """Routers of control planes outside the cluster, each call guarded."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def apply(self, router: str, wanted: Wanted) -> None:
        """Have one bring about a state."""
        await GuardedRouter(router, self._registry.traffic_router(router)).apply(wanted)


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
