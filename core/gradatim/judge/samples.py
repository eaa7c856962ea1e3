"""Samples made ready for a comparison, and the sizes of effects.

In: lists of numbers. Out: the same without what is no number or far off; means, quantiles, effect sizes.
Called by `verdict.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, fsum, isfinite, isnan
from typing import Final

from .mannwhitney import pairs_won
from .rules import EffectSize, NanStrategy, Rules

#: Samples of a side that are compared: all pairs are looked at, and more tell hardly more.
MOST_SAMPLES: Final = 400


def prepared(samples: Sequence[float], rules: Rules) -> list[float]:
    """The samples that are compared. Infinite ones say no amount either, and are treated as no numbers."""
    finite: list[float] = []
    for each in samples:
        if isfinite(each):
            finite.append(each)
        elif isnan(each) and rules.nan_strategy is NanStrategy.REPLACE:
            finite.append(0.0)
    return thinned(
        without_outliers(finite, rules.outlier_factor) if rules.remove_outliers else finite
    )


def thinned(samples: list[float]) -> list[float]:
    """No more samples than are compared, from the whole of the list."""
    if len(samples) <= MOST_SAMPLES:
        return samples
    return [samples[n * len(samples) // MOST_SAMPLES] for n in range(MOST_SAMPLES)]


def without_outliers(samples: list[float], factor: float) -> list[float]:
    """Without those beyond `factor` interquartile ranges from the quartiles; at most one in a hundred a side."""
    if not samples:
        return samples
    ordered = sorted(samples)
    lower, upper = quantile(ordered, 0.25), quantile(ordered, 0.75)
    reach = factor * (upper - lower)
    least = min(lower - reach, quantile(ordered, 0.01))
    most = max(upper + reach, quantile(ordered, 0.99))
    return [each for each in samples if least <= each <= most]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The quantile of sorted samples, interpolated between neighbours (Hyndman and Fan's type 7)."""
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def effect(kind: EffectSize, canary: Sequence[float], baseline: Sequence[float]) -> float:
    """The size of the deviation; 1 (a ratio) where the baseline's mean is 0 and says nothing of it."""
    if kind is EffectSize.CLES:
        return pairs_won(canary, baseline) / (len(canary) * len(baseline))
    reference = mean(baseline)
    return mean(canary) / reference if reference else 1.0


def mean(samples: Sequence[float]) -> float:
    """The mean, without a sum that is too great to be a number."""
    return fsum(each / len(samples) for each in samples)
