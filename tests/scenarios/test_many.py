"""200 Rollouts updated at once: how long it takes, and what it costs the API server."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest
from livecluster import Live, play, rollout

from gradatim.sim import SimSettings

COUNT = 200


def test_two_hundred_rollouts_updated_at_once_all_end_healthy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [f"web-{n}" for n in range(COUNT)]

    def healthy(live: Live) -> bool:
        return all(live.phase(n) == "Healthy" and live.is_current(n, "default") for n in names)

    async def story(live: Live) -> None:
        live.apply(*(rollout(name) for name in names))
        await asyncio.sleep(15)
        assert healthy(live)
        live.sim.writes.clear()
        # When all of them get a new version at the same moment
        for name in names:
            live.image("app:v2", name)
        await asyncio.sleep(60)
        # Then all of them have it, and only it
        assert healthy(live)
        assert all(live.sets(name) == {"app:v1": 0, "app:v2": 2} for name in names[::20])
        writes = sum(live.writes().values()) / COUNT
        with capsys.disabled():
            sys.stdout.write(f"\n{writes:.2f} API writes for a Rollout of 2 replicas\n")
        assert writes <= 11
        # and when somebody looks again at what is settled, nothing is written
        live.sim.writes.clear()
        await live.stop()
        live.start()
        await asyncio.sleep(1800)
        assert sum(live.writes(events=True).values()) == 0
        assert live.controller.rollout_queue.passes >= 2 * COUNT

    began = time.process_time()
    play(story, sim=SimSettings(ready_after=0.5, gone_after=0.3, controllers_lag=0.05))
    assert time.process_time() - began < 15
