"""The rules of steps that run an Experiment, and the analysis templates that those name."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.model.analysis import parse_template
from gradatim.model.reading import Json
from gradatim.validate import Plugins, References, reference_problems, rollout_problems

STEP = "spec.strategy.canary.steps[0].experiment"
ROUTED = {
    "canaryService": "c",
    "stableService": "s",
    "trafficRouting": {"istio": {"virtualService": {"name": "web"}}},
}
PORTS = [{"name": "app", "image": "app:v1", "ports": [{"containerPort": 80}]}]
PODS = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": PORTS}}


def step(*templates: Json, **given: Any) -> Json:
    return {"experiment": {"templates": list(templates), **given}}


def part(name: str = "a", **given: Any) -> Json:
    return {"name": name, "specRef": "canary", **given}


def found(build: Any, plugins: Plugins, wanted: Json, **canary: Any) -> list[str]:
    rollout = build({"canary": {"steps": [wanted], **canary}}, template=PODS)
    return [str(problem) for problem in rollout_problems(rollout, plugins)]


@pytest.mark.parametrize(
    "wanted",
    [
        step(part(), duration="1m", scaleDownDelaySeconds=0),
        step(part("a"), part("b", specRef="stable", replicas=0), analyses=[]),
        step(part(selector={"matchLabels": {"a": "b"}}, metadata={"labels": {"a": "b"}})),
        step(part(service={}), analyses=[{"name": "x", "templateName": "t"}]),
    ],
)
def test_a_sound_step_is_sound(wanted: Json, build: Any, plugins: Plugins) -> None:
    assert found(build, plugins, wanted) == []


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        pytest.param(
            step(), ".templates: Required value: must have at least one template", id="none"
        ),
        pytest.param(
            step(part("a"), part("a")), '.templates[1].name: Duplicate value: "a"', id="twice"
        ),
        pytest.param(step(part("")), ".templates[0].name: Required value", id="no name"),
        pytest.param(
            step(part(specRef="other")),
            '.templates[0].specRef: Unsupported value: "other": supported values: "canary", "stable"',
            id="a revision that is none",
        ),
        pytest.param(
            step(part(replicas=-1)),
            ".templates[0].replicas: Invalid value: -1: must be greater than or equal to 0",
            id="fewer than no pods",
        ),
        pytest.param(
            step(part(selector={"matchLabels": {"app": "other"}})),
            '.templates[0].selector: Invalid value: {"matchLabels":{"app":"other"}}: '
            "it does not select the pods of the template",
            id="a selector of other pods",
        ),
        pytest.param(
            step(part(), duration="1d"),
            ".duration: Invalid value: \"1d\": duration '1d' has the unknown unit 'd'",
            id="a duration that is none",
        ),
        pytest.param(
            step(part(), scaleDownDelaySeconds=-1),
            ".scaleDownDelaySeconds: Invalid value: -1: must be greater than or equal to 0",
            id="a delay in the past",
        ),
        pytest.param(
            step(part(), analyses=[{"name": "x", "templateName": "t"}, {"name": "x"}]),
            '.analyses[1].name: Duplicate value: "x"',
            id="two analyses of a name",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_path(
    wanted: Json, message: str, build: Any, plugins: Plugins
) -> None:
    said = found(build, plugins, wanted)
    assert said[0].startswith(f"{STEP}{message[:40]}")
    assert said[0] == STEP + message


def test_weights_must_be_there_to_give(build: Any, plugins: Plugins) -> None:
    wanted = step(part("a", weight=60), part("b", weight=50))
    assert found(build, plugins, wanted, **ROUTED) == [
        f"{STEP}.templates: Invalid value: 110: the weights are more than 100 together"
    ]
    wanted = step(part("a", weight=-5))
    assert found(build, plugins, wanted, **ROUTED) == [
        f"{STEP}.templates[0].weight: Invalid value: -5: must be greater than or equal to 0"
    ]


def test_requests_need_a_service_that_can_be_made(build: Any, plugins: Plugins) -> None:
    bare = build({"canary": {"steps": [step(part(weight=5))], **ROUTED}})
    assert [str(problem) for problem in rollout_problems(bare, plugins)] == [
        f"{STEP}.templates[0].weight: Invalid value: 5: "
        "no container of the pods names a port, so that there is no Service for them"
    ]
    long = "n" * 50
    assert found(build, plugins, step(part(long, weight=5)), **ROUTED) == [
        f"{STEP}.templates[0].service.name: Required value: "
        "the Service would have a name of 71 letters, of which it may have 63"
    ]
    named = step(part(long, weight=5, service={"name": "short"}))
    assert found(build, plugins, named, **ROUTED) == []


def template(name: str, **spec: Any) -> Json:
    return {"kind": "AnalysisTemplate", "metadata": {"name": name}, "spec": spec}


def refers(build: Any, plugins: Plugins, *templates: Json, **analysis: Any) -> list[str]:
    asked = {"name": "x", "templateName": "t", **analysis}
    rollout = build({"canary": {"steps": [step(part(), analyses=[asked])]}}, template=PODS)
    views = [parse_template(each) for each in templates]
    known = References(templates={view.ref: view for view in views})
    return [str(problem) for problem in reference_problems(rollout, known, plugins)]


WEB = {"web": {"url": "http://x", "jsonPath": "{$}"}}


def test_its_analysis_templates_must_be_there(build: Any, plugins: Plugins) -> None:
    assert refers(build, plugins) == [
        f"{STEP}.analyses[0].templateName: Invalid value: \"t\": AnalysisTemplate 't' not found"
    ]
    metric = {"name": "m", "provider": WEB}
    assert refers(build, plugins, template("t", metrics=[metric])) == []


def test_their_arguments_may_be_what_only_the_experiment_knows(
    build: Any, plugins: Plugins
) -> None:
    metric = {"name": "m", "count": "{{args.n}}", "interval": "1s", "provider": WEB}
    asked = template("t", args=[{"name": "n"}], metrics=[metric])
    (problem,) = refers(build, plugins, asked)
    assert problem.endswith("args.n was not resolved")
    args = [{"name": "n", "value": "{{templates.a.podTemplateHash}}"}]
    assert refers(build, plugins, asked, args=args) == []


def test_only_what_is_required_must_come_to_an_end(build: Any, plugins: Plugins) -> None:
    endless = template("t", metrics=[{"name": "m", "interval": "1s", "provider": WEB}])
    assert refers(build, plugins, endless) == []
    (problem,) = refers(build, plugins, endless, requiredForCompletion=True)
    assert "runs indefinitely" in problem
