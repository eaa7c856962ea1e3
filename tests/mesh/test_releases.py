"""Whole releases under steady load, with a mesh that is prompt or late: not one request is lost.

The numbers of rows are those of the outages that users of Argo Rollouts report, by the order of four writes.
"""

from __future__ import annotations

import pytest
from meshlab import LATE, PROMPT, RULES_LATE, Conditions, Open
from meshobjects import NAME, around, blue_green, canary, pause, rollout, service, weight

STEPS = (weight(25), pause(1), weight(50), pause(1), weight(75), pause(1))
BY = pytest.mark.parametrize("subsets", [False, True], ids=["services", "subsets"])
UNDER = pytest.mark.parametrize(
    "conditions", [PROMPT, LATE, RULES_LATE], ids=["prompt", "late", "rules-late"]
)
#: The two that differ most; where the third would only cost time.
UNDER_TWO = pytest.mark.parametrize(
    "conditions", [PROMPT, RULES_LATE], ids=["prompt", "rules-late"]
)


@BY
@UNDER
async def test_a_canary(lab: Open, conditions: Conditions, subsets: bool) -> None:
    async with lab(conditions) as it:
        await it.open(*around(subsets), rollout(canary(*STEPS, subsets=subsets)))
        it.release("shop:2")
        await it.then(phase="Healthy")
        await it.has_pods(v1=0)
        await it.arrived()


@BY
@UNDER
async def test_an_abort(lab: Open, conditions: Conditions, subsets: bool) -> None:
    """Row 7: traffic leaves first, and pods second."""
    async with lab(conditions) as it:
        steps = (weight(50), pause())
        await it.open(*around(subsets), rollout(canary(*steps, subsets=subsets)))
        it.release("shop:2")
        await it.then(phase="Paused", step=1)
        await it.arrived()
        it.abort()
        await it.then(phase="Degraded")
        await it.has_pods(v2=0)
        await it.arrived()
        assert it.weight == 0


@BY
@UNDER_TWO
async def test_a_release_that_is_superseded(
    lab: Open, conditions: Conditions, subsets: bool
) -> None:
    """Rows 1 and 4: the subset or selector of the one under way does not move to pods that are not there."""
    async with lab(conditions) as it:
        steps = (weight(50), pause())
        await it.open(*around(subsets), rollout(canary(*steps, subsets=subsets)))
        for image in ("shop:2", "shop:3"):
            it.release(image)
            await it.then(phase="Paused", step=1)
            await it.arrived()
        await it.has_pods(v2=0)
        it.promote()
        await it.then(phase="Healthy")
        await it.has_pods(v1=0)
        await it.arrived()


@UNDER_TWO
async def test_a_change_of_scale_in_the_middle(lab: Open, conditions: Conditions) -> None:
    """Row 10."""
    async with lab(conditions) as it:
        await it.open(*around(), rollout(canary(weight(50), pause())))
        it.release("shop:2")
        await it.then(phase="Paused", step=1)
        for replicas in (8, 3):
            it.change({"replicas": replicas})
            await it.has_pods(v1=replicas, v2=-(-replicas // 2))
            await it.passes(1)
        it.promote()
        await it.then(phase="Healthy")
        await it.has_pods(v1=0)
        await it.arrived()


@BY
@UNDER_TWO
async def test_a_controller_that_is_killed_again_and_again(
    lab: Open, conditions: Conditions, subsets: bool
) -> None:
    """Killed wherever it happens to be, and another one goes on."""
    async with lab(conditions) as it:
        steps = (weight(25), weight(50), pause(2), weight(75))
        await it.open(*around(subsets), rollout(canary(*steps, subsets=subsets)))
        it.release("shop:2")
        for percent in (25, 50, 75):
            await it.weighs(percent)
            await it.kill_controller()
            await it.passes(0.5)
            await it.start_controller()
        await it.then(phase="Healthy")
        await it.kill_controller()
        await it.start_controller()
        await it.has_pods(v1=0)
        await it.arrived()


@UNDER_TWO
async def test_a_promotion_in_full(lab: Open, conditions: Conditions) -> None:
    async with lab(conditions) as it:
        await it.open(*around(subsets=True), rollout(canary(weight(25), pause(), subsets=True)))
        it.release("shop:2")
        await it.then(phase="Paused", step=1)
        it.promote_full()
        await it.then(phase="Healthy")
        await it.has_pods(v1=0)
        await it.arrived()


@UNDER_TWO
async def test_a_blue_green_switch_and_its_way_back(lab: Open, conditions: Conditions) -> None:
    """Rows 11 and 14: requests to the active Service itself, that no VirtualService routes."""
    async with lab(conditions, host=f"{NAME}-active") as it:
        services = [service(f"{NAME}-active"), service(f"{NAME}-preview")]
        await it.open(*services, rollout(blue_green()))
        it.release("shop:2")
        await it.then(phase="Healthy")
        await it.has_pods(v1=0, v2=4)
        it.release("shop:1")
        await it.then(phase="Healthy")
        await it.has_pods(v1=4, v2=0)
        await it.arrived()
