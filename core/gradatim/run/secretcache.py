"""Secrets, read when a measurement needs them and forgotten within seconds.

In: a reader of Secrets. Out: their decoded texts, the same ones for all measurements of a few seconds.
`run/measuring.py` reads arguments' and providers' Secrets through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

Texts = Mapping[str, str]


class SecretReader(Protocol):
    """Where Secrets are read."""

    async def __call__(self, namespace: str, name: str) -> Texts | None:
        """The Secret's texts, decoded, or None where there is no such Secret.

        Raises:
            KubeError: the API server did not answer, or does not let us.
        """
        ...


class SecretCache:
    """Keeps what was read for `seconds`, and asks once for what several wait for.

    Secrets are not watched: that would keep every Secret of the cluster in memory, and need the right to list them.
    """

    def __init__(
        self, read: SecretReader, clock: Callable[[], float], seconds: float = 5.0
    ) -> None:
        self._read = read
        self._clock = clock
        self._seconds = seconds
        self._kept: dict[tuple[str, str], tuple[float, asyncio.Task[Texts | None]]] = {}

    async def __call__(self, namespace: str, name: str) -> Texts | None:
        """The Secret's texts, None where there is no such Secret. Raises as the reader does."""
        now = self._clock()
        self._forget(now)
        known = self._kept.get((namespace, name))
        if known is None or _has_failed(known[1]):
            task = asyncio.create_task(self._read_once(namespace, name))
            known = self._kept[namespace, name] = (now + self._seconds, task)
        # Shielded: one who stops waiting does not take the answer from the others.
        return await asyncio.shield(known[1])

    async def _read_once(self, namespace: str, name: str) -> Texts | None:
        return await self._read(namespace, name)

    def _forget(self, now: float) -> None:
        for key, (until, _) in list(self._kept.items()):
            if until <= now:
                del self._kept[key]


def _has_failed(task: asyncio.Task[Texts | None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
