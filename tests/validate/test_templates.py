from __future__ import annotations

from typing import Any

import pytest

from gradatim.model.analysis import Template, parse_template
from gradatim.model.analysisrun import parse_analysis_run
from gradatim.validate import (
    Plugins,
    experiment_problems,
    run_advice,
    run_problems,
    template_advice,
    template_problems,
)

METRIC = {"name": "m", "count": 1, "provider": {"web": {}}, "successCondition": "result > 1"}


def template(*metrics: Any, name: str = "t", **spec: Any) -> Template:
    return parse_template(
        {
            "kind": "AnalysisTemplate",
            "metadata": {"name": name},
            "spec": {"metrics": list(metrics), **spec},
        }
    )


def said(found: Template, plugins: Plugins, **around: Any) -> list[str]:
    return [str(problem) for problem in template_problems(found, plugins, **around)]


def test_a_point_of_time_with_an_argument_is_taken_on_trust(plugins: Plugins) -> None:
    for start in ("now() - {{args.ago}}", "now() - duration('5m')"):
        metric = {**METRIC, "provider": {"web": {"start": start}}}
        assert said(template(metric, args=[{"name": "ago"}]), plugins) == []


def test_a_sound_template_has_no_problem(plugins: Plugins) -> None:
    metric = {**METRIC, "successCondition": "result > {{args.min}}"}
    assert said(template(metric, args=[{"name": "min"}]), plugins) == []


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        pytest.param(
            {"provider": {"dtadog": {}}},
            ".provider.dtadog: no installed plugin serves 'dtadog'",
            id="an unknown provider",
        ),
        pytest.param({"provider": {}}, ".provider: no provider specified", id="no provider"),
        pytest.param(
            {"provider": {"web": {}, "prometheus": {}}},
            ".provider: multiple providers specified",
            id="two providers",
        ),
        pytest.param(
            {"provider": {"web": {"wrong": 1}}},
            ".provider.web.wrong: is wrong",
            id="a provider's own rule",
        ),
        pytest.param(
            {"provider": {"web": {"start": "now() - duration("}}},
            '.provider.web.start: could not evaluate "now() - duration(": unexpected token EOF'
            " (line 1, column 18)",
            id="a point of time that cannot be read",
        ),
        pytest.param(
            {"provider": {"plugin": {"example.com/metric": {"start": "5"}}}},
            '.provider.plugin[example.com/metric].start: could not evaluate "5": expected time.Time,'
            " but got int",
            id="a number for a point of time",
        ),
        pytest.param(
            {"provider": {"plugin": {"example.com/metric": {"wrong": 1}}}},
            ".provider.plugin[example.com/metric].wrong: is wrong",
            id="the rule of a provider under plugin",
        ),
        pytest.param(
            {"provider": {"web": "x"}}, ".provider.web: must be an object", id="a block of text"
        ),
        pytest.param(
            {"count": 3},
            ".interval: interval must be specified when count > 1",
            id="three times at once",
        ),
        pytest.param(
            {"successCondition": "result > {{args.x}}"},
            ": failed to resolve {{args.x}}: spec.args declares no such argument",
            id="an argument that nobody declares",
        ),
    ],
)
def test_metric_rule(metric: Any, message: str, plugins: Plugins) -> None:
    assert said(template({**METRIC, **metric}), plugins) == [f"spec.metrics[0]{message}"]


@pytest.mark.parametrize("field", ["successCondition", "failureCondition"])
def test_a_condition_that_does_not_parse(field: str, plugins: Plugins) -> None:
    (line,) = said(template({**METRIC, field: "result =="}), plugins)
    assert line.startswith(f'spec.metrics[0].{field}: could not evaluate "result ==": ')
    assert "\n" not in line


def test_arguments_have_a_name_of_their_own_and_one_value(plugins: Plugins) -> None:
    secret = {"secretKeyRef": {"name": "s", "key": "k"}}
    args = [{"name": "a"}, {"name": "a"}, {}, {"name": "b", "value": "1", "valueFrom": secret}]
    assert said(template(METRIC, args=args), plugins) == [
        'spec.args[1].name: Duplicate value: "a"',
        "spec.args[2].name: Required value",
        "spec.args[3]: arg 'b' has both Value and ValueFrom fields",
    ]


def test_a_template_has_metrics_or_templates(plugins: Plugins) -> None:
    assert said(template(), plugins) == [
        "spec.metrics: Required value: must have metrics or templates"
    ]
    assert said(template(templates=[{"templateName": "other"}]), plugins) == []


def test_templates_around_it_may_declare_its_arguments_and_close_a_circle(
    plugins: Plugins,
) -> None:
    inner = template({**METRIC, "successCondition": "result > {{args.x}}"})
    outer = template(METRIC, name="o", args=[{"name": "x"}], templates=[{"templateName": "t"}])
    assert said(inner, plugins, others={outer.ref: outer}) == []
    back = template(METRIC, templates=[{"templateName": "o"}])
    assert said(back, plugins, others={outer.ref: outer}) == [
        "spec.templates: AnalysisTemplate 't' refers back to itself"
    ]


def test_wrong_types_are_named(plugins: Plugins) -> None:
    assert "spec.metrics[0].count: must be an integer, not a boolean" in said(
        template({**METRIC, "count": True}), plugins
    )


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        pytest.param({"successCondition": "isNil(result.x)"}, "isNil", id="isNil of a part"),
        pytest.param(
            {"successCondition": "result > > {{args.x}}"}, "no condition", id="no stand-in"
        ),
        pytest.param({"successCondition": ""}, "has no condition", id="no condition at all"),
        pytest.param(
            {
                "successCondition": "isNaN(result) || result[0] > 0.9",
                "provider": {"prometheus": {"query": "up"}},
            },
            "is an error whatever prometheus measures: "
            'could not evaluate "isNaN(result) || result[0] > 0.9": cannot use []float64',
            id="a number and a list at once",
        ),
        pytest.param(
            {
                "successCondition": "",
                "failureCondition": "len(result) > 0 && result[0] == 'down'",
                "provider": {"datadog": {"query": "q"}},
            },
            "is an error whatever datadog measures",
            id="a text where there are numbers only",
        ),
        pytest.param({"count": None, "interval": "1m"}, "no count", id="no end"),
    ],
)
def test_advice_on_metrics(metric: Any, words: str) -> None:
    found = template({**METRIC, **metric})
    (advice,) = template_advice(found)
    assert words in advice.message
    assert str(advice).startswith("spec.metrics[0]")
    assert [str(a) for a in run_advice(parse_analysis_run(found.raw))] == [str(advice)]


@pytest.mark.parametrize(
    "metric",
    [
        {"successCondition": "result {{args.op}} 5"},
        {"successCondition": "{{args.whole}}"},
        {"successCondition": "result > 1{{args.zeros}}"},
        {"successCondition": "", "provider": {"job": {}}},
        {"successCondition": "result < 1", "provider": {"prometheus": {}}},
        {"successCondition": "result[0] < 1", "provider": {"prometheus": {}}},
        {"successCondition": "default(result, 0) < 1", "provider": {"datadog": {}}},
        {"successCondition": "result == nil", "provider": {"datadog": {}}},
        {"successCondition": "result == 'a'", "provider": {"web": {}}},
        {"successCondition": "", "provider": {"plugin": {"example.com/metric": {}}}},
    ],
)
def test_no_advice_where_it_may_be_meant(metric: Any) -> None:
    assert list(template_advice(template({**METRIC, **metric}))) == []


def run(metric: Any, **spec: Any) -> Any:
    return parse_analysis_run({"spec": {"metrics": [{**METRIC, **metric}], **spec}})


@pytest.mark.parametrize(
    ("metric", "spec", "path"),
    [
        pytest.param({}, {}, None, id="a sound run"),
        pytest.param(
            {"successCondition": "result > {{args.x}}"},
            {"args": [{"name": "x", "value": "1"}]},
            None,
            id="an argument put in",
        ),
        pytest.param(
            {"successCondition": "result > {{args.x}}"},
            {"args": [{"name": "x", "value": "="}]},
            "spec.metrics[0].successCondition",
            id="a condition broken by its argument",
        ),
        pytest.param(
            {"successCondition": "result > {{args.x}}"},
            {"args": [{"name": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
            None,
            id="a condition with a secret, which nobody can judge",
        ),
        pytest.param({}, {"args": [{"name": "a"}]}, "spec", id="an argument without a value"),
        pytest.param({"count": 2}, {}, "spec.metrics[0].interval", id="twice at once"),
        pytest.param({"count": []}, {}, "spec.metrics[0].count", id="a wrong type"),
        pytest.param(
            {"provider": {"x": {}}}, {}, "spec.metrics[0].provider.x", id="an unknown provider"
        ),
    ],
)
def test_run_rule(metric: Any, spec: Any, path: str | None, plugins: Plugins) -> None:
    found = [str(problem.path) for problem in run_problems(run(metric, **spec), plugins)]
    assert found == ([path] if path else [])


SELECTOR = {"matchLabels": {"app": "a"}}
PODS = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"containers": [{"name": "app", "image": "app"}]},
}


def experiment(**template: Any) -> Any:
    whole = {"name": "a", "selector": SELECTOR, "template": PODS, **template}
    kept = {key: value for key, value in whole.items() if value is not None}
    return {"metadata": {"name": "e"}, "spec": {"templates": [kept]}}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param({}, None, id="a sound experiment"),
        pytest.param(
            {"selector": None},
            ".selector: Required value: Experiment has missing field '.Spec.Templates[0].Selector'",
            id="no selector",
        ),
        pytest.param(
            {"selector": {}},
            ".selector: Invalid value: {}: This experiment is selecting all pods at index 0. "
            "A non-empty selector is required.",
            id="a selector of everything",
        ),
        pytest.param(
            {"minReadySeconds": 601},
            ".minReadySeconds: Invalid value: 601: "
            "MinReadySeconds cannot be longer than ProgressDeadlineSeconds. Check template index 0",
            id="ready after the deadline",
        ),
        pytest.param(
            {"name": None},
            ".name: Required value: Experiment e has empty template name at index 0",
            id="no name",
        ),
        pytest.param(
            {"replicas": -1},
            ".replicas: Invalid value: -1: must be greater than or equal to 0",
            id="fewer than no pods",
        ),
        pytest.param(
            {"template": {**PODS, "spec": {}}},
            ".template.spec.containers: Required value",
            id="no containers",
        ),
    ],
)
def test_experiment_template_rule(template: Any, message: str | None) -> None:
    found = [str(problem) for problem in experiment_problems(experiment(**template))]
    assert found == ([f"spec.templates[0]{message}"] if message else [])


def test_experiment_rules() -> None:
    one = experiment()["spec"]["templates"][0]
    spec = {
        "templates": [one, one],
        "duration": "5x",
        "scaleDownDelaySeconds": -1,
        "analyses": [{"name": "a", "templateName": "t"}, {"name": "a"}, {"templateName": "t"}],
        "progressDeadlineSeconds": "soon",
    }
    found = experiment_problems({"metadata": {"name": "e"}, "spec": spec})
    assert [str(problem.path) for problem in found] == [
        "spec.progressDeadlineSeconds",
        "spec.templates[1].name",
        "spec.duration",
        "spec.scaleDownDelaySeconds",
        "spec.analyses[1].name",
        "spec.analyses[1].templateName",
        "spec.analyses[2].name",
    ]
    assert [str(problem.path) for problem in experiment_problems({})] == ["spec.templates"]
