"""Changes of `spec.replicas` in the middle of a release, by people and autoscalers."""

from __future__ import annotations

import asyncio

from livecluster import Live, play
from setups import Setup


def test_stable_is_scaled_down_while_a_step_wants_no_canary_pods() -> None:
    """The subset of the canary is not bound to it yet, and that is no weight that has not arrived."""

    async def story(live: Live) -> None:
        steps = [{"setCanaryScale": {"replicas": 0}}, {"pause": {}}]
        live.apply(*Setup("subsets", block={"steps": steps}).objects())
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        live.edit({"spec": {"replicas": 1}})
        await asyncio.sleep(30)
        assert live.sets() == {"app:v1": 1, "app:v2": 0}

    play(story)


def test_the_service_that_rests_goes_to_stable_when_its_pods_went_while_nobody_was_wanted() -> None:
    async def story(live: Live) -> None:
        live.apply(*Setup("pingpong").objects())
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Healthy")
        live.edit({"spec": {"replicas": 0}})
        await asyncio.sleep(60)
        live.edit({"spec": {"replicas": 3}})
        await asyncio.sleep(60)
        stable = live.status()["stableRS"]
        bound = [
            s["spec"]["selector"]["rollouts-pod-template-hash"] for s in live.sim.list("Service")
        ]
        assert bound == [stable, stable]

    play(story)
