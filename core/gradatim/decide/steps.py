"""Whether the current step is complete, and waiting in pause steps.

In: the draft of a pass. Out: a yes or no, pause conditions to add. §1.1.3 and §2.15.4 of the reference.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from .delays import has_arrived
from .draft import CANARY_PAUSE, Draft
from .experiments import has_succeeded
from .goal import wanted_goal
from .progress import current_step
from .routed_scale import is_at_counts
from .scaling import wanted_counts
from .stepplugins import is_plugin_done
from .takeover import followed_canary


def is_complete(draft: Draft) -> bool:
    """The current step has done its work. A pause by a person holds every step.

    An analysis that waits for its provider holds them as well, but for a pause that a person ends.
    """
    step = current_step(draft.rollout)
    if step is None or draft.rollout.paused or not is_plugin_done(draft):
        # a plugin beside another key is waited for as well
        return False
    if draft.held and not _is_told_to_go_on(draft):
        return False
    match step.kind:
        case "pause":
            return _pause_over(draft)
        case "setCanaryScale":
            return _has_its_pods(draft)
        case "setWeight":
            return _has_its_weight(draft) and _has_its_pods(draft)
        case "analysis":
            run = draft.step_run
            return run is not None and run.phase == "Successful"
        case "experiment":
            return has_succeeded(draft)
        case "setHeaderRoute" | "setMirrorRoute":
            return True
        case "plugin":
            return step.plugin is not None
        case _:
            return False


def _has_its_weight(draft: Draft) -> bool:
    """The weight was written, and no router says that it has not arrived.

    It is held back while stable lacks the pods for what would come back to it; the reference counts the step as done.
    """
    weights = draft.weights
    if weights is None:
        return True
    if followed_canary(draft) is not None or not has_arrived(draft):
        return False
    return weights.canary.weight == wanted_goal(draft).weight


def _has_its_pods(draft: Draft) -> bool:
    return is_at_counts(draft.rollout, draft.revisions, wanted_counts(draft))


def _is_told_to_go_on(draft: Draft) -> bool:
    """The controller paused, and somebody took the condition away: that is how people promote."""
    step, status = current_step(draft.rollout), draft.status
    is_pause = step is not None and step.is_pause
    return is_pause and status.controller_pause and not status.is_paused_for(CANARY_PAUSE)


def _pause_over(draft: Draft) -> bool:
    if _is_told_to_go_on(draft):
        return True
    end = _pause_end(draft)
    return end is not None and draft.now > end


def _pause_end(draft: Draft) -> datetime | None:
    step = current_step(draft.rollout)
    pause = next((p for p in draft.status.pause_conditions if p.reason == CANARY_PAUSE), None)
    if step is None or step.pause_seconds is None or pause is None or pause.started is None:
        return None
    return pause.started + timedelta(seconds=step.pause_seconds)


def wait_in_pause(draft: Draft) -> None:
    """At a pause step: begin the pause, or ask for a pass at its end."""
    step = current_step(draft.rollout)
    if draft.rollout.paused or step is None or not step.is_pause:
        return
    if not draft.status.is_paused_for(CANARY_PAUSE):
        if not draft.status.controller_pause:
            draft.paused_for.append(CANARY_PAUSE)
        return
    end = _pause_end(draft)
    if end is not None and end >= draft.now:
        # once it is over, the step is complete or waits for something else
        draft.due(end + timedelta(milliseconds=1))
