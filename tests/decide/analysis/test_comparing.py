"""Measurements that are judged beside a baseline."""

from __future__ import annotations

import json
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.decide.analysis.comparing import (
    WrongComparisonError,
    compared,
    comparison_of,
    numbers,
    samples_of,
)
from gradatim.decide.analysis.policy import run_settings
from gradatim.judge import Comparison, Direction, Rules
from gradatim.model import names
from gradatim.model.analysis import Template, parse_template
from gradatim.model.analysisrun import Phase
from gradatim.plugin import Measurement, Series

DICE = Random(7)
OLD = tuple(DICE.gauss(100, 10) for _ in range(30))
NEW = tuple(DICE.gauss(150, 10) for _ in range(30))
BY_HASH = Comparison(
    baseline={"hash": "old"}, canary={"hash": "new"}, rules=Rules(direction=Direction.INCREASE)
)


def _series(*rows: tuple[str, tuple[float, ...]]) -> Measurement:
    return Measurement(series=tuple(Series({"hash": h, "pod": "p"}, s) for h, s in rows))


def test_a_canary_that_is_worse_fails_and_says_by_how_much():
    found = compared(_series(("old", OLD), ("new", NEW)), BY_HASH)
    assert (found.phase, found.text, found.has_data) == (Phase.FAILED, "0", True)
    assert found.message.startswith("High: the canary is higher than the baseline by ")
    record = json.loads(found.metadata[names.JUDGE])
    assert record["classification"] == "High"
    assert record["low"] < record["estimate"] < record["high"]
    assert (record["baseline"], record["canary"]) == (30, 30)


def test_a_canary_that_is_as_good_succeeds_with_the_full_score():
    found = compared(_series(("old", OLD), ("new", OLD[::-1])), BY_HASH)
    assert (found.phase, found.text) == (Phase.SUCCESSFUL, "100")


def test_sides_may_be_lists_of_the_value():
    value = {"baseline": list(OLD), "canary": list(NEW)}
    assert compared(Measurement(value=value), Comparison()).phase is Phase.FAILED


def test_all_series_of_a_side_count():
    answer = _series(("new", (1.0,)), ("old", (2.0,)), ("new", (3.0,)))
    assert list(samples_of(answer, {"hash": "new"})) == [1.0, 3.0]
    assert list(samples_of(answer, {"hash": "new", "pod": "p"})) == [1.0, 3.0]
    assert list(samples_of(answer, {"hash": "new", "pod": "q"})) == []


@pytest.mark.parametrize(
    ("answer", "comparison", "hint"),
    [
        pytest.param(
            _series(("old", OLD), ("neu", NEW)),
            BY_HASH,
            "the canary has no samples; the answer has the series {hash=old,pod=p}, {hash=neu,pod=p}",
            id="a label that no series has",
        ),
        pytest.param(
            Measurement(value={"old": [1], "new": [2]}),
            Comparison(),
            "the baseline has no samples; the answer has 'old', 'new'",
            id="a name that the value has not",
        ),
        pytest.param(
            Measurement(value=[1, 2]),
            Comparison(),
            "the baseline has no samples; the answer has no series",
            id="no series at all",
        ),
    ],
)
def test_a_side_that_is_missing_is_inconclusive_and_says_what_there_was(answer, comparison, hint):
    found = compared(answer, comparison)
    assert (found.phase, found.has_data) == (Phase.INCONCLUSIVE, False)
    assert hint in found.message


def test_a_side_that_is_missing_fails_where_data_are_demanded():
    demanding = Comparison(rules=Rules(must_have_data=True))
    found = compared(Measurement(value={}), demanding)
    assert (found.phase, found.text) == (Phase.FAILED, "0")


def test_what_is_no_number_is_left_to_the_rules():
    found = list(numbers([1, 2.5, None, "3", True, 10**400]))
    assert found[:2] == [1.0, 2.5]
    assert all(map(math.isnan, found[2:]))
    assert list(numbers({"a": 1})) == []


VALUES = st.recursive(
    st.none() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=8)
        | st.dictionaries(st.sampled_from(["baseline", "canary", "x"]), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_any_answer_is_judged(value):
    found = compared(Measurement(value=value), Comparison())
    assert found.phase.is_completed
    json.loads(found.metadata[names.JUDGE])


ANNOTATION = json.dumps(
    {"p95": {"baseline": {"h": "{{args.old}}"}, "canary": {"h": "{{args.new}}"}}}
)


def test_arguments_are_put_into_the_selectors():
    found = comparison_of({names.JUDGE: ANNOTATION}, ["p95"], {"args.old": '"1', "args.new": "2"})
    assert found is not None
    assert (found.baseline, found.canary) == ({"h": '"1'}, {"h": "2"})


@pytest.mark.parametrize(
    ("annotations", "metrics"), [({}, ["p95"]), ({names.JUDGE: ANNOTATION}, ["p50", "p{{args.x}}"])]
)
def test_a_metric_that_nobody_names_is_judged_by_its_conditions(annotations, metrics):
    assert comparison_of(annotations, metrics, {"args.old": "1", "args.new": "2"}) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "gradatim.dev/judge: must be JSON"),
        ('{"p95": {"direction": "up"}}', "gradatim.dev/judge.p95.direction: must be one of"),
        (ANNOTATION, "gradatim.dev/judge.p95.canary: selects the same series as baseline"),
    ],
)
def test_what_means_nothing_with_these_arguments_is_no_comparison(text, message):
    with pytest.raises(WrongComparisonError, match=message):
        comparison_of({names.JUDGE: text}, ["p95"], {"args.old": "1", "args.new": "1"})


def _template(name: str, metric: str, judge: object) -> Template:
    annotations = {names.JUDGE: json.dumps(judge)}
    return parse_template(
        {
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"metrics": [{"name": metric}]},
        }
    )


def test_a_run_takes_along_how_its_metrics_are_compared():
    """A template speaks for its own metrics only, and before the Rollout."""
    owner = {names.JUDGE: json.dumps({"a": {"tolerance": 0.1}, "c": {}}), "other": "x"}
    templates = [
        _template("one", "a", {"a": {}, "b": {"tolerance": 0.9}}),
        _template("two", "b", {"b": {"tolerance": 0.5}}),
    ]
    settings = run_settings(owner, templates)
    assert json.loads(settings.pop(names.JUDGE)) == {"a": {}, "b": {"tolerance": 0.5}, "c": {}}
    assert settings == {}
