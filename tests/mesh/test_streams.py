"""TCP and TLS routes: connections are split as the weights say, and none is lost in a whole release."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from callers import NAMES, Seal, calls, certificate
from meshlab import PROMPT, Lab, Open
from meshobjects import around, canary, destinations, pause, rollout, weight

#: Connections for one weight: at 20 % one standard deviation is 0.6 points of 4000.
MANY = 4000
STEPS = (weight(20), pause(), weight(50), pause(1), weight(75), pause(1))
TCP = {"match": [{"port": 9000}]}
TLS = {"match": [{"port": 443, "sniHosts": [NAMES[0]]}]}


def objects(subsets: bool, selected: dict[str, Any], **routes: Any) -> list[dict[str, Any]]:
    """A Rollout and its objects, with these routes in the VirtualService beside its HTTP route."""
    *others, found = around(subsets)
    for protocol, given in routes.items():
        found["spec"][protocol] = [{**each, "route": destinations(subsets)} for each in given]
    strategy = canary(*STEPS, subsets=subsets)
    strategy["canary"]["trafficRouting"]["istio"]["virtualService"] |= selected
    return [*others, found, rollout(strategy)]


async def released_under_calls(it: Lab, seal: Seal | None = None) -> None:
    """A whole release; calls come all the while, and many at the first weight."""
    port = await it.mesh.stream_port()
    it.release("shop:2")
    await it.then(phase="Paused", step=1)
    await it.arrived()
    found = await calls(port, MANY, 800, seal)
    it.shares(found, v1=80, v2=20)
    steadily = asyncio.create_task(calls(port, 1500, 150, seal))
    it.promote()
    await it.then(phase="Paused", step=3, within=20)
    await it.then(phase="Healthy")
    await it.has_pods(v1=0)
    it.visitors.replies += [*found, *await steadily]
    it.shares(await calls(port, 200, 400, seal), v2=100)


@pytest.mark.parametrize("subsets", [False, True], ids=["services", "subsets"])
async def test_a_canary_by_a_tcp_route(lab: Open, subsets: bool) -> None:
    async with lab(PROMPT) as it:
        await it.open(*objects(subsets, {"tcpRoutes": [{"port": 9000}]}, tcp=[TCP]))
        await released_under_calls(it)


async def test_a_canary_by_a_tls_route_that_nobody_opens(lab: Open, tmp_path: Path) -> None:
    """Envoy reads the name that a client asks for, and the pods alone have the certificate."""
    pods, trusting = certificate(tmp_path)
    seal, other = (Seal(name, trusting) for name in NAMES)
    async with lab(PROMPT, tls=pods) as it:
        selected = {"tlsRoutes": [{"port": 443, "sniHosts": [NAMES[0]]}]}
        await it.open(*objects(False, selected, tls=[TLS]))
        await released_under_calls(it, seal)
        refused = await calls(await it.mesh.stream_port(), 20, 100, other)
        assert all(reply.is_lost for reply in refused), "no route takes that name"
