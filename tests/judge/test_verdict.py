"""What a comparison comes to: Kayenta's questions, one after the other."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.judge import Classification, Direction, EffectSize, NanStrategy, Rules, compare
from gradatim.judge.samples import (
    MOST_SAMPLES,
    effect,
    prepared,
    quantile,
    thinned,
    without_outliers,
)

PASS, HIGH, LOW = Classification.PASSES, Classification.HIGH, Classification.LOW
NAN = math.nan
ANY = st.lists(st.floats(), max_size=15)


def _around(middle: float, seed: int, size: int = 30) -> list[float]:
    dice = Random(seed)
    return [dice.gauss(middle, 2) for _ in range(size)]


BASELINE, SAME, MORE, LESS = (
    _around(10, 1),
    _around(10, 2),
    _around(20, 3),
    _around(4, 4),
)


@pytest.mark.parametrize(
    ("canary", "direction", "kind"),
    [
        pytest.param(SAME, Direction.EITHER, PASS, id="the same distribution passes"),
        pytest.param(MORE, Direction.EITHER, HIGH, id="a higher one is high"),
        pytest.param(LESS, Direction.EITHER, LOW, id="a lower one is low"),
        pytest.param(MORE, Direction.INCREASE, HIGH, id="an increase that is bad"),
        pytest.param(LESS, Direction.INCREASE, PASS, id="a decrease where only increases are bad"),
        pytest.param(LESS, Direction.DECREASE, LOW, id="a decrease that is bad"),
        pytest.param(MORE, Direction.DECREASE, PASS, id="an increase where only decreases are bad"),
    ],
)
def test_the_side_of_the_deviation_counts(canary, direction, kind):
    found = compare(BASELINE, canary, Rules(direction=direction))
    assert found.classification is kind
    assert found.score == (100 if kind is PASS else 0)
    assert (found.baseline, found.canary) == (30, 30)


def test_the_reason_has_the_numbers_that_decided():
    found = compare([1.0, 2, 3, 4, 5, 6], [11.0, 12, 13, 14, 15, 16], Rules())
    assert found.reason == (
        "the canary is higher than the baseline by 10 (6 to 14 with a confidence of 0.98, meanRatio 3.857)"
    )


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        (Rules(allowed_increase=1.5), HIGH),
        (Rules(allowed_increase=2.5), PASS),
        (Rules(effect_size=EffectSize.CLES, allowed_increase=0.9), HIGH),
        (Rules(effect_size=EffectSize.CLES, allowed_increase=1.1), PASS),
    ],
)
def test_a_deviation_may_be_too_small_to_matter(rules, kind):
    assert compare(BASELINE, MORE, rules).classification is kind


@pytest.mark.parametrize(("allowed", "kind"), [(0.9, LOW), (0.1, PASS)])
def test_a_decrease_has_a_bound_of_its_own(allowed, kind):
    assert compare(BASELINE, LESS, Rules(allowed_decrease=allowed)).classification is kind


def test_the_interval_has_to_clear_the_tolerance():
    canary = [value + 1.9 for value in BASELINE]
    assert compare(BASELINE, canary, Rules(tolerance=0.05)).classification is HIGH
    assert compare(BASELINE, canary, Rules(tolerance=0.9)).classification is PASS


@pytest.mark.parametrize(
    ("baseline", "canary", "reason"),
    [
        ([], SAME, "the baseline has no samples"),
        (SAME, [], "the canary has no samples"),
        (SAME, [NAN, NAN], "the canary has no samples"),
        (SAME, [math.inf], "the canary has no samples"),
        (SAME, [1.0], "30 samples of the baseline and 1 of the canary are too few"),
    ],
)
def test_what_cannot_be_told_is_no_verdict(baseline, canary, reason):
    found = compare(baseline, canary, Rules())
    assert found.classification is Classification.NODATA
    assert not found.has_data
    assert reason in found.reason
    demanded = compare(baseline, canary, Rules(must_have_data=True))
    assert demanded.classification is Classification.NODATA_FAILS
    assert demanded.score == 0


def test_more_samples_may_be_asked_for():
    found = compare(BASELINE, SAME[:9], Rules(min_samples=10))
    assert found.reason == "the canary has 9 samples, and 10 at least are asked"


@pytest.mark.parametrize(
    ("baseline", "canary"),
    [
        pytest.param([1.0, 2.0] * 5, [2.0, 1.0] * 5, id="the same samples in another order"),
        pytest.param([3.0] * 9, [3.0] * 7, id="one value everywhere"),
    ],
)
def test_samples_that_do_not_differ_pass(baseline, canary):
    assert compare(baseline, canary, Rules()).classification is PASS


@pytest.mark.parametrize(("canary", "kind"), [(3.0, HIGH), (1.0, LOW)])
def test_two_single_values_differ_by_their_distance(canary, kind):
    """Kayenta adds noise of a hundred-thousandth here; the ranks say the same without dice."""
    found = compare([2.0] * 20, [canary] * 20, Rules())
    assert found.classification is kind
    assert found.estimate == found.low == found.high == canary - 2


def test_a_baseline_of_zeros_has_no_ratio_and_still_a_shift():
    found = compare([0.0] * 20, [5.0] * 20, Rules())
    assert (found.classification, found.effect) == (HIGH, 1.0)


def test_what_is_no_number_is_left_out_or_zero():
    assert prepared([1.0, NAN, math.inf], Rules()) == [1.0]
    replaced = Rules(nan_strategy=NanStrategy.REPLACE)
    assert prepared([1.0, NAN, -math.inf], replaced) == [1.0, 0.0]


def test_outliers_are_left_out_on_demand():
    samples = [*map(float, range(200)), 1e6]
    assert 1e6 in prepared(samples, Rules())
    assert prepared(samples, Rules(remove_outliers=True)) == samples[:-1]
    assert without_outliers([], 3.0) == []


def test_quantiles_and_effects_are_those_of_kayentas_tests():
    halves = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    assert [quantile(halves, q) for q in (0.05, 0.5, 1.0)] == pytest.approx([0.175, 1.75, 3.5])
    assert effect(EffectSize.MEAN_RATIO, [10.0] * 5, [100.0] * 5) == 0.1
    assert effect(EffectSize.CLES, [1.0, 2, 3, 4, 5], [1.0, 2, 3, 4, 5]) == 0.5
    assert effect(EffectSize.CLES, [1.0, 2], [11.0, 12]) == 0.0


@given(ANY, ANY, st.sampled_from(EffectSize), st.booleans())
def test_whatever_is_measured_there_is_a_finding(baseline, canary, size, drops):
    rules = Rules(effect_size=size, remove_outliers=drops)
    found = compare(baseline, canary, rules)
    assert found.score in (0, 100)
    assert found.reason
    assert found == compare(baseline[::-1], canary[::-1], rules)


@given(st.lists(st.integers(-1000, 1000), min_size=6, max_size=20))
def test_a_canary_beside_itself_passes(samples):
    values = [float(value) for value in samples]
    assert compare(values, values[::-1], Rules()).classification is PASS


@given(st.lists(st.integers(-1000, 1000), min_size=6, max_size=20))
def test_high_and_low_are_each_others_mirror(samples):
    values = [float(value) for value in samples]
    moved = [value + 5000 for value in values]
    assert compare(values, moved, Rules(allowed_increase=-1e9)).classification is HIGH
    assert compare(moved, values, Rules(allowed_decrease=1e9)).classification is LOW


def test_a_flood_of_samples_is_thinned_evenly():
    found = thinned([float(n) for n in range(10 * MOST_SAMPLES)])
    assert found == [float(n) for n in range(0, 10 * MOST_SAMPLES, 10)]
    assert compare([1.0, 2.0] * 5000, [3.0, 4.0] * 5000).baseline == MOST_SAMPLES
