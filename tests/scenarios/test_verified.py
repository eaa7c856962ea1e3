"""A control plane outside the cluster that tells when weights have arrived: steps and pods wait for its word."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from faults import Faulty
from livecluster import AGENT, Json, Live, play, rollout, service, virtual_service

from gradatim.plugin import Capability, ObjectRef, Patch, RouterError, TrafficRouter, Wanted
from gradatim.run.controller import Settings
from gradatim_istio.router import IstioRouter

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


class Mute(Slow):
    """Takes weights, and cannot say what has become of them."""

    key: ClassVar[str] = "test/mute"

    async def verify(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> bool | None:
        raise RouterError("the control plane answers 503")


def test_a_router_that_cannot_answer_is_told_and_holds_up_no_step() -> None:
    async def story(live: Live) -> None:
        services = {"canaryService": "web-canary", "stableService": "web-stable"}
        steps: list[Json] = [{"setWeight": 50}, {"pause": {}}]
        live.apply(
            *(service(name) for name in services.values()),
            rollout(steps=steps, trafficRouting={"plugins": {"test/mute": {}}}, **services),
        )
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        told = "Warning WeightVerifyError: the control plane answers 503"
        assert told in live.events()
        assert "verified" not in live.status()["canary"]["weights"]

    play(story, Mute)


class Late(IstioRouter):
    """Istio's objects, and a data plane that tells when it follows them."""

    key: ClassVar[str] = "test/late"
    #: what it saw last, and when
    seen: ClassVar[list[tuple[float, str]]] = []

    async def verify(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> bool | None:
        return asyncio.get_running_loop().time() >= self.seen[-1][0] + TAKES


@pytest.mark.parametrize("delay", [0, 5])
@pytest.mark.parametrize("dynamic", [False, True], ids=["scale-down delay of 0", "dynamic stable"])
def test_after_a_kill_between_weight_and_status_pods_wait_for_the_routers_word(
    delay: int, dynamic: bool
) -> None:
    """Whoever starts then does not know what was written when; and the delay is shorter than the data plane is late."""

    async def story(live: Live) -> None:
        loop = asyncio.get_running_loop()
        doomed, gone = asyncio.Event(), asyncio.Event()

        def before_write(_: int) -> None:
            route = str(live.sim.get("VirtualService", "web")["spec"])
            if not Late.seen or Late.seen[-1][1] != route:
                Late.seen.append((loop.time(), route))
                if doomed.is_set() and not gone.is_set():
                    gone.set()
                    live.running[-1][0].cancel()
                    raise ConnectionResetError("the process is gone")

        def start() -> None:
            live.start(Faulty(live.sim.transport(AGENT), before_write=before_write))

        Late.seen.clear()
        more = {"dynamicStableScale": True} if dynamic else {"scaleDownDelaySeconds": 0}
        services = {"canaryService": "web-canary", "stableService": "web-stable"}
        routing = {"plugins": {"test/late": {"virtualService": {"name": "web"}}}}
        steps: list[Json] = [{"setWeight": 50}, {"pause": {}}]
        live.apply(
            *(service(name) for name in services.values()),
            virtual_service(),
            rollout(replicas=4, steps=steps, trafficRouting=routing, **services, **more),
        )
        start()
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        await asyncio.sleep(60)
        doomed.set()
        live.promote()
        before = live.sets()["app:v1"]
        await gone.wait()
        await live.kill()
        start()
        at = loop.time()
        while live.sets()["app:v1"] == before:
            await asyncio.sleep(0.1)
            assert loop.time() < at + 300
        assert loop.time() >= Late.seen[-1][0] + TAKES - 0.2
        await live.until("Healthy")

    settings = Settings(environment={}, propagation_delay=timedelta(seconds=delay))
    play(story, Late, settings=settings, started=False)
