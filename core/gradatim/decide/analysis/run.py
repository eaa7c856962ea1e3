"""What happens next to an AnalysisRun: the whole loop as one function of its state.

In: a run, the outcomes that came in, the metrics being asked about, and `now`. Out: a `RunDecision`.
`run/analysis.py` calls it in every pass and carries out what it says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from gradatim.decide.statuspatch import merge_patch
from gradatim.model.analysisrun import AnalysisRun, MetricResult, Phase
from gradatim.plugin import Json

from .absorption import absorb
from .assessment import Assessment, assess
from .bounds import bounded
from .events import RunEvent, metric_goes_on, metric_waits, run_completed
from .lifetime import seconds_to_live
from .plan import Plan, plan_of
from .schedule import Task, due_tasks, next_moment, whole_seconds
from .silence import is_waiting, waiting_message
from .status import status_json
from .values import Measured

#: Nothing waits longer in one go: intervals of years are no reason for a timer of years.
_LONGEST_WAIT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDecision:
    """What to do with a run.

    Attributes:
        tasks: what to ask of providers now.
        patch: the merge patch for the object itself, as there is no status subresource; {} when its status is right.
        events: to record once the patch is written.
        trimmed: metrics whose history was cut, and how many measurements are left: providers may clean up.
        delete: its time to live is over.
        look_again_in: seconds until something is due; None when nothing is until the object or a task changes it.
    """

    tasks: tuple[Task, ...] = ()
    patch: Json = field(default_factory=dict)
    events: tuple[RunEvent, ...] = ()
    trimmed: Mapping[str, int] = field(default_factory=dict)
    delete: bool = False
    look_again_in: float | None = None


def decide_run(
    run: AnalysisRun,
    now: datetime,
    outcomes: Sequence[Measured] = (),
    in_flight: Collection[str] = (),
    plan: Plan | str | None = None,
) -> RunDecision:
    """Decide about a run.

    Args:
        run: as it is stored.
        now: aware, UTC.
        outcomes: of tasks that have ended and that no stored status holds yet.
        in_flight: names of the metrics whose tasks have begun and not ended.
        plan: what `plan_of` says of the run, where that is known from an earlier pass.
    """
    if run.meta.deleting:
        return RunDecision()
    if run.phase.is_completed:
        left = seconds_to_live(run, now)
        return RunDecision(delete=left == 0, look_again_in=left or None)
    if plan is None:
        plan = plan_of(run)
    fatal = next((outcome.fatal for outcome in outcomes if outcome.fatal), "")
    if isinstance(plan, str) or fatal:
        return _in_error(plan if isinstance(plan, str) else fatal)
    return _advance(run, plan, _Moment(now, tuple(outcomes), frozenset(in_flight)))


@dataclass(frozen=True, slots=True)
class _Moment:
    now: datetime
    outcomes: tuple[Measured, ...]
    in_flight: frozenset[str]


def _in_error(message: str) -> RunDecision:
    """The run ends here. Argo Rollouts leaves `completedAt` and the summaries as they are, and so do we."""
    patch = {"phase": str(Phase.ERROR), "message": message}
    return RunDecision(patch={"status": patch}, events=(run_completed(Phase.ERROR),))


def _advance(run: AnalysisRun, plan: Plan, at: _Moment) -> RunDecision:
    counted = absorb(run, plan, at.outcomes, at.now)
    assessment = assess(counted, plan, at.in_flight)
    started = run.started or whole_seconds(min([at.now, *(o.started for o in at.outcomes)]))
    results, trimmed = _trimmed(assessment.results, plan)
    after = replace(counted, results=results, started=started)
    if assessment.phase is not run.phase:
        after = replace(after, phase=assessment.phase, message=assessment.message)
    if after.phase is Phase.RUNNING:
        after = replace(after, message=waiting_message(after))
    if at.outcomes:
        after = bounded(after)
    if after.phase.is_completed:
        return _decision(run, _completed(after, at.now), assessment, trimmed)
    tasks = tuple(
        replace(task, is_brokered=plan.policy(task.metric).is_brokered)
        for task in due_tasks(after, plan, at.now, at.in_flight)
    )
    asked = at.in_flight | {task.metric for task in tasks}
    if _has_nothing_to_say(run, plan, at.outcomes, asked):
        return RunDecision(tasks=tasks)
    decision = _decision(run, after, assessment, trimmed)
    moment = next_moment(after, plan, asked)
    wait = None if moment is None else _seconds(moment - at.now)
    return replace(decision, tasks=tasks, look_again_in=wait)


def _has_nothing_to_say(
    run: AnalysisRun, plan: Plan, outcomes: Sequence[Measured], asked: Collection[str]
) -> bool:
    """A new run whose every metric is being asked about for the first time is written with the first answers.

    So does Argo Rollouts: a run that is decided by its first measurement goes from no phase to its last one.
    """
    is_new = run.phase is Phase.NONE and run.started is None and not outcomes
    return is_new and all(metric.name in asked for metric in plan.metrics)


def _completed(run: AnalysisRun, now: datetime) -> AnalysisRun:
    return run if run.completed else replace(run, completed=whole_seconds(now))


def _trimmed(
    results: Sequence[MetricResult], plan: Plan
) -> tuple[tuple[MetricResult, ...], dict[str, int]]:
    kept, trimmed = [], {}
    for result in results:
        limit = plan.kept(result.name)
        if len(result.measurements) > limit:
            result = replace(result, measurements=result.measurements[-limit:])
            trimmed[result.name] = limit
        kept.append(result)
    return tuple(kept), trimmed


def _decision(
    before: AnalysisRun, after: AnalysisRun, assessment: Assessment, trimmed: Mapping[str, int]
) -> RunDecision:
    summaries = {"runSummary": assessment.summary, "dryRunSummary": assessment.dry_run_summary}
    patch = merge_patch(before.status, status_json(after, summaries))
    events = (*assessment.events, *_silences(before, after))
    if after.phase.is_completed:
        events = (*events, run_completed(after.phase))
    return RunDecision(patch={"status": patch} if patch else {}, events=events, trimmed=trimmed)


def _silences(before: AnalysisRun, after: AnalysisRun) -> Iterator[RunEvent]:
    """Where waiting for a provider began or ended."""
    for result in after.results:
        known = before.result(result.name)
        was, now = known is not None and is_waiting(known), is_waiting(result)
        if now and not was:
            yield metric_waits(result.name, result.message)
        elif was and not now and not result.phase.is_completed:
            yield metric_goes_on(result.name)


def _seconds(wait: timedelta) -> float:
    return max(0.0, min(wait, _LONGEST_WAIT).total_seconds())
