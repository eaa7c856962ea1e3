from __future__ import annotations

from typing import Any

import pytest

from gradatim.validate import rollout_advice

CANARY = "spec.strategy.canary"


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"scaleDownDelaySeconds": -1}, ".scaleDownDelaySeconds", "at once"),
        ({"abortScaleDownDelaySeconds": 0}, ".abortScaleDownDelaySeconds", "for ever"),
        ({"minPodsPerReplicaSet": 2}, ".minPodsPerReplicaSet", "there is no trafficRouting"),
        (
            {"minPodsPerReplicaSet": -2, "trafficRouting": {"istio": {}}},
            ".minPodsPerReplicaSet",
            "less than 1",
        ),
        ({"trafficRouting": {}}, ".trafficRouting", "has no router"),
        (
            {"trafficRouting": {"istio": {}, "managedRoutes": [{"name": "a"}, {"name": "a"}]}},
            ".trafficRouting.managedRoutes[1]",
            "listed already",
        ),
        (
            {"replicaProgressThreshold": {"type": "Part", "value": 5}},
            ".replicaProgressThreshold.type",
            "taken for Pods",
        ),
        (
            {"replicaProgressThreshold": {"type": "Pods", "value": -5}},
            ".replicaProgressThreshold.value",
            "all pods",
        ),
        (
            {"replicaProgressThreshold": {"type": "Pods", "value": 0}},
            ".replicaProgressThreshold.value",
            "before any pod",
        ),
        (
            {"steps": [{"setCanaryScale": {"weight": 5, "replicas": 1}}]},
            ".steps[0].setCanaryScale",
            "replicas counts",
        ),
        (
            {"steps": [{"pause": {"duration": "5d"}}]},
            ".steps[0].pause.duration",
            "unknown unit 'd'",
        ),
        (
            {"steps": [{"pause": {"duration": "-5s"}}]},
            ".steps[0].pause.duration",
            "negative or too long",
        ),
    ],
)
def test_advice(fields: Any, path: str, words: str, canary: Any) -> None:
    (advice,) = rollout_advice(canary(**fields))
    assert str(advice.path) == CANARY + path
    assert words in advice.message


def test_no_advice_without_a_reason(canary: Any, build: Any) -> None:
    sound = {
        "replicaProgressThreshold": {"type": "Percent", "value": 90},
        "steps": [{"setWeight": 5}, {"pause": {}}, {"setCanaryScale": {"weight": 5}}],
    }
    assert list(rollout_advice(canary(**sound))) == []
    assert list(rollout_advice(build({"blueGreen": {}}))) == []
