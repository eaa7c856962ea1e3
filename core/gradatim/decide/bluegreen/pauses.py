"""The pause before the switch: when it begins, when it is over, and the size that the preview has meanwhile.

In: the draft of a pass. Out: pauses added and taken away; the checkpoint of a smaller preview. §2.9.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ...model.status import PauseCondition
from ..draft import BLUE_GREEN_PAUSE
from .draft import BlueGreenDraft
from .promotion import has_pre_verdict, is_fast_tracked


def wanted_preview(draft: BlueGreenDraft) -> int:
    """The pods that the new revision is to have now: fewer, where the author wants that, until it is accepted."""
    count, replicas = draft.blue_green.preview_count, draft.rollout.replicas
    active = draft.active
    if count is None or active is None or draft.status.blue_green.checkpoint:
        return replicas
    return replicas if is_fast_tracked(draft) else count


def is_ready(draft: BlueGreenDraft) -> bool:
    """The new revision has the pods that it is to have now."""
    new = draft.revisions.new
    return new is not None and new.replicas == new.available == wanted_preview(draft)


def reconcile_pause(draft: BlueGreenDraft) -> None:
    """Begin the pause once the preview is there and found good; end it when its time or a person says so."""
    if draft.is_aborted or draft.is_stopped or not is_ready(draft):
        return
    status = draft.status
    if is_fast_tracked(draft) or status.blue_green.checkpoint or not draft.blue_green.pauses:
        draft.unpaused.add(BLUE_GREEN_PAUSE)
    elif not has_pre_verdict(draft):
        return
    elif _pause(draft) is None and not status.controller_pause:
        draft.paused_for.append(BLUE_GREEN_PAUSE)
    elif is_pause_over(draft):
        draft.unpaused.add(BLUE_GREEN_PAUSE)
    else:
        end = _pause_end(draft)
        if end is not None:
            draft.due(end + timedelta(milliseconds=1))


def is_pause_over(draft: BlueGreenDraft) -> bool:
    """Nothing is to be waited for, or it was waited long enough, or a person said: go on."""
    if draft.paused_for:
        return False
    if draft.status.blue_green.checkpoint or not draft.blue_green.pauses or is_go_ahead(draft):
        return True
    end = _pause_end(draft)
    return end is not None and draft.now > end


def is_go_ahead(draft: BlueGreenDraft) -> bool:
    """The controller paused, and somebody took the condition away: that is how people promote."""
    return draft.status.controller_pause and not draft.status.pause_conditions


def is_checkpoint(draft: BlueGreenDraft) -> bool:
    """The smaller preview is accepted: it gets all its pods, and is not asked about again.

    An aborted release loses it, so that a retry is looked at again; the reference promotes that at once.
    """
    count, before = draft.blue_green.preview_count, draft.status.blue_green.checkpoint
    if count is None or draft.is_aborted:
        return False
    if before:
        return True
    if draft.is_stopped or draft.is_active or not is_ready(draft):
        return False
    return has_pre_verdict(draft) and is_pause_over(draft)


def _pause(draft: BlueGreenDraft) -> PauseCondition | None:
    conditions = draft.status.pause_conditions
    return next((p for p in conditions if p.reason == BLUE_GREEN_PAUSE), None)


def _pause_end(draft: BlueGreenDraft) -> datetime | None:
    pause, block = _pause(draft), draft.blue_green
    if pause is None or pause.started is None or not block.auto_promotion:
        return None
    return pause.started + timedelta(seconds=block.auto_promotion_seconds)
