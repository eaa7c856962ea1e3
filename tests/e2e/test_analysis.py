"""What only AnalysisRuns on a real API server show: an outage that is none of the release's, runs alone, a judge."""

from __future__ import annotations

import json

import pytest
from manifests import analysis, rollout, template, weight
from manifests import web_metric as metric
from telemetry import Verdict, Web


class Flaky(Verdict):
    """A service that now and then is down: it then closes the connection without a word."""

    is_down = False

    def answer(self, path: str) -> tuple[str, str]:
        if self.is_down:
            raise ConnectionAbortedError
        return super().answer(path)

    def handle_error(self, *_: object) -> None:
        """Nobody need read of it."""


class Samples(Web):
    """Speaks as Prometheus does to a range query: one series of the baseline, one of the canary."""

    def __init__(self, shift: float) -> None:
        self.shift = shift
        super().__init__()

    def answer(self, path: str) -> tuple[str, str]:
        sides = {"baseline": 0.0, "canary": self.shift}
        result = [
            {
                "metric": {"side": side},
                "values": [[1767225600 + n, str(100 + (n * 7) % 11 + more)] for n in range(30)],
            }
            for side, more in sides.items()
        ]
        data = {"resultType": "matrix", "result": result}
        return "application/json", json.dumps({"status": "success", "data": data})


def by_hand(*metrics, name="by-hand", annotations=None):
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": {"metrics": list(metrics)},
    }


def ended(scene, name="by-hand"):
    def status():
        found = scene.api.get("analysisruns", scene.namespace, name).get("status", {})
        return found if found.get("phase") not in (None, "Running", "Pending") else None

    return scene.eventually(f"{name} has ended", status)


@pytest.mark.parametrize("word", ["pause", "retry"])
def test_a_healthy_release_is_not_aborted_because_its_provider_was_down(at_work, word):
    with Flaky() as source:
        made = template(metric(source.url, consecutiveErrorLimit=0))
        made["metadata"]["annotations"] = {"gradatim.dev/on-provider-error": word}
        at_work.given_released(made, rollout(weight(50), analysis(), weight(75)))
        source.is_down = True
        at_work.when_image("app:v2")

        def waits():
            return next((r for r in at_work.runs() if r.get("status", {}).get("message")), None)

        run = at_work.eventually("the run waits", waits)
        assert run["status"]["phase"] == "Running"
        assert run["status"]["message"].startswith('Metric "answers": no answer since ')
        if word == "pause":
            at_work.then(phase="Paused", message="ProviderOutage: ", step=1)
        source.is_down = False
        at_work.then(phase="Healthy")
    (run,) = at_work.runs()
    (result,) = run["status"]["metricResults"]
    assert (result["count"], result["successful"], result.get("error", 0)) == (1, 1, 0)
    assert not [event for event in at_work.events() if "RolloutAborted" in event]


def test_with_controllers_analysis_runs_are_measured_and_rollouts_left_alone(scene):
    scene.controllers.start("--controllers", "analysis")
    with Verdict() as good, Verdict(ok=False) as bad:
        scene.given(
            rollout(),
            by_hand(metric(good.url), name="good"),
            by_hand(metric(bad.url), name="bad"),
        )
        assert ended(scene, "good")["phase"] == "Successful"
        assert ended(scene, "bad")["phase"] == "Failed"
    assert "status" not in scene.rollout("web")
    assert scene.sets() == {}


@pytest.mark.parametrize(("shift", "phase"), [(0.0, "Successful"), (40.0, "Failed")])
def test_a_canary_is_judged_beside_its_baseline(at_work, shift, phase):
    sides = {side: {"side": side} for side in ("baseline", "canary")}
    with Samples(shift) as source:
        times = {"start": 'now() - duration("30m")', "end": "now()", "step": "1m"}
        asked = {"address": source.url, "query": "latency", "rangeQuery": times}
        judged = {"name": "latency", "provider": {"prometheus": asked}}
        annotations = {"gradatim.dev/judge": json.dumps({"latency": sides})}
        at_work.given(by_hand(judged, annotations=annotations))
        status = ended(at_work)
    assert status["phase"] == phase, status
    (measurement,) = status["metricResults"][0]["measurements"]
    assert measurement["value"] == ("0" if shift else "100")
    found = json.loads(measurement["metadata"]["gradatim.dev/judge"])
    assert found["classification"] == ("High" if shift else "Pass")
