"""A measurement that is judged by comparing a canary with its baseline, and not by conditions.

In: an answer, and how the metric is compared. Out: what the comparison has found, and the phase that it gives.
Called by `judging.py` for metrics that the annotation `gradatim.dev/judge` names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import nan
from typing import Final

from gradatim.judge import Classification, Comparison, Finding, Selector, compare
from gradatim.model.analysisrun import Phase
from gradatim.plugin import Measurement, Series

#: Where the finding is kept with the measurement.
METADATA: Final = "gradatim.dev/judge"

_PHASES: Final[Mapping[Classification, Phase]] = {
    Classification.PASSES: Phase.SUCCESSFUL,
    Classification.HIGH: Phase.FAILED,
    Classification.LOW: Phase.FAILED,
    Classification.NODATA_FAILS: Phase.FAILED,
    Classification.NODATA: Phase.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison came to.

    Attributes:
        phase: of the measurement; INCONCLUSIVE where there was too little to tell from.
        text: the score, kept as the measurement's value.
        message: the reason, with the numbers that decided.
        metadata: the whole finding as JSON, under `METADATA`.
        has_data: False: nothing was found out.
    """

    phase: Phase
    text: str
    message: str
    metadata: Mapping[str, str]
    has_data: bool


def compared(answer: Measurement, comparison: Comparison) -> Compared:
    """Compare the sides that an answer holds."""
    baseline = tuple(samples_of(answer, comparison.baseline))
    canary = tuple(samples_of(answer, comparison.canary))
    finding = compare(baseline, canary, comparison.rules)
    return Compared(
        phase=_PHASES[finding.classification],
        text=str(finding.score),
        message=f"{finding.classification}: {finding.reason}{_there_is(answer, finding)}",
        metadata={METADATA: json.dumps(_record(finding), separators=(",", ":"))},
        has_data=finding.has_data,
    )


def samples_of(answer: Measurement, side: Selector) -> Iterable[float]:
    """The samples of one side: of all series with its labels, or of the value's list by that name."""
    if isinstance(side, str):
        found = answer.value.get(side) if isinstance(answer.value, dict) else None
        yield from numbers(found)
        return
    for series in answer.series:
        if side.items() <= series.labels.items():
            yield from series.samples


def numbers(value: object) -> Iterable[float]:
    """The numbers of a JSON list; what is none of them is NaN, and left to the rules."""
    for each in value if isinstance(value, list) else ():
        is_number = isinstance(each, int | float) and not isinstance(each, bool)
        yield _as_float(each) if is_number else nan


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return nan


def _record(finding: Finding) -> dict[str, object]:
    return {
        "classification": finding.classification,
        "score": finding.score,
        "effect": finding.effect,
        "estimate": finding.estimate,
        "low": finding.low,
        "high": finding.high,
        "baseline": finding.baseline,
        "canary": finding.canary,
    }


def _there_is(answer: Measurement, finding: Finding) -> str:
    """Which sides there would have been, where one was not found: a misspelt label shows itself."""
    if finding.has_data or (finding.baseline and finding.canary):
        return ""
    if answer.series:
        return f"; the answer has the series {_shown(answer.series)}"
    if isinstance(answer.value, dict):
        return f"; the answer has {', '.join(map(repr, list(answer.value)[:10]))}"
    return "; the answer has no series"


def _shown(series: tuple[Series, ...]) -> str:
    shown = ["{" + ",".join(f"{k}={v}" for k, v in s.labels.items())[:200] + "}" for s in series]
    return ", ".join(shown[:10])
