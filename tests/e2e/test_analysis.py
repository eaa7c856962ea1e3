"""What only analyses on a real API server show: an outage of a provider that is none of the release's."""

from __future__ import annotations

import pytest
from manifests import analysis, rollout, template, weight
from manifests import web_metric as metric
from telemetry import Verdict


class Flaky(Verdict):
    """A service that now and then is down: it then closes the connection without a word."""

    is_down = False

    def answer(self, path: str) -> tuple[str, str]:
        if self.is_down:
            raise ConnectionAbortedError
        return super().answer(path)

    def handle_error(self, *_: object) -> None:
        """Nobody need read of it."""


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
