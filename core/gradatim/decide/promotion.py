"""When the new revision becomes the stable one, and what that does to the status.

In: the draft of a pass. Out: the reason to promote, or none; the status of a promotion. §2.13 and §2.14.
"""

from __future__ import annotations

from . import attempt
from .draft import Draft
from .next_status import NextStatus
from .pingpong import flipped
from .progress import step_index
from .routed_scale import threshold_met


def promotion_reason(draft: Draft) -> str:
    """Why the new revision becomes stable in this pass; "" if it does not. The words end in an event."""
    revisions, rollout = draft.revisions, draft.rollout
    if revisions.stable is None:
        return "Initial deploy"
    new = revisions.new
    if draft.is_aborted or new is None:
        return ""
    # pods that were just asked to go, as after an abort, may still count as available
    if new.answering < rollout.replicas and not _threshold_lets_go(draft):
        return ""
    if rollout.status.promote_full:
        return "Full promotion requested"
    if draft.rolls_back:
        return "Rollback within window"
    if new is revisions.stable:
        return "Rollback to stable"
    if draft.held:
        return ""
    steps, index = len(draft.canary.steps), step_index(rollout)
    if index is None or index == steps:
        return f"Completed all {steps} canary steps"
    return ""


def _threshold_lets_go(draft: Draft) -> bool:
    return draft.canary.threshold is not None and threshold_met(
        draft.rollout, draft.revisions, draft.rollout.replicas
    )


def promote(draft: Draft, status: NextStatus, reason: str) -> None:
    """Make the new revision the stable one. No pause and no abort is left then."""
    draft.pauses_cleared = draft.abort_dropped = True
    draft.abort_message = None
    status.promote_full = False
    if status.stable_hash == draft.pod_hash:
        return
    # going back when a release is over is remembered like any other promotion, in the reference too
    completion = "FastPromoted" if draft.status.promote_full else "Promoted"
    status.duration = attempt.labelled(status.duration, completion)
    status.stable_hash = draft.pod_hash
    if draft.canary.ping_pong:
        status.stable_ping_pong = flipped(status.stable_ping_pong)
    new = draft.revisions.new
    revision = new.revision if new else 0
    draft.declare(
        "RolloutCompleted",
        f"Rollout completed update to revision {revision} ({draft.pod_hash}): {reason}",
    )
