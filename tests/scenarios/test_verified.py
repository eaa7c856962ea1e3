"""A control plane outside the cluster that tells when weights have arrived: steps and pods wait for its word."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from livecluster import Json, Live, play, rollout, service

from gradatim.plugin import Capability, ObjectRef, Patch, TrafficRouter, Wanted

#: Seconds that weights take.
TAKES = 25.0


class Slow(TrafficRouter):
    """Tells truly when what it was told last has arrived, and nothing before it is asked."""

    key: ClassVar[str] = "test/slow"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.WEIGHT, Capability.VERIFY}
    )
    told: ClassVar[list[tuple[float, int]]] = []

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        return ()

    async def apply(self, wanted: Wanted) -> None:
        self.told.append((asyncio.get_running_loop().time(), wanted.weight or 0))

    async def verify(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> bool | None:
        if not self.told:
            return None
        at, weight = self.told[-1]
        return weight == wanted.weight and asyncio.get_running_loop().time() >= at + TAKES


def test_a_step_is_over_when_the_weight_has_arrived_and_what_it_waits_for_is_said() -> None:
    async def story(live: Live) -> None:
        Slow.told.clear()
        loop = asyncio.get_running_loop()
        routing: dict[str, Any] = {"plugins": {"test/slow": {}}}
        services = {"canaryService": "web-canary", "stableService": "web-stable"}
        steps = [{"setWeight": 50}, {"pause": {}}]
        live.apply(
            *(service(name) for name in services.values()),
            rollout(replicas=2, steps=steps, trafficRouting=routing, **services),
        )
        await live.until("Healthy")
        await asyncio.sleep(60)
        live.image("app:v2")
        await asyncio.sleep(20)
        # half of the requests were told of, and nobody believes yet that they come
        assert Slow.told[-1][1] == 50
        assert live.status()["currentStepIndex"] == 0
        waiting = "Rollout is waiting for test/slow to report that 50 % has arrived"
        assert any(waiting in event for event in live.events())
        await live.until("Paused")
        # it is asked again every ten seconds
        assert TAKES <= loop.time() - Slow.told[-1][0] <= TAKES + 10.5
        assert live.status()["canary"]["weights"]["verified"] is True
        live.promote()
        await live.until("Healthy")
        at, weight = Slow.told[-1]
        assert weight == 0
        assert live.sets() == {"app:v1": 2, "app:v2": 2}
        while live.sets()["app:v1"]:
            await asyncio.sleep(1)
            assert loop.time() < at + 120
        assert loop.time() >= at + TAKES

    play(story, Slow)
