"""The phase and message of a Rollout: one word and one sentence for people and tools.

In: the Rollout and the status that a pass leaves. Out: phase and message. The first rule that applies; §2.15.2.
"""

from __future__ import annotations

from typing import NamedTuple

from ..model.rollout import Rollout
from .conditions import ABORTED_REASON, INVALID_SPEC, TIMED_OUT_REASON
from .draft import HELD_REASON
from .next_status import NextStatus


class Phase(NamedTuple):
    """`status.phase` and `status.message`."""

    phase: str
    message: str = ""


def phase_of(rollout: Rollout, status: NextStatus, held: str = "") -> Phase:
    """The phase that `status` means for the Rollout.

    `held`: what an analysis says whose provider is silent and that the release waits for.
    """
    for condition in status.conditions:
        if condition.type == INVALID_SPEC:
            return Phase("Degraded", f"{INVALID_SPEC}: {condition.message}")
        if condition.reason in (ABORTED_REASON, TIMED_OUT_REASON):
            return Phase("Degraded", f"{condition.reason}: {condition.message}")
    if rollout.paused:
        return Phase("Paused", "manually paused")
    if status.pause_conditions:
        return Phase("Paused", status.pause_conditions[0].reason)
    if held:
        return Phase("Paused", f"{HELD_REASON}: {held}")
    if rollout.restart_at is not None and rollout.restart_at != status.restarted_at:
        return Phase("Progressing", "rollout is restarting")
    if status.updated_replicas < rollout.replicas:
        return Phase("Progressing", "more replicas need to be updated")
    if status.available_replicas < status.updated_replicas:
        return Phase("Progressing", "updated replicas are still becoming available")
    if status.blue_green is not None:
        return _switch_phase(rollout, status)
    routed = rollout.canary is not None and rollout.canary.routing is not None
    if not routed and status.replicas > status.updated_replicas:
        return Phase("Progressing", "old replicas are pending termination")
    if not status.is_promoted:
        return Phase("Progressing", "waiting for all steps to complete")
    return Phase("Healthy")


def _switch_phase(rollout: Rollout, status: NextStatus) -> Phase:
    """The rest of the rules for blue-green: the active Service has moved, and what has come of it."""
    block, here = rollout.blue_green_view, status.blue_green
    if block is None or here is None or here.active != status.pod_hash:
        return Phase("Progressing", "active service cutover pending")
    if status.is_promoted:
        return Phase("Healthy")
    done = here.post_run is not None and here.post_run.phase == "Successful"
    if block.post_promotion is not None and not done:
        return Phase("Progressing", "waiting for analysis to complete")
    return Phase("Progressing", "waiting for post-promotion verification to complete")
