"""The shift and its interval, beside SciPy's."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.judge.mannwhitney import can_differ, pairs_won, shift

CASES = json.loads(Path(__file__).with_name("vectors.json").read_text())
NUMBERS = st.integers(-40, 40).map(lambda n: n / 4)
SAMPLES = st.lists(NUMBERS, min_size=1, max_size=12)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['kind']}-{len(c['canary'])}")
def test_u_is_scipys(case):
    assert pairs_won(case["canary"], case["baseline"]) == case["u"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['kind']}-{len(c['canary'])}")
def test_the_shift_and_its_interval_are_scipys(case):
    found = shift(case["canary"], case["baseline"], case["confidence"])
    assert found.estimate == pytest.approx(case["estimate"], abs=1e-9)
    assert found.low == pytest.approx(case["low"], abs=1e-6)
    assert found.high == pytest.approx(case["high"], abs=1e-6)


@given(SAMPLES, SAMPLES)
def test_the_estimate_is_the_median_of_all_differences(canary, baseline):
    differences = [x - y for x, y in product(canary, baseline)]
    assert shift(canary, baseline, 0.98).estimate == pytest.approx(median(differences))


@given(SAMPLES, SAMPLES)
def test_the_estimate_lies_in_its_interval(canary, baseline):
    found = shift(canary, baseline, 0.98)
    assert found.low <= found.estimate <= found.high


@given(SAMPLES, SAMPLES)
def test_to_change_sides_turns_the_shift_around(canary, baseline):
    one, other = shift(canary, baseline, 0.95), shift(baseline, canary, 0.95)
    assert one.estimate == pytest.approx(-other.estimate)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


@given(SAMPLES, SAMPLES)
def test_the_order_of_samples_means_nothing(canary, baseline):
    assert shift(canary, baseline, 0.98) == shift(canary[::-1], baseline[::-1], 0.98)


@pytest.mark.parametrize(
    ("of_x", "of_y", "enough"),
    [(0, 100, False), (4, 4, False), (5, 5, True), (1, 1000, False), (3, 12, True)],
)
def test_how_many_samples_can_tell_anything_at_98_percent(of_x: int, of_y: int, enough: bool):
    assert can_differ(of_x, of_y, 0.98) is enough
