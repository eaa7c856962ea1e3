"""The annotation `gradatim.dev/judge`: what it says, and what is wrong with it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.judge import (
    Comparison,
    Direction,
    EffectSize,
    NanStrategy,
    Rules,
    read_config,
)

WHOLE = {
    "baseline": {"hash": "abc"},
    "canary": {"hash": "def"},
    "direction": "increase",
    "confidence": 0.95,
    "tolerance": 0.1,
    "nanStrategy": "replace",
    "outliers": {"strategy": "remove", "outlierFactor": 2},
    "effectSize": {"measure": "cles", "allowedIncrease": 0.6, "allowedDecrease": 0.3},
    "mustHaveData": True,
    "minSamples": 20,
}


def test_an_empty_block_is_kayentas_defaults():
    config = read_config('{"latency": {}}')
    assert config.faults == ()
    assert config.comparisons == {"latency": Comparison()}


def test_everything_that_can_be_said():
    config = read_config(json.dumps({"latency": WHOLE}))
    assert config.faults == ()
    assert config.comparisons["latency"] == Comparison(
        baseline={"hash": "abc"},
        canary={"hash": "def"},
        rules=Rules(
            direction=Direction.INCREASE,
            confidence=0.95,
            tolerance=0.1,
            nan_strategy=NanStrategy.REPLACE,
            remove_outliers=True,
            outlier_factor=2.0,
            effect_size=EffectSize.CLES,
            allowed_increase=0.6,
            allowed_decrease=0.3,
            must_have_data=True,
            min_samples=20,
        ),
    )


@pytest.mark.parametrize(
    ("block", "path", "message"),
    [
        ([], (), "must be an object"),
        ({"direction": "up"}, ("direction",), "must be one of increase, decrease, either"),
        ({"confidence": 98}, ("confidence",), "must be from 0.5 to 1"),
        ({"confidence": "0.98"}, ("confidence",), "must be a number"),
        ({"confidence": True}, ("confidence",), "must be a number"),
        ({"tolerance": -0.1}, ("tolerance",), "must be from 0 to 1"),
        ({"nanStrategy": "drop"}, ("nanStrategy",), "must be one of remove, replace"),
        ({"mustHaveData": "yes"}, ("mustHaveData",), "must be true or false"),
        ({"minSamples": 0}, ("minSamples",), "must be a whole number from 1 on"),
        ({"outliers": "remove"}, ("outliers",), "must be an object"),
        (
            {"outliers": {"strategy": "drop"}},
            ("outliers", "strategy"),
            "must be one of keep, remove",
        ),
        ({"outliers": {"outlierFactor": 0}}, ("outliers", "outlierFactor"), "must be 0 or more"),
        (
            {"effectSize": {"measure": "cohen"}},
            ("effectSize", "measure"),
            "must be one of meanRatio, cles",
        ),
        (
            {"effectSize": {"allowedIncrease": 0.5}},
            ("effectSize", "allowedIncrease"),
            "must be 1 or more",
        ),
        ({"canary": 7}, ("canary",), "must be labels of a series, or the name of a list"),
        ({"canary": {}}, ("canary",), "must be labels of a series, or the name of a list"),
        ({"canary": {"hash": 7}}, ("canary",), "must be labels of a series"),
        ({"canary": "baseline"}, ("canary",), "selects the same series as baseline"),
        ({"dirction": "increase"}, ("dirction",), "did you mean direction?"),
        ({"effectSize": {"critical": 2}}, ("effectSize", "critical"), "is not known, there are"),
    ],
)
def test_a_wrong_field_is_named_with_its_path(block, path, message):
    config = read_config(json.dumps({"latency": block}))
    assert config.comparisons == {}
    assert [(p, m) for p, m in config.faults if p == ("latency", *path) and message in m]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be JSON"),
        ("{", "must be JSON"),
        ("[" * 60_000, "must be JSON"),
        (" " * 70_000, "is longer than 65536 characters"),
        ("[]", "must be a JSON object from names of metrics"),
        (json.dumps({str(n): {} for n in range(201)}), "more than 200 metrics"),
    ],
)
def test_what_is_no_configuration_at_all(text, message):
    config = read_config(text)
    assert config.comparisons == {}
    [(path, said)] = config.faults
    assert path == ()
    assert message in said


def test_one_wrong_metric_does_not_hide_the_others():
    config = read_config('{"a": {"direction": "up"}, "b": {}}')
    assert list(config.comparisons) == ["b"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*WHOLE, "measure", "strategy", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_any_json_is_read_or_its_faults_are_named(blocks):
    config = read_config(json.dumps(blocks))
    named = {path[0] for path, _ in config.faults if path}
    assert set(config.comparisons) | named == set(blocks)
    assert not set(config.comparisons) & named
