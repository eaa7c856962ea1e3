"""The annotation `gradatim.dev/judge`, before a rollout."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradatim.model.analysis import parse_template
from gradatim.model.analysisrun import parse_analysis_run
from gradatim.validate.templates import (
    run_problems,
    template_advice,
    template_problems,
)

WHERE = "metadata.annotations[gradatim.dev/judge]"


def document(judge: Any, kind: str = "AnalysisTemplate", **metric: Any) -> dict[str, Any]:
    text = judge if isinstance(judge, str) else json.dumps(judge)
    provider = {"prometheus": {"address": "http://p", "query": "up"}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "t", "annotations": {"gradatim.dev/judge": text}},
        "spec": {
            "args": [{"name": "hash", "value": "abc"}],
            "metrics": [{"name": "p95", "provider": provider, **metric}],
        },
    }


SOUND = {"p95": {"baseline": "old", "canary": {"hash": "{{args.hash}}"}}}


def test_a_sound_comparison_has_no_problem_and_needs_no_condition(plugins):
    template = parse_template(document(SOUND))
    assert list(template_problems(template, plugins)) == []
    assert list(template_advice(template)) == []


@pytest.mark.parametrize(
    ("judge", "problem"),
    [
        ("{", f"{WHERE}: must be JSON: "),
        ({"p95": {"direction": "up"}}, f"{WHERE}.p95.direction: must be one of increase"),
        ({"p96": {}}, f"{WHERE}.p96: there is no metric of that name; did you mean p95?"),
        (
            {"p95": {"canary": {"hash": "{{args.hsh}}"}}},
            f"{WHERE}.p95: failed to resolve {{{{args.hsh}}}}: spec.args declares no such argument",
        ),
        (
            {"p95": {"canary": "{{hash}}"}},
            f"{WHERE}.p95: failed to resolve {{{{hash}}}}: spec.args declares no such argument",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_path(plugins, judge, problem):
    (found,) = template_problems(parse_template(document(judge)), plugins)
    assert str(found).startswith(problem)


def test_a_condition_beside_a_comparison_is_a_problem(plugins):
    (found,) = template_problems(
        parse_template(document(SOUND, successCondition="result < 1")), plugins
    )
    assert str(found) == (
        "spec.metrics[0].successCondition: is not looked at, as gradatim.dev/judge has this metric compared "
        "with a baseline"
    )


@pytest.mark.parametrize(
    ("judge", "expected"), [(SOUND, []), ({"p95": {"tolerance": 2}}, [f"{WHERE}.p95.tolerance"])]
)
def test_a_run_made_by_hand_is_held_to_the_same(plugins, judge, expected):
    run = parse_analysis_run(document(judge, "AnalysisRun"))
    assert [str(problem.path) for problem in run_problems(run, plugins)] == expected
