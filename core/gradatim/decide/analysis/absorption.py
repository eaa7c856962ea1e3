"""Counting what came in: each measurement takes its place in its metric's result.

In: a run and the outcomes of tasks. Out: the run's results with these counted.
Called by the run's decision, before it assesses them. Outcomes that no longer fit are dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gradatim.model.analysisrun import AnalysisRun, MeasurementStatus, MetricResult, Phase

from .plan import Plan
from .schedule import Action, later, whole_seconds
from .silence import LONGEST_PATIENCE, heard, taken, waiting, waits
from .values import Measured

#: A provider that is not ready yet is asked again after this long at the earliest.
RESUME_FLOOR: Final = timedelta(seconds=1)
TERMINATED: Final = "Metric Terminated"


def absorb(
    run: AnalysisRun, plan: Plan, outcomes: Iterable[Measured], now: datetime
) -> AnalysisRun:
    """The run with these outcomes counted."""
    by_name = {metric.name: metric for metric in plan.metrics}
    for outcome in outcomes:
        name = outcome.task.metric
        known = run.result(name)
        result = known or MetricResult(
            name=name,
            phase=Phase.RUNNING,
            dry_run=name in plan.dry_run,
            metadata=outcome.result_metadata,
        )
        if name not in by_name or not _fits(result, outcome):
            continue
        policy = plan.policy(name)
        if waits(result, outcome, policy, now):
            result = waiting(result, outcome, by_name[name], policy, now)
        else:
            result = heard(_counted(result, taken(outcome, policy), now), outcome)
        run = _with_result(run, result)
    return run


def _fits(result: MetricResult, outcome: Measured) -> bool:
    """The outcome answers what the status still asks.

    It may not: the status was written by another controller since, after we lost the lead.
    """
    if result.phase.is_completed:
        return False
    if outcome.task.action is Action.MEASURE:
        is_next = outcome.task.number == result.count + result.error
        return is_next and not result.is_measuring
    return result.is_measuring


def _with_result(run: AnalysisRun, result: MetricResult) -> AnalysisRun:
    kept = [result if old.name == result.name else old for old in run.results]
    if run.result(result.name) is None:
        kept.append(result)
    return replace(run, results=tuple(kept))


def _counted(result: MetricResult, outcome: Measured, now: datetime) -> MetricResult:
    measurement = _measurement(result, outcome, now)
    earlier = result.measurements
    if outcome.task.action is not Action.MEASURE:
        earlier = earlier[:-1]
    return counted(replace(result, measurements=(*earlier, measurement)), measurement.phase)


def counted(result: MetricResult, phase: Phase) -> MetricResult:
    """The counters after a measurement that ended in this phase. An unfinished one changes none."""
    match phase:
        case Phase.SUCCESSFUL:
            return replace(
                result,
                successful=result.successful + 1,
                count=result.count + 1,
                consecutive_error=0,
                consecutive_success=result.consecutive_success + 1,
            )
        case Phase.FAILED:
            return replace(_ended(result), failed=result.failed + 1)
        case Phase.INCONCLUSIVE:
            return replace(_ended(result), inconclusive=result.inconclusive + 1)
        case Phase.ERROR:
            return replace(
                result,
                error=result.error + 1,
                consecutive_error=result.consecutive_error + 1,
                consecutive_success=0,
            )
        case _:
            return result


def _ended(result: MetricResult) -> MetricResult:
    return replace(result, count=result.count + 1, consecutive_error=0, consecutive_success=0)


def _measurement(result: MetricResult, outcome: Measured, now: datetime) -> MeasurementStatus:
    base = MeasurementStatus(started=whole_seconds(outcome.started))
    if outcome.task.action is not Action.MEASURE and result.last is not None:
        base = result.last
    phase, message = outcome.phase, outcome.message
    if outcome.task.action is Action.TERMINATE:
        # One that will not end would keep the whole run from ending.
        phase = phase if phase.is_completed else Phase.INCONCLUSIVE
        message = message if phase in {Phase.ERROR, Phase.FAILED} else TERMINATED
    return replace(
        base,
        phase=phase,
        message=message,
        finished=whole_seconds(now) if phase.is_completed else None,
        resume_at=_resume_at(base, outcome, phase, now),
        value=outcome.value or base.value,
        metadata={**base.metadata, **outcome.metadata},
    )


def _resume_at(
    base: MeasurementStatus, outcome: Measured, phase: Phase, now: datetime
) -> datetime | None:
    wanted = outcome.resume_at
    if phase is Phase.ERROR:
        return _next_second(min(wanted, later(now, LONGEST_PATIENCE))) if wanted else None
    if phase.is_completed:
        return base.resume_at
    if outcome.task.action is Action.MEASURE:
        return whole_seconds(wanted) if wanted else None
    # The status keeps whole seconds: cut off, a short wait would be none, and the provider be asked without a pause.
    floor = later(now, RESUME_FLOOR)
    return _next_second(max(wanted, floor) if wanted else floor)


def _next_second(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else later(whole, timedelta(seconds=1))
