"""The controller: watches, queues, workers, events, and how they stop.

In: a client, the plugins and settings. Out: a running controller, until it is told to stop. `cli/run.py` runs it on a
cluster, the demo and whole-cluster tests on an embedded one: it does not know which.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..apply import Applier, ExperimentApplier
from ..apply import ExperimentPorts as ExperimentApplierPorts
from ..apply import Ports as ApplierPorts
from ..decide import DEFAULT_PROPAGATION_DELAY
from ..kube.cache import Cache
from ..kube.client import Client
from ..kube.events import EventRecorder
from ..kube.resources import Resource
from ..registry import Registry
from .analysis import AnalysisRuns
from .analysis import Ports as AnalysisPorts
from .cleanup import Cleanup
from .cleanup import Ports as CleanupPorts
from .defaults import Defaults
from .dependencies import Dependencies
from .experimentgather import Around as AroundExperiments
from .experimentgather import ExperimentGatherer
from .experiments import Experiments
from .experiments import Ports as ExperimentPorts
from .fence import Fence
from .gather import Around, Gatherer
from .inquiry import Surroundings
from .jobs import Connect, JobAccess
from .measuring import Measuring
from .otherclusters import Clusters
from .outside import OutsideRouters
from .pluginthread import OwnThreads, Place
from .podwatch import PodWatch
from .probing import Probing, shown
from .queue import WorkQueue
from .rollouts import Ports as RolloutPorts
from .rollouts import Rollouts
from .routeobjects import RouteObjects
from .secretcache import SecretCache
from .secrets import Secrets
from .stepcalls import Ports as StepPorts
from .stepcalls import StepCalls
from .stepping import Stepping
from .supervision import supervised
from .trafficmemory import TrafficMemory
from .triggers import Queues, Triggers
from .verifying import Verifying
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
        probe_templates: ask at the start whether the templates that are there could be measured.
        api_versions: by API group the version in which routers' objects are read and written.
    """

    scope: Scope = field(default_factory=Scope)
    namespace: str = "gradatim"
    rollout_workers: int = 10
    experiment_workers: int = 10
    analysis_workers: int = 30
    resync: float = 900.0
    propagation_delay: timedelta = DEFAULT_PROPAGATION_DELAY
    probe_templates: bool = False
    api_versions: Mapping[str, str] = field(default_factory=dict)
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
        connect: Connect | None = None,
        clusters: Clusters | None = None,
        place: Place | None = None,
    ) -> None:
        self.settings = settings = settings or Settings()
        self._client = client
        self._clusters = clusters = clusters or Clusters(client)
        self._registry = registry
        self._clock = clock
        self.world = World()
        self.recorder = EventRecorder(client, now=clock)
        self._dependencies: Dependencies[Key] = Dependencies()
        self._memory = TrafficMemory()
        self._verifying = Verifying(lambda key: self.rollout_queue.add(key), self._unverified)
        self._objects = RouteObjects(
            clusters,
            settings.scope.namespace,
            lambda ref: self._triggers.changed(ref),
            settings.api_versions,
        )
        self._pods = PodWatch(client, self.world.pods, settings.scope.namespace, self._unreadable)
        self._written = WrittenObjects(self._cache_of)
        self.fence = Fence(ticks)
        secrets = SecretCache(Secrets(client), ticks)
        self._jobs = JobAccess(client, settings.environment, connect)
        surroundings = Surroundings(
            namespace=settings.namespace, environment=settings.environment, jobs=self._jobs
        )
        self._stepping = Stepping(
            StepCalls(
                StepPorts(
                    plugins=registry,
                    fence=self.fence,
                    secrets=secrets,
                    surroundings=surroundings,
                    place=place or OwnThreads(),
                    clock=clock,
                )
            ),
            lambda key: self.rollout_queue.add(key),
        )
        self.rollouts = self._make_rollouts()
        self.rollout_queue = WorkQueue("rollout", self.rollouts.reconcile)
        self.experiment_queue = WorkQueue("experiment", self._make_experiments().reconcile)
        measuring = Measuring(registry, self.fence, secrets, surroundings, clock)
        self._probing = Probing(registry, self.fence, secrets, surroundings, clock)
        self.broker = measuring.broker
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
        self._triggers = Triggers(
            self.world,
            self._dependencies,
            self.recorder,
            Queues(self.rollout_queue, self.run_queue, self.experiment_queue),
        )
        self._reflectors = self.world.reflectors(client, settings.scope)
        self._triggers.subscribe()
        self._cleanup = Cleanup(
            CleanupPorts(
                client=client,
                clusters=self._clusters,
                world=self.world,
                objects=self._objects,
                registry=registry,
            )
        )
        self._cleanup.subscribe()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then end what is under way, and return.

        Cancelled, it stops at once and in the middle of whatever it does: somebody else may be leading already.
        """
        tasks = [self._task(supervised(r.health.of, r.run)) for r in self._reflectors]
        tasks.append(self._task(supervised("events", self.recorder.run)))
        try:
            if await self._synced(stop):
                log.info("watching %s", ", ".join(r.health.of for r in self._reflectors))
                tasks += self._begin()
                await stop.wait()
                await self._wind_up()
        finally:
            self._cleanup.queue.close()
            for queue in self._queues:
                queue.close()
            await _ended(tasks)
            await self.runs.aclose()
            await self._jobs.aclose()
            await self._clusters.aclose()
            await self._stepping.aclose()
            await self._verifying.aclose()
            await self._objects.aclose()
            await self._pods.aclose()

    @property
    def faults(self) -> list[str]:
        """What keeps the controller from working, one line each; nothing when all is well."""
        return [
            f"{health.of}: {health.fault}" if health.fault else f"{health.of}: not listed yet"
            for health in (
                *(r.health for r in self._reflectors),
                *self._objects.health,
                *self._pods.health,
            )
            if not health.is_synced or health.failures > 3
        ]

    @property
    def _queues(self) -> tuple[WorkQueue[Key], ...]:
        return (self.rollout_queue, self.experiment_queue, self.run_queue)

    @property
    def _workers(self) -> tuple[int, ...]:
        settings = self.settings
        return (settings.rollout_workers, settings.experiment_workers, settings.analysis_workers)

    async def _synced(self, stop: asyncio.Event) -> bool:
        """Wait for the first lists: whether they came before `stop`."""
        caches = [cache for cache, _ in self.world.selections(self.settings.scope)]
        listed = self._task(_all(cache.synced() for cache in caches))
        stopping = self._task(_all([stop.wait()]))
        try:
            await asyncio.wait({listed, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return not stop.is_set()
        finally:
            await _ended([listed, stopping])

    def _begin(self) -> list[asyncio.Task[None]]:
        working = [
            self._task(queue.work())
            for queue, workers in zip(self._queues, self._workers, strict=True)
            for _ in range(workers)
        ]
        working.append(self._task(self._cleanup.queue.work()))
        if self.settings.probe_templates:
            working.append(self._task(self._probe()))
        return [*working, self._task(supervised("resync", self._resync))]

    async def _probe(self) -> None:
        """Say which templates could not be measured now, so that no release is the first to find out."""
        caches = self.world.templates, self.world.cluster_templates
        templates = [entry.view for cache in caches for entry in cache.all() if entry.view]
        for template, problems in await self._probing.templates(templates):
            for problem in problems:
                log.warning("%s: %s", shown(template), problem)
                self.recorder.emit(template.raw, "Warning", "ProbeFailed", str(problem))

    async def _resync(self) -> None:
        """A pass for everything, now and then: it heals what an event that never came has left."""
        while True:
            await asyncio.sleep(self.settings.resync)
            for entry in self.world.rollouts.all():
                self.rollout_queue.add((entry.namespace, entry.name))
            for experiment in self.world.experiments.all():
                self.experiment_queue.add((experiment.namespace, experiment.name))
            for run in self.world.runs.all():
                self.run_queue.add((run.namespace, run.name))

    async def _wind_up(self) -> None:
        """Let passes that have begun reach their end: half a plan is safe, but a whole one is better."""
        for queue in self._queues:
            queue.close()
        await asyncio.gather(*(queue.rested(within=GRACE) for queue in self._queues))
        await self.recorder.flushed(within=GRACE)

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
                verifying=self._verifying,
                client=self._client,
                defaults=Defaults(self._client),
                pods=self._pods,
                propagation_delay=settings.propagation_delay,
                instance_id=settings.scope.instance_id,
            )
        )
        applier = Applier(
            ApplierPorts(
                client=self._client,
                recorder=self.recorder,
                memory=self._written,
                routers=OutsideRouters(self._registry, max(1, settings.rollout_workers // 2)),
                resource_of=self._objects.resource,
                client_of=self._clusters.of,
            )
        )
        return Rollouts(
            RolloutPorts(
                world=self.world,
                gatherer=gatherer,
                applier=applier,
                written=self._written,
                memory=self._memory,
                stepping=self._stepping,
                recorder=self.recorder,
                clock=self._clock,
            )
        )

    def _make_experiments(self) -> Experiments:
        written = WrittenObjects(self._cache_of)
        around = AroundExperiments(
            world=self.world,
            client=self._client,
            traffic_changed=self._memory.last,
            propagation_delay=self.settings.propagation_delay,
        )
        ports = ExperimentApplierPorts(client=self._client, recorder=self.recorder, memory=written)
        return Experiments(
            ExperimentPorts(
                world=self.world,
                gatherer=ExperimentGatherer(around),
                applier=ExperimentApplier(ports),
                written=written,
                recorder=self.recorder,
                clock=self._clock,
            )
        )

    def _unverified(self, key: Key, message: str) -> None:
        self._warn(key, "WeightVerifyError", message)

    def _unreadable(self, key: Key, message: str) -> None:
        self._warn(key, "ReconciliationError", message)

    def _warn(self, key: Key, reason: str, message: str) -> None:
        entry = self.world.rollouts.get(*key)
        if entry is not None:
            self.recorder.emit(entry.object, "Warning", reason, message)

    def _cache_of(self, resource: Resource) -> Cache[Any] | None:
        cache = self.world.of(resource)
        # asked for None and not for truth: a cache that holds nothing yet is one, too
        return self._objects.cache(resource) if cache is None else cache


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _all(waits: Iterable[Awaitable[object]]) -> None:
    await asyncio.gather(*waits)
