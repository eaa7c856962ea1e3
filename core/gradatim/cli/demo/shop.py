"""Visitors of the built-in mesh: requests that it splits, counted by version.

In: the embedded mesh, and which images answer badly. Out: counts. `stage.py` makes it where there is no Envoy.
The numbers are computed from the mesh's shares, tick by tick; nothing else is pretended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from gradatim.sim import Sim
from gradatim.sim.failure import ApiError

from .visitors import RATE, quality

#: Seconds of a tick, and the window of the query in ticks.
TICK: Final = 0.1
WINDOW: Final = 20


@dataclass(frozen=True, slots=True)
class Tick:
    """Requests and failures by pod hash, in one tick."""

    requests: dict[str, float]
    failures: dict[str, float]


@dataclass(slots=True)
class ComputedVisitors:
    """Counts what visitors of the shop get. See `Visitors`."""

    sim: Sim
    ticks: deque[Tick] = field(default_factory=lambda: deque(maxlen=WINDOW))
    total: float = 0.0
    lost: float = 0.0
    is_open: bool = False

    async def visit(self) -> None:
        """Visit until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            self.ticks.append(self.tick())

    def success_rate(self, pod_hash: str) -> float | None:
        """The share of good answers in the window; None without a request."""
        asked = sum(t.requests.get(pod_hash, 0.0) for t in self.ticks)
        failed = sum(t.failures.get(pod_hash, 0.0) for t in self.ticks)
        return 1 - failed / asked if asked else None

    def rates(self) -> dict[str, float]:
        """Requests a second by pod hash, now."""
        return {pod_hash: share * RATE for pod_hash, share in self._shares().items()}

    def tick(self) -> Tick:
        """The requests of one tick, as the mesh routes them now."""
        images, shares = self._images(), self._shares()
        requests = {h: RATE * TICK * share for h, share in shares.items()}
        failures = {h: n * (1 - quality(images.get(h, ""))) for h, n in requests.items()}
        self.is_open = self.is_open or sum(shares.values()) > 0.999
        if self.is_open:
            # a request that reaches no pod at all is what Gradatim never lets happen
            self.lost += RATE * TICK * (1 - sum(shares.values()))
            self.total += RATE * TICK
        return Tick(requests, failures)

    def _shares(self) -> dict[str, float]:
        try:
            return self.sim.mesh.split("shop")
        except ApiError:
            return {}

    def _images(self) -> dict[str, str]:
        found = {}
        for replica_set in self.sim.list("ReplicaSet"):
            labels = replica_set["metadata"].get("labels", {})
            (container,) = replica_set["spec"]["template"]["spec"]["containers"]
            found[labels.get("rollouts-pod-template-hash", "")] = container["image"]
        return found
