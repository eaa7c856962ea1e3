from __future__ import annotations

from typing import Any

import pytest

from gradatim.validate import rollout_advice

CANARY = "spec.strategy.canary"


def asks(which: object, **more: Any) -> dict[str, Any]:
    """An analysis with an argument from the hash of `which` pods."""
    arg = {"name": "hash", "valueFrom": {"podTemplateHashValue": which}, **more}
    return {"templates": [{"templateName": "errors"}], "args": [{"name": "plain"}, arg]}


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
        (
            {"steps": [{"analysis": asks("Newest")}]},
            ".steps[0].analysis.args[1].valueFrom.podTemplateHashValue",
            "'Newest' is none of Stable and Latest: an empty text is taken",
        ),
        (
            {"analysis": asks("latest", value="7")},
            ".analysis.args[1].valueFrom.podTemplateHashValue",
            "the argument's value is taken",
        ),
        (
            {"steps": [{"experiment": {"analyses": [{"name": "a", **asks(["Latest"])}]}}]},
            ".steps[0].experiment.analyses[0].args[1].valueFrom.podTemplateHashValue",
            "none of Stable and Latest",
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


@pytest.mark.parametrize("which", ["Stable", "Latest", None])
def test_no_advice_on_hashes_that_there_are(which: object, build: Any) -> None:
    assert list(rollout_advice(build({"blueGreen": {"prePromotionAnalysis": asks(which)}}))) == []


def test_advice_on_a_hash_before_a_promotion(build: Any) -> None:
    (advice,) = rollout_advice(build({"blueGreen": {"postPromotionAnalysis": asks("Canary")}}))
    where = "spec.strategy.blueGreen.postPromotionAnalysis.args[1].valueFrom.podTemplateHashValue"
    assert str(advice.path) == where
