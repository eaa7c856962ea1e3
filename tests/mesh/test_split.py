"""What arrives is what the weights, headers and mirrors say, counted request by request."""

from __future__ import annotations

import pytest
from meshlab import PROMPT, Open
from meshobjects import around, canary, pause, rollout, weight

#: Requests for one weight. At 50 % one standard deviation is 0.56 points of 8000: 2 points are more than three.
MANY = 8000
BY = pytest.mark.parametrize("subsets", [False, True], ids=["services", "subsets"])


@BY
async def test_each_weight_is_the_share_of_the_requests(lab: Open, subsets: bool) -> None:
    steps = [each for percent in (5, 20, 50, 80) for each in (weight(percent), pause())]
    async with lab(PROMPT) as it:
        await it.open(*around(subsets), rollout(canary(*steps, subsets=subsets)))
        it.release("shop:2")
        for number, percent in enumerate((5, 20, 50, 80)):
            await it.then(phase="Paused", step=2 * number + 1)
            await it.arrived()
            assert it.weight == percent
            await it.splits(MANY, v1=100 - percent, v2=percent)
            it.promote()
        await it.then(phase="Healthy")
        await it.arrived()
        await it.splits(500, v2=100)


@BY
async def test_a_header_route_takes_its_requests_and_no_others(lab: Open, subsets: bool) -> None:
    match = [{"headerName": "x-canary", "headerValue": {"exact": "yes"}}]
    steps = [
        {"setCanaryScale": {"replicas": 1}},
        {"setHeaderRoute": {"name": "by-header", "match": match}},
        pause(),
        weight(20),
        pause(),
    ]
    routing = {"managedRoutes": [{"name": "by-header"}]}
    async with lab(PROMPT) as it:
        strategy = canary(*steps, subsets=subsets, routing=routing)
        await it.open(*around(subsets), rollout(strategy))
        it.release("shop:2")
        await it.then(phase="Paused", step=2)
        await it.arrived()
        await it.splits(1000, v1=100)
        await it.splits(1000, v2=100, headers={"x-canary": "yes"})
        await it.splits(200, v1=100, headers={"x-canary": "no"})
        it.promote()
        await it.then(phase="Paused", step=4)
        await it.arrived()
        await it.splits(1000, v2=100, headers={"x-canary": "yes"})
        it.promote()
        await it.then(phase="Healthy")
        await it.arrived()
        await it.splits(500, v2=100, headers={"x-canary": "yes"})


@BY
async def test_a_mirror_gets_copies_and_answers_nobody(lab: Open, subsets: bool) -> None:
    match = [{"path": {"prefix": "/"}}]
    mirror = {"name": "mirrored", "percentage": 40, "match": match}
    steps = [{"setCanaryScale": {"replicas": 1}}, {"setMirrorRoute": mirror}, pause()]
    routing = {"managedRoutes": [{"name": "mirrored"}]}
    async with lab(PROMPT) as it:
        strategy = canary(*steps, subsets=subsets, routing=routing)
        await it.open(*around(subsets), rollout(strategy))
        it.release("shop:2")
        await it.then(phase="Paused", step=2)
        await it.arrived()
        await it.mirrors(MANY, percent=40)
        it.promote()
        await it.then(phase="Healthy")
        await it.arrived()
        await it.mirrors(1000, percent=0)
