"""The queue of work: keys that want a pass, one worker at a time for each.

In: keys, from changes in the cache and from timers. Out: calls of a handler. `controller.py` starts the workers.
Many additions of one key are one pass; a key added while it is worked on gets another pass afterwards; one whose pass
failed waits longer each time, up to a bound.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from ..errors import GradatimError

log = logging.getLogger(__name__)

K = TypeVar("K")

#: Seconds before a failed pass is tried again: the first time, and at most.
FIRST_BACKOFF: Final = 0.05
LONGEST_BACKOFF: Final = 10.0

#: Passes of one key a second in the long run, and how many may be ahead of that. Who fights with another controller
#: over a field, or has hundreds of pods that come at once, would else use up what all of them may ask of the server.
PASSES_PER_SECOND: Final = 10.0
BURST: Final = 40
_MANY_KEYS: Final = 1000

#: What a handler answers: seconds until the key wants another pass, None: not until it changes.
Handler = Callable[[K], Awaitable[float | None]]


class WorkQueue(Generic[K]):
    """Keys to be worked on, for one kind of object."""

    def __init__(self, name: str, handler: Handler[K]) -> None:
        self.name = name
        self.passes = 0
        self.failures = 0
        self._handler = handler
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._queued: set[K] = set()
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._failed: dict[K, int] = {}
        self._paid_until: dict[K, float] = {}
        self._timers: dict[K, tuple[float, asyncio.TimerHandle]] = {}
        self._closed = False
        self._rest = asyncio.Event()
        self._rest.set()

    def add(self, key: K) -> None:
        """Have the key worked on soon."""
        if self._closed:
            return
        if key in self._working:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

    def add_later(self, key: K, seconds: float) -> None:
        """Have the key worked on in that many seconds, unless it is asked for earlier already."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + max(0.0, seconds)
        known = self._timers.get(key)
        if known is not None:
            if known[0] <= when:
                return
            known[1].cancel()
        self._timers[key] = (when, loop.call_at(when, self._due, key))

    def __len__(self) -> int:
        return len(self._queued) + len(self._working)

    @property
    def is_idle(self) -> bool:
        """Nothing is being worked on or waits to be, timers aside."""
        return not self._queued and not self._working

    @property
    def is_closed(self) -> bool:
        """It begins no more work."""
        return self._closed

    async def rested(self, within: float) -> bool:
        """Wait until nothing is being worked on, for `within` seconds at most: whether that is so."""
        try:
            async with asyncio.timeout(within):
                await self._rest.wait()
        except TimeoutError:
            return False
        return True

    async def work(self) -> None:
        """One worker: handle keys until cancelled, or until `close`."""
        while True:
            key = await self._ready.get()
            if self.is_closed:
                return
            self._queued.discard(key)
            if ahead := self._seconds_ahead(key):
                self.add_later(key, ahead)
                continue
            self._working.add(key)
            self._rest.clear()
            try:
                await self._handle(key)
            finally:
                self._working.discard(key)
                if not self._working:
                    self._rest.set()
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

    def close(self) -> None:
        """Begin no more work, and forget all timers."""
        self._closed = True
        for _, handle in self._timers.values():
            handle.cancel()
        self._timers.clear()

    async def _handle(self, key: K) -> None:
        self._forget_timer(key)
        self.passes += 1
        try:
            seconds = await self._handler(key)
        except GradatimError as error:
            self._retry(key, f"{error}")
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            # something that the pass waited for was cancelled, and not the pass
            log.exception("%s %s: pass was cancelled from within", self.name, key)
            self._retry(key, "")
        except (Exception, SystemExit):
            # a mistake of ours or of a plugin in one object's pass: it must not stop the others'
            log.exception("%s %s: pass failed", self.name, key)
            self._retry(key, "")
        else:
            self._failed.pop(key, None)
            if seconds is not None:
                self.add_later(key, seconds)

    def _seconds_ahead(self, key: K) -> float:
        """Seconds by which a pass would come too early; 0: it may begin, and is counted."""
        now = asyncio.get_running_loop().time()
        if len(self._paid_until) > _MANY_KEYS:
            self._paid_until = {k: t for k, t in self._paid_until.items() if t > now}
        until = max(self._paid_until.get(key, now), now) + 1 / PASSES_PER_SECOND
        ahead = until - now - BURST / PASSES_PER_SECOND
        if ahead > 1e-3:
            return ahead
        self._paid_until[key] = until
        return 0.0

    def _retry(self, key: K, message: str) -> None:
        self.failures += 1
        count = self._failed[key] = self._failed.get(key, 0) + 1
        wait = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(count - 1, 16))
        if message:
            # one failure is a conflict with somebody's write, or a server that restarts: no news yet
            level = (logging.DEBUG, logging.INFO, logging.WARNING)[min(count, 3) - 1]
            log.log(level, "%s %s: %s; trying again in %.2f s", self.name, key, message, wait)
        self.add_later(key, wait)

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _forget_timer(self, key: K) -> None:
        known = self._timers.pop(key, None)
        if known is not None:
            known[1].cancel()


def _is_cancelled() -> bool:
    """It is this task that was told to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
