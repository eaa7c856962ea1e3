"""Metadata of pods that could not be injected is said before the rollout that would inject it."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.model import names
from gradatim.model.rollout import parse_rollout
from gradatim.plugin import Problem
from gradatim.validate import Plugins, rollout_problems

CANARY = "spec.strategy.canary"
BLUE_GREEN = "spec.strategy.blueGreen"


def found(strategy: dict[str, Any], plugins: Plugins) -> list[Problem]:
    labels = {"app": "web"}
    raw = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "app:v1"}]},
            },
            "strategy": strategy,
        },
    }
    return list(rollout_problems(parse_rollout(raw), plugins))


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        pytest.param({"labels": {"role": "canary"}}, None, id="a label is sound"),
        pytest.param({"annotations": {"Team/x": "any text"}}, None, id="so is an annotation"),
        pytest.param({}, None, id="and an empty block"),
        pytest.param(
            {"labels": {"app": "web"}}, None, id="a label of the selector may be repeated"
        ),
        pytest.param({"labels": {"app": "other"}}, "labels", id="but not be changed"),
        pytest.param({"labels": {"role": "no spaces"}}, "labels", id="a value that is none"),
        pytest.param({"labels": {"a b": "c"}}, "labels", id="a label that is none"),
        pytest.param({"annotations": {"a b": "c"}}, "annotations", id="an annotation that is none"),
        pytest.param({"labels": {names.POD_HASH: "x"}}, "labels", id="the controller's own label"),
    ],
)
@pytest.mark.parametrize("field", ["canaryMetadata", "stableMetadata"])
def test_metadata_of_a_canary(
    metadata: dict[str, Any], path: str | None, field: str, plugins: Plugins
) -> None:
    paths = {str(problem.path) for problem in found({"canary": {field: metadata}}, plugins)}
    assert paths == ({f"{CANARY}.{field}.{path}"} if path else set())


@pytest.mark.parametrize("field", ["previewMetadata", "activeMetadata"])
def test_metadata_of_blue_green(field: str, plugins: Plugins) -> None:
    block = {"activeService": "a", field: {"labels": {"app": "other"}}}
    problems = found({"blueGreen": block}, plugins)
    assert [str(problem.path) for problem in problems] == [f"{BLUE_GREEN}.{field}.labels"]
