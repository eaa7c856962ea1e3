"""By how much are samples of one kind shifted against those of another? Mann-Whitney's U, turned into an interval.

In: two lists of finite numbers. Out: the Hodges-Lehmann estimate of the shift and its confidence interval, by the
normal approximation with corrections for ties and for continuity. Called by `verdict.py`; checked against SciPy.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt
from statistics import NormalDist, median


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much `canary` is greater than `baseline`, in their unit."""

    estimate: float
    low: float
    high: float


def shift(canary: Sequence[float], baseline: Sequence[float], confidence: float) -> Shift:
    """The shift of `canary` against `baseline`, and where it lies with that confidence (0…1).

    Both have one number at least, all finite. The test asks how many of all differences are above a
    supposed shift; so the shifts that it does not reject lie between two of the differences.
    """
    differences = sorted(x - y for x in canary for y in baseline)
    reach = _quantile(confidence) * deviation(canary, baseline)
    place = floor(len(differences) / 2 + 0.5 + reach)
    outermost = min(place, len(differences) - 1)
    return Shift(
        estimate=median(differences),
        low=differences[-1 - outermost],
        high=differences[outermost],
    )


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def pairs_won(xs: Sequence[float], ys: Sequence[float]) -> float:
    """U: the pairs of which `xs` has the greater number, and half of those that are equal."""
    ordered = sorted(ys)
    return sum(bisect_left(ordered, x) + bisect_right(ordered, x) for x in xs) / 2


def deviation(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The standard deviation of U where nothing is shifted; equal numbers within a list make it smaller."""
    total = len(xs) + len(ys)
    ties = sum(n**3 - n for side in (xs, ys) for n in Counter(side).values())
    return sqrt(len(xs) * len(ys) / 12 * (total + 1 - ties / (total * (total - 1))))


def can_differ(of_x: int, of_y: int, confidence: float) -> bool:
    """Are there enough samples for any difference at all to be told with that confidence?"""
    pairs = of_x * of_y
    untied = sqrt(pairs * (of_x + of_y + 1) / 12)
    return pairs > 0 and (pairs - 1) / 2 > _quantile(confidence) * untied
