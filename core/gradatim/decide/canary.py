"""One pass of a canary: look at the world, want the next thing, say what is so.

In: a snapshot, the present, the hashes of template and steps. Out: a `Pass`. `decision.py` repeats passes until one
changes nothing. The order of the parts is §2.6 of the reference: services before weights, weights before pods.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..model.reading import Json
from . import attempt
from .conditions import INVALID_SPEC, PROGRESSING, Conditions, conditions_json
from .creation import create_new, sync_revision
from .draft import CANARY_PAUSE, Draft
from .effects import Effect, PatchRollout
from .history import clean_history
from .judgement import has_progressed, is_over_deadline, judge, overdue_message
from .next_status import NextStatus
from .pauses import settle_pauses, sync_conditions, tell_pauses
from .phase import phase_of
from .progress import current_step, is_promoted, step_index
from .promotion import completion, promotion_reason
from .revisions import revisions
from .rollback import is_within_window
from .runs import reconcile_runs, tidy_runs
from .scaling import scale_all
from .selector import selector_text
from .services import switch_services
from .snapshot import Snapshot
from .steps import is_complete, wait_in_pause
from .traffic import route_traffic

#: An invalid Rollout is looked at again after this, as what it refers to may have been mended.
INVALID_RETRY: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass wants done, the status it leaves, and when it wants another one at the latest."""

    effects: list[Effect]
    status: Json
    look_again: timedelta | None
    is_last: bool = False


def canary_pass(snapshot: Snapshot, now: datetime, pod_hash: str, steps_hash: str) -> Pass:
    """One pass. `pod_hash` is the hash of the template as it is now, `steps_hash` that of the steps."""
    draft = _draft(snapshot, now, pod_hash, steps_hash)
    status = _pass(draft)
    if not draft.effects and status == snapshot.rollout.status.raw:
        tidy_runs(draft)
    return Pass(draft.effects, status, draft.look_again, is_last=bool(draft.trouble))


def _draft(snapshot: Snapshot, now: datetime, pod_hash: str, steps_hash: str) -> Draft:
    rollout = snapshot.rollout
    canary = rollout.canary
    assert canary is not None, "decide() gives only canaries to this room"  # noqa: S101
    found = revisions(
        snapshot.replica_sets, pod_hash=pod_hash, stable_hash=rollout.status.stable_hash
    )
    rolls_back = is_within_window(rollout, found)
    return Draft(
        snapshot=snapshot,
        now=now,
        revisions=found,
        canary=canary,
        pod_hash=pod_hash,
        step_hash=steps_hash,
        weights=rollout.status.weights,
        rolls_back=rolls_back,
        # a release that is complete has nothing to take back, and one that goes back already is on that way
        abort_dropped=rolls_back or (is_promoted(rollout) and rollout.status.pod_hash == pod_hash),
    )


def _pass(draft: Draft) -> Json:
    if draft.revisions.new is None:
        create_new(draft)
        return _with_progressing(draft, "NewReplicaSetCreated", "Created new replica set")
    if not draft.rollout.replicas_given:
        # an autoscaler can only scale what has a number
        draft.effects.append(PatchRollout({"spec": {"replicas": draft.rollout.replicas}}))
        return draft.status.raw
    completed = draft.status.condition("Completed")
    told = sync_conditions(draft, completed=completed is not None and completed.status == "True")
    if told is not None:
        return _with_conditions(draft, told)
    sync_revision(draft, draft.revisions.new)
    if draft.is_changed:
        return _reset(draft)
    if _is_rescaled(draft):
        draft.step_run, draft.background_run = draft.status.step_run, draft.status.background_run
        if draft.canary.routing is None:
            # without routing this may take the last pods of stable, and its Service goes with them
            switch_services(draft)
        scale_all(draft)
        return _status(draft, moves=False)
    clean_history(draft)
    switch_services(draft)
    route_traffic(draft)
    if draft.trouble:
        # pods are not scaled and steps not completed on weights that could not be written
        draft.step_run, draft.background_run = draft.status.step_run, draft.status.background_run
        return _status(draft, moves=False)
    reconcile_runs(draft)
    if not draft.paused_for and not scale_all(draft):
        wait_in_pause(draft)
    return _status(draft, moves=True)


def _is_rescaled(draft: Draft) -> bool:
    """`spec.replicas` changed since the pods were last scaled: that comes before any step."""
    new, stable = draft.revisions.new, draft.revisions.stable
    active = (r for r in (new, stable) if r is not None and r.replicas > 0)
    # a set of an older version has no such note, and says nothing by that
    return any(r.desired not in (None, draft.rollout.replicas) for r in active)


def _with_progressing(draft: Draft, reason: str, message: str) -> Json:
    conditions = Conditions(draft.status.conditions, draft.now)
    conditions.set(PROGRESSING, "True", reason, message)
    return {**draft.status.raw, "conditions": conditions_json(conditions.all())}


def _with_conditions(draft: Draft, conditions: Conditions) -> Json:
    """The status as it was, with the conditions and the phase that follow from a person's doing."""
    status = _carried(draft)
    status.conditions = conditions.all()
    return _concluded(draft, status)


def _carried(draft: Draft) -> NextStatus:
    """A next status that changes nothing."""
    before = draft.status
    return NextStatus(
        before=before,
        abort=before.abort,
        aborted_at=before.aborted_at,
        pause_conditions=before.pause_conditions,
        controller_pause=before.controller_pause,
        pod_hash=before.pod_hash,
        step_hash=before.step_hash,
        step_index=before.step_index,
        conditions=before.conditions,
        stable_hash=before.stable_hash,
        promote_full=before.promote_full,
        replicas=before.replicas,
        updated_replicas=before.updated_replicas,
        ready_replicas=before.ready_replicas,
        available_replicas=before.available_replicas,
        selector=selector_text(draft.rollout.selector),
        weights=before.weights,
        step_run=before.step_run,
        background_run=before.background_run,
        duration=before.duration,
        restarted_at=before.restarted_at,
    )


def _counted(draft: Draft) -> NextStatus:
    """A next status with the counts of pods as they are, and nothing decided yet."""
    before, new = draft.status, draft.revisions.new
    everyone = draft.revisions.all
    return NextStatus(
        before=before,
        pod_hash=draft.pod_hash,
        step_hash=draft.step_hash,
        conditions=before.conditions,
        stable_hash=before.stable_hash,
        promote_full=before.promote_full and draft.pod_hash != before.stable_hash,
        replicas=sum(r.current for r in everyone),
        updated_replicas=new.current if new else 0,
        ready_replicas=sum(r.ready for r in everyone),
        available_replicas=sum(r.available for r in everyone),
        selector=selector_text(draft.rollout.selector),
        weights=draft.weights,
        step_run=draft.step_run,
        background_run=draft.background_run,
        duration=before.duration,
        restarted_at=before.restarted_at,
    )


def _reset(draft: Draft) -> Json:
    """The template or the steps changed: the release begins anew, or goes straight back to stable."""
    steps = draft.canary.steps
    status = _counted(draft)
    status.promote_full = False
    status.step_run = status.background_run = None
    status.restarted_at = draft.rollout.restart_at
    status.step_index = 0 if steps else None
    if draft.pod_hash == draft.status.stable_hash:
        if steps:
            status.step_index = len(steps)
            draft.declare("SkipSteps", "Rollback to stable ReplicaSets")
        if draft.status.pod_hash != draft.pod_hash:
            status.duration = attempt.turned_back(draft.status.duration)
    else:
        status.duration = attempt.begun(draft.now)
        if draft.rolls_back and steps:
            status.step_index = len(steps)
            _tell_rollback(draft)
    judge(draft, status)
    return _concluded(draft, status)


def _tell_rollback(draft: Draft) -> None:
    new = draft.revisions.new
    if new is not None and new.replicas:
        # the reference says so only of a revision that still has pods, and skips the steps of any
        draft.declare("SkipSteps", "Rollback to active ReplicaSets within RollbackWindow")


def _status(draft: Draft, *, moves: bool) -> Json:
    """The status after a pass. `moves`: steps may complete, and the release may be promoted."""
    status = _counted(draft)
    _abort_if_overdue(draft, status)
    if draft.status.promote_full or draft.rolls_back:
        draft.pauses_cleared = draft.abort_dropped = True
    status.step_index = _index(draft, moves=moves)
    reason = promotion_reason(draft) if moves else ""
    if reason:
        _promote(draft, status, reason)
    status.step_run, status.background_run = draft.step_run, draft.background_run
    settle_pauses(draft, status)
    _track(draft, status)
    judge(draft, status)
    return _concluded(draft, status)


def _abort_if_overdue(draft: Draft, status: NextStatus) -> None:
    if not draft.rollout.progress_deadline_abort or draft.is_aborted or status.is_promoted:
        return
    if is_over_deadline(draft) and not has_progressed(draft.status, status):
        message = overdue_message(draft)
        draft.abort(message)
        draft.declare("RolloutAborted", message, "Warning")


def _index(draft: Draft, *, moves: bool) -> int | None:
    steps, index = draft.canary.steps, step_index(draft.rollout)
    if not steps or index is None:
        return None
    if draft.status.promote_full or draft.rolls_back or is_promoted(draft.rollout):
        return len(steps)
    if draft.is_aborted:
        return 0
    if moves and index < len(steps) and is_complete(draft):
        step = current_step(draft.rollout)
        draft.declare(
            "RolloutStepCompleted", f"Rollout step {index + 1}/{len(steps)} completed ({step})"
        )
        draft.unpaused.add(CANARY_PAUSE)
        draft.step_run = None
        return index + 1
    return index


def _promote(draft: Draft, status: NextStatus, reason: str) -> None:
    draft.pauses_cleared = draft.abort_dropped = True
    draft.abort_message = None
    status.promote_full = False
    status.step_index = len(draft.canary.steps) or None
    if status.stable_hash == draft.pod_hash:
        return
    status.duration = attempt.labelled(status.duration, completion(draft))
    status.stable_hash = draft.pod_hash
    new = draft.revisions.new
    revision = new.revision if new else 0
    draft.declare(
        "RolloutCompleted",
        f"Rollout completed update to revision {revision} ({draft.pod_hash}): {reason}",
    )


def _track(draft: Draft, status: NextStatus) -> None:
    """Times of the attempt: it ends with an abort or when all pods of a promoted revision are there."""
    before, new = draft.status.duration, draft.revisions.new
    if draft.is_aborted:
        status.duration = attempt.ended(status.duration, "Aborted", draft.now)
        return
    if before.completion == "Aborted" and before.finished and not status.is_promoted:
        status.duration = attempt.begun(draft.now)
    status.duration = attempt.paused(status.duration, draft.rollout, status, draft.now)
    if status.is_promoted and new is not None and new.available >= draft.rollout.replicas:
        status.duration = attempt.ended(status.duration, "Promoted", draft.now)


def _concluded(draft: Draft, status: NextStatus) -> Json:
    status.observed_generation = str(draft.rollout.meta.generation)
    tell_pauses(draft, status)
    status.phase, status.message = phase_of(draft.rollout, status)
    return status.json()


def invalid_pass(snapshot: Snapshot, now: datetime) -> Pass:
    """A Rollout that cannot be carried out: said in its status, and nothing else touched."""
    rollout = snapshot.rollout
    conditions = Conditions(rollout.status.conditions, now)
    said = "; ".join(str(problem) for problem in snapshot.problems)
    message = f'The Rollout "{rollout.name}" is invalid: {said}'
    before = conditions.get(INVALID_SPEC)
    if before is not None and before.message != message:
        conditions.remove(INVALID_SPEC)
    conditions.set(INVALID_SPEC, "True", INVALID_SPEC, message)
    status: Json = {
        **rollout.status.raw,
        "conditions": conditions_json(conditions.all()),
        "observedGeneration": str(rollout.meta.generation),
        "phase": "Degraded",
        "message": f"{INVALID_SPEC}: {message}",
    }
    return Pass([], status, INVALID_RETRY)
