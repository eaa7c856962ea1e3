"""What a routed canary waits for before traffic may move, in words that a person can act on.

In: the draft of a pass. Out: a sentence, "" while nothing is waited for. Called by `judgement.py`, which says it once
nothing has moved for a while: a wait of seconds is how every step begins, and the reference has no words for it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from .delays import unreported
from .draft import Draft
from .goal import stable_can_carry, wanted_goal
from .progress import FULL_WEIGHT, current_weight, is_promoted, max_weight
from .routed_scale import is_at_counts
from .takeover import followed_canary

#: So long nothing moves before it is said what is waited for.
PATIENCE: Final = timedelta(seconds=10)

#: What such a sentence begins with; by it one that was said already is known.
WAITING: Final = "waiting for "


def awaited(draft: Draft) -> str:
    """What has to come before the weight of the present step can be written, or has arrived."""
    weights, new = draft.weights, draft.revisions.new
    if draft.canary.routing is None or draft.is_halted or is_promoted(draft.rollout):
        return ""
    if weights is None or new is None or not draft.revisions.has_distinct_stable:
        return ""
    goal, step = wanted_goal(draft).weight, current_weight(draft.rollout, aborted=draft.is_aborted)
    if goal != weights.canary.weight and not stable_can_carry(draft, goal):
        return _for_stable(draft, goal)
    counts = draft.step_counts(aborted=draft.is_aborted)
    if step > weights.canary.weight and not is_at_counts(draft.rollout, draft.revisions, counts):
        pods = f"{min(new.answering, counts.canary)} of {counts.canary} canary pods"
        return f"{WAITING}{pods} before {_share(draft, step)}"
    return _for_proxies(draft, step)


def _for_stable(draft: Draft, weight: int) -> str:
    stable, total = draft.revisions.stable, max_weight(draft.canary)
    needed = max(1, (total - weight) * draft.rollout.replicas // total)
    pods = f"{stable.answering if stable else 0} of {needed} stable pods"
    return f"{WAITING}{pods} before {_share(draft, weight)}"


def _for_proxies(draft: Draft, step: int) -> str:
    """What was written has to reach the data plane."""
    keys, written = unreported(draft), draft.weights.canary.weight if draft.weights else 0
    if keys:
        return f"{WAITING}{' and '.join(keys)} to report that {_share(draft, written)} has arrived"
    earlier = followed_canary(draft)
    if earlier is not None:
        return f"{WAITING}every proxy to leave revision {earlier.revision} before {_share(draft, step)}"
    return ""


def _share(draft: Draft, weight: int) -> str:
    total = max_weight(draft.canary)
    return f"{weight} %" if total == FULL_WEIGHT else f"{weight} of {total}"
