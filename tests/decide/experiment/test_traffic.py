"""No pods of an Experiment go while requests of its Rollout may still come (`spec/users.md` row 13, safety rule 3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from trialworld import Json, Trial, manifest, part

WEIGHTS = {
    "canary": {"weight": 0, "serviceName": "c"},
    "stable": {"weight": 90, "serviceName": "s"},
    "additional": [{"weight": 10, "serviceName": "trial-a", "podTemplateHash": "h"}],
}


def ended(**status: Json | str) -> Trial:
    """One whose time is over and that keeps its pods not a moment longer than it must."""
    trial = Trial.of(manifest(part("a", service={}), scaleDownDelaySeconds=0))
    trial.rollout_is(currentExperiment="trial")
    trial.run(seconds=0)
    trial.edit(terminate=True)
    trial.rollout_is(**status)
    return trial


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"currentExperiment": "trial"}, id="the Rollout has not seen the end"),
        pytest.param({"weights": WEIGHTS}, id="its weights name a Service of the Experiment"),
        pytest.param({}, id="nobody knows since when traffic is as it is"),
    ],
)
def test_pods_and_services_stay_while_requests_may_come(status: Json) -> None:
    trial = ended(**status)
    trial.run(seconds=300)
    assert trial.phase == ("Successful", "")
    assert trial.sizes == {"trial-a": 1}
    assert len(trial.snapshot.services) == 1


def test_they_go_when_every_proxy_can_have_followed() -> None:
    trial = ended(currentExperiment="trial")
    trial.run(seconds=0)
    assert trial.sizes == {"trial-a": 1}
    trial.rollout_is()
    changed, delay = trial.now, timedelta(seconds=5)
    trial.snapshot = replace(trial.snapshot, traffic_changed=changed)
    decision = trial.decide()
    assert not decision.effects
    assert decision.look_again_in == delay
    trial.now += delay
    trial.carry_out(trial.decide())
    assert trial.sizes == {"trial-a": 0}


def test_without_a_service_nobody_sends_anything_and_nobody_waits() -> None:
    trial = Trial.of(manifest(part("a"), scaleDownDelaySeconds=0))
    trial.rollout_is(currentExperiment="trial")
    trial.run(seconds=0)
    trial.edit(terminate=True)
    trial.carry_out(trial.decide())
    assert trial.sizes == {"trial-a": 0}
