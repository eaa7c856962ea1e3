"""How samples are to be compared.

In: nothing. Out: frozen values with Kayenta's defaults. `config.py` reads them from an annotation.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Direction(enum.StrEnum):
    """Which deviation of the canary is a bad one."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class NanStrategy(enum.StrEnum):
    """What becomes of samples that are not a number."""

    REMOVE = "remove"
    REPLACE = "replace"  #: by 0, for counters that are silent while there is nothing to count


class EffectSize(enum.StrEnum):
    """How the size of a deviation is told."""

    MEAN_RATIO = "meanRatio"  #: mean of the canary through that of the baseline; 1 is no effect
    CLES = "cles"  #: probability that a sample of the canary is the greater one; 0.5 is no effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How one metric is judged. The defaults are Kayenta's.

    Attributes:
        direction: which deviation fails the metric.
        confidence: of the interval that the shift lies in, between 0 and 1.
        tolerance: the share of the estimated shift that the interval has to clear on both sides of 0.
        nan_strategy: what becomes of samples that are not a number.
        remove_outliers: leave out samples far off the quartiles.
        outlier_factor: how many interquartile ranges are far.
        effect_size: how the deviation's size is told.
        allowed_increase, allowed_decrease: the effect size from which a deviation counts; None: any does.
        must_have_data: a side without samples fails the metric.
        min_samples: fewer than this on one side are no data.
    """

    direction: Direction = Direction.EITHER
    confidence: float = 0.98
    tolerance: float = 0.25
    nan_strategy: NanStrategy = NanStrategy.REMOVE
    remove_outliers: bool = False
    outlier_factor: float = 3.0
    effect_size: EffectSize = EffectSize.MEAN_RATIO
    allowed_increase: float | None = None
    allowed_decrease: float | None = None
    must_have_data: bool = False
    min_samples: int = 1

    @property
    def no_effect(self) -> float:
        """The effect size of samples that do not differ."""
        return 1.0 if self.effect_size is EffectSize.MEAN_RATIO else 0.5
