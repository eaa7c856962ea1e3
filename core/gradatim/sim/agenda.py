"""What the cluster's own controllers have to do, now and later.

In: keyed pieces of work. Out: each done once, in the order of its coming, on the event loop.
Every controller of this room puts its work here; `Sim.settle()` waits until nothing is left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import TypeAlias

from gradatim.sim.failure import ApiError

_log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], None]

#: Pieces of work between two turns of the event loop, so that clients get theirs.
_BATCH = 50


class Agenda:
    """Coalesces work by key. `delay` (seconds) is how late the controllers are in noticing a change."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self._loop = asyncio.get_running_loop()
        self._due: dict[Hashable, Work] = {}
        self._timers: dict[Hashable, asyncio.TimerHandle] = {}
        self._background: set[Hashable] = set()
        self._drain: asyncio.Handle | None = None
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be done, now or later; background timers do not count."""
        return not self._due and len(self._timers) == len(self._background)

    def now(self, key: Hashable, work: Work) -> None:
        """Do `work` soon; a second one under the same key before that is the same."""
        self._due.setdefault(key, work)
        if self._drain is None:
            self._drain = self._loop.call_later(self.delay, self._do)

    def later(self, seconds: float, key: Hashable, work: Work, background: bool = False) -> None:
        """Do `work` after `seconds`, in the place of what was to be done later under this key."""
        self.forget(key)
        self._timers[key] = self._loop.call_later(seconds, self._ripen, key, work)
        if background:
            self._background.add(key)

    def has(self, key: Hashable) -> bool:
        """Tell whether something is to be done later under this key."""
        return key in self._timers or key in self._due

    def forget(self, key: Hashable) -> None:
        """Drop what was to be done later under this key."""
        timer = self._timers.pop(key, None)
        self._background.discard(key)
        if timer:
            timer.cancel()

    async def settled(self) -> None:
        """Wait until nothing is to be done."""
        while not self.is_idle:
            future = self._loop.create_future()
            self._waiting.append(future)
            await future

    def close(self) -> None:
        """Drop everything."""
        for key in list(self._timers):
            self.forget(key)
        self._due.clear()
        if self._drain:
            self._drain.cancel()
            self._drain = None
        self._release()

    def _ripen(self, key: Hashable, work: Work) -> None:
        self._timers.pop(key, None)
        self._background.discard(key)
        self.now(key, work)

    def _do(self) -> None:
        self._drain = None
        for key in list(self._due)[:_BATCH]:
            work = self._due.pop(key)
            try:
                work()
            except ApiError as refused:
                # a namespace that goes, an object that another writer changed: the change feed brings the key again
                _log.debug("%s: %s", key, refused)
        if self._due and self._drain is None:
            self._drain = self._loop.call_soon(self._do)
        if self.is_idle:
            self._release()

    def _release(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()
