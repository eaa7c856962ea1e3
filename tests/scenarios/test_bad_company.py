"""A provider that hangs, raises or sends rubbish: the runs beside it measure at their times, as if it was not there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from itertools import pairwise
from typing import Any

import pytest
from livecluster import Live, play
from loopback import Reply, Request, serving

from gradatim.plugin import Measurement, MetricProvider, Query
from gradatim.run.controller import Settings

GOOD, COUNT, INTERVAL = 20, 6, 10
HALF = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"


class Hangs(MetricProvider):
    key = "test/hangs"

    async def measure(self, query: Query) -> Measurement:
        await asyncio.Event().wait()
        raise AssertionError


class Swallows(MetricProvider):
    """Hangs, and does not let go when it is told to."""

    key = "test/swallows"

    async def measure(self, query: Query) -> Measurement:
        while True:
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                await asyncio.sleep(1)
                raise RuntimeError("no") from None


class Raises(MetricProvider):
    key = "test/raises"

    async def measure(self, query: Query) -> Measurement:
        raise ZeroDivisionError("oops")


class Lies(MetricProvider):
    key = "test/lies"

    async def measure(self, query: Query) -> Any:
        return {"value": object()}


PLUGINS = (Hangs, Swallows, Raises, Lies)
#: what a bad run asks, by the name of what is bad about it
BAD: dict[str, dict[str, Any]] = {
    **{plugin.key: {"plugin": {plugin.key: {}}} for plugin in PLUGINS},
    **{
        path: {"web": {"url": f"http://HOST/{path}", "jsonPath": "{$.value}"}}
        for path in ("hang", "garbage", "large", "half", "closed")
    },
}


class Service:
    """Answers well, and notes when it was asked, but for paths that name a vice."""

    def __init__(self) -> None:
        self.asked: dict[str, list[float]] = defaultdict(list)

    def __call__(self, request: Request) -> Reply | Awaitable[Reply]:
        name = request.path.strip("/").partition("?")[0]
        self.asked[name].append(asyncio.get_running_loop().time())
        match name:
            case "hang":
                return self._never()
            case "garbage":
                return Reply(body=bytes(range(256)) * 40)
            case "large":
                return Reply(body=b'{"value": "' + b"x" * 10 * 2**20 + b'"}')
            case "half":
                return Reply(raw=HALF)
            case "closed":
                return Reply(raw=b"")
        return Reply(body={"value": 1})

    async def _never(self) -> Reply:
        await asyncio.sleep(3_600)
        return Reply()


def a_run(name: str, provider: dict[str, Any], **fields: Any) -> dict[str, Any]:
    metric = {
        "name": "value",
        "interval": f"{INTERVAL}s",
        "successCondition": "result == 1",
        "provider": provider,
        **fields,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": name},
        "spec": {"metrics": [metric]},
    }


@pytest.mark.parametrize("vice", BAD)
def test_bad_company_makes_nobody_late(vice: str) -> None:
    async def story(live: Live) -> None:
        service = Service()
        async with serving(service) as address:
            for number in range(GOOD // 2):
                bad = {
                    key: {**block, "url": block["url"].replace("http://HOST", address)}
                    if key == "web"
                    else block
                    for key, block in BAD[vice].items()
                }
                live.apply(a_run(f"bad-{number}", bad, count=100, consecutiveErrorLimit=100))
            for number in range(GOOD):
                web = {"web": {"url": f"{address}/good-{number}", "jsonPath": "{$.value}"}}
                live.apply(a_run(f"good-{number}", web, count=COUNT))
                await asyncio.sleep(0.05)
            await asyncio.sleep(COUNT * INTERVAL + 5)
        for number in range(GOOD):
            times = service.asked[f"good-{number}"]
            assert len(times) == COUNT
            gaps = [after - before for before, after in pairwise(times)]
            # the first is begun when the run is made, all others in their place in the first half of a whole second
            assert INTERVAL - 1 <= gaps[0] <= INTERVAL + 0.5 + 0.2
            assert all(gap == pytest.approx(INTERVAL, abs=0.2) for gap in gaps[1:])
            status = live.sim.get("AnalysisRun", f"good-{number}")["status"]
            assert status["phase"] == "Successful"
        bad_status = live.sim.get("AnalysisRun", "bad-0").get("status", {})
        assert "successful" not in (bad_status.get("metricResults") or [{}])[0]

    play(story, *PLUGINS, settings=Settings(environment={}, analysis_workers=2))
