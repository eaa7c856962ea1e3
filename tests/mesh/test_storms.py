"""Storms: people who release, abort, retry, promote, scale and restart at random, while controllers are killed.

GRADATIM_STORMS=N plays N of them instead of the few that CI has time for; each is the same whenever it is played,
but for the machine's own timing.
"""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable

import pytest
from meshlab import LATE, PROMPT, RULES_LATE, Lab, Open
from meshobjects import around, canary, pause, rollout, weight

STORMS = range(int(os.environ.get("GRADATIM_STORMS", "2")))
#: What happens in one of them.
EVENTS = 12
STEPS = (weight(30), pause(1), weight(60), pause(), weight(80), pause(1))


@pytest.mark.parametrize("seed", STORMS)
@pytest.mark.parametrize("subsets", [False, True], ids=["services", "subsets"])
async def test_a_storm(lab: Open, seed: int, subsets: bool) -> None:
    dice = random.Random(f"{seed} {subsets}")
    async with lab(dice.choice((PROMPT, LATE, RULES_LATE))) as it:
        await it.open(*around(subsets), rollout(canary(*STEPS, subsets=subsets)))
        it.release("shop:2")
        for _ in range(EVENTS):
            await it.passes(dice.choice((0.05, 0.4, 1, 2)))
            name, act = dice.choice(DEEDS)
            it.note(name)
            await act(it, dice)
        it.release("shop:99")
        await it.is_seen()
        it.promote_full()
        await it.then(phase="Healthy")
        await it.arrived()


async def _release(it: Lab, dice: random.Random) -> None:
    it.release(f"shop:{dice.randint(1, 5)}")


async def _abort(it: Lab, _: random.Random) -> None:
    it.abort()


async def _retry(it: Lab, _: random.Random) -> None:
    it.retry()


async def _promote(it: Lab, _: random.Random) -> None:
    it.promote()


async def _promote_full(it: Lab, _: random.Random) -> None:
    it.promote_full()


async def _scale(it: Lab, dice: random.Random) -> None:
    it.change({"replicas": dice.randint(2, 7)})


async def _restart(it: Lab, _: random.Random) -> None:
    it.change({"restartAt": it.sim.clock.stamp()})


async def _kill(it: Lab, dice: random.Random) -> None:
    await it.kill_controller()
    await it.passes(dice.choice((0, 0.5)))
    await it.start_controller()


Deed = Callable[[Lab, random.Random], Awaitable[None]]
DEEDS: list[tuple[str, Deed]] = [
    ("release", _release),
    ("release", _release),
    ("release", _release),
    ("abort", _abort),
    ("abort", _abort),
    ("retry", _retry),
    ("promote", _promote),
    ("promote", _promote),
    ("promote in full", _promote_full),
    ("scale", _scale),
    ("scale", _scale),
    ("restart", _restart),
    ("kill", _kill),
    ("kill", _kill),
]
