"""Templates to a run: nested ones, several ones, and whether an existing run will do."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from gradatim.decide.analysis import (
    Identity,
    RunSpec,
    analysis_run,
    collision_names,
    flatten,
    gather,
    is_same_run,
    same_spec,
)
from gradatim.model.analysis import Template, TemplateRef, parse_template
from gradatim.model.analysisrun import parse_analysis_run
from gradatim.plugin import FieldPath

Json = dict[str, Any]


def template(name: str, cluster: bool = False, **spec: Any) -> Template:
    kind = "ClusterAnalysisTemplate" if cluster else "AnalysisTemplate"
    return parse_template({"kind": kind, "metadata": {"name": name}, "spec": spec})


def to(name: str, cluster: bool = False) -> Json:
    return {"templateName": name, "clusterScope": cluster}


def gathered(*templates: Template, refs: list[str]) -> Any:
    known = {each.ref: each for each in templates}
    return gather([TemplateRef(ref) for ref in refs], known.get)


def test_nested_templates_are_gathered_once_the_namespace_first() -> None:
    found = gathered(
        template("a", templates=[to("shared", cluster=True), to("b")]),
        template("b", templates=[to("shared", cluster=True)]),
        template("c"),
        template("shared", cluster=True),
        refs=["a", "c", "a"],
    )
    assert [each.meta.name for each in found.templates] == ["a", "b", "c", "shared"]
    assert found.missing == found.cycles == ()


def test_missing_templates_are_named() -> None:
    found = gathered(template("a", templates=[to("no", cluster=True)]), refs=["nope", "a"])
    assert [str(problem) for problem in found.problems(FieldPath("templates"))] == [
        "templates: AnalysisTemplate 'nope' not found",
        "templates: ClusterAnalysisTemplate 'no' not found",
    ]


def test_a_cycle_ends_and_is_named() -> None:
    found = gathered(
        template("a", templates=[to("b")]), template("b", templates=[to("a")]), refs=["a"]
    )
    assert [each.meta.name for each in found.templates] == ["a", "b"]
    assert [problem.message for problem in found.problems(FieldPath("templates"))] == [
        "AnalysisTemplate 'a' refers back to itself"
    ]


def test_templates_are_flattened() -> None:
    first = template(
        "a",
        metrics=[{"name": "one"}],
        args=[{"name": "x"}, {"name": "y", "value": "2"}],
        dryRun=[{"metricName": "one"}],
    )
    second = template(
        "b",
        metrics=[{"name": "two"}],
        args=[{"name": "x", "value": "1"}, {"name": "y"}],
        measurementRetention=[{"metricName": "two", "limit": 1}],
    )
    spec = flatten(
        [first, second],
        [{"name": "y", "value": "3"}],
        [{"metricName": "t.*"}],
        [{"metricName": ".*", "limit": 5}],
    )
    assert isinstance(spec, RunSpec)
    assert spec.json() == {
        "metrics": [{"name": "one"}, {"name": "two"}],
        "args": [{"name": "x", "value": "1"}, {"name": "y", "value": "3"}],
        "dryRun": [{"metricName": "t.*"}, {"metricName": "one"}],
        "measurementRetention": [
            {"metricName": ".*", "limit": 5},
            {"metricName": "two", "limit": 1},
        ],
    }


@pytest.mark.parametrize(
    ("specs", "dry_run", "message"),
    [
        pytest.param(
            [{"metrics": [{"name": "m"}]}, {"metrics": [{"name": "m"}]}],
            [],
            "two metrics have the same name 'm'",
            id="a metric twice",
        ),
        pytest.param(
            [{"args": [{"name": "max"}]}],
            [],
            "args.max was not resolved",
            id="as recorded: no value",
        ),
        pytest.param(
            [{"args": [{"name": "a", "value": "1"}]}, {"args": [{"name": "a", "value": "2"}]}],
            [],
            "Argument `a` specified multiple times with different values: '1', '2'",
            id="two values of an argument",
        ),
        pytest.param(
            [{"dryRun": [{"metricName": "m"}]}],
            [{"metricName": "m"}],
            "two Dry-Run metric rules have the same name 'm'",
            id="a dry-run rule twice",
        ),
        pytest.param(
            [{"measurementRetention": [{"metricName": "m"}, {"metricName": "m"}]}],
            [],
            "two Measurement Retention metric rules have the same name 'm'",
            id="a retention rule twice",
        ),
    ],
)
def test_templates_that_do_not_go_together(
    specs: list[Json], dry_run: list[Json], message: str
) -> None:
    templates = [template(f"t{i}", **spec) for i, spec in enumerate(specs)]
    problems = flatten(templates, [], dry_run, [])
    assert isinstance(problems, list)
    assert [problem.message for problem in problems] == [message]


def test_templates_of_wrong_types_do_not_raise() -> None:
    assert flatten([template("a", metrics=[3], args="x")], [], [], []) == RunSpec()


SPEC = RunSpec(metrics=({"name": "m", "interval": "1s"},), args=({"name": "a", "value": ""},))
OWNER: Json = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "web", "uid": "u-1"},
}


def test_the_body_of_a_run() -> None:
    identity = Identity(
        name="web-1", namespace="shop", owner=OWNER, labels={"l": "1"}, annotations={"a": "2"}
    )
    assert analysis_run(identity, SPEC) == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "labels": {"l": "1"},
            "annotations": {"a": "2"},
            "ownerReferences": [
                {
                    "apiVersion": "argoproj.io/v1alpha1",
                    "kind": "Rollout",
                    "name": "web",
                    "uid": "u-1",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "metrics": [{"name": "m", "interval": "1s"}],
            "args": [{"name": "a", "value": ""}],
        },
    }


def test_a_bare_body_has_no_empty_maps() -> None:
    body = analysis_run(
        Identity(name="x", namespace="n", owner={}), RunSpec(metrics=({"name": "m"},))
    )
    assert set(body["metadata"]) == {"name", "namespace", "ownerReferences"}


def test_names_while_they_are_taken() -> None:
    assert list(islice(collision_names("web-1"), 3)) == ["web-1", "web-1.1", "web-1.2"]


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        pytest.param({}, True, id="just the same"),
        pytest.param({"terminate": True}, True, id="terminated does not count"),
        pytest.param({"dryRun": [], "measurementRetention": None}, True, id="empty is absent"),
        pytest.param({"metrics": [{"name": "m"}]}, False, id="another metric"),
        pytest.param({"args": [{"name": "a", "value": "1"}]}, False, id="another argument"),
    ],
)
def test_the_same_specification(changes: Json, is_same: bool) -> None:
    assert same_spec({"spec": {**SPEC.json(), **changes}}, SPEC) is is_same


@pytest.mark.parametrize(
    ("uid", "phase", "is_same"),
    [
        pytest.param("u-1", "", True, id="ours, and open"),
        pytest.param("u-2", "", False, id="somebody else's"),
        pytest.param("u-1", "Failed", False, id="ended"),
    ],
)
def test_a_run_that_is_there_already(uid: str, phase: str, is_same: bool) -> None:
    body = analysis_run(Identity(name="web-1", namespace="shop", owner=OWNER), SPEC)
    run = parse_analysis_run({**body, "status": {"phase": phase}})
    assert is_same_run(run, SPEC, uid) is is_same
