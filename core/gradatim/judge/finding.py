"""What a comparison has found.

In: nothing. Out: frozen values that `verdict.py` makes and the analysis engine reads.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Classification(enum.StrEnum):
    """Where the canary stands beside its baseline."""

    PASSES = "Pass"
    HIGH = "High"
    LOW = "Low"
    NODATA = "Nodata"  #: there is nothing, or too little, to tell from
    NODATA_FAILS = "NodataFail"  #: the same, where the rules demand data


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One metric's comparison.

    Attributes:
        reason: one sentence with the numbers that decided.
        effect: size of the deviation, as the rules want it told; None where there was nothing to compare.
        estimate: by how much the canary is shifted (Hodges-Lehmann), in the metric's unit.
        low, high: the interval that the shift lies in with the rules' confidence.
        baseline, canary: how many samples were compared.
    """

    classification: Classification
    reason: str
    effect: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: int = 0
    canary: int = 0

    @property
    def score(self) -> int:
        """100 for a metric that passes, else 0: Kayenta's score of a single metric."""
        return 100 if self.classification is Classification.PASSES else 0

    @property
    def has_data(self) -> bool:
        """There was enough to tell from."""
        return self.classification is not Classification.NODATA
