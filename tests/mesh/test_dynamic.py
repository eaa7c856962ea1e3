"""`dynamicStableScale`: stable gives up pods as traffic leaves it (rows 2, 3, 8), and has them before it comes back."""

from __future__ import annotations

from typing import Any

import pytest
from meshlab import LATE, PROMPT, RULES_LATE, Conditions, Open
from meshobjects import Json, around, canary, pause, rollout, weight

BY = pytest.mark.parametrize("subsets", [False, True], ids=["services", "subsets"])
UNDER = pytest.mark.parametrize(
    "conditions", [PROMPT, LATE, RULES_LATE], ids=["prompt", "late", "rules-late"]
)
UNDER_TWO = pytest.mark.parametrize(
    "conditions", [PROMPT, RULES_LATE], ids=["prompt", "rules-late"]
)


def dynamic(*steps: Json, **more: Any) -> Json:
    found = canary(*steps, dynamicStableScale=True, **more)
    # the two delays and dynamicStableScale exclude each other, or mean something else
    del found["canary"]["scaleDownDelaySeconds"], found["canary"]["abortScaleDownDelaySeconds"]
    return found


@BY
@UNDER
async def test_a_dynamic_canary(lab: Open, conditions: Conditions, subsets: bool) -> None:
    async with lab(conditions) as it:
        steps = (weight(25), pause(1), weight(75), pause())
        await it.open(*around(subsets), rollout(dynamic(*steps, subsets=subsets)))
        it.release("shop:2")
        await it.then(phase="Paused", step=3)
        await it.has_pods(v1=1)
        it.promote()
        await it.then(phase="Healthy")
        await it.has_pods(v1=0, v2=4)
        await it.arrived()


@BY
@UNDER_TWO
async def test_a_dynamic_abort(lab: Open, conditions: Conditions, subsets: bool) -> None:
    """Stable has one pod of four when all requests are to come back to it."""
    async with lab(conditions) as it:
        steps = (weight(75), pause())
        await it.open(*around(subsets), rollout(dynamic(*steps, subsets=subsets)))
        it.release("shop:2")
        await it.then(phase="Paused", step=1)
        await it.has_pods(v1=1)
        await it.arrived()
        it.abort()
        await it.has_pods(v1=4, v2=0)
        await it.then(phase="Degraded")
        await it.arrived()


@UNDER_TWO
async def test_a_dynamic_release_that_is_superseded_and_scaled(
    lab: Open, conditions: Conditions
) -> None:
    async with lab(conditions) as it:
        await it.open(*around(), rollout(dynamic(weight(75), pause())))
        it.release("shop:2")
        await it.then(phase="Paused", step=1)
        it.change({"replicas": 8})
        await it.passes(1)
        it.release("shop:3")
        await it.then(phase="Paused", step=1)
        it.change({"replicas": 3})
        await it.passes(1)
        it.promote_full()
        await it.then(phase="Healthy")
        await it.has_pods(v1=0, v2=0, v3=3)
        await it.arrived()
