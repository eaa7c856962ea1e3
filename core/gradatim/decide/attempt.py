"""How long a release took, how much of that it waited for people, and how it ended.

In: the duration block before, and what happened in a pass. Out: the block after. §2.20 of the reference.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..model.rollout import Rollout
from ..model.status import Duration
from .draft import BLUE_GREEN_PAUSE, CANARY_PAUSE, INCONCLUSIVE_EXPERIMENT, INCONCLUSIVE_RUN
from .next_status import NextStatus
from .progress import current_step

#: How an attempt ends that goes back to an earlier template before it was over: at once, or by its steps.
FAST_ROLLED_BACK: Final = "FastRolledBack"
ROLLED_BACK: Final = "RolledBack"


def begun(now: datetime) -> Duration:
    """A new attempt; it supersedes one that had not ended."""
    return Duration(started=now)


def superseded(duration: Duration, way_back: str, now: datetime) -> Duration:
    """Another template comes. Where that goes back, the attempt that is under way goes on, and `way_back` says how."""
    if not way_back or duration.started is None or duration.finished is not None:
        return begun(now)
    return replace(duration, completion=way_back)


def turned_back(duration: Duration) -> Duration:
    """The template is the stable one again: the attempt will end as a rollback."""
    return duration if duration.finished else replace(duration, completion=FAST_ROLLED_BACK)


def labelled(duration: Duration, completion: str) -> Duration:
    """The attempt will end so, once its pods are there; one that goes back stays one."""
    goes_back = duration.completion in (ROLLED_BACK, FAST_ROLLED_BACK)
    return duration if duration.finished or goes_back else replace(duration, completion=completion)


def ended(duration: Duration, completion: str, now: datetime) -> Duration:
    """The attempt has ended: as it was labelled, or else as `completion` says. An earlier end stays.

    A way back by its steps may be aborted like any other release.
    """
    if duration.finished is not None or duration.started is None:
        return duration
    is_cut_short = completion == "Aborted" and duration.completion == ROLLED_BACK
    label = "" if is_cut_short else duration.completion
    return replace(_resumed(duration, now), finished=now, completion=label or completion)


def paused(duration: Duration, rollout: Rollout, status: NextStatus, now: datetime) -> Duration:
    """The block with the time in which the release waits for a person."""
    if duration.started is None or duration.finished is not None:
        return duration
    if _waits_for_people(rollout, status):
        return duration if duration.pause_started else replace(duration, pause_started=now)
    return _resumed(duration, now)


def _resumed(duration: Duration, now: datetime) -> Duration:
    if duration.pause_started is None:
        return duration
    # rounded up, so that even the quickest "go on" shows that a person was asked
    seconds = max(0, math.ceil((now - duration.pause_started).total_seconds()))
    return replace(duration, pause_started=None, paused_seconds=duration.paused_seconds + seconds)


def _waits_for_people(rollout: Rollout, status: NextStatus) -> bool:
    reasons = {p.reason for p in status.pause_conditions}
    if rollout.paused or not reasons.isdisjoint({INCONCLUSIVE_RUN, INCONCLUSIVE_EXPERIMENT}):
        return True
    block = rollout.blue_green_view
    if block is not None:
        return BLUE_GREEN_PAUSE in reasons and not block.auto_promotion
    step = current_step(rollout)
    return CANARY_PAUSE in reasons and step is not None and step.pause_seconds is None
