"""What the conditions of a Rollout say after a pass: healthy, completed, progressing, available, aborted.

In: the draft of a pass and the status it leaves. Out: that status with its conditions. §2.15.1 of the reference; the
order of the tests is part of the contract, as each condition set moves to the end of the list.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

from ..model.names import REVISION
from ..model.reading import whole_number
from ..model.status import Status
from .conditions import (
    ABORTED_REASON,
    AVAILABLE,
    COMPLETED,
    HEALTHY,
    INVALID_SPEC,
    NEW_AVAILABLE_REASON,
    PAUSED,
    PAUSED_REASON,
    PROGRESSING,
    REPLICA_FAILURE,
    TIMED_OUT_REASON,
    Conditions,
)
from .draft import Draft
from .next_status import NextStatus
from .progress import current_step
from .waiting import PATIENCE, WAITING

#: What a release waits for, in a sentence; "" for nothing. It is asked for only where nothing moves.
Awaited: TypeAlias = Callable[[], str]


def judge(draft: Draft, status: NextStatus, awaited: Awaited = str) -> None:
    """Fill in the conditions of `status`; may abort the release when it is over its deadline."""
    conditions = Conditions(draft.status.conditions, draft.now)
    conditions.remove(INVALID_SPEC)
    became_unhealthy = _judge_health(draft, status, conditions)
    _judge_completion(draft, status, conditions)
    if draft.is_aborted:
        _tell_abort(draft, conditions)
    elif not _is_settled(draft, status):
        _judge_progress(draft, status, conditions, awaited, became_unhealthy=became_unhealthy)
    _judge_availability(draft, status, conditions)
    _copy_failures(draft, conditions)
    status.conditions = conditions.all()


def is_healthy(draft: Draft, status: NextStatus) -> bool:
    """All replicas are new and available, and the strategy has nothing left to do."""
    rollout, replicas = draft.rollout, draft.rollout.replicas
    return (
        status.updated_replicas == replicas
        and status.available_replicas == replicas
        and draft.status.observed_generation == str(rollout.meta.generation)
        and _is_through(draft, status)
    )


def _is_through(draft: Draft, status: NextStatus) -> bool:
    """The strategy has nothing left to do: blue-green keeps old pods for a while, a canary none."""
    block, here = draft.rollout.blue_green_view, status.blue_green
    if block is not None and here is not None:
        named = {here.active, here.preview} if block.preview_service else {here.active}
        return named == {status.pod_hash}
    steps_done = status.step_index is None or status.step_index == len(draft.canary.steps)
    return steps_done and status.is_promoted and status.replicas == draft.rollout.replicas


def _judge_health(draft: Draft, status: NextStatus, conditions: Conditions) -> bool:
    """True if the Rollout was healthy and is no longer."""
    paused = bool(draft.status.pause_conditions) or draft.rollout.paused
    if not paused and is_healthy(draft, status):
        conditions.set(HEALTHY, "True", "RolloutHealthy", "Rollout is healthy")
        return False
    if conditions.get(HEALTHY) is None:
        return False
    return conditions.set(HEALTHY, "False", "RolloutHealthy", "Rollout is not healthy")


def _judge_completion(draft: Draft, status: NextStatus, conditions: Conditions) -> None:
    word = "RolloutCompleted"
    if status.is_promoted:
        conditions.set(COMPLETED, "True", word, word)
    elif conditions.set(COMPLETED, "False", word, word):
        # a set that is used again gets its new number in this very pass
        new = draft.revisions.new
        revision = max(new.revision if new else 0, draft.revisions.next_revision())
        draft.declare(
            "RolloutNotCompleted",
            f"Rollout not completed, started update to revision {revision} ({status.pod_hash})",
        )


def _revision(draft: Draft) -> int:
    text = draft.rollout.meta.annotations.get(REVISION, "")
    return whole_number(text) or 0


def _tell_abort(draft: Draft, conditions: Conditions) -> None:
    message = f"Rollout aborted update to revision {_revision(draft)}"
    if draft.abort_message:
        message += f": {draft.abort_message}"
    if conditions.set(PROGRESSING, "False", ABORTED_REASON, message):
        draft.declare(ABORTED_REASON, message, "Warning")


def _is_settled(draft: Draft, status: NextStatus) -> bool:
    """Nothing is going on, so that no progress is to be expected."""
    before = draft.status.condition(PROGRESSING)
    return (
        status.replicas == status.available_replicas
        and before is not None
        and before.reason == NEW_AVAILABLE_REASON
        and before.status != "False"
    )


def _judge_progress(
    draft: Draft,
    status: NextStatus,
    conditions: Conditions,
    awaited: Awaited,
    *,
    became_unhealthy: bool,
) -> None:
    subject = _subject(draft)
    # a pause after the switch of a blue-green release says so; the reference says both in turn, for ever
    paused = bool(status.pause_conditions) or draft.rollout.paused
    if is_healthy(draft, status) and (status.is_promoted or not paused):
        conditions.set(
            PROGRESSING, "True", NEW_AVAILABLE_REASON, f"{subject} has successfully progressed."
        )
    elif became_unhealthy or has_progressed(draft.status, status) or draft.goes_on:
        conditions.refresh(
            PROGRESSING, "True", _progress_reason(draft, status), f"{subject} is progressing."
        )
    elif is_over_deadline(draft):
        conditions.set(PROGRESSING, "False", TIMED_OUT_REASON, overdue_message(draft))
    else:
        _tell_wait(draft, status, conditions, awaited)
    _ask_at_deadline(draft, conditions)


def _tell_wait(draft: Draft, status: NextStatus, conditions: Conditions, awaited: Awaited) -> None:
    """Say what is waited for, once nothing has moved for a while; the next progress takes the words away."""
    before = conditions.get(PROGRESSING)
    sentence = "" if status.pause_conditions else awaited()
    if not sentence or before is None or before.status != "True" or before.updated is None:
        return
    if draft.now < before.updated + PATIENCE:
        draft.due(before.updated + PATIENCE)
        return
    if WAITING not in before.message:
        draft.declare("RolloutWaiting", f"Rollout is {sentence}")
    conditions.reword(PROGRESSING, f"{_subject(draft)} is progressing: {sentence}.")


def _progress_reason(draft: Draft, status: NextStatus) -> str:
    """A release that was complete and lost pods is told apart, so that its deadline starts anew."""
    promoted_before = status.is_promoted and draft.status.stable_hash == status.stable_hash
    return "ReplicaSetNotAvailable" if promoted_before else "ReplicaSetUpdated"


def has_progressed(before: Status, after: NextStatus) -> bool:
    """Something moved forward between two statuses."""
    old_before = before.replicas - before.updated_replicas
    old_after = after.replicas - after.updated_replicas
    indexes = (before.step_index, after.step_index)
    return (
        after.updated_replicas != before.updated_replicas
        or old_after < old_before
        or after.ready_replicas > before.ready_replicas
        or after.available_replicas > before.available_replicas
        or after.stable_hash != before.stable_hash
        or (None not in indexes and indexes[0] != indexes[1])
        or after.step_hash != before.step_hash
        or _has_switched(before, after)
    )


def _has_switched(before: Status, after: NextStatus) -> bool:
    was, here = before.blue_green, after.blue_green
    return here is not None and (was.active, was.preview) != (here.active, here.preview)


def overdue_message(draft: Draft) -> str:
    """What is said of a release that made no progress for too long."""
    return f"{_subject(draft)} has timed out progressing."


def _subject(draft: Draft) -> str:
    new = draft.revisions.new
    return f'ReplicaSet "{new.name}"' if new else f'Rollout "{draft.rollout.name}"'


def is_over_deadline(draft: Draft) -> bool:
    """No progress was made for longer than progressDeadlineSeconds, where some was to be expected."""
    step = current_step(draft.rollout)
    if step is not None and (step.is_pause or step.kind in ("analysis", "experiment")):
        # nobody expects pods to change there, however long it takes
        return False
    if draft.awaits_verdict or draft.held or draft.goes_on:
        return False
    if any(c.type == PAUSED and c.status == "True" for c in draft.status.conditions):
        return False
    if any(r.deadline and r.deadline > draft.now for r in draft.revisions.others):
        # the reference says so of a delay that is over, too: pods that something keeps would hide the deadline for ever
        return False
    before = draft.status.condition(PROGRESSING)
    if before is None or before.reason in (ABORTED_REASON, PAUSED_REASON):
        return False
    if before.reason == TIMED_OUT_REASON:
        return True
    deadline = timedelta(seconds=draft.rollout.progress_deadline)
    return before.updated is not None and before.updated + deadline < draft.now


def _ask_at_deadline(draft: Draft, conditions: Conditions) -> None:
    condition = conditions.get(PROGRESSING)
    waiting = condition is not None and condition.reason not in (
        ABORTED_REASON,
        PAUSED_REASON,
        TIMED_OUT_REASON,
        NEW_AVAILABLE_REASON,
    )
    if waiting and condition is not None and condition.updated is not None:
        deadline = timedelta(seconds=draft.rollout.progress_deadline + 1)
        if condition.updated + deadline > draft.now:
            draft.due(condition.updated + deadline)


def _judge_availability(draft: Draft, status: NextStatus, conditions: Conditions) -> None:
    if _is_available(draft, status):
        conditions.set(AVAILABLE, "True", "AvailableReason", "Rollout has minimum availability")
    else:
        conditions.set(
            AVAILABLE, "False", "AvailableReason", "Rollout does not have minimum availability"
        )


def _is_available(draft: Draft, status: NextStatus) -> bool:
    replicas = draft.rollout.replicas
    if status.blue_green is None:
        return status.available_replicas >= replicas
    active = draft.revisions.of(status.blue_green.active)
    return active is not None and active.is_saturated(replicas)


def _copy_failures(draft: Draft, conditions: Conditions) -> None:
    """A ReplicaSet that cannot make its pods says why; the new one's reason counts first."""
    new = draft.revisions.new
    order = ([new] if new else []) + [r for r in draft.revisions.all if r is not new]
    failure = next((r.failure for r in order if r.failure), None)
    if failure is None:
        conditions.remove(REPLICA_FAILURE)
        return
    conditions.set(
        REPLICA_FAILURE,
        str(failure.get("status", "True")),
        str(failure.get("reason", "")),
        str(failure.get("message", "")),
    )
