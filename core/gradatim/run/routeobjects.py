"""The objects of traffic routers, of whatever kind: watched from the first Rollout that names one.

In: object references. Out: the objects from a cache. Used by `gather.py`; `controller.py` runs the watches.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from ..kube.cache import Cache, Change
from ..kube.client import Client
from ..kube.discovery import Discovery
from ..kube.errors import Forbidden, KubeError, NotFound
from ..kube.reflector import Health, Reflector
from ..kube.resources import Resource, Selection, split_api_version
from ..kube.watch import Watch
from ..model.reading import Json
from ..plugin import ObjectRef
from .otherclusters import Clusters
from .supervision import supervised

log = logging.getLogger(__name__)

#: Seconds to wait for the first list of a kind, and for which it is remembered that it failed.
_FIRST_LIST: Final = 3.0
_REMEMBERED: Final = 20.0


class RouteObjects:
    """Caches by kind, each begun when it is first asked for.

    Args:
        clusters: which client reaches which kind.
        namespace: the one namespace to watch; None: all.
        changed: told of each changed object.
        versions: by API group the version in which its objects are read and written, whatever references say. Where
            it is not served, another one is.
    """

    def __init__(
        self,
        clusters: Clusters,
        namespace: str | None,
        changed: Callable[[ObjectRef], None],
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self._clusters = clusters
        self._namespace = namespace
        self._changed = changed
        self._versions = dict(versions or {})
        self._discoveries: dict[Client, Discovery] = {}
        self._found: dict[tuple[str, str], Resource] = {}
        #: in which versions references name a kind, by which we tell of its changes
        self._named: dict[Resource, set[str]] = {}
        self._caches: dict[Resource, Cache[Json]] = {}
        self._reflectors: dict[Resource, Reflector[Json]] = {}
        self._tasks: dict[Resource, asyncio.Task[None]] = {}
        self._failed: dict[Resource, tuple[float, type[KubeError], str]] = {}

    async def resource(self, ref: ObjectRef) -> Resource:
        """The resource of a reference. Raises NotFound where the API server does not serve its kind."""
        known = self._found.get((ref.api_version, ref.kind))
        if known is None:
            group, _ = split_api_version(ref.api_version)
            client = self._clusters.of_group(group)
            discovery = self._discoveries.setdefault(client, Discovery(client))
            if group in self._versions:
                known = await self._served(discovery, group, ref.kind)
            else:
                known = await discovery.resource(ref.api_version, ref.kind)
            self._found[ref.api_version, ref.kind] = known
            self._named.setdefault(known, set()).add(ref.api_version)
        return known

    async def _served(self, discovery: Discovery, group: str, kind: str) -> Resource:
        """The kind in the version that we were told to use, or in one that is served."""
        told = f"{group}/{self._versions[group]}"
        try:
            return await discovery.resource(told, kind)
        except NotFound:
            found = await discovery.in_any_version(group, kind)
        log.warning("%s of %s is not served: %s is used", kind, told, found.version)
        return found

    async def get(self, ref: ObjectRef) -> Json | None:
        """The object, None where there is none.

        Raises:
            KubeError: it could not be read: no rights, or no answer.
        """
        try:
            resource = await self.resource(ref)
        except NotFound:
            return None
        if self._namespace is not None and ref.namespace != self._namespace:
            return await self._read(resource, ref)
        cache = await self._cache(resource)
        entry = cache.get(ref.namespace, ref.name)
        return None if entry is None else entry.object

    def cache(self, resource: Resource) -> Cache[Json] | None:
        """The cache of a kind, if it is followed."""
        return self._caches.get(resource)

    @property
    def health(self) -> tuple[Health, ...]:
        """How following each kind goes."""
        return tuple(r.health for r in self._reflectors.values())

    async def aclose(self) -> None:
        """Stop following."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _read(self, resource: Resource, ref: ObjectRef) -> Json | None:
        """In namespaced mode an object elsewhere is read when it is needed, as far as rights allow."""
        try:
            return await self._clusters.of(resource).get(resource.at(ref.namespace, ref.name))
        except NotFound:
            return None

    async def _cache(self, resource: Resource) -> Cache[Json]:
        cache = self._caches.get(resource)
        if cache is None:
            cache = self._follow(resource)
        if not cache.is_synced:
            await self._first_list(resource, cache)
        return cache

    async def _first_list(self, resource: Resource, cache: Cache[Json]) -> None:
        """Wait for it, but not one after the other: what failed just now is said at once to the next who asks."""
        loop = asyncio.get_running_loop()
        until, kind, fault = self._failed.get(resource, (0.0, KubeError, ""))
        if loop.time() < until:
            raise kind(f"cannot watch {resource}: {fault}")
        try:
            async with asyncio.timeout(_FIRST_LIST):
                # a refusal is told by the server's own answer, which the watch keeps as text only
                await self._clusters.of(resource).fetch(
                    self._selection(resource).path, {"limit": "1"}
                )
                await cache.synced()
        except (KubeError, TimeoutError) as error:
            kind = Forbidden if isinstance(error, Forbidden) else KubeError
            # our own question is answered before the watch has a fault to tell
            fault = str(error) or self._reflectors[resource].health.fault or "no answer"
            self._failed[resource] = (loop.time() + _REMEMBERED, kind, fault)
            raise kind(f"cannot watch {resource}: {fault}") from error

    def _selection(self, resource: Resource) -> Selection:
        return Selection(resource, self._namespace)

    def _follow(self, resource: Resource) -> Cache[Json]:
        cache: Cache[Json] = Cache(lambda raw: raw)
        cache.subscribe(lambda change: self._tell(resource, change))
        reflector = Reflector(Watch(self._clusters.of(resource), self._selection(resource)), cache)
        self._caches[resource] = cache
        self._reflectors[resource] = reflector
        self._tasks[resource] = asyncio.create_task(supervised(str(resource), reflector.run))
        return cache

    def _tell(self, resource: Resource, change: Change[Json]) -> None:
        entry = change.new or change.old
        if entry is None:
            return
        for api_version in self._named.get(resource, {resource.api_version}):
            self._changed(ObjectRef(api_version, resource.kind, entry.namespace, entry.name))
