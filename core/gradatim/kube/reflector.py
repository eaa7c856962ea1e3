"""Feeds a cache from a watch, and tells how that goes.

In: a watch and a cache. Out: a task's body, and a `Health`.
`run/` starts one for each kind that it follows and shows their health.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gradatim.kube.cache import Cache
from gradatim.kube.transport import Json
from gradatim.kube.watch import Bookmark, Replaced, Seen, Watch

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Health:
    """How following one kind goes. `last_contact` is the watch's clock, None before the first answer.

    `fault` is what the last failure said; it is empty when all is well.
    """

    of: str
    is_synced: bool
    last_contact: float | None
    failures: int
    fault: str


class Reflector(Generic[V]):
    """Keeps a cache the same as a selection of the server's objects.

    `keep` gives the part of an object that is kept, its metadata.name, namespace, uid and resourceVersion at least.
    """

    def __init__(
        self, watch: Watch, cache: Cache[V], keep: Callable[[Json], Json] | None = None
    ) -> None:
        self._watch = watch
        self._cache = cache
        self._keep = keep

    async def run(self) -> None:
        """Follow the server until cancelled. Faults of the server do not end it."""
        async with aclosing(self._watch.changes()) as changes:
            async for seen in changes:
                self._cache.apply(seen if self._keep is None else kept(seen, self._keep))

    @property
    def health(self) -> Health:
        """How it goes just now."""
        watch = self._watch
        return Health(
            str(watch.selection),
            self._cache.is_synced,
            watch.last_contact,
            watch.failures,
            watch.fault,
        )


def kept(seen: Seen, keep: Callable[[Json], Json]) -> Seen:
    """The same with the part of each object that is kept."""
    match seen:
        case Replaced(items):
            return replace(seen, items=tuple(keep(item) for item in items))
        case Bookmark():
            return seen
        case _:
            return replace(seen, object=keep(seen.object))
