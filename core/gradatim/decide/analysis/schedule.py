"""What a run has to measure now, and when it next has something to measure.

In: a run, its plan, and `now`. Out: tasks, and the next moment.
Called by the run's decision, after it has counted and assessed what came in.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from gradatim.model import names
from gradatim.model.analysis import Metric
from gradatim.model.analysisrun import AnalysisRun, MeasurementStatus, MetricResult, Phase
from gradatim.model.duration import duration_seconds
from gradatim.model.reading import parse_time

from .plan import Plan

#: How long a metric waits after an error, whatever its interval.
ERROR_RETRY: Final = timedelta(seconds=10)
#: Times in the status have whole seconds, so a shorter interval would ask without any pause.
SHORTEST_INTERVAL: Final = timedelta(seconds=1)


class Action(enum.StrEnum):
    """What is asked of a provider."""

    MEASURE = "measure"
    RESUME = "resume"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One question to put to a provider.

    Attributes:
        metric: the metric's name, with arguments put in.
        index: its place in `spec.metrics`.
        number: how many of its measurements have ended.
        earlier: the measurement to resume or to terminate; None for a new one.
        due: when its time had come; None: with the decision that asks for it.
        is_brokered: it may be answered together with equal ones, and wait for a rate limit.
    """

    action: Action
    metric: str
    index: int = 0
    number: int = 0
    earlier: MeasurementStatus | None = None
    due: datetime | None = field(default=None, compare=False)
    is_brokered: bool = True


def is_terminating(run: AnalysisRun) -> bool:
    """No new measurement begins: somebody said so, or a metric that counts has decided the run."""
    return run.terminate or any(
        result.phase.is_completed and result.phase is not Phase.SUCCESSFUL and not result.dry_run
        for result in run.results
    )


def due_tasks(
    run: AnalysisRun, plan: Plan, now: datetime, in_flight: Collection[str]
) -> tuple[Task, ...]:
    """The tasks to begin now. `in_flight` are metrics whose provider is being asked already."""
    terminating = is_terminating(run)
    found = []
    for index, metric in _open_metrics(run, plan.metrics, in_flight):
        task, at = _task(run, metric, index, terminating), _next_at(run, metric, plan)
        if task is not None and (terminating or at is None or at <= now):
            found.append(replace(task, due=now if at is None else min(at, now)))
    return tuple(found)


def next_moment(run: AnalysisRun, plan: Plan, in_flight: Collection[str]) -> datetime | None:
    """When the earliest of its metrics is due; None when nothing is, until an answer comes."""
    terminating = is_terminating(run)
    moments = [
        at
        for index, metric in _open_metrics(run, plan.metrics, in_flight)
        if _task(run, metric, index, terminating) is not None
        and (at := _next_at(run, metric, plan)) is not None
    ]
    return min(moments, default=None)


def _open_metrics(
    run: AnalysisRun, metrics: Iterable[Metric], in_flight: Collection[str]
) -> Iterable[tuple[int, Metric]]:
    for index, metric in enumerate(metrics):
        result = run.result(metric.name)
        completed = result is not None and result.phase.is_completed
        if not completed and metric.name not in in_flight:
            yield index, metric


def _task(run: AnalysisRun, metric: Metric, index: int, terminating: bool) -> Task | None:
    """What the metric needs next, if anything, whenever that may be."""
    result = run.result(metric.name) or MetricResult()
    task = Task(
        action=Action.MEASURE, metric=metric.name, index=index, number=result.count + result.error
    )
    if result.is_measuring:
        action = Action.TERMINATE if terminating else Action.RESUME
        return replace(task, action=action, earlier=result.last)
    # A metric whose count is reached is completed, so it does not come here.
    return None if terminating else task


def _next_at(run: AnalysisRun, metric: Metric, plan: Plan) -> datetime | None:
    """When the metric's next task is due; None for at once."""
    result = run.result(metric.name)
    regular = _regular(run, metric, result.last if result else None, plan.offset(metric.name))
    again = parse_time(result.metadata.get(names.ASKED_AGAIN_AT, "")) if result else None
    return max(regular or again, again) if again else regular


def _regular(
    run: AnalysisRun, metric: Metric, last: MeasurementStatus | None, offset: timedelta
) -> datetime | None:
    """The same as Argo Rollouts has it, whatever the provider's silence means, but for the fraction of a second."""
    if last is None:
        return _after_delay(run, metric)
    if last.finished is None:
        return last.resume_at
    if last.phase is Phase.ERROR:
        retry = later(last.finished, ERROR_RETRY + offset)
        return max(retry, last.resume_at) if last.resume_at else retry
    return later(last.finished, interval_of(metric) + offset)


def interval_of(metric: Metric) -> timedelta:
    """How long the metric waits after a measurement."""
    interval = _length(metric.interval) if metric.interval else ERROR_RETRY
    return max(interval, SHORTEST_INTERVAL)


def _after_delay(run: AnalysisRun, metric: Metric) -> datetime | None:
    if not metric.initial_delay or run.started is None:
        return None
    return later(run.started, _length(metric.initial_delay))


def _length(text: str) -> timedelta:
    return timedelta(seconds=duration_seconds(text))


def later(moment: datetime, length: timedelta) -> datetime:
    """The moment after that length, or the end of all time where there is no such moment."""
    try:
        return moment + length
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def whole_seconds(moment: datetime) -> datetime:
    """The moment as the status keeps it, so that what is decided now is what the stored status says."""
    return moment.replace(microsecond=0)
