"""When a release need not wait, and when its revision becomes the stable one.

In: the draft of a pass. Out: yes or no, and the reason to promote, or none. §2.9, §2.13 and §2.14 of the reference.
"""

from __future__ import annotations

from .draft import BlueGreenDraft, remaining


def is_fast_rollback(draft: BlueGreenDraft) -> bool:
    """It goes back to a revision that is known: stable itself, one within the window, or one in its delay.

    A deadline that was not over when the release began stays on the ReplicaSet until the switch is made: the reference
    drops it in the first pass, and forgets that it was going back fast when a pod is missing in that very moment.
    After an abort the deadline is that of the abort, and says nothing of the kind.
    """
    new, stable = draft.revisions.new, draft.revisions.stable
    if new is None or stable is None:
        return False
    if new is stable or draft.rolls_back:
        return True
    waits = new.has_deadline and draft.status.aborted_at is None
    # the API server tells the second only
    return waits and new.meta.created <= stable.meta.created


def is_fast_tracked(draft: BlueGreenDraft) -> bool:
    """No pause and no analysis before the switch."""
    if draft.status.promote_full or draft.is_active:
        return True
    return not draft.active_hash or is_fast_rollback(draft)


def restores_stable(draft: BlueGreenDraft) -> bool:
    """The active Service has lost its hash, or never had one, while stable answers: it is stable's.

    The reference gives it to the new revision at once, past pause and analysis.
    """
    revisions = draft.revisions
    return (
        not draft.active_hash and revisions.has_distinct_stable and remaining(revisions.stable) > 0
    )


def promotion_reason(draft: BlueGreenDraft) -> str:
    """Why the new revision becomes stable in this pass; "" if it does not. The words end in an event."""
    status = draft.status
    if draft.revisions.stable is None:
        return "Initial deploy"
    if not draft.active_hash:
        # nobody can tell who answers; the reference says so also while stable does
        return "" if restores_stable(draft) else "Initial deploy"
    if not draft.is_active:
        return ""
    if status.promote_full:
        return "Full promotion requested"
    if draft.rolls_back:
        return "Rollback within window"
    if is_fast_rollback(draft):
        return "Fast rollback"
    if draft.is_aborted or not has_post_verdict(draft):
        return ""
    return "Completed blue-green update"


def has_pre_verdict(draft: BlueGreenDraft) -> bool:
    """The analysis before the switch has found the new revision good, or there is none."""
    run = draft.pre_run
    return draft.blue_green.pre_promotion is None or (run is not None and run.phase == "Successful")


def has_post_verdict(draft: BlueGreenDraft) -> bool:
    """The analysis after the switch has found the new revision good, or there is none."""
    run = draft.post_run
    return draft.blue_green.post_promotion is None or (
        run is not None and run.phase == "Successful"
    )
