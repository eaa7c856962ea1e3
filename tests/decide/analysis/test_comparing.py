"""Measurements that are judged beside a baseline."""

from __future__ import annotations

import json
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.decide.analysis.comparing import METADATA, compared, numbers, samples_of
from gradatim.judge import Comparison, Direction, Rules
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
    record = json.loads(found.metadata[METADATA])
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
    json.loads(found.metadata[METADATA])
