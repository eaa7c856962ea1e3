"""Our annotations: what they mean, what is wrong with them, and how they come to a run."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.decide.analysis import Identity, analysis_run, flatten
from gradatim.decide.analysis.policy import (
    OnNoData,
    OnProviderError,
    Policy,
    read_policy,
    setting_problems,
)
from gradatim.model import names
from gradatim.model.analysis import parse_template
from gradatim.plugin import FieldPath

PATH = FieldPath("metadata", "annotations")


def by_metric(**settings: Any) -> dict[str, str]:
    return {names.BY_METRIC: json.dumps(settings)}


@pytest.mark.parametrize(
    ("annotations", "policy"),
    [
        pytest.param({}, Policy(), id="nothing is as Argo Rollouts"),
        pytest.param(
            {names.ON_NO_DATA: "retry", names.NO_DATA_BUDGET: "90s"},
            Policy(on_no_data=OnNoData.RETRY, no_data_budget=timedelta(seconds=90)),
            id="no data",
        ),
        pytest.param(
            {names.ON_PROVIDER_ERROR: "retry"},
            Policy(on_provider_error=OnProviderError.RETRY),
            id="a retry ends after a quarter of an hour",
        ),
        pytest.param(
            {names.ON_PROVIDER_ERROR: "pause"},
            Policy(on_provider_error=OnProviderError.PAUSE, provider_error_budget=None),
            id="a pause has no end",
        ),
        pytest.param(
            {names.ON_PROVIDER_ERROR: "pause", names.PROVIDER_ERROR_BUDGET: "2h"},
            Policy(
                on_provider_error=OnProviderError.PAUSE, provider_error_budget=timedelta(hours=2)
            ),
            id="but for one that was given",
        ),
        pytest.param({names.BROKER: "off"}, Policy(is_brokered=False), id="no broker"),
        pytest.param(
            {
                names.ON_NO_DATA: "fail",
                **by_metric(m={"on-no-data": "success"}, x={"broker": "off"}),
            },
            Policy(on_no_data=OnNoData.SUCCESS),
            id="what is said of the metric counts before what is said of all",
        ),
        pytest.param(
            by_metric(m={names.ON_NO_DATA: "fail"}),
            Policy(on_no_data=OnNoData.FAIL),
            id="the full name will do",
        ),
        pytest.param(
            {names.ON_NO_DATA: "Retry", names.NO_DATA_BUDGET: "soon", names.BY_METRIC: "[]"},
            Policy(),
            id="what means nothing is absent",
        ),
    ],
)
def test_the_policy_of_a_metric(annotations: dict[str, str], policy: Policy) -> None:
    assert read_policy(annotations, "m") == policy


@pytest.mark.parametrize(
    ("annotations", "problems"),
    [
        pytest.param({"example.com/x": "y", names.ON_NO_DATA: "retry"}, [], id="sound"),
        pytest.param(
            {names.ON_NO_DATA: "ignore"},
            [
                "metadata.annotations[gradatim.dev/on-no-data]: "
                'must be one of retry, inconclusive, success, fail, not "ignore"'
            ],
            id="no such choice",
        ),
        pytest.param(
            {"gradatim.dev/on-nodata": "retry", "gradatim.dev/outside-routes": "x"},
            [
                "metadata.annotations[gradatim.dev/on-nodata]: "
                'is not read; did you mean "gradatim.dev/on-no-data"?'
            ],
            id="a misspelt key",
        ),
        pytest.param(
            {names.PROVIDER_ERROR_BUDGET: "-1m"},
            [
                "metadata.annotations[gradatim.dev/provider-error-budget]: "
                'must be a positive duration such as 15m, not "-1m"'
            ],
            id="no such time",
        ),
        pytest.param(
            {names.BY_METRIC: '{"m": 1}'},
            [
                "metadata.annotations[gradatim.dev/by-metric]: must be a JSON object of objects of "
                'strings: {"METRIC": {"on-no-data": "retry"}}'
            ],
            id="by metric, and no such thing",
        ),
        pytest.param(
            by_metric(m={"on-no-data": "x", "on-data": "y"}),
            [
                "metadata.annotations[gradatim.dev/by-metric].m[gradatim.dev/on-no-data]: "
                'must be one of retry, inconclusive, success, fail, not "x"',
                'metadata.annotations[gradatim.dev/by-metric].m: "on-data" is no setting of a metric',
            ],
            id="by metric",
        ),
    ],
)
def test_what_is_wrong_with_settings(annotations: dict[str, str], problems: list[str]) -> None:
    assert [str(problem) for problem in setting_problems(annotations, PATH)] == problems


def template(name: str, metrics: list[str], **annotations: str) -> Any:
    made = [{"name": metric, "provider": {"web": {}}} for metric in metrics]
    metadata = {"name": name, "annotations": annotations}
    return parse_template({"metadata": metadata, "spec": {"metrics": made}})


def made(owner: dict[str, str], templates: list[Any], **given: str) -> dict[str, str]:
    spec = flatten(templates, [], [], [])
    assert not isinstance(spec, list)
    identity = Identity(
        name="run", namespace="shop", owner={"metadata": {"annotations": owner}}, annotations=given
    )
    found: dict[str, str] = analysis_run(identity, spec)["metadata"].get("annotations", {})
    return found


def test_a_run_speaks_for_itself() -> None:
    strict = template("strict", ["a", "b"], **{names.ON_NO_DATA: "fail"}, **by_metric(b={}))
    plain = template("plain", ["c"], **{"example.com/x": "y"})
    annotations = made({names.ON_NO_DATA: "retry", "example.com/team": "t"}, [strict, plain])
    assert annotations == {
        names.ON_NO_DATA: "retry",
        names.BY_METRIC: '{"a":{"on-no-data":"fail"},"b":{"on-no-data":"fail"}}',
    }
    policies = [read_policy(annotations, metric).on_no_data for metric in "abc"]
    assert policies == [OnNoData.FAIL, OnNoData.FAIL, OnNoData.RETRY]


def test_a_template_may_tell_its_metrics_apart() -> None:
    of_one = by_metric(a={"on-provider-error": "pause"})
    mixed = template("mixed", ["a", "b"], **{names.ON_PROVIDER_ERROR: "retry"}, **of_one)
    annotations = made({}, [mixed])
    found = [read_policy(annotations, metric).on_provider_error for metric in "ab"]
    assert found == [OnProviderError.PAUSE, OnProviderError.RETRY]


def test_the_metadata_of_one_analysis_counts_before_all() -> None:
    annotations = made({names.BROKER: "off"}, [], **{names.BROKER: "on", "x": "y"})
    assert annotations == {names.BROKER: "on", "x": "y"}


def test_without_settings_a_run_has_no_annotation_of_ours() -> None:
    assert made({"a": "b"}, [template("t", ["m"])]) == {}


@given(
    st.dictionaries(
        st.sampled_from(
            [
                names.ON_NO_DATA,
                names.NO_DATA_BUDGET,
                names.ON_PROVIDER_ERROR,
                names.PROVIDER_ERROR_BUDGET,
                names.BROKER,
                names.BY_METRIC,
            ]
        ),
        st.one_of(
            st.text(max_size=12),
            st.sampled_from(["retry", "9999999h", "1e9h", '{"m":{}}', '{"m":{"broker":"off"}}']),
            st.just("[" * 100_000),
        ),
    )
)
def test_no_annotation_raises_and_what_is_sound_is_read(annotations: dict[str, str]) -> None:
    problems = list(setting_problems(annotations, PATH))
    policy = read_policy(annotations, "m")
    if not problems and annotations.get(names.ON_NO_DATA):
        assert policy.on_no_data is not None
