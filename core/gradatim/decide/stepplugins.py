"""Steps that plugins carry out: which operation is due, and what the answers mean for the release. §6.3.

In: the draft of a pass, with the answer of the last call in its snapshot. Out: `stepPluginStatuses`, an abort, the
next call. An operation is noted in the status before its first call, so that a controller that is killed in between
leaves a trace of what it has begun; answers to what is not noted any more mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from ..model.rollout import Rollout
from ..model.stepplugins import Operation, PluginPhase, StepPluginStatus, changed
from ..model.steps import PluginStep
from .draft import CANARY_PAUSE, Draft
from .plugincall import PluginAnswer, PluginAsk, PluginCall
from .progress import current_step, is_promoted, step_index

#: Seconds between two calls: while a step is running, at least, and after an error. As in the reference.
DEFAULT_REQUEUE: Final = 30.0
LEAST_REQUEUE: Final = 10.0
ERROR_BACKOFF: Final = 30.0
_LONGEST_ERROR_BACKOFF: Final = 300.0
_LONGEST_REQUEUE: Final = 86_400.0

Entries = tuple[StepPluginStatus, ...]


def follow_step_plugins(draft: Draft) -> None:
    """Read the answer, and note what an abort, a promotion or a skipped step makes due."""
    entries = _absorbed(draft)
    if _is_retried(draft):
        entries = _left(entries)
    skipped = draft.snapshot.skipped_steps
    entries = tuple(e for e in entries if not (e.is_pending and e.name in skipped))
    if draft.is_aborted:
        entries += tuple(_aborts(draft, entries))
    else:
        entries += tuple(_terminations(draft, entries))
    draft.step_plugins = entries


def begin_plugin_step(draft: Draft) -> None:
    """At a step with a plugin: note that it was reached, which makes its `Run` due."""
    step, index = _plugin_at(draft.rollout), step_index(draft.rollout)
    if step is None or index is None or draft.is_aborted or _is_through(draft):
        return
    run = _run_of(draft.step_plugins, index, step.name)
    if step.name in draft.snapshot.skipped_steps:
        _pass_over(draft, index, step.name, run)
        return
    is_new = run is None or _is_settled(draft.step_plugins, run)
    if is_new and not draft.rollout.paused and not _must_wait(draft):
        others = (e for e in draft.step_plugins if not e.is_about(index, step.name))
        draft.step_plugins = (*others, _entry(draft, Operation.RUN, index, step.name))


def is_plugin_done(draft: Draft) -> bool:
    """The plugin of the current step has done its work, or there is none."""
    step, index = _plugin_at(draft.rollout), step_index(draft.rollout)
    if step is None or index is None:
        return True
    entries = draft.step_plugins
    run = _run_of(entries, index, step.name)
    if run is None or _is_settled(entries, run):
        return False
    return run.disabled or run.phase == PluginPhase.SUCCESSFUL


def reset_step_plugins(draft: Draft) -> None:
    """The template or the steps changed: nothing of the attempt before stays but what has to be ended yet.

    The reference forgets all of it, and with it jobs that a plugin has begun and nobody ends.
    """
    answer = draft.snapshot.plugin_answer
    # what a step has come to is of no interest any more: it is ended in any case
    is_of_step = answer is not None and answer.call.operation == Operation.RUN
    entries = draft.status.step_plugins if is_of_step else _absorbed(draft)
    ending = tuple(
        _entry(draft, Operation.TERMINATE, e.index, e.name)
        for e in entries
        if e.is_open and _is_endable(draft, entries, e)
    )
    draft.step_plugins = _left(entries + ending)


def asked_plugin(rollout: Rollout, now: datetime, *, held: bool = False) -> PluginAsk | None:
    """The call that the Rollout, with its status as it will be written, waits for. `held`: it may not begin."""
    entries = rollout.status.step_plugins
    pending = next((e for e in entries if e.is_pending), None)
    if pending is not None:
        return PluginAsk(call=_call(rollout, entries, pending), may_begin=not held)
    step, index = _plugin_at(rollout), step_index(rollout)
    run = _run_of(entries, index, step.name) if step and index is not None else None
    if run is None or not run.is_open or _is_settled(entries, run) or rollout.status.abort:
        return None
    waits = {p.reason for p in rollout.status.pause_conditions} - {CANARY_PAUSE}
    held = held or rollout.paused or bool(waits)
    due = _due(run)
    is_due = due is None or due <= now
    return PluginAsk(
        call=_call(rollout, entries, run),
        may_begin=is_due and not held,
        due=None if held else due,
    )


def _due(run: StepPluginStatus) -> datetime | None:
    if not run.executions or run.updated is None:
        return None
    return run.updated + timedelta(seconds=min(run.backoff, _LONGEST_REQUEUE))


def _call(rollout: Rollout, entries: Entries, entry: StepPluginStatus) -> PluginCall:
    run = _run_of(entries, entry.index, entry.name)
    step = _plugin_at(rollout, entry.index)
    known = entry if run is None else run
    return PluginCall(
        operation=entry.operation,
        index=entry.index,
        name=entry.name,
        started=entry.started,
        executions=_answers_to(entry),
        reached=run.started if run else entry.updated or entry.started,
        runs=known.executions,
        config=step.config if step is not None and step.name == entry.name else {},
        status=known.status,
    )


# answers


def _absorbed(draft: Draft) -> Entries:
    """The entries with the answer to the one that it is about, if it is still there."""
    entries, answer = draft.status.step_plugins, draft.snapshot.plugin_answer
    if answer is None:
        return entries
    place = next((i for i, e in enumerate(entries) if _answers(answer, e, entries)), None)
    if place is None:
        return entries
    entry = entries[place]
    following = _answered(entry, answer)
    _tell(draft, entry, following)
    if following.is_run and following.phase == PluginPhase.FAILED and _matters(draft, entry):
        draft.abort(following.message)
    # what is left of an earlier attempt is done with, and nobody asks for it any more
    is_left = not entry.is_run and _run_of(entries, entry.index, entry.name) is None
    return (*entries[:place], *(() if is_left else (following,)), *entries[place + 1 :])


def _answers(answer: PluginAnswer, entry: StepPluginStatus, entries: Entries) -> bool:
    """It is about this entry, as it is now; what a step has come to is settled once it is to be ended."""
    call = answer.call
    if entry.is_run and _is_settled(entries, entry):
        return False
    return (
        (entry.is_open or entry.is_pending)
        and entry.is_about(call.index, call.name)
        and (entry.operation, entry.started, _answers_to(entry))
        == (call.operation, call.started, call.executions)
    )


def _matters(draft: Draft, run: StepPluginStatus) -> bool:
    """The release is at this step, and nobody has told it to skip the steps or to go back."""
    is_over = draft.is_aborted or _is_through(draft)
    return not is_over and run.index == step_index(draft.rollout)


def _answers_to(entry: StepPluginStatus) -> int:
    """To the operation itself: one that ends something is answered once, and may have noted the answers to `Run`."""
    return entry.executions if entry.is_run else 0


def _answered(entry: StepPluginStatus, answer: PluginAnswer) -> StepPluginStatus:
    if not entry.is_run:
        # they cannot go on: whoever asked for them has gone on already
        is_running = answer.phase == PluginPhase.RUNNING
        phase = PluginPhase.FAILED if is_running else answer.phase
        return changed(entry, phase=phase, message=answer.message, finished=answer.at)
    ends = answer.phase in (PluginPhase.SUCCESSFUL, PluginPhase.FAILED)
    return changed(
        entry,
        phase=answer.phase,
        message=answer.message,
        updated=answer.at,
        finished=answer.at if ends else None,
        backoff=0.0 if ends else _backoff(answer),
        executions=entry.executions + 1,
        status=entry.status if answer.phase == PluginPhase.ERROR else answer.status,
    )


def _backoff(answer: PluginAnswer) -> float:
    asked = answer.requeue_after
    if answer.phase == PluginPhase.ERROR:
        return min(max(ERROR_BACKOFF, asked or 0.0), _LONGEST_ERROR_BACKOFF)
    if asked is None:
        return DEFAULT_REQUEUE
    return min(max(LEAST_REQUEUE, asked), _LONGEST_REQUEUE)


def _tell(draft: Draft, before: StepPluginStatus, after: StepPluginStatus) -> None:
    """The event of a new phase. That a step is complete is told by another one."""
    is_first = after.is_run and before.executions == 0
    if after.is_run and after.phase == PluginPhase.SUCCESSFUL:
        return
    if is_first or before.phase != after.phase:
        bad = after.phase in (PluginPhase.FAILED, PluginPhase.ERROR)
        draft.declare(
            "StepPluginTransition",
            f"{after.operation} of plugin '{after.name}' in step {after.index + 1}: {after.phase}",
            "Warning" if bad else "Normal",
        )


# what becomes due


def _aborts(draft: Draft, entries: Entries) -> Iterator[StepPluginStatus]:
    """For each step that was done or begun, the latest first. In the reference not for those in Error, of which nobody
    knows what they have done.
    """
    for entry in reversed(entries):
        done = entry.phase == PluginPhase.SUCCESSFUL
        begun = entry.is_run and not entry.disabled and (done or entry.is_open)
        if begun and not _has(entries, Operation.ABORT, entry) and _is_known(draft, entry):
            yield _entry(draft, Operation.ABORT, entry.index, entry.name)


def _terminations(draft: Draft, entries: Entries) -> Iterator[StepPluginStatus]:
    """For each step that the release has left while its plugin was not through."""
    index = step_index(draft.rollout)
    for entry in entries:
        is_past = _is_through(draft) or (index is not None and entry.index < index)
        if entry.is_open and is_past and _is_endable(draft, entries, entry):
            yield _entry(draft, Operation.TERMINATE, entry.index, entry.name)


def _is_endable(draft: Draft, entries: Entries, run: StepPluginStatus) -> bool:
    return not _is_settled(entries, run) and _is_known(draft, run)


def _is_settled(entries: Entries, run: StepPluginStatus) -> bool:
    """Nobody asks it any more: it failed, or was ended. One who comes to its step again begins anew."""
    ended = any(not e.is_run and e.is_about(run.index, run.name) for e in entries)
    return ended or run.phase == PluginPhase.FAILED


def _is_known(draft: Draft, run: StepPluginStatus) -> bool:
    """The step is still there, so that its plugin can be given its config; and the plugin is to be used."""
    step = _plugin_at(draft.rollout, run.index)
    is_there = step is not None and step.name == run.name
    return is_there and run.name not in draft.snapshot.skipped_steps


def _left(entries: Entries) -> Entries:
    """Of an attempt that is over: what was to be called and was not yet answered, with what it takes to call it."""
    return tuple(_detached(e, _run_of(entries, e.index, e.name)) for e in entries if e.is_pending)


def _detached(entry: StepPluginStatus, run: StepPluginStatus | None) -> StepPluginStatus:
    if run is None:
        return entry
    return changed(entry, status=run.status, updated=run.started, executions=run.executions)


def _pass_over(draft: Draft, index: int, name: str, run: StepPluginStatus | None) -> None:
    """The operator wants steps of this plugin skipped."""
    if run is None:
        run = StepPluginStatus(index=index, name=name, operation=Operation.RUN, disabled=True)
        draft.step_plugins = (*draft.step_plugins, run)
    elif not run.disabled:
        draft.step_plugins = tuple(
            changed(e, disabled=True) if e is run else e for e in draft.step_plugins
        )


def _must_wait(draft: Draft) -> bool:
    """What is to be ended comes first; and no two attempts reach a step in one second, by which they are told apart."""
    if any(e.is_pending for e in draft.step_plugins) or _is_retried(draft):
        return True
    began = draft.status.duration.started
    if began is None or _second(began) < _second(draft.now):
        return False
    draft.due(_second(began) + timedelta(seconds=1))
    return True


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _is_retried(draft: Draft) -> bool:
    """A person wants an aborted release tried again, and this is the first pass that sees it."""
    return draft.status.aborted_at is not None and not draft.is_aborted


def _is_through(draft: Draft) -> bool:
    """No step is to be carried out: it is the first release, or all steps are skipped or done."""
    return (
        draft.status.stable_hash == ""
        or draft.status.promote_full
        or draft.rolls_back
        or is_promoted(draft.rollout)
    )


def _plugin_at(rollout: Rollout, index: int | None = None) -> PluginStep | None:
    """The plugin of the step at an index, or of the current one."""
    if index is None:
        step = current_step(rollout)
        return step.plugin if step else None
    steps = rollout.canary.steps if rollout.canary else ()
    return steps[index].plugin if 0 <= index < len(steps) else None


def _run_of(entries: Entries, index: int, name: str) -> StepPluginStatus | None:
    return next((e for e in entries if e.is_run and e.is_about(index, name)), None)


def _has(entries: Entries, operation: Operation, run: StepPluginStatus) -> bool:
    return any(e.operation == operation and e.is_about(run.index, run.name) for e in entries)


def _entry(draft: Draft, operation: Operation, index: int, name: str) -> StepPluginStatus:
    return StepPluginStatus(
        index=index,
        name=name,
        operation=operation,
        phase=PluginPhase.RUNNING,
        started=_second(draft.now),
    )
