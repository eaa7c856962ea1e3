"""The shop's visitors: requests that the mesh routes, counted by version, and served as Prometheus serves them.

In: the embedded mesh, and which images answer badly. Out: an HTTP API on loopback that answers the demo's one query.
`stage.py` starts it. The numbers are made from the mesh's shares, tick by tick; nothing else is pretended.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from gradatim.sim import Sim
from gradatim.sim.failure import ApiError

#: Requests a second, seconds of a tick, and the window of the query in ticks.
RATE: Final = 500
TICK: Final = 0.1
WINDOW: Final = 20

#: The share of requests that succeed, by what the image's name ends in.
GOOD: Final = 0.998
BAD: Final = 0.74

_HASH: Final = re.compile(r'hash="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Tick:
    """Requests and failures by pod hash, in one tick."""

    requests: dict[str, float]
    failures: dict[str, float]


@dataclass(slots=True)
class Visitors:
    """Counts what visitors of the shop get."""

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

    def shares(self) -> dict[str, float]:
        """The share of requests by pod hash; none before the shop has opened."""
        try:
            return self.sim.mesh.split("shop")
        except ApiError:
            return {}

    def tick(self) -> Tick:
        """The requests of one tick, as the mesh routes them now."""
        images, shares = self._images(), self.shares()
        requests = {h: RATE * TICK * share for h, share in shares.items()}
        failures = {h: n * (1 - _quality(images.get(h, ""))) for h, n in requests.items()}
        self.is_open = self.is_open or sum(shares.values()) > 0.999
        if self.is_open:
            # a request that reaches no pod at all is what Gradatim never lets happen
            self.lost += RATE * TICK * (1 - sum(shares.values()))
            self.total += RATE * TICK
        return Tick(requests, failures)

    def _images(self) -> dict[str, str]:
        found = {}
        for replica_set in self.sim.list("ReplicaSet"):
            labels = replica_set["metadata"].get("labels", {})
            (container,) = replica_set["spec"]["template"]["spec"]["containers"]
            found[labels.get("rollouts-pod-template-hash", "")] = container["image"]
        return found


def _quality(image: str) -> float:
    return BAD if image.endswith("-broken") else GOOD


class PrometheusFace:
    """Answers instant queries in Prometheus' own format, on loopback."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Serve, and give the URL."""
        app = web.Application()
        app.router.add_route("*", "/api/v1/query", self._query)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def aclose(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _query(self, request: web.Request) -> web.Response:
        fields = {**request.query, **await request.post()}
        match = _HASH.search(str(fields.get("query", "")))
        rate = self._visitors.success_rate(match[1]) if match else None
        now = asyncio.get_running_loop().time()
        result = [] if rate is None else [{"metric": {}, "value": [now, f"{rate:.4f}"]}]
        data = {"resultType": "vector", "result": result}
        return web.json_response({"status": "success", "data": data})
