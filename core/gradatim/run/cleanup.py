"""Takes our marks off what a Rollout does not name any more: hash selectors of Services, and what routers left.

In: changes of Services and Rollouts. Out: patches of Services and routers' objects. `controller.py` runs its queue.
The objects of other Rollouts, and those of controllers with another instance id, are left alone (§2.21).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ..apply import at_version
from ..decide.footprints import is_noted
from ..errors import PluginError
from ..kube.cache import Change
from ..kube.client import Client
from ..kube.errors import KubeError, NotFound
from ..kube.resources import ROLLOUTS, SERVICES, Address, Selection
from ..model import names
from ..model.reading import Json
from ..model.rollout import Rollout, parse_rollout
from ..model.workload import Service
from ..plugin import ObjectRef, Patch, RouterError
from ..registry import Registry
from ..validate.references import service_fields
from .guardedrouter import GuardedRouter
from .otherclusters import Clusters
from .queue import WorkQueue
from .routeobjects import RouteObjects
from .world import World

log = logging.getLogger(__name__)

#: A Service, or the routers' objects of a Rollout: which of the two, its namespace, its name.
Item: TypeAlias = tuple[str, str, str]
_SERVICE: Final = "service"
_ROUTES: Final = "routes"

#: Seconds after which a Rollout's routes are looked at once more: a pass that was under way may have written since.
_LOOK_BACK: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Whom the clean-up works with."""

    client: Client
    clusters: Clusters
    world: World
    objects: RouteObjects
    registry: Registry


@dataclass(slots=True)
class _Left:
    """Rollouts as they were when they named objects that they perhaps do not name now."""

    rollouts: list[Rollout] = field(default_factory=list)
    looked_back: bool = False


class Cleanup:
    """Cleans up. Its queue holds Services and Rollouts that something happened to."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._left: dict[Item, _Left] = {}
        self.queue: WorkQueue[Item] = WorkQueue("cleanup", self.reconcile)

    def subscribe(self) -> None:
        """Begin to listen."""
        self._ports.world.services.subscribe(self._service_changed)
        self._ports.world.rollouts.subscribe(self._rollout_changed)

    async def reconcile(self, item: Item) -> float | None:
        """Clean one Service, or what routers left of one Rollout; seconds until a second look at it.

        Raises:
            GradatimError: something could not be read or written; the queue tries again.
        """
        kind, namespace, name = item
        if kind == _SERVICE:
            await self._clean_service(namespace, name)
            return None
        return await self._clean_routes(item)

    def _service_changed(self, change: Change[Service]) -> None:
        entry = change.new
        if entry is not None and entry.view is not None and entry.view.pod_hash:
            self.queue.add((_SERVICE, entry.namespace, entry.name))

    def _rollout_changed(self, change: Change[Rollout]) -> None:
        old = change.old.view if change.old is not None else None
        new = change.new.view if change.new is not None else None
        if old is None or (new is not None and new.raw.get("spec") == old.raw.get("spec")):
            return
        for name in _service_names(old) - (_service_names(new) if new is not None else set()):
            self.queue.add((_SERVICE, old.namespace, name))
        if _routers(old) and (new is None or _routers(new) != _routers(old)):
            item = (_ROUTES, old.namespace, old.name)
            left = self._left.setdefault(item, _Left())
            left.rollouts.append(old)
            left.looked_back = False
            self.queue.add(item)

    # Services

    async def _clean_service(self, namespace: str, name: str) -> None:
        entry = self._ports.world.services.get(namespace, name)
        service = entry.view if entry is not None else None
        if service is None or not service.pod_hash or service.meta.deleting:
            return
        if service.meta.owner_kind == "Experiment" or await self._is_named(service):
            # an Experiment's Services are made for one hash, and go with it
            return
        meta: Json = {
            "annotations": {names.MANAGED_BY: None},
            "resourceVersion": service.meta.resource_version,
        }
        body = {"metadata": meta, "spec": {"selector": {names.POD_HASH: None}}}
        try:
            await self._ports.client.patch(SERVICES.at(namespace, name), body)
        except NotFound:
            return
        log.info("service %s/%s: no Rollout names it: its hash selector goes", namespace, name)
        await self._give_back(SERVICES.at(namespace, name))

    async def _is_named(self, service: Service) -> bool:
        """A Rollout names the Service, of whatever controller: those that we do not watch are asked for."""
        namespace, name = service.meta.namespace, service.meta.name
        known = self._ports.world.rollouts.get(namespace, service.managed_by or "")
        rollouts = [known] if known is not None else self._ports.world.rollouts.all(namespace)
        if any(e.view is not None and name in _service_names(e.view) for e in rollouts):
            return True
        if service.managed_by is not None:
            owner = await self._present(namespace, service.managed_by)
            return owner is not None and name in _service_names(owner)
        listing = await self._ports.client.list(Selection(ROLLOUTS, namespace))
        return any(name in _service_names(parse_rollout(raw)) for raw in listing.items)

    async def _present(self, namespace: str, name: str) -> Rollout | None:
        """The Rollout as the API server has it, also where its instance id hides it from our watch."""
        if not name:
            return None
        try:
            return parse_rollout(await self._ports.client.get(ROLLOUTS.at(namespace, name)))
        except NotFound:
            return None

    # objects of routers

    async def _clean_routes(self, item: Item) -> float | None:
        left = self._left.get(item)
        if left is None:
            return None
        now = await self._present(item[1], item[2])
        for old in tuple(left.rollouts):
            for key, config in _routers(old).items():
                await self._clean_router(old, now, key, config)
        if not left.looked_back:
            left.looked_back = True
            return _LOOK_BACK
        del self._left[item]
        return None

    async def _clean_router(
        self, old: Rollout, now: Rollout | None, key: str, config: Json
    ) -> None:
        router = self._router(key)
        if router is None:
            return
        try:
            kept = set(self._references(now)) if now is not None else set()
            refs = [r for r in router.references(config, old.namespace) if r not in kept]
            objects = await self._read(refs)
            for patch in router.released(old.name, config, old.namespace, objects):
                objects[patch.ref] = await self._write(patch)
            for ref in tuple(objects):
                gone = self._managed(old, ref)
                only = {ref: objects[ref]}
                for patch in router.without_routes(gone, config, old.namespace, only):
                    objects[patch.ref] = await self._write(patch)
            for ref, obj in objects.items():
                if is_noted(obj) and not router.bound_hashes(config, old.namespace, {ref: obj}):
                    resource = await self._ports.objects.resource(ref)
                    await self._give_back(resource.at(ref.namespace, ref.name))
        except RouterError as error:
            # nobody is left whose status could say so
            log.warning("rollout %s/%s is gone: %s", old.namespace, old.name, error)

    def _managed(self, old: Rollout, ref: ObjectRef) -> tuple[str, ...]:
        """Names of managed routes that no other Rollout has on the same object."""
        others = {
            name
            for entry in self._ports.world.rollouts.all()
            if entry.view is not None and entry.view.meta.uid != old.meta.uid
            for name in _managed_routes(entry.view)
            if ref in self._references(entry.view)
        }
        return tuple(name for name in _managed_routes(old) if name not in others)

    def _references(self, rollout: Rollout) -> Iterator[ObjectRef]:
        for key, config in _routers(rollout).items():
            router = self._router(key)
            if router is not None:
                yield from router.references(config, rollout.namespace)

    def _router(self, key: str) -> GuardedRouter | None:
        try:
            return GuardedRouter(key, self._ports.registry.traffic_router(key))
        except PluginError:
            return None

    async def _read(self, refs: Iterable[ObjectRef]) -> dict[ObjectRef, Json]:
        found = {ref: await self._ports.objects.get(ref) for ref in refs}
        return {ref: obj for ref, obj in found.items() if obj is not None}

    async def _write(self, patch: Patch) -> Json:
        """Write it against the version that it was planned for."""
        resource = await self._ports.objects.resource(patch.ref)
        address = resource.at(patch.ref.namespace, patch.ref.name)
        log.info("%s: no Rollout names it: its marks are taken off", patch.ref)
        return await self._ports.clusters.of(resource).patch(
            address, at_version(patch, patch.resource_version), kind=patch.kind
        )

    async def _give_back(self, address: Address) -> None:
        """Let nothing of it count as written by us. What is in the way of that is in nobody's way."""
        try:
            await self._ports.clusters.of(address.resource).give_back(address)
        except KubeError as error:
            log.info("%s: our fields are not given back: %s", address, error)


def _service_names(rollout: Rollout) -> set[str]:
    return {each.name for each in service_fields(rollout)}


def _routers(rollout: Rollout) -> Mapping[str, Json]:
    routing = rollout.canary.routing if rollout.canary is not None else None
    return routing.routers if routing is not None else {}


def _managed_routes(rollout: Rollout) -> tuple[str, ...]:
    routing = rollout.canary.routing if rollout.canary is not None else None
    return routing.managed_routes if routing is not None else ()
