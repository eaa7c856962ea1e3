"""Measurements without data and without an answer, taken as their author wants.

In: a metric's result, the outcome of its task, and its policy. Out: the outcome to count, or a result that waits.
Called while outcomes are counted. Waiting is noted in the result's metadata alone: Argo Rollouts, put back in the
middle of it, measures as if nothing had been asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gradatim.model import names
from gradatim.model.analysis import Metric
from gradatim.model.analysisrun import AnalysisRun, MetricResult, Phase
from gradatim.model.reading import format_time, parse_time
from gradatim.plugin import Measurement

from .policy import OnNoData, OnProviderError, Policy
from .schedule import ERROR_RETRY, Action, interval_of, later
from .values import Measured, Silence

_NOTES: Final = frozenset({names.SILENT_SINCE, names.ASKED_AGAIN_AT, names.HELD})
_NO_DATA_PHASES: Final[Mapping[OnNoData | None, Phase]] = {
    OnNoData.INCONCLUSIVE: Phase.INCONCLUSIVE,
    OnNoData.SUCCESS: Phase.SUCCESSFUL,
    OnNoData.FAIL: Phase.FAILED,
}
#: A service that asks for more patience than this is asked all the same.
LONGEST_PATIENCE: Final = timedelta(minutes=5)
_SAID: Final = {Silence.NO_DATA: "no data", Silence.NO_ANSWER: "no answer"}


def is_no_data(answer: Measurement) -> bool:
    """The provider answered, and there is nothing to judge.

    That is: its word for it, null, NaN, an empty list or object, and a list of nothing but these.
    """
    if answer.running or answer.verdict is not None:
        return False
    return answer.no_data or is_nothing(answer.value)


def is_nothing(value: object) -> bool:
    """Null, NaN, an empty list or object, or a list of nothing but null and NaN."""
    match value:
        case None:
            return True
        case float():
            return value != value
        case list():
            return all(item is None or (isinstance(item, float) and item != item) for item in value)
        case dict():
            return not value
        case _:
            return False


def taken(outcome: Measured, policy: Policy) -> Measured:
    """The outcome with the phase that its author wants for silence; as it is where nothing is wanted."""
    wanted = policy.on_no_data
    if outcome.silence is Silence.NO_DATA and wanted in _NO_DATA_PHASES:
        message = f"no data: {wanted}, as on-no-data says"
        return replace(outcome, phase=_NO_DATA_PHASES[wanted], message=message)
    fails = policy.on_provider_error is OnProviderError.FAIL
    if outcome.silence is Silence.NO_ANSWER and fails:
        return replace(outcome, phase=Phase.FAILED, resume_at=None)
    return outcome


def waits(result: MetricResult, outcome: Measured, policy: Policy, now: datetime) -> bool:
    """The silence is not counted yet: its provider is asked again."""
    if outcome.task.action is Action.TERMINATE:
        return False
    match outcome.silence:
        case Silence.NO_DATA if policy.on_no_data is OnNoData.RETRY:
            budget: timedelta | None = policy.no_data_budget
        case Silence.NO_ANSWER if policy.on_provider_error in _ASK_AGAIN:
            budget = policy.provider_error_budget
        case _:
            return False
    return budget is None or now < later(_since(result, now), budget)


_ASK_AGAIN: Final = (OnProviderError.RETRY, OnProviderError.PAUSE)


def waiting(
    result: MetricResult, outcome: Measured, metric: Metric, policy: Policy, now: datetime
) -> MetricResult:
    """The result while its provider is silent. Nothing is counted, and the message says what is the matter."""
    again = _again_at(outcome, metric, now)
    holds = outcome.silence is Silence.NO_ANSWER and (
        policy.on_provider_error is OnProviderError.PAUSE
    )
    since = format_time(_since(result, now))
    notes = {names.SILENT_SINCE: since, names.ASKED_AGAIN_AT: format_time(again)}
    notes |= {names.HELD: "true"} if holds else {}
    said = f"{_SAID[outcome.silence]} since {since}, asked again"
    result = replace(
        result,
        message=f"{said}: {outcome.message}" if outcome.message else said,
        metadata={**_without_notes(result.metadata), **notes},
    )
    if outcome.task.action is Action.RESUME and result.last is not None:
        last = replace(result.last, resume_at=again)
        result = replace(result, measurements=(*result.measurements[:-1], last))
    return result


def heard(result: MetricResult, outcome: Measured) -> MetricResult:
    """The result once an outcome is counted: whoever answered is no longer waited for.

    While silence is counted it is still known since when, so that every further one is over the budget as well.
    """
    kept = _without_notes(result.metadata)
    since = result.metadata.get(names.SILENT_SINCE)
    if outcome.silence is not Silence.NONE and since:
        kept[names.SILENT_SINCE] = since
    return replace(result, metadata=kept) if kept != result.metadata else result


def waiting_message(run: AnalysisRun) -> str:
    """What a running run says of the first metric that waits; "" when none does."""
    for result in run.results:
        if is_waiting(result):
            return f'Metric "{result.name}": {result.message}'
    return ""


def is_waiting(result: MetricResult) -> bool:
    """Its provider is silent, and that is not counted yet."""
    return not result.phase.is_completed and names.ASKED_AGAIN_AT in result.metadata


def _since(result: MetricResult, now: datetime) -> datetime:
    return parse_time(result.metadata.get(names.SILENT_SINCE, "")) or now.replace(microsecond=0)


def _again_at(outcome: Measured, metric: Metric, now: datetime) -> datetime:
    if outcome.silence is Silence.NO_DATA:
        return later(now, interval_of(metric))
    again = later(now, ERROR_RETRY)
    if outcome.resume_at is None:
        return again
    return max(again, min(outcome.resume_at, later(now, LONGEST_PATIENCE)))


def _without_notes(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if key not in _NOTES}
