"""What is wrong with a block, and what a sound one says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradatim_datadog
from gradatim.plugin import FieldPath, ProviderError, SecretRef
from gradatim_datadog.config import problems
from gradatim_datadog.settings import named_secret, settings

PATH = FieldPath("provider", "datadog")
SOUND = {"query": "avg:system.load.1{*}"}
V2 = {
    "apiVersion": "v2",
    "queries": {"a": "sum:errors{*}", "b": "sum:requests{*}"},
    "formula": "a / b",
}
FULL = {
    **V2,
    "interval": "10m",
    "aggregator": "sum",
    "requestTimeout": "30s",
    "secretRef": {"name": "tenant.keys", "namespaced": True},
}
_V2_ONLY = "needs apiVersion v2; without apiVersion it is v1"
_NO_QUERY = "query: is missing: give query, or with apiVersion v2 queries"
_NO_SECRET_NAME = "must be the name of a Secret: lower-case letters, digits, dashes and dots"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param(SOUND, [], id="the smallest sound block"),
        pytest.param(FULL, [], id="every field of v2"),
        pytest.param(
            {**SOUND, "apiVersion": "v2", "aggregator": "max"}, [], id="v2 with one query"
        ),
        pytest.param(
            {"apiVersion": "v2", "queries": {"a": "x{*}"}}, [], id="one of queries needs no formula"
        ),
        pytest.param({**SOUND, "apiVersion": ""}, [], id="an empty version is v1"),
        pytest.param(
            {**SOUND, "queries": {}, "formula": "", "aggregator": None},
            [],
            id="empty ones say nothing",
        ),
        pytest.param({}, [_NO_QUERY], id="no query"),
        pytest.param({"query": ""}, [_NO_QUERY], id="an empty query"),
        pytest.param({"query": "  "}, ["query: must not be blank"], id="a blank query"),
        pytest.param(
            {"query": 1}, ["query: must be text, not a number"], id="a query that is a number"
        ),
        pytest.param(
            {**SOUND, **V2},
            ["queries: excludes query: give one of the two"],
            id="both query and queries",
        ),
        pytest.param(
            {**SOUND, "apiVersion": "v3"},
            ["apiVersion: must be one of v1, v2"],
            id="a version to come",
        ),
        pytest.param(
            {**SOUND, "apiVersion": 2},
            ["apiVersion: must be one of v1, v2"],
            id="a version as a number",
        ),
        pytest.param(
            {**SOUND, "apiVersion": "{{args.v}}"},
            ["apiVersion: must be one of v1, v2"],
            id="no argument there",
        ),
        pytest.param(
            {"queries": {"a": "x{*}"}, "formula": "a", "aggregator": "avg"},
            [f"queries: {_V2_ONLY}", f"formula: {_V2_ONLY}", f"aggregator: {_V2_ONLY}"],
            id="fields of v2 without a version",
        ),
        pytest.param(
            {**SOUND, "apiVersion": "v1", "aggregator": "avg"},
            [f"aggregator: {_V2_ONLY}"],
            id="v1 has no aggregator",
        ),
        pytest.param(
            {**SOUND, "apiVersion": "v2", "aggregator": "median"},
            ["aggregator: must be one of avg, min, max, sum, last, percentile, mean, l2norm, area"],
            id="an unknown aggregator",
        ),
        pytest.param(
            {**V2, "formula": None},
            ["formula: is missing: of several queries it says what to measure"],
            id="several queries without a formula",
        ),
        pytest.param(
            {**SOUND, "apiVersion": "v2", "formula": "query * 2"},
            ["formula: needs queries, whose names it uses"],
            id="a formula without queries",
        ),
        pytest.param(
            {"apiVersion": "v2", "queries": ["x{*}"]},
            ["queries: must be an object of name and query, not a list"],
            id="queries as a list",
        ),
        pytest.param(
            {**V2, "queries": {"a": 1, "b.c": " "}},
            ["queries.a: must be text, not a number", "queries[b.c]: must not be blank"],
            id="faults of single queries",
        ),
        pytest.param(
            {**SOUND, "interval": "500ms"},
            ["interval: must be at least 1s"],
            id="too short a window",
        ),
        pytest.param(
            {**SOUND, "interval": "-5m"}, ["interval: must be at least 1s"], id="a window to come"
        ),
        pytest.param(
            {**SOUND, "interval": "1d"},
            [
                'interval: "1d" is not a duration: numbers with a unit (ns, us, ms, s, m or h) are, as in 1h30m'
            ],
            id="there are no days",
        ),
        pytest.param(
            {**SOUND, "interval": 300},
            ["interval: must be text, not a number"],
            id="without a unit",
        ),
        pytest.param({**SOUND, "interval": "{{args.window}}"}, [], id="a window from an argument"),
        pytest.param({**SOUND, "interval": ""}, [], id="an empty window is the default"),
        pytest.param(
            {**SOUND, "requestTimeout": "0s"},
            ["requestTimeout: must be longer than 0"],
            id="no time",
        ),
        pytest.param({**SOUND, "requestTimeout": "1ns"}, [], id="very little time"),
        pytest.param(
            {**SOUND, "secretRef": "keys"},
            ["secretRef: must be an object, not text"],
            id="a name alone",
        ),
        pytest.param(
            {**SOUND, "secretRef": {"namespaced": True}},
            ["secretRef.name: is missing: namespaced says in which namespace that Secret is"],
            id="a namespace without a Secret",
        ),
        pytest.param(
            {**SOUND, "secretRef": {"namespaced": False}}, [], id="an empty reference is none"
        ),
        pytest.param(
            {**SOUND, "secretRef": {"name": "My_Keys", "namespaced": "yes", "key": "k"}},
            [
                f"secretRef.name: {_NO_SECRET_NAME}",
                "secretRef.namespaced: must be true or false, not text",
                "secretRef.key: unknown field; the fields here are name, namespaced",
            ],
            id="every fault of a reference",
        ),
        pytest.param(
            {**SOUND, "secretRef": {"name": "a" * 254}},
            [f"secretRef.name: {_NO_SECRET_NAME}"],
            id="too long a name",
        ),
        pytest.param(
            {**SOUND, "secretRef": {"name": "{{args.tenant}}"}}, [], id="a Secret from an argument"
        ),
        pytest.param(
            {**SOUND, "secretref": {}, "apiversion": "v2"},
            [
                "secretref: unknown field; did you mean secretRef?",
                "apiversion: unknown field; did you mean apiVersion?",
            ],
            id="misspelt fields",
        ),
    ],
)
def test_problems(config: dict[str, Any], expected: list[str]) -> None:
    assert [str(one) for one in problems(config, PATH)] == [
        f"provider.datadog.{one}" for one in expected
    ]


@pytest.mark.parametrize("config", [None, [], "avg:x{*}", 5, True])
def test_a_block_that_is_no_object_is_one_problem(config: object) -> None:
    (problem,) = problems(config, PATH)
    assert str(problem).startswith("provider.datadog: must be an object, not ")


_NAMES = st.sampled_from([*FULL, "query", "name", "namespaced", "x"])
_TEXTS = st.sampled_from(["v1", "v2", "avg", "5m", "0s", "{{args.a}}", "a", "A B", ""])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(_JSON)
def test_any_json_is_judged_and_left_as_it_was(config: Any) -> None:
    before = copy.deepcopy(config)
    for problem in problems(config, PATH):
        assert str(problem).startswith("provider.datadog")
        assert "\n" not in problem.message
    named_secret(config)
    assert str(before) == str(config)


@given(st.dictionaries(_NAMES, _JSON, max_size=6))
def test_a_block_without_problems_can_be_used_once_its_arguments_are_in(
    config: dict[str, Any],
) -> None:
    faulty = list(problems(config, PATH))
    try:
        told = settings(config)
    except ProviderError:
        assert faulty or "{{" in str(config)
    else:
        assert not faulty
        assert told.queries


def test_the_hook_answers_for_its_own_key_only() -> None:
    assert gradatim_datadog.gradatim_validate_metric("prometheus", {}, PATH) is None
    assert gradatim_datadog.gradatim_validate_metric("datadog", dict(SOUND), PATH) == []
    assert len(gradatim_datadog.gradatim_validate_metric("datadog", {}, PATH)) == 1


def test_settings_say_everything_that_the_block_says() -> None:
    told = settings(FULL)
    assert (told.version, told.queries, told.formula) == ("v2", V2["queries"], "a / b")
    assert (told.aggregator, told.interval, told.timeout) == ("sum", 600, 30)
    assert told.secret == SecretRef("tenant.keys", in_run_namespace=True)


def test_settings_have_the_references_defaults() -> None:
    told = settings(dict(SOUND))
    assert (told.version, told.queries, told.formula) == ("v1", {"query": SOUND["query"]}, "")
    assert (told.aggregator, told.interval, told.timeout, told.secret) == ("last", 300, 10, None)


def test_an_argument_that_was_never_put_in_is_said_at_the_measurement() -> None:
    with pytest.raises(ProviderError, match=r"interval: .* is not a duration"):
        settings({**SOUND, "interval": "{{args.window}}"})
