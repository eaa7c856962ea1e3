"""When a release need not wait, and when its revision becomes the stable one.

In: the draft of a pass. Out: yes or no, and the reason to promote, or none. §2.9, §2.13 and §2.14 of the reference.
"""

from __future__ import annotations

from .draft import BlueGreenDraft, remaining


def is_fast_rollback(draft: BlueGreenDraft) -> bool:
    """It goes back to a revision that is known: stable itself, one within the window, or one in its delay.

    The deadline on the ReplicaSet stays until the switch is made: the reference drops it in the first pass, and
    forgets that it was going back fast when a pod is missing in that very moment.
    """
    new, stable = draft.revisions.new, draft.revisions.stable
    if new is None or stable is None:
        return False
    if new is stable or draft.rolls_back:
        return True
    waits = new.deadline is not None and new.deadline > draft.now
    return waits and new.meta.created < stable.meta.created


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
    if draft.revisions.stable is None or not draft.active_hash:
        return "Initial deploy"
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
