"""What a pass begins with and comes to, as far as that is the same for every strategy.

In: the draft of a pass. Out: a `NextStatus` to go on with, or the whole status as JSON where the pass ends early.
Called by `canary.py` and by `bluegreen/flow.py`, which fill in what is their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..model.reading import Json
from . import attempt
from .conditions import INVALID_SPEC, PROGRESSING, Conditions, conditions_json
from .creation import create_new, sync_revision
from .draft import Draft
from .effects import Effect, PatchRollout
from .injection import sync_templates
from .judgement import has_progressed, is_over_deadline, overdue_message
from .next_status import NextStatus
from .pauses import sync_conditions, tell_pauses
from .phase import phase_of
from .restart import restarted_at
from .selector import selector_text
from .snapshot import Snapshot

#: An invalid Rollout is looked at again after this, as what it refers to may have been mended.
INVALID_RETRY: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass wants done, the status it leaves, and when it wants another one at the latest."""

    effects: list[Effect]
    status: Json
    look_again: timedelta | None
    is_last: bool = False


def preliminaries(draft: Draft) -> Json | None:
    """What comes before any strategy; the status, if the pass ends with it."""
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
    # before anything is scaled, so that new pods are right from the beginning
    draft.effects.extend(sync_templates(draft.rollout, draft.revisions, draft.snapshot.pods))
    return None


def _with_progressing(draft: Draft, reason: str, message: str) -> Json:
    conditions = Conditions(draft.status.conditions, draft.now)
    conditions.set(PROGRESSING, "True", reason, message)
    return {**draft.status.raw, "conditions": conditions_json(conditions.all())}


def _with_conditions(draft: Draft, conditions: Conditions) -> Json:
    """The status as it was, with the conditions and the phase that follow from a person's doing."""
    status = _carried(draft)
    status.conditions = conditions.all()
    return concluded(draft, status)


def _carried(draft: Draft) -> NextStatus:
    """A next status that changes nothing."""
    before = draft.status
    scaled = before.raw.get("HPAReplicas")
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
        scaled_replicas=scaled if isinstance(scaled, int) else None,
        selector=str(before.raw.get("selector") or ""),
        weights=before.weights,
        stable_ping_pong=before.stable_ping_pong,
        step_run=before.step_run,
        background_run=before.background_run,
        step_plugins=before.step_plugins if draft.rollout.canary else (),
        current_experiment=before.current_experiment,
        blue_green=before.blue_green if draft.rollout.blue_green_view else None,
        duration=before.duration,
        restarted_at=before.restarted_at,
    )


def counted(draft: Draft) -> NextStatus:
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
        stable_ping_pong=before.stable_ping_pong,
        step_run=draft.step_run,
        background_run=draft.background_run,
        step_plugins=draft.step_plugins,
        duration=before.duration,
        restarted_at=restarted_at(draft.snapshot, draft.now),
    )


def abort_if_overdue(draft: Draft, status: NextStatus) -> None:
    """Take back a release that made no progress for too long, where its author wants that.

    Not one that goes on whatever happens: its abort would be dropped, and begin anew after each deadline.
    """
    if not draft.rollout.progress_deadline_abort or draft.is_aborted or status.is_promoted:
        return
    if draft.abort_dropped:
        return
    if is_over_deadline(draft) and not has_progressed(draft.status, status):
        message = overdue_message(draft)
        draft.abort(message)
        draft.declare("RolloutAborted", message, "Warning")


def track(draft: Draft, status: NextStatus) -> None:
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


def concluded(draft: Draft, status: NextStatus) -> Json:
    """The whole status: the events of pauses are told, phase and message follow from the rest."""
    status.observed_generation = str(draft.rollout.meta.generation)
    tell_pauses(draft, status)
    status.phase, status.message = phase_of(draft.rollout, status, draft.held)
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
