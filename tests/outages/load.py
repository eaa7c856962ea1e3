"""Requests, sent steadily through the embedded mesh over proxies of every age, and counted.

In: a cluster, the hosts that are asked, and how proxies may lag. Out: requests sent and failed, and the first that
failed. Called by `test_outages.py` for every story of `rows.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from livecluster import Live

from gradatim.sim.failure import ApiError
from gradatim.sim.propagation import Ages

#: Requests in each volley to each proxy, and seconds between two; more where everything takes longer.
VOLLEY = 20
EVERY = 0.1
EVERY_WITH_LAG = 0.5
LABEL = "rollouts-pod-template-hash"


@dataclass
class Load:
    """Steady load on some hosts.

    Attributes:
        hosts: VirtualServices, or Services that nothing routes.
        replicas: pods that all requests need together; 0: any number of pods carries everything.
        late_endpoints: some proxies hear of Services' new endpoints last.
    """

    live: Live
    hosts: tuple[str, ...]
    replicas: int = 0
    late_endpoints: bool = False
    sent: int = 0
    failed: int = 0
    first: str = ""

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._everybody()
            await asyncio.sleep(EVERY if self.live.sim.mesh.lag < 10 else EVERY_WITH_LAG)

    def _everybody(self) -> None:
        for host in self.hosts:
            for ages in self._proxies():
                self._volley(host, ages)

    def answers(self) -> bool:
        """Every proxy gets an answer from every host."""
        self._everybody()
        answered = bool(self.sent) and not self.failed
        self.sent, self.failed, self.first = 0, 0, ""
        return answered

    def _proxies(self) -> Iterator[Ages]:
        lag = self.live.sim.mesh.lag
        yield from {Ages(age, age, age) for age in (0.0, lag / 2, lag)}
        if lag:
            # routes and subsets are two objects, and a proxy may have one without the other
            yield Ages(0.0, lag, 0.0)
            yield Ages(lag, 0.0, 0.0)
            if self.late_endpoints:
                yield Ages(0.0, 0.0, lag)

    def _volley(self, host: str, ages: Ages) -> None:
        try:
            found = self.live.sim.mesh.outcome(host, age=ages)
        except ApiError:
            # a proxy that does not know the host yet
            return
        self.sent += VOLLEY
        failing, why = found.failing, found.why
        if weights := self._refused(host):
            failing, why = 1.0, f"weights {weights}, which no mesh takes"
        if not failing and self.replicas:
            failing, why = self._overload(found.shares)
        if failing > 0:
            self.failed += max(1, round(VOLLEY * min(1.0, failing)))
            at = self.live.sim.clock.elapsed()
            self.first = self.first or f"{at:.1f} s: {why} (a proxy {max(ages):g} s behind)"

    def _ready(self, pod_hash: str) -> int:
        found = self.live.sim.list("Pod", **{LABEL: pod_hash})
        conditions = (pod.get("status", {}).get("conditions") or () for pod in found)
        return sum(
            any(c["type"] == "Ready" and c["status"] == "True" for c in e) for e in conditions
        )

    def _refused(self, host: str) -> list[int]:
        """Weights that the mesh's own validation refuses."""
        found = self.live.sim.find("VirtualService", host)
        routes = found["spec"]["http"] if found else ()
        weights = [d.get("weight", 0) for route in routes for d in route["route"]]
        return weights if weights and min(weights) < 0 else []

    def _overload(self, shares: dict[str, float]) -> tuple[float, str]:
        """The share that more requests than pods can carry have too much."""
        for pod_hash, share in shares.items():
            needed = int(share * self.replicas + 1e-6)
            pods = self._ready(pod_hash) if pod_hash else needed
            if pods < needed:
                return (needed - pods) / self.replicas, f"{pods} pods for the load of {needed}"
        return 0.0, ""
