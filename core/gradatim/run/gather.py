"""Gathers the snapshot of one Rollout from the caches, and what is wrong with it.

In: a Rollout's key. Out: a `Snapshot` for `decide`. Called by `rollouts.py` at the start of each pass.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ..decide import Route, Snapshot
from ..decide.analysis import gather as follow_templates
from ..decide.claims import claimed
from ..decide.metadata import metadata_blocks
from ..decide.pingpong import with_services
from ..decide.restart import is_due
from ..decide.traffic import present_state
from ..errors import PluginError
from ..kube.cache import Entry
from ..kube.client import Client
from ..kube.errors import Forbidden
from ..model import names
from ..model.analysis import Template, TemplateRef, read_template_refs
from ..model.canary import Canary
from ..model.duration import DurationError, duration_seconds
from ..model.reading import Json, Reader
from ..model.rollout import Rollout
from ..model.selector import is_empty, selects
from ..model.workload import Pod, ReplicaSet, Service
from ..plugin import Capability, FieldPath, Problem, RouterError
from ..registry import Registry
from ..validate import References, reference_problems, rollout_problems
from .defaults import Defaults
from .dependencies import Dependencies
from .guardedrouter import GuardedRouter
from .podwatch import PodWatch
from .routeobjects import RouteObjects
from .stepexperiments import experiments_of, runs_of, sets_of
from .surepods import SurePods
from .trafficmemory import TrafficMemory
from .verifying import Verifying, is_behind
from .workloads import resolved, workload_object
from .world import BY_OWNER, ORPHANS, World

Key = tuple[str, str]

#: How long a pass counts a change as on its way that no router could be asked about yet.
_UNTIL_ASKED: Final = timedelta(seconds=1)

_ROUTING: Final = FieldPath("spec", "strategy", "canary", "trafficRouting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where snapshots are gathered from.

    Attributes:
        propagation_delay: how long a change of traffic takes, unless an annotation says otherwise.
    """

    world: World
    objects: RouteObjects
    registry: Registry
    memory: TrafficMemory
    dependencies: Dependencies[Key]
    verifying: Verifying
    client: Client
    defaults: Defaults
    pods: PodWatch
    propagation_delay: timedelta
    instance_id: str = ""


class Gatherer:
    """Makes snapshots. Spec problems are remembered by generation, since they only depend on the spec."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._routers: dict[str, GuardedRouter] = {}
        self._known: dict[str, tuple[object, tuple[Problem, ...]]] = {}
        self._sure = SurePods()

    async def snapshot(self, entry: Entry[Rollout], now: datetime) -> Snapshot:
        """The world of one Rollout, as the caches have it.

        Raises:
            KubeError: an object of its routers, or the defaults of its template, could not be read.
        """
        assert entry.view is not None, "callers skip entries that could not be parsed"  # noqa: S101
        found = await resolved(entry.view, self._around.objects)
        rollout, world = found.rollout, self._around.world
        canary = rollout.canary
        services = self._services(rollout)
        templates = self._templates(rollout)
        key = (entry.namespace, entry.name)
        routes, unread = await self._routes(rollout, canary)
        experiments = await experiments_of(rollout, world, self._around.client)
        self._note(key, rollout, services, templates, routes)
        snapshot = Snapshot(
            rollout=rollout,
            replica_sets=self._sure.seen(
                key,
                (e.view for e in world.replica_sets.by(BY_OWNER, entry.uid) if e.view is not None),
            ),
            orphans=self._orphans(rollout),
            services={n: s for n, s in services.items() if s is not None},
            runs=tuple(e.view for e in world.runs.by(BY_OWNER, entry.uid) if e.view is not None),
            experiments=experiments,
            experiment_sets=sets_of(rollout, experiments, world),
            experiment_runs=runs_of(rollout, experiments, world),
            templates={r: t for r, t in templates.items() if t is not None},
            routes=routes,
            propagation_delay=delay_of(rollout, self._around.propagation_delay),
            instance_id=self._around.instance_id,
            skipped_steps=self._around.registry.skipped_steps,
            workload=found.workload,
        )
        problems = found.problems or unread or tuple(self._problems(rollout, snapshot))
        if problems:
            return replace(snapshot, problems=problems)
        defaulted = await self._around.defaults.template(rollout, claimed(snapshot))
        pods = self._pods(key, snapshot, now)
        snapshot = replace(snapshot, defaulted_template=defaulted, pods=pods)
        if not routes and rollout.blue_green_view is None:
            return snapshot
        changed = self._around.memory.changed(key, _traffic_state(snapshot), now)
        return await self._asked(key, replace(snapshot, traffic_changed=changed))

    def awaits_counts(self, entry: Entry[Rollout], now: float) -> bool:
        """Nobody can tell yet how many pods are sure to stay; by the loop's time."""
        found = (e.view for e in self._around.world.replica_sets.by(BY_OWNER, entry.uid))
        sets = (view for view in found if view is not None)
        return self._sure.awaits((entry.namespace, entry.name), sets, now)

    def forget(self, key: Key, uid: str) -> None:
        """The Rollout is gone."""
        self._known.pop(uid, None)
        self._around.defaults.forget(uid)
        self._around.memory.forget(key)
        self._sure.forget(key)
        self._around.dependencies.forget(key)
        self._around.verifying.forget(key)

    def _orphans(self, rollout: Rollout) -> tuple[ReplicaSet, ...]:
        if is_empty(rollout.selector):
            return ()
        found = self._around.world.replica_sets.by(ORPHANS, rollout.namespace)
        views = (entry.view for entry in found if entry.view is not None)
        return tuple(r for r in views if selects(rollout.selector, r.meta.labels))

    def _pods(self, key: Key, snapshot: Snapshot, now: datetime) -> tuple[Pod, ...] | None:
        rollout = snapshot.rollout
        if not is_due(rollout, now) and metadata_blocks(rollout) is None:
            return None
        return self._around.pods.of(key, [r.meta.uid for r in snapshot.replica_sets])

    def _services(self, rollout: Rollout) -> dict[str, Service | None]:
        cache = self._around.world.services
        found = {name: cache.get(rollout.namespace, name) for name in _service_names(rollout)}
        return {name: entry.view if entry else None for name, entry in found.items()}

    def _templates(self, rollout: Rollout) -> dict[TemplateRef, Template | None]:
        """Every template that the strategy refers to, directly or through another one."""
        looked_up: dict[TemplateRef, Template | None] = {}

        def look_up(ref: TemplateRef) -> Template | None:
            world = self._around.world
            cache = world.cluster_templates if ref.cluster_scope else world.templates
            entry = cache.get("" if ref.cluster_scope else rollout.namespace, ref.name)
            looked_up[ref] = entry.view if entry else None
            return looked_up[ref]

        for block in _analyses(rollout):
            follow_templates(read_template_refs(Reader(block)), look_up)
        return looked_up

    async def _routes(
        self, rollout: Rollout, canary: Canary | None
    ) -> tuple[tuple[Route, ...], tuple[Problem, ...]]:
        """The routers with their objects, and why some of them can never be read."""
        if canary is None or canary.routing is None:
            return (), ()
        routes, problems = [], []
        for key, config in canary.routing.routers.items():
            router = self._router(key)
            if router is None:
                # validation says that nobody serves the key
                continue
            route = Route(key=key, router=router, config=config, path=_path(key))
            try:
                routes.append(await self._with_objects(route, rollout.namespace))
            except (Forbidden, RouterError) as error:
                # somebody has to give us the right, or to mend the plugin: said where the author looks
                problems.append(Problem(route.path, str(error)))
        return tuple(routes), tuple(problems)

    async def _with_objects(self, route: Route, namespace: str) -> Route:
        objects = {}
        for ref in route.router.references(route.config, namespace):
            found = await self._around.objects.get(ref)
            if found is not None:
                objects[ref] = found
        return replace(route, objects=objects)

    def _router(self, key: str) -> GuardedRouter | None:
        known = self._routers.get(key)
        if known is None:
            try:
                known = GuardedRouter(key, self._around.registry.traffic_router(key))
            except PluginError:
                return None
            self._routers[key] = known
        return known

    def _problems(self, rollout: Rollout, snapshot: Snapshot) -> Iterator[Problem]:
        workload = snapshot.workload
        made_for = (rollout.meta.generation, workload.generation if workload else 0)
        seen, known = self._known.get(rollout.meta.uid, (None, ()))
        if seen != made_for:
            registry = self._around.registry
            known = tuple(rollout_problems(rollout, registry))
            self._known[rollout.meta.uid] = (made_for, known)
        yield from known
        if not known:
            references = References(
                services=snapshot.services, templates=snapshot.templates, routes=snapshot.routes
            )
            yield from reference_problems(rollout, references, self._around.registry)

    def _note(
        self,
        key: Key,
        rollout: Rollout,
        services: Mapping[str, object],
        templates: Mapping[TemplateRef, object],
        routes: tuple[Route, ...],
    ) -> None:
        """Remember what the Rollout looks at, whether it is there or not."""
        things: list[Hashable] = [service_key(rollout.namespace, name) for name in services]
        things += [template_key(rollout.namespace, ref) for ref in templates]
        things += filter(None, [workload_object(rollout)])
        for route in routes:
            things += route.router.references(route.config, rollout.namespace)
        self._around.dependencies.set(key, things)

    async def _asked(self, key: Key, snapshot: Snapshot) -> Snapshot:
        """With what the routers say about the weights that were written last.

        One that cannot be asked before the status is right has a moment until the next pass asks it: with a delay of
        nothing pods would go in the pass of a controller that starts after another was killed.
        """
        routes, delay = [], snapshot.propagation_delay
        for route in snapshot.routes:
            wanted = present_state(snapshot, route)
            verified = None
            if wanted is not None and Capability.VERIFY in self._around.registry.capabilities(
                route.key
            ):
                if is_behind(route, wanted):
                    delay = max(delay, _UNTIL_ASKED)
                else:
                    verified = await self._around.verifying.ask(key, route, wanted)
            routes.append(replace(route, verified=verified))
        return replace(snapshot, routes=tuple(routes), propagation_delay=delay)


def delay_of(rollout: Rollout | None, default: timedelta) -> timedelta:
    """How long a change of this Rollout's traffic takes to reach every proxy: its annotation, or the flag's word."""
    annotations = rollout.meta.annotations if rollout is not None else {}
    text = annotations.get(names.PROPAGATION_DELAY, "")
    try:
        seconds = duration_seconds(text) if text else -1.0
    except DurationError:
        seconds = -1.0
    return timedelta(seconds=seconds) if seconds >= 0 else default


def service_key(namespace: str, name: str) -> Hashable:
    """How a Service is named among the things that a Rollout looks at."""
    return ("Service", namespace, name)


def template_key(namespace: str, ref: TemplateRef) -> Hashable:
    """How a template is named among them."""
    return ("Template", "" if ref.cluster_scope else namespace, ref.name)


def _service_names(rollout: Rollout) -> Iterator[str]:
    canary, block = rollout.canary, rollout.blue_green_view
    if canary is not None:
        canary = with_services(rollout, canary)
        yield from filter(None, (canary.stable_service, canary.canary_service))
    if block is not None:
        yield from filter(None, (block.active_service, block.preview_service))


def _analyses(rollout: Rollout) -> Iterator[Json]:
    canary, block = rollout.canary, rollout.blue_green_view
    if block is not None:
        yield from filter(None, (block.pre_promotion, block.post_promotion))
    if canary is None:
        return
    if canary.background is not None:
        yield canary.background.raw
    for step in canary.steps:
        if step.analysis is not None:
            yield step.analysis
        if step.experiment is not None:
            # each of its analyses names one template, in the form of a list of them
            yield {"templates": step.experiment.get("analyses")}


def _path(key: str) -> FieldPath:
    return _ROUTING / "plugins" / key if "/" in key else _ROUTING / key


def _traffic_state(snapshot: Snapshot) -> Hashable:
    """What decides where requests go: selectors, and the specs of the routers' objects by version."""
    selectors = tuple(sorted((n, s.pod_hash) for n, s in snapshot.services.items()))
    versions = tuple(
        (ref, _version(obj)) for route in snapshot.routes for ref, obj in route.objects.items()
    )
    return (selectors, versions)


def _version(obj: Json) -> object:
    """A number that changes with the spec, and not with the status that a mesh may write."""
    meta = obj.get("metadata") or {}
    return meta.get("generation") or meta.get("resourceVersion")
