"""How many writes a release costs on a cluster that takes its time: each is an event for everybody who watches."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livecluster import Live, play, rollout, routed

from gradatim.sim import SimSettings

SLOW = SimSettings(ready_after=0.5, gone_after=0.3, controllers_lag=0.05)
#: 50 %, a second, 100 %
STEPS = [{"setWeight": 50}, {"pause": {"duration": "1s"}}, {"setWeight": 100}]


def count(live: Live) -> int:
    """Writes since the last call, without events."""
    total = sum(live.writes().values())
    live.sim.writes.clear()
    return total


@pytest.mark.parametrize(
    ("canary", "first", "update"),
    [
        pytest.param({}, 4, 9, id="without steps"),
        pytest.param({"steps": STEPS}, 4, 10, id="two steps and a pause"),
    ],
)
def test_few_writes_for_a_release_of_two_pods(
    canary: dict[str, Any], first: int, update: int
) -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=2, **canary))
        await live.until("Healthy")
        await asyncio.sleep(3)
        assert count(live) <= first
        live.image("app:v2")
        await live.until("Healthy")
        await asyncio.sleep(10)
        assert count(live) <= update
        # counts that were held have been written in the end
        assert live.status()["replicas"] == live.status()["availableReplicas"] == 2

    play(story, sim=SLOW)


def test_a_release_with_istio_is_cheap_too() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed(replicas=2, steps=[{"setWeight": 50}, {"pause": {}}]))
        await live.until("Healthy")
        await asyncio.sleep(5)
        assert count(live) <= 6
        live.image("app:v2")
        await live.until("Paused")
        await asyncio.sleep(5)
        assert count(live) <= 6
        live.promote()
        await live.until("Healthy")
        await asyncio.sleep(60)
        assert count(live) <= 10

    play(story, sim=SLOW)


def test_a_settled_world_is_left_alone() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed(replicas=2, steps=STEPS))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Healthy")
        await asyncio.sleep(120)
        count(live)
        revision = live.sim.store.revision
        # Given another controller, and days of looking again
        await live.stop()
        live.start()
        await asyncio.sleep(3 * 86400)
        assert count(live) == 0
        assert live.sim.store.revision == revision

    play(story, sim=SLOW)


def test_counts_wait_a_second_at_most() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=4))
        await live.until("Healthy")
        pods = [pod["metadata"]["name"] for pod in live.sim.list("Pod")]
        live.edit({"spec": {"replicas": 12}})
        now = asyncio.get_running_loop().time
        began = now()
        await live.sim.until(lambda: live.status().get("replicas") == 12)
        assert now() - began <= 1.3
        # an outage is no mere count
        began = now()
        live.sim.kubelet.lose_node()
        await live.sim.until(lambda: live.phase() != "Healthy")
        assert now() - began <= 0.3
        assert len(pods) == 4

    play(story, sim=SimSettings(ready_after=20.0, controllers_lag=0.05))
