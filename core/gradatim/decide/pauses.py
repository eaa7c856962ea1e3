"""Abort and pause in the next status: computed first, as conditions and phase follow from them.

In: the draft of a pass. Out: abort, pause conditions and controllerPause of the next status. §2.15.4.
"""

from __future__ import annotations

from ..model.status import PauseCondition
from .conditions import (
    ABORTED_REASON,
    PAUSED,
    PAUSED_REASON,
    PROGRESSING,
    RESUMED_REASON,
    RETRY_REASON,
    Conditions,
)
from .draft import Draft
from .next_status import NextStatus


def settle_pauses(draft: Draft, status: NextStatus) -> None:
    """Fill in abort and pauses of `status`. An abort takes all pauses away."""
    before = draft.status
    if draft.is_aborted:
        status.abort = True
        status.aborted_at = before.aborted_at or draft.now
        return
    if draft.pauses_cleared:
        return
    kept = [p for p in before.pause_conditions if p.reason not in draft.unpaused]
    present = {p.reason for p in kept}
    added = [r for r in dict.fromkeys(draft.paused_for) if r not in present]
    kept += [PauseCondition(reason, draft.now) for reason in added]
    if kept:
        status.pause_conditions = tuple(kept)
        # true with no conditions left is how a person says "go on"; see steps.py
        status.controller_pause = before.controller_pause or bool(added)


def tell_pauses(draft: Draft, status: NextStatus) -> None:
    """The events of a pause that began or ended in this pass."""
    was, now = bool(draft.status.pause_conditions), bool(status.pause_conditions)
    if now and not was:
        reasons = ", ".join(p.reason for p in status.pause_conditions)
        draft.declare(PAUSED_REASON, f"Rollout is paused ({reasons})")
    elif was and not now and not status.abort:
        draft.declare(RESUMED_REASON, "Rollout is resumed")


def sync_conditions(draft: Draft, *, completed: bool) -> Conditions | None:
    """The conditions after a pause, a resume or a retry by a person; None if nothing of that happened.

    Only for a spec that was seen: before that, the status is of an earlier one.
    """
    status, rollout = draft.status, draft.rollout
    if status.observed_generation != str(rollout.meta.generation):
        return None
    conditions = Conditions(status.conditions, draft.now)
    progressing = conditions.get(PROGRESSING)
    reason = progressing.reason if progressing else ""
    paused = bool(status.pause_conditions) or rollout.paused
    aborted = reason == ABORTED_REASON
    changed = False
    if paused != (reason == PAUSED_REASON) and not aborted and not completed:
        if paused:
            changed |= conditions.set(PROGRESSING, "Unknown", PAUSED_REASON, "Rollout is paused")
        else:
            changed |= conditions.set(PROGRESSING, "Unknown", RESUMED_REASON, "Rollout is resumed")
    if aborted and not status.abort:
        changed |= conditions.set(
            PROGRESSING, "Unknown", RETRY_REASON, "Retrying Rollout after abort"
        )
    held = conditions.get(PAUSED)
    if paused != (held is not None and held.status == "True") and not aborted:
        changed |= conditions.set(
            PAUSED, "True" if paused else "False", PAUSED_REASON, "Rollout is paused"
        )
    return conditions if changed else None
