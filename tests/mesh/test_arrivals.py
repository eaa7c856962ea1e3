"""Rollouts that come where there is traffic already, and Services that are stable in turn."""

from __future__ import annotations

import pytest
from meshlab import ENDPOINTS_LATE, PROMPT, RULES_LATE, Conditions, Open
from meshobjects import (
    NAME,
    PRIMARY,
    Json,
    around,
    canary,
    deployment,
    pause,
    rollout,
    service,
    virtual_service,
    weight,
)

UNDER = pytest.mark.parametrize("conditions", [PROMPT, RULES_LATE], ids=["prompt", "rules-late"])
BY = pytest.mark.parametrize("subsets", [False, True], ids=["services", "subsets"])
STEPS = (weight(50), pause(1))


@BY
@UNDER
async def test_a_rollout_beside_a_deployment_that_serves(
    lab: Open, conditions: Conditions, subsets: bool
) -> None:
    """Row 5: neither selector nor subset moves before the Rollout's pods can answer."""
    async with lab(conditions) as it:
        it.create(*around(subsets), deployment(4))
        await it.sim.settle()
        await it.arrived()
        await it.visitors_come()
        it.create(rollout(canary(*STEPS, subsets=subsets)))
        await it.start_controller()
        await it.then(phase="Healthy")
        await it.passes(conditions.delay)
        it.sim.patch("Deployment", NAME, {"spec": {"replicas": 0}})
        await it.arrived()
        it.release("shop:2")
        await it.then(phase="Healthy")
        await it.arrived()


@pytest.mark.parametrize("how", ["progressively", "onsuccess"])
@UNDER
async def test_a_deployment_that_hands_over(lab: Open, conditions: Conditions, how: str) -> None:
    """Row 6: with `workloadRef` it gives up its pods as the Rollout has others in their place."""
    async with lab(conditions) as it:
        it.create(*around(), deployment(4))
        await it.sim.settle()
        await it.arrived()
        await it.visitors_come()
        found = rollout(canary(*STEPS))
        del found["spec"]["template"]
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME, "scaleDown": how}
        found["spec"]["workloadRef"] = ref
        it.create(found)
        await it.start_controller()
        await it.then(phase="Healthy")
        await it.until(
            lambda: it.sim.get("Deployment", NAME)["spec"]["replicas"] == 0, "it has handed over"
        )
        await it.arrived()


@UNDER
async def test_ping_and_pong(lab: Open, conditions: Conditions) -> None:
    """Row 11: two Services that are stable in turn, over three releases."""
    strategy = canary(*STEPS)
    strategy["canary"] |= {"pingPong": {"pingService": "ping", "pongService": "pong"}}
    for name in ("canaryService", "stableService"):
        del strategy["canary"][name]
    mesh = virtual_service()
    destinations: list[Json] = [
        {"destination": {"host": "ping"}, "weight": 100},
        {"destination": {"host": "pong"}, "weight": 0},
    ]
    mesh["spec"]["http"] = [{"name": PRIMARY, "route": destinations}]
    async with lab(conditions) as it:
        await it.open(service("ping"), service("pong"), mesh, rollout(strategy))
        for number in (2, 3, 4):
            it.release(f"shop:{number}")
            await it.then(phase="Healthy")
        await it.has_pods(v1=0, v2=0, v3=0, v4=4)
        await it.arrived()


@BY
async def test_endpoints_that_come_later_than_rules_need_min_ready_seconds(
    lab: Open, subsets: bool
) -> None:
    """What is available so long is known to the proxies, before it gets any weight."""
    async with lab(ENDPOINTS_LATE) as it:
        found = rollout(canary(*STEPS, subsets=subsets), minReadySeconds=3)
        await it.open(*around(subsets), found)
        it.release("shop:2")
        await it.then(phase="Healthy")
        await it.has_pods(v1=0)
        await it.arrived()


async def test_endpoints_that_come_later_than_rules_without_it(lab: Open) -> None:
    """Istio keeps the order of what it tells a proxy; a mesh that does not is not covered without minReadySeconds."""
    async with lab(ENDPOINTS_LATE, fails=True) as it:
        found = rollout(canary(*STEPS, subsets=True))
        await it.open(*around(subsets=True), found)
        it.release("shop:2")
        await it.then(phase="Healthy")
