"""One answer for all who ask the same thing at the same time.

In: a key and a way to ask. Out: the answer, asked for once and kept for moments.
`secretcache.py` reads Secrets through it, `measuring.py` asks metric providers through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Asked(Generic[V]):
    task: asyncio.Task[V]
    until: float
    waiting: int = 0

    @property
    def is_of_use(self) -> bool:
        """It may still answer, or has answered. A failure is shared by those who wait for it, and by nobody later."""
        task = self.task
        return not task.done() or not (task.cancelled() or task.exception())


class Shared(Generic[K, V]):
    """Answers by key. Each is asked for when it is wanted and not older than `seconds`.

    Args:
        clock: seconds that only ever grow.
        seconds: how long after the question its answer is good.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._asked: dict[K, _Asked[V]] = {}

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer, by `ask` if nobody has asked of late. Raises what `ask` raises."""
        now = self._clock()
        self._forget(now)
        asked = self._asked.get(key)
        if asked is None or not asked.is_of_use:
            asked = _Asked(asyncio.create_task(_asking(ask)), now + self._seconds)
            self._asked[key] = asked
        return await self._wait(key, asked)

    async def _wait(self, key: K, asked: _Asked[V]) -> V:
        asked.waiting += 1
        try:
            # Shielded: one who stops waiting does not take the answer from the others.
            return await asyncio.shield(asked.task)
        finally:
            asked.waiting -= 1
            if not asked.waiting and not asked.task.done():
                asked.task.cancel()
                if self._asked.get(key) is asked:
                    del self._asked[key]

    def _forget(self, now: float) -> None:
        """Forget old answers. A question that is still open stays: who asks now waits with the others."""
        for key, asked in list(self._asked.items()):
            if asked.until <= now and asked.task.done():
                del self._asked[key]


async def _asking(ask: Callable[[], Awaitable[V]]) -> V:
    return await ask()
