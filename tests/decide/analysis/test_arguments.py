"""Arguments: from the Rollout, merged with the templates', and put into metrics."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.decide.analysis import UnresolvedError, resolve_arguments, substitute
from gradatim.decide.analysis.arguments import merge_arguments
from gradatim.decide.analysis.substitution import argument_values, resolve_metric
from gradatim.model.analysis import Argument, Metric

ROLLOUT: dict[str, Any] = {
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "uid": "u-1",
        "labels": {"app": "web", "a/b": 'c"d'},
        "annotations": {"note": "yes"},
    },
    "spec": {
        "replicas": 3,
        "paused": True,
        "big": 1000000,
        "odd": 0.00001,
        "huge": -2.5e30,
        "zero": 0,
        "half": 0.5,
        "template": {"spec": {"containers": [{"image": "app:v1"}]}},
    },
}


def field(path: str) -> dict[str, Any]:
    return {"name": "x", "valueFrom": {"fieldRef": {"fieldPath": path}}}


@pytest.mark.parametrize(
    ("arg", "value"),
    [
        pytest.param({"name": "x", "value": "1"}, "1", id="a value"),
        pytest.param({"name": "x"}, "", id="nothing"),
        pytest.param({"name": "x", "valueFrom": {}, "value": "v"}, "v", id="an empty source"),
        pytest.param(
            {"name": "x", "valueFrom": {"podTemplateHashValue": "Stable"}}, "s1", id="stable"
        ),
        pytest.param(
            {"name": "x", "valueFrom": {"podTemplateHashValue": "Latest"}}, "l2", id="latest"
        ),
        pytest.param(field("metadata.name"), "web", id="name"),
        pytest.param(field("metadata.uid"), "u-1", id="uid"),
        pytest.param(field("metadata.labels['app']"), "web", id="a label"),
        pytest.param(field("metadata.labels['none']"), "", id="a label that is not there"),
        pytest.param(field("metadata.annotations['note']"), "yes", id="an annotation"),
        pytest.param(field("metadata.labels"), 'a/b="c\\"d"\napp="web"', id="all labels, sorted"),
        pytest.param(field("spec.replicas"), "3", id="a number"),
        pytest.param(field("spec.paused"), "true", id="a boolean"),
        pytest.param(field("spec.big"), "1e+06", id="a large number, as Go prints a float"),
        pytest.param(field("spec.odd"), "1e-05", id="a small number"),
        pytest.param(field("spec.huge"), "-2.5e+30", id="a huge one"),
        pytest.param(field("spec.zero"), "0", id="zero"),
        pytest.param(field("spec.half"), "0.5", id="a fraction"),
        pytest.param(field("spec.template.spec.containers[0].image"), "app:v1", id="into a list"),
    ],
)
def test_values(arg: dict[str, Any], value: str) -> None:
    assert resolve_arguments(ROLLOUT, [arg], "s1", "l2") == ([{"name": "x", "value": value}], [])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("metadata.generation", "unsupported fieldPath: metadata.generation"),
        ("metadata.name['x']", "fieldPath \"metadata.name['x']\" does not support subscript"),
        (
            "metadata.labels['a b']",
            "invalid key subscript in metadata.labels['a b']: must be a qualified name",
        ),
        ("spec.nothing", "invalid path spec.nothing in rollout"),
        ("spec.replicas.more", "invalid path spec.replicas.more in rollout"),
        ("spec.template", "path spec.template in rollout must terminate in a primitive value"),
        ("spec.template.spec.containers[x]", "invalid index 'x'"),
        ("spec.template.spec.containers[1]", "index 1 out of range"),
        ("spec.template.spec.containers[-1]", "index -1 out of range"),
    ],
)
def test_fields_that_cannot_be_read(path: str, message: str) -> None:
    args, problems = resolve_arguments(ROLLOUT, [field(path)], "", "")
    assert args == [{"name": "x", "value": ""}]
    assert [str(problem) for problem in problems] == [
        f"args[0].valueFrom.fieldRef.fieldPath: {message}"
    ]


def test_provided_arguments_win_and_unknown_ones_are_dropped() -> None:
    declared = [{"name": "a", "value": "1"}, {"name": "b"}, {"name": "c"}]
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    provided = [
        {"name": "a", "value": "2"},
        {"name": "b", "valueFrom": source},
        {"name": "z", "value": "9"},
    ]
    merged, problems = merge_arguments(declared, provided)
    assert merged == [
        {"name": "a", "value": "2"},
        {"name": "b", "valueFrom": source},
        {"name": "c"},
    ]
    assert [problem.message for problem in problems] == ["args.c was not resolved"]
    assert declared[0] == {"name": "a", "value": "1"}, "the template is shared and stays as it is"


@pytest.mark.parametrize(
    ("document", "result"),
    [
        ("{{args.a}}", "1"),
        ("x {{ args.a }} y{{args.b}}", 'x 1 y"q'),
        ({"k-{{args.a}}": ["{{args.a}}", 3, None, True]}, {"k-1": ["1", 3, None, True]}),
        ("sum(x{a='b'}}", "sum(x{a='b'}}"),
        ("{{args.c}}", "{{args.a}}"),
    ],
)
def test_substitution(document: Any, result: Any) -> None:
    values = {"args.a": "1", "args.b": '"q', "args.c": "{{args.a}}"}
    assert substitute(document, values) == result


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{{args.b}}", "failed to resolve {{args.b}}"),
        ("{{instance}}", "failed to resolve {{instance}}"),
        ("{{args.a", "failed to resolve {{args.a: it has no }}"),
        (["{{args.a}}" * 500], "the metric is too long once its arguments are put in"),
    ],
)
def test_substitution_that_fails(document: Any, message: str) -> None:
    with pytest.raises(UnresolvedError) as caught:
        substitute(document, {"args.a": "x" * 10_000})
    assert str(caught.value) == message


def test_deep_documents_are_refused() -> None:
    document: Any = "x"
    for _ in range(300):
        document = [document]
    with pytest.raises(UnresolvedError, match="nested too deeply"):
        substitute(document, {})


def test_secrets_are_put_in_only_where_they_are_given() -> None:
    args = [
        Argument(name="token", from_secret=("s", "k"), has_source=True),
        Argument(name="plain", value="1"),
    ]
    assert argument_values(args) == {"args.token": "temp-for-secret", "args.plain": "1"}
    assert argument_values(args, {("s", "k"): "hush"})["args.token"] == "hush"
    with pytest.raises(UnresolvedError, match='argument "token" was not supplied'):
        argument_values(args, {})


def test_a_metric_with_its_arguments() -> None:
    metric = Metric(
        raw={"name": "m", "count": "{{args.n}}", "provider": {"web": {"url": "{{args.n}}"}}}
    )
    resolved = resolve_metric(metric, {"args.n": "5"})
    assert (resolved.count, resolved.provider) == ("5", {"web": {"url": "5"}})
