"""200 Rollouts with 2 replicas, deployed and then updated at once, on an embedded cluster in virtual time.

In: nothing. Out: seconds of CPU for cluster and controller together, writes for a Rollout, passes, `decide` in µs.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from livecluster import Live, play, rollout

import gradatim.run.rollouts as rollouts_module
from gradatim.decide import Decision, Snapshot
from gradatim.sim import SimSettings

from .timing import quantiles, resident_mb

Numbers = dict[str, float]

COUNT = 200
#: a cluster that takes its time, as real ones do
LAGGING = SimSettings(ready_after=0.5, gone_after=0.3, controllers_lag=0.05)


def run(count: int = COUNT) -> Numbers:
    """Numbers by name."""
    numbers: Numbers = {"rollouts": count}

    async def story(live: Live) -> None:
        names = [f"web-{n}" for n in range(count)]
        with _phase(live, numbers, "deploy", count):
            live.apply(*(rollout(name) for name in names))
            await _healthy(live, names)
        with _phase(live, numbers, "update", count):
            for name in names:
                live.image("app:v2", name)
            await _healthy(live, names)
        with _phase(live, numbers, "settled world, new controller", count):
            await live.stop()
            live.start()
            await asyncio.sleep(1800)

    with _decisions() as (settled, moving):
        play(story, sim=LAGGING)
    numbers |= quantiles(settled, "decide, settled") | quantiles(moving, "decide, moving")
    numbers["memory MB"] = resident_mb()
    return numbers


async def _healthy(live: Live, names: list[str]) -> None:
    """Look now and then: to look at every change would be the greater part of the work."""
    for _ in range(600):
        await asyncio.sleep(1)
        if all(live.phase(n) == "Healthy" and live.is_current(n, "default") for n in names):
            # the last counts are gathered for a second
            await asyncio.sleep(3)
            return
    left = Counter(live.phase(n) for n in names)
    raise TimeoutError(f"not Healthy: {left}")


@contextmanager
def _phase(live: Live, numbers: Numbers, name: str, count: int) -> Iterator[None]:
    live.sim.writes.clear()
    before = live.controller.rollout_queue.passes
    began, virtual = time.process_time(), live.sim.clock.elapsed()
    yield
    numbers[f"{name}: CPU s"] = round(time.process_time() - began, 2)
    numbers[f"{name}: virtual s"] = round(live.sim.clock.elapsed() - virtual, 1)
    queue = live.controller.rollout_queue
    passes = queue.passes - (before if queue.passes >= before else 0)
    numbers[f"{name}: passes for each"] = round(passes / count, 2)
    writes = live.writes()
    numbers[f"{name}: writes for each"] = round(sum(writes.values()) / count, 2)
    for what, number in writes.most_common():
        numbers[f"{name}: {what}"] = round(number / count, 2)


@contextmanager
def _decisions() -> Iterator[tuple[list[float], list[float]]]:
    """CPU seconds of each decision, by whether there was anything to do."""
    settled: list[float] = []
    moving: list[float] = []
    original = rollouts_module.decide

    def timed(*args: object) -> Decision:
        began = time.process_time()
        decision = original(*args)  # type: ignore[arg-type]
        took = time.process_time() - began
        snapshot = args[0]
        quiet = isinstance(snapshot, Snapshot) and (
            decision.is_quiet and decision.status == snapshot.rollout.status.raw
        )
        (settled if quiet else moving).append(took)
        return decision

    rollouts_module.decide = timed
    try:
        yield settled, moving
    finally:
        rollouts_module.decide = original
