"""Datadog is down for ten minutes in the middle of a good release: the real plugin over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from livecluster import Live, analysis, play, rollout
from loopback import Reply, Request, datadog_secret, serving

from gradatim.run.controller import Settings

DOWN = Reply(503, b"<html>maintenance</html>")
TEN_MINUTES = 600


class Datadog:
    """Answers v1 queries with one point, unless it is down."""

    def __init__(self, value: float | None = 0.001) -> None:
        self.value = value
        self.is_down = False

    def __call__(self, request: Request) -> Reply:
        if self.is_down:
            return DOWN
        points = [] if self.value is None else [[1767268800000, self.value]]
        return Reply(body={"status": "ok", "series": [{"pointlist": points}] if points else []})


def template(**settings: str) -> dict[str, Any]:
    """Twenty measurements, one a minute."""
    annotations = {
        "gradatim.dev/" + key.replace("_", "-"): value for key, value in settings.items()
    }
    metric = {
        "name": "errors",
        "interval": "1m",
        "count": 20,
        "successCondition": "default(result, 0) < 0.01",
        "provider": {"datadog": {"apiVersion": "v1", "query": "sum:errors{service:web}"}},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "errors", "annotations": annotations},
        "spec": {"metrics": [metric]},
    }


SETTINGS = Settings(namespace="default", environment={})
STEPS = [{"setWeight": 50}, analysis("errors"), {"setWeight": 75}]


TRIED_OUT = {
    "experiment": {
        "duration": "10m",
        "templates": [{"name": "canary", "specRef": "canary"}],
        "analyses": [{"name": "errors", "templateName": "errors"}],
    }
}


async def release(
    live: Live, datadog: Datadog, address: str, template: dict[str, Any], step: Any = STEPS[1]
) -> None:
    """A release whose analysis is five minutes old when Datadog falls silent, and ten minutes later is back."""
    steps = [STEPS[0], step, STEPS[2]]
    live.apply(datadog_secret(address), template, rollout(steps=steps))
    await live.until("Healthy")
    live.image("app:v2")
    await live.sim.until(lambda: bool(live.sim.list("AnalysisRun")), within=60)
    await asyncio.sleep(300)
    datadog.is_down = True
    await asyncio.sleep(TEN_MINUTES)
    datadog.is_down = False


def counts(live: Live) -> dict[str, int]:
    (run,) = live.sim.list("AnalysisRun")
    (result,) = run["status"]["metricResults"]
    return {key: value for key, value in result.items() if isinstance(value, int)}


@pytest.mark.parametrize("word", ["retry", "pause"])
def test_a_healthy_release_is_not_aborted_because_datadog_was_down(word: str) -> None:
    async def story(live: Live) -> None:
        datadog = Datadog()
        async with serving(datadog) as address:
            # Given a template whose author wants an outage to be waited for
            await release(live, datadog, address, template(on_provider_error=word))
            # When Datadog is back, then the release goes on by itself and ends well
            await live.until("Healthy", within=1800)
        assert counts(live) == {"count": 20, "successful": 20, "consecutiveSuccess": 20}
        assert {"MetricWaiting", "MetricGoesOn"} <= live.reasons()
        assert "RolloutAborted" not in live.reasons()

    play(story, settings=SETTINGS)


def test_while_datadog_is_down_the_rollout_says_what_it_waits_for() -> None:
    async def story(live: Live) -> None:
        datadog = Datadog()
        async with serving(datadog) as address:
            made = template(on_provider_error="pause")
            releasing = asyncio.create_task(release(live, datadog, address, made))
            await asyncio.sleep(0)
            await live.until("Paused", within=600)
            assert live.message().startswith('ProviderOutage: Metric "errors": no answer since ')
            assert "answered 503" in live.message()
            noted = live.status()["canary"]["currentStepAnalysisRunStatus"]
            assert noted["status"] == "Running"
            releasing.cancel()
            with suppress(asyncio.CancelledError):
                await releasing

    play(story, settings=SETTINGS)


def test_the_analysis_of_a_step_s_experiment_holds_it_and_the_rollout() -> None:
    async def story(live: Live) -> None:
        datadog = Datadog()
        async with serving(datadog) as address:
            made = template(on_provider_error="pause")
            releasing = asyncio.create_task(release(live, datadog, address, made, TRIED_OUT))
            await asyncio.sleep(0)
            # Given an Experiment of ten minutes whose provider has no answer when they are over
            await live.until("Paused", within=600)
            assert live.message().startswith('ProviderOutage: Metric "errors": no answer since ')
            await asyncio.sleep(480)
            assert live.phase() == "Paused"
            # When there is one, then the release goes on by itself
            await releasing
            await live.until("Healthy", within=300)
        assert "RolloutAborted" not in live.reasons()

    play(story, settings=SETTINGS)


def test_without_the_annotation_it_is_aborted_as_by_the_reference() -> None:
    async def story(live: Live) -> None:
        datadog = Datadog()
        async with serving(datadog) as address:
            await release(live, datadog, address, template())
            await live.until("Degraded")
        assert "consecutiveErrors (5) > consecutiveErrorLimit (4)" in live.message()
        assert counts(live)["error"] == 5

    play(story, settings=SETTINGS)


def test_no_data_yet_is_waited_for_though_the_condition_would_take_it() -> None:
    async def story(live: Live) -> None:
        datadog = Datadog(None)
        async with serving(datadog) as address:
            made = template(on_no_data="retry", no_data_budget="10m")
            live.apply(datadog_secret(address), made, rollout(steps=STEPS))
            await live.until("Healthy")
            live.image("app:v2")
            await live.sim.until(lambda: "MetricWaiting" in live.reasons(), within=60)
            await asyncio.sleep(240)
            datadog.value = 0.5
            # Then what comes is judged: these errors are real
            await live.until("Degraded", within=180)
        assert counts(live) == {"count": 1, "failed": 1}

    play(story, settings=SETTINGS)


def test_a_word_that_means_nothing_is_named_before_the_release_begins() -> None:
    async def story(live: Live) -> None:
        live.apply(template(on_provider_error="wait"), rollout(steps=STEPS))
        await live.until("Degraded")
        assert "InvalidSpec" in live.message()
        assert 'must be one of retry, pause, fail, not "wait"' in live.message()

    play(story, settings=SETTINGS)
