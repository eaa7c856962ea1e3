"""Which objects a Rollout's last pass wrote, and whether the caches have seen them.

In: written objects, from the applier. Out: whether the next pass may begin. Without it a pass would decide on the world
as it was before the last one, and do things twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..kube.cache import Cache
from ..kube.resources import Address, Resource
from ..model.reading import Json
from .world import address_of

Key = tuple[str, str]
CacheOf = Callable[[Resource], Cache[object] | None]

_current: ContextVar[Key | None] = ContextVar("rollout of the pass", default=None)


class WrittenObjects:
    """The last writes by Rollout. It is the applier's memory."""

    def __init__(self, cache_of: CacheOf) -> None:
        self._cache_of = cache_of
        self._of: dict[Key, set[Address]] = {}

    @contextmanager
    def of(self, key: Key) -> Iterator[None]:
        """Within it, writes are this Rollout's."""
        token = _current.set(key)
        try:
            yield
        finally:
            _current.reset(token)

    def wrote(self, resource: Resource, written: Json) -> None:
        """Remember the object as the server gave it back."""
        cache = self._cache_of(resource)
        if cache is not None:
            cache.wrote(written)
            self._remember(address_of(resource, written))

    def deleted(self, address: Address, uid: str) -> None:
        """Remember a deletion."""
        cache = self._cache_of(address.resource)
        if cache is not None:
            cache.deleted(address.namespace, address.name, uid)
            self._remember(address)

    def are_seen(self, key: Key) -> bool:
        """Do the caches show all of the Rollout's last writes?

        Nobody waits for that in a worker: a watch that lags would hold up Rollouts that have nothing to do with it.
        """
        waiting = self._of.get(key)
        if not waiting:
            return True
        waiting -= {address for address in waiting if self._is_seen(address)}
        if waiting:
            return False
        del self._of[key]
        return True

    def forget(self, key: Key) -> None:
        """The Rollout is gone."""
        self._of.pop(key, None)

    def _remember(self, address: Address) -> None:
        key = _current.get()
        if key is not None:
            self._of.setdefault(key, set()).add(address)

    def _is_seen(self, address: Address) -> bool:
        cache = self._cache_of(address.resource)
        return cache is None or cache.caught_up(address.namespace, address.name)
