"""What the measurements so far mean: the phase of each metric, and the phase of the run.

In: a run with its counted results, and its plan. Out: phases, messages, summaries, events.
Called by the run's decision, after new measurements were counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from gradatim.model.analysis import Metric, effective_count, int_value
from gradatim.model.analysisrun import AnalysisRun, MetricResult, Phase
from gradatim.plugin import Json

from .events import RunEvent, metric_completed
from .plan import Plan
from .schedule import is_terminating

DEFAULT_CONSECUTIVE_ERROR_LIMIT: Final = 4

#: From best to worst. Of the completed ones Failed is the worst, although inside a metric Error comes first.
SEVERITY: Final = (
    Phase.NONE,
    Phase.SUCCESSFUL,
    Phase.RUNNING,
    Phase.PENDING,
    Phase.INCONCLUSIVE,
    Phase.ERROR,
    Phase.FAILED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A run's results with their phases, and what follows for the run."""

    results: tuple[MetricResult, ...]
    phase: Phase
    message: str
    summary: Json
    dry_run_summary: Json
    events: tuple[RunEvent, ...] = ()


def assess(run: AnalysisRun, plan: Plan, in_flight: Collection[str]) -> Assessment:
    """Assess each metric, then the run. `in_flight` are metrics whose provider is being asked now."""
    terminating = is_terminating(run)
    assessed, events = _assess_results(run, plan, in_flight)
    if is_terminating(assessed) and not terminating:
        # One metric has just decided the run, so the others end as well: in Argo Rollouts in the
        # next pass, here at once, or two decisions at the same moment would not be the same.
        assessed, more = _assess_results(assessed, plan, in_flight)
        events += more
    phase, message = _run_phase(assessed, plan, in_flight)
    return Assessment(
        results=assessed.results,
        phase=phase,
        message=message,
        summary=_summary(assessed, plan, dry_run=False),
        dry_run_summary=_summary(assessed, plan, dry_run=True),
        events=tuple(events),
    )


def _assess_results(
    run: AnalysisRun, plan: Plan, in_flight: Collection[str]
) -> tuple[AnalysisRun, list[RunEvent]]:
    terminating = is_terminating(run)
    by_name = {metric.name: metric for metric in plan.metrics}
    results, events = [], []
    for result in run.results:
        metric = by_name.get(result.name)
        if metric is not None and not result.phase.is_completed and result.name not in in_flight:
            phase, reason = metric_phase(metric, result, terminating)
            if phase is not result.phase:
                result = _changed(result, phase, reason)
                events += [metric_completed(result.name, phase)] if phase.is_completed else []
        results.append(result)
    return replace(run, results=tuple(results)), events


def _changed(result: MetricResult, phase: Phase, reason: str) -> MetricResult:
    message = result.last.message if result.last else result.message
    if result.dry_run and reason and phase.is_completed:
        message = f"Metric assessed {phase} due to {reason}"
    return replace(result, phase=phase, message=message)


def metric_phase(metric: Metric, result: MetricResult, terminating: bool) -> tuple[Phase, str]:
    """The phase of a metric, and the reason where it is a bad one. A completed metric stays as it is."""
    if result.phase.is_completed:
        return result.phase, broken_limit(metric, result)[1]
    if result.last is None:
        return (Phase.SUCCESSFUL if terminating else Phase.PENDING), ""
    if result.is_measuring or not result.last.phase.is_completed:
        return Phase.RUNNING, ""
    phase, reason = broken_limit(metric, result)
    if phase is not Phase.NONE:
        return phase, reason
    wanted = int_value(metric.consecutive_success_limit)
    if 0 < wanted <= result.consecutive_success:
        return Phase.SUCCESSFUL, ""
    count = effective_count(metric)
    if count is not None and result.count >= count:
        return _at_the_end(metric, result)
    return (Phase.SUCCESSFUL if terminating else Phase.RUNNING), ""


def broken_limit(metric: Metric, result: MetricResult) -> tuple[Phase, str]:
    """The limit that the counters exceed; the last of the three wins, as in Argo Rollouts."""
    failures, inconclusive = int_value(metric.failure_limit), int_value(metric.inconclusive_limit)
    errors = int_value(metric.consecutive_error_limit, DEFAULT_CONSECUTIVE_ERROR_LIMIT)
    if result.consecutive_error > errors:
        return (
            Phase.ERROR,
            f"consecutiveErrors ({result.consecutive_error}) > consecutiveErrorLimit ({errors})",
        )
    if result.inconclusive > inconclusive:
        return (
            Phase.INCONCLUSIVE,
            f"inconclusive ({result.inconclusive}) > inconclusiveLimit ({inconclusive})",
        )
    if 0 <= failures < result.failed:
        return Phase.FAILED, f"failed ({result.failed}) > failureLimit ({failures})"
    return Phase.NONE, ""


def _at_the_end(metric: Metric, result: MetricResult) -> tuple[Phase, str]:
    """All measurements are taken, and no limit of failures was exceeded."""
    wanted = int_value(metric.consecutive_success_limit)
    if wanted <= 0:
        return Phase.SUCCESSFUL, ""
    # Argo Rollouts gives no reason here; an abort without one helps nobody.
    reason = (
        f"consecutiveSuccesses ({result.consecutive_success}) < consecutiveSuccessLimit ({wanted})"
    )
    if int_value(metric.failure_limit) >= 0:
        return Phase.INCONCLUSIVE, reason
    return Phase.FAILED, reason


def _run_phase(run: AnalysisRun, plan: Plan, in_flight: Collection[str]) -> tuple[Phase, str]:
    if in_flight or any(result.is_measuring for result in _of(run, plan)):
        return Phase.RUNNING, ""
    terminating = is_terminating(run)
    phase, message = _worst(run, plan)
    if terminating:
        return phase or Phase.SUCCESSFUL, message
    started = {result.name for result in run.results if result.phase.is_completed}
    if any(metric.name not in started for metric in plan.metrics) or not phase:
        return Phase.RUNNING, ""
    return phase, message


def _worst(run: AnalysisRun, plan: Plan) -> tuple[Phase, str]:
    """The worst phase of the completed metrics, and why. Dry-run ones count as successful."""
    worst, message = Phase.NONE, "Run Terminated" if run.terminate else ""
    by_name = {metric.name: metric for metric in plan.metrics}
    for result in _of(run, plan):
        if not result.phase.is_completed:
            continue
        phase = Phase.SUCCESSFUL if result.dry_run else result.phase
        if SEVERITY.index(phase) <= SEVERITY.index(worst):
            continue
        worst = phase
        if not result.dry_run and (reason := _reason(by_name[result.name], result)):
            message = f'Metric "{result.name}" assessed {phase} due to {reason}'
            message += f': "Error Message: {result.message}"' if result.message else ""
    return worst, message


def _reason(metric: Metric, result: MetricResult) -> str:
    _, reason = broken_limit(metric, result)
    if not reason and result.phase is not Phase.SUCCESSFUL:
        _, reason = _at_the_end(metric, result)
    return reason


def _summary(run: AnalysisRun, plan: Plan, *, dry_run: bool) -> Json:
    """How many metrics there are, and how they ended; zeros left out."""
    ended = Counter(
        str(result.phase).lower()
        for result in _of(run, plan)
        if result.phase.is_completed and result.dry_run == dry_run
    )
    count = sum((metric.name in plan.dry_run) == dry_run for metric in plan.metrics)
    return {"count": count, **ended} if count else {}


def _of(run: AnalysisRun, plan: Plan) -> list[MetricResult]:
    """The results in the order of the metrics; a result without a metric is left out."""
    found = (run.result(metric.name) for metric in plan.metrics)
    return [result for result in found if result is not None]
