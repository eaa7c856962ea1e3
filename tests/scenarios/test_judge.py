"""Releases that a comparison with the baseline decides on."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from livecluster import Json, Live, play, rollout

from gradatim.plugin import Measurement, MetricProvider, Query, Series

JUDGE = {
    "p95": {
        "baseline": {"hash": "{{args.stable-hash}}"},
        "canary": {"hash": "{{args.canary-hash}}"},
        "direction": "increase",
    }
}
TEMPLATE = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AnalysisTemplate",
    "metadata": {"name": "t", "annotations": {"gradatim.dev/judge": json.dumps(JUDGE)}},
    "spec": {
        "args": [{"name": "stable-hash"}, {"name": "canary-hash"}],
        "metrics": [{"name": "p95", "provider": {"plugin": {"test/latencies": {}}}}],
    },
}
STEP = {
    "analysis": {
        "templates": [{"templateName": "t"}],
        "args": [
            {"name": "stable-hash", "valueFrom": {"podTemplateHashValue": "Stable"}},
            {"name": "canary-hash", "valueFrom": {"podTemplateHashValue": "Latest"}},
        ],
    }
}


def latencies(live: list[Live], slower: float) -> type[MetricProvider]:
    """Latencies of each ReplicaSet's pods, by its hash; those of version 2 are `slower` times as long."""

    class Latencies(MetricProvider):
        key = "test/latencies"

        async def measure(self, query: Query) -> Measurement:
            dice, series = Random(5), []
            for found in live[0].sim.list("ReplicaSet", "default"):
                image = found["spec"]["template"]["spec"]["containers"][0]["image"]
                factor = slower if image == "app:v2" else 1.0
                values = tuple(dice.lognormvariate(4, 0.5) * factor for _ in range(60))
                label = found["metadata"]["labels"]["rollouts-pod-template-hash"]
                series.append(Series({"hash": label}, values))
            return Measurement(value=[1.0], text="[1]", series=tuple(series))

    return Latencies


def _release(slower: float, ends: str) -> Json:
    seen: list[Live] = []
    measured: Json = {}

    async def story(live: Live) -> None:
        seen.append(live)
        live.apply(TEMPLATE, rollout(steps=[{"setWeight": 50}, STEP]))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until(ends)
        (run,) = live.sim.list("AnalysisRun", "default")
        measured.update(run["status"]["metricResults"][0]["measurements"][0])

    play(story, latencies(seen, slower))
    return measured


def test_a_canary_that_is_slower_than_its_baseline_is_taken_back():
    measured = _release(2.0, "Degraded")
    assert (measured["phase"], measured["value"]) == ("Failed", "0")
    assert measured["message"].startswith("High: the canary is higher than the baseline by ")
    record: dict[str, Any] = json.loads(measured["metadata"]["gradatim.dev/judge"])
    assert record["low"] > 0
    assert (record["baseline"], record["canary"]) == (60, 60)


def test_a_canary_as_fast_as_its_baseline_goes_on():
    measured = _release(1.0, "Healthy")
    assert (measured["phase"], measured["value"]) == ("Successful", "100")
