"""Feeds a cache from a watch, and tells how that goes.

In: a watch and a cache. Out: a task's body, and a `Health`.
`run/` starts one for each kind that it follows and shows their health.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar

from gradatim.kube.cache import Cache
from gradatim.kube.watch import Watch

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
    """Keeps a cache the same as a selection of the server's objects."""

    def __init__(self, watch: Watch, cache: Cache[V]) -> None:
        self._watch = watch
        self._cache = cache

    async def run(self) -> None:
        """Follow the server until cancelled. Faults of the server do not end it."""
        async with aclosing(self._watch.changes()) as changes:
            async for seen in changes:
                self._cache.apply(seen)

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
