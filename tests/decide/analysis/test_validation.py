"""The rules for metrics, one by one, and the taking out of secrets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.decide.analysis import metric_problems
from gradatim.decide.analysis.redaction import Redactor
from gradatim.decide.analysis.validation import first_fault, provider_block, provider_keys
from gradatim.model.analysis import Metric
from gradatim.plugin import FieldPath

PATH = FieldPath("spec", "metrics")
WEB = {"web": {"url": "x"}}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"consecutive_success_limit": -1},
            "consecutiveSuccessLimit: consecutiveSuccessLimit must be >= 0",
        ),
        ({"failure_limit": -2}, "failureLimit: failureLimit must be >= 0, or -1 to be disabled"),
        (
            {"failure_limit": -1},
            "failureLimit: failureLimit and consecutiveSuccessLimit cannot both be disabled",
        ),
        ({"inconclusive_limit": "-1"}, "inconclusiveLimit: inconclusiveLimit must be >= 0"),
        (
            {"consecutive_error_limit": -1},
            "consecutiveErrorLimit: consecutiveErrorLimit must be >= 0",
        ),
        (
            {"count": 2, "interval": "1s", "failure_limit": 2, "consecutive_success_limit": 1},
            "count: count (2) must be >= failureLimit + consecutiveSuccessLimit (2 + 1) if both >= 0",
        ),
        (
            {"count": 2, "interval": "1s", "failure_limit": -1, "consecutive_success_limit": 3},
            "count: count must be >= consecutiveSuccessLimit",
        ),
        ({"count": 1, "inconclusive_limit": 2}, "count: count must be >= inconclusiveLimit"),
        ({"count": "2"}, "interval: interval must be specified when count > 1"),
        (
            {"initial_delay": "1d"},
            "initialDelay: invalid startDelay string: duration '1d' has the unknown unit 'd'",
        ),
        (
            {"interval": "x"},
            "interval: invalid interval string: 'x' is not a duration: a number is missing",
        ),
        ({"provider": {}}, "provider: no provider specified"),
        ({"provider": {"web": None}}, "provider: no provider specified"),
        ({"provider": {"plugin": {}}}, "provider: no provider specified"),
        ({"provider": {"web": {}, "job": {}}}, "provider: multiple providers specified"),
        (
            {"provider": {"plugin": {"a/b": {}, "c/d": {}}}},
            "provider: multiple providers specified",
        ),
    ],
)
def test_a_broken_rule(fields: dict[str, Any], problem: str) -> None:
    metric = Metric(**{"name": "m", "provider": WEB, **fields})
    assert [str(found) for found in metric_problems([metric], PATH)] == [
        f"spec.metrics[0].{problem}"
    ]
    assert first_fault([metric]) == "metrics[0]: " + problem.partition(": ")[2]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"count": "{{args.n}}", "failure_limit": "{{args.n}}", "interval": "{{args.i}}"},
        {"failure_limit": -1, "consecutive_success_limit": "{{args.n}}"},
        {"count": 3, "interval": "1m", "failure_limit": 2, "consecutive_success_limit": 1},
        {"provider": {"plugin": {"a/b": {}}}},
        {"count": 0, "inconclusive_limit": 3},
    ],
)
def test_sound_metrics(fields: dict[str, Any]) -> None:
    metrics = [Metric(**{"name": "m", "provider": WEB, **fields})]
    assert list(metric_problems(metrics, PATH)) == []
    assert first_fault(metrics) == ""


def test_names_are_unique_and_there_is_one() -> None:
    twice = [Metric(name="m", provider=WEB)] * 2
    assert [str(found) for found in metric_problems(twice, PATH)] == [
        "spec.metrics[1].name: duplicate name 'm'"
    ]
    assert [str(found) for found in metric_problems([], PATH)] == [
        "spec.metrics: no metrics specified"
    ]


@pytest.mark.parametrize(
    ("provider", "key", "block"),
    [
        ({"web": {"url": "x"}}, "web", {"url": "x"}),
        ({"plugin": {"org/name": {"a": 1}}}, "org/name", {"a": 1}),
        ({"web": {}, "plugin": None}, "web", {}),
        ({}, "", None),
        ({"web": {}, "job": {}}, "", None),
        ({"plugin": "x"}, "", None),
    ],
)
def test_the_provider_of_a_metric(provider: dict[str, Any], key: str, block: object) -> None:
    metric = Metric(provider=provider)
    assert provider_block(metric) == (key, block)
    assert (len(provider_keys(metric)) == 1) == bool(key)


@pytest.mark.parametrize(
    ("secrets", "text", "message"),
    [
        (["hush"], "the key hush is wrong", "the key ***** is wrong"),
        (["a", "abc"], "abc", "*****"),
        (["p&ss wörd"], "?k=p%26ss%20w%C3%B6rd&l=p%26ss+w%C3%B6rd", "?k=*****&l=*****"),
        (['a"b'], '{"k": "a\\"b"}', '{"k": "*****"}'),
        (["hush\n"], "hush", "*****"),
        (["", "  "], "a b", "a b"),
        (["e"], "the server sent e, not the value", "the server sent *****, not the value"),
        (["on"], "connection refused: mode=on", "connection refused: mode=*****"),
        (["1"], "count 101 of 1", "count 101 of *****"),
        (
            ["https://api.example.com"],
            "no answer from https://api.example.com",
            "no answer from https://api.example.com",
        ),
        (["https://hooks.example.com/T0/B1"], "POST https://hooks.example.com/T0/B1", "POST *****"),
    ],
)
def test_secrets_are_taken_out(secrets: list[str], text: str, message: str) -> None:
    assert Redactor(secrets).message(text) == message


def test_short_arguments_do_not_eat_numbers() -> None:
    redactor = Redactor(["1", "token-1"])
    assert redactor.value("101 token-1") == "101 *****"


@given(st.lists(st.text(min_size=4), min_size=1, max_size=4), st.text(max_size=20))
def test_no_secret_is_left(secrets: list[str], between: str) -> None:
    # what stands for a secret may itself look like one that is made of asterisks
    secrets = [
        secret
        for secret in secrets
        if "*" not in secret and secret.strip() and len(secret.strip()) > 3
    ]
    redacted = Redactor(secrets).value(between.join(secrets))
    for secret in secrets:
        assert secret not in redacted
