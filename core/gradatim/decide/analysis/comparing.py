"""A measurement that is judged by comparing a canary with its baseline, and not by conditions.

In: the annotation `gradatim.dev/judge`, an answer. Out: how a metric is compared, what the comparison has found, the
phase that it gives. Called by `judging.py` and by the measuring, for the annotation by `policy.py` and `validate/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import nan
from typing import Final

from gradatim.judge import (
    Classification,
    Comparison,
    Finding,
    Selector,
    compare,
    read_config,
)
from gradatim.model import names
from gradatim.model.analysisrun import Phase
from gradatim.plugin import FieldPath, Json, Measurement, Problem, Series

from .substitution import substitute

_LONGEST: Final = 64

_PHASES: Final[Mapping[Classification, Phase]] = {
    Classification.PASSES: Phase.SUCCESSFUL,
    Classification.HIGH: Phase.FAILED,
    Classification.LOW: Phase.FAILED,
    Classification.NODATA_FAILS: Phase.FAILED,
    Classification.NODATA: Phase.INCONCLUSIVE,
}


class WrongComparisonError(ValueError):
    """What the annotation says means nothing once arguments are put in."""


def comparison_of(
    annotations: Mapping[str, str], metrics: Iterable[str], values: Mapping[str, str]
) -> Comparison | None:
    """How a metric is compared; None where its conditions judge it.

    Args:
        annotations: of the run.
        metrics: the names that the metric goes by: with arguments put in, and as it is written.
        values: what `{{args.…}}` stand for.

    Raises:
        WrongComparisonError: the annotation cannot be used.
        UnresolvedError: an argument in it has no value.
    """
    text = annotations.get(names.JUDGE)
    if text is None:
        return None
    config = read_config(text, lambda blocks: substitute(blocks, values))
    for metric in metrics:
        if metric in config.comparisons:
            return config.comparisons[metric]
        for path, message in config.faults:
            if path[:1] in ((), (metric,)):
                raise WrongComparisonError(f"{'.'.join((names.JUDGE, *path))}: {message}")
    return None


def judge_problems(annotations: Mapping[str, str], path: FieldPath) -> Iterator[Problem]:
    """What is wrong with the annotation; `path` is that of the annotations."""
    text = annotations.get(names.JUDGE)
    for keys, message in read_config(text).faults if text is not None else ():
        where = path / names.JUDGE
        for key in keys:
            where = where / key[:_LONGEST]
        yield Problem(where, message)


def judged_metrics(annotations: Mapping[str, str]) -> frozenset[str]:
    """Names of the metrics that the annotation speaks of."""
    return frozenset(blocks_of(annotations))


def blocks_of(annotations: Mapping[str, str]) -> Json:
    """The annotation's blocks by metric, as they are written; none where it cannot be read."""
    try:
        blocks = json.loads(annotations.get(names.JUDGE, "{}"))
    except (ValueError, RecursionError):
        return {}
    return blocks if isinstance(blocks, dict) else {}


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison came to.

    Attributes:
        phase: of the measurement; INCONCLUSIVE where there was too little to tell from.
        text: the score, kept as the measurement's value.
        message: the reason, with the numbers that decided.
        metadata: the whole finding as JSON, under `names.JUDGE`.
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
        metadata={names.JUDGE: json.dumps(_record(finding), separators=(",", ":"))},
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
