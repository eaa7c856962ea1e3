"""500 AnalysisRuns of 5 templates against a Datadog with its real limits, on loopback and in virtual time."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from livecluster import Live, play
from loopback import Reply, Request, datadog_secret, serving

from gradatim.run.controller import Settings

#: Datadog's own limit for queries of timeseries: requests an hour and organisation, in periods of the calendar.
LIMIT, PERIOD = 1600, 3600

SETTINGS = Settings(namespace="default", environment={})
RUNS, TEMPLATES, COUNT, INTERVAL = 500, 5, 4, 60


@dataclass
class Datadog:
    """Counts calls, and refuses those beyond the limit."""

    limit: int = LIMIT
    period: int = PERIOD
    calls: Counter[int] = field(default_factory=Counter)
    queries: Counter[str] = field(default_factory=Counter)
    refused: int = 0

    def __call__(self, request: Request) -> Reply:
        now = asyncio.get_running_loop().time()
        period = int(now // self.period)
        self.calls[period] += 1
        left = self.limit - self.calls[period]
        headers = {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-period": str(self.period),
            "x-ratelimit-remaining": str(max(0, left)),
            "x-ratelimit-reset": str(int((period + 1) * self.period - now) + 1),
            "x-ratelimit-name": "query_timeseries",
        }
        if left < 0:
            self.refused += 1
            return Reply(429, {"errors": ["Rate limit exceeded"]}, headers)
        self.queries[urlsplit(request.path).query.partition("query=")[2]] += 1
        series = [{"pointlist": [[1767268800000, 0.001]]}]
        return Reply(body={"status": "ok", "series": series}, headers=headers)


def a_run(number: int, **annotations: str) -> dict[str, Any]:
    query = f"sum:errors{{service:web-{number % TEMPLATES}}}"
    metric = {
        "name": "errors",
        "interval": f"{INTERVAL}s",
        "count": COUNT,
        "successCondition": "default(result, 0) < 0.01",
        "provider": {"datadog": {"apiVersion": "v1", "query": query}},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": f"run-{number}", "annotations": annotations},
        "spec": {"metrics": [metric]},
    }


async def measured(live: Live, runs: int, **annotations: str) -> list[dict[str, Any]]:
    """Runs that begin one after the other within a minute, at their end."""
    for number in range(runs):
        live.apply(a_run(number, **annotations))
        await asyncio.sleep(60 / runs)
    for _ in range(4 * 60):
        # looked at now and then: to look at each change would be the greater part of the work
        await asyncio.sleep(60)
        statuses = [run.get("status", {}) for run in live.sim.list("AnalysisRun")]
        if all(status.get("completedAt") for status in statuses):
            return statuses
    raise AssertionError("there are runs that do not end")


def test_no_429_reaches_a_measurement(
    record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(live: Live) -> None:
        datadog = Datadog()
        async with serving(datadog) as address:
            live.apply(datadog_secret(address))
            statuses = await measured(live, RUNS)
        results = [status["metricResults"][0] for status in statuses]
        # Then every run is Successful, and no measurement knows of the limit
        assert {status["phase"] for status in statuses} == {"Successful"}
        assert sum(result.get("error", 0) for result in results) == 0
        assert sum(result["successful"] for result in results) == RUNS * COUNT
        assert datadog.refused == 0
        counts = live.controller.broker.counts["datadog"]
        assert (counts.questions, counts.throttled) == (RUNS * COUNT, 0)
        assert counts.calls + counts.shared == counts.questions
        calls, naive = sum(datadog.calls.values()), RUNS * COUNT
        assert max(datadog.calls.values()) <= LIMIT
        hours = (live.sim.clock.elapsed()) / 3600
        told = (
            f"{RUNS} runs of {TEMPLATES} templates: {calls} calls in {hours:.1f} h, naive {naive}"
        )
        record_property("calls", calls)
        record_property("naive", naive)
        with capsys.disabled():
            sys.stdout.write(f"\n{told}\n")

    play(story, settings=SETTINGS)


def test_without_the_broker_the_limit_is_met_at_once() -> None:
    """The counter-test: the same service, small enough to be met by few runs."""

    async def story(live: Live) -> None:
        datadog = Datadog(limit=100)
        async with serving(datadog) as address:
            live.apply(datadog_secret(address))
            off = {"gradatim.dev/broker": "off"}
            statuses = await measured(live, 30, **off)
        assert datadog.refused > 0
        assert "Error" in {status["phase"] for status in statuses}

    play(story, settings=SETTINGS)


def test_with_the_broker_few_runs_get_by_with_a_small_limit() -> None:
    async def story(live: Live) -> None:
        datadog = Datadog(limit=100, period=600)
        async with serving(datadog) as address:
            live.apply(datadog_secret(address))
            statuses = await measured(live, 30)
        assert datadog.refused == 0
        assert {status["phase"] for status in statuses} == {"Successful"}

    play(story, settings=SETTINGS)
