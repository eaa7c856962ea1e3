"""What a canary waits for, in words that a person can act on.

In: the draft of a pass. Out: a sentence, "" while nothing is waited for. Called by `judgement.py`, which says it once
nothing has moved for a while: a wait of seconds is how every step begins, and the reference has no words for it.
`bluegreen/waiting.py` has those of a blue-green release.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from .basic_scale import target_counts
from .delays import unreported
from .draft import Draft
from .goal import stable_can_carry, wanted_goal
from .handover import is_under_way
from .progress import FULL_WEIGHT, current_weight, is_promoted, max_weight
from .routed_scale import is_at_counts
from .scaling import surge_limits
from .takeover import followed_canary

#: So long nothing moves before it is said what is waited for.
PATIENCE: Final = timedelta(seconds=10)

#: What such a sentence begins with; by it one that was said already is known.
WAITING: Final = "waiting for "


def awaited(draft: Draft) -> str:
    """What has to come before the release goes on."""
    if draft.is_halted:
        return ""
    release = _for_pods(draft) if draft.is_basic else _for_weight(draft)
    return for_handover(draft) or release or for_scale_down(draft)


def for_handover(draft: Draft) -> str:
    """The pods without which a Deployment keeps its own."""
    workload, replicas = draft.snapshot.workload, draft.rollout.replicas
    answering = sum(each.answering for each in draft.revisions.all)
    if workload is None or not is_under_way(draft.snapshot) or answering >= replicas:
        return ""
    deployment = f"{workload.ref.kind} {workload.ref.name}"
    return f"{WAITING}{answering} of {replicas} pods before {deployment} is scaled down"


def for_scale_down(draft: Draft) -> str:
    """What keeps pods that are to go: requests that may still come to them."""
    if not draft.kept:
        return ""
    replica_set, wanted = draft.kept[0]
    going = f"revision {replica_set.revision} is scaled from {replica_set.replicas} to {wanted}"
    return f"{WAITING}{_reports(draft) or 'every proxy to follow the last change'} before {going}"


def _for_pods(draft: Draft) -> str:
    """The pods that are the weight, where nothing routes."""
    revisions, replicas = draft.revisions, draft.rollout.replicas
    new, total = revisions.new, max_weight(draft.canary)
    weight, wanted = total, replicas
    if revisions.has_distinct_stable:
        promoting = draft.status.promote_full
        weight = total if promoting else current_weight(draft.rollout, aborted=False)
        surge = surge_limits(draft).surge > 0
        wanted = target_counts(replicas, weight, total, surge=surge).canary
    answering = new.answering if new else 0
    if answering >= wanted:
        return ""
    share = "" if weight == total else f" for {_share(draft, weight)}"
    return f"{WAITING}{answering} of {wanted} {'canary ' if share else ''}pods{share}"


def _for_weight(draft: Draft) -> str:
    """What has to come before the weight of the present step can be written, or has arrived."""
    weights, new = draft.weights, draft.revisions.new
    if is_promoted(draft.rollout) or weights is None or new is None:
        return ""
    if not draft.revisions.has_distinct_stable:
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
    reports, earlier = _reports(draft), followed_canary(draft)
    if reports:
        return f"{WAITING}{reports}"
    if earlier is not None:
        leaving = f"every proxy to leave revision {earlier.revision}"
        return f"{WAITING}{leaving} before {_share(draft, step)}"
    return ""


def _reports(draft: Draft) -> str:
    """The routers that have not told yet that the weights of now have arrived; "" for none."""
    keys, weights = unreported(draft), draft.weights
    if not keys:
        return ""
    share = _share(draft, weights.canary.weight if weights else 0)
    return f"{' and '.join(keys)} to report that {share} has arrived"


def _share(draft: Draft, weight: int) -> str:
    total = max_weight(draft.canary)
    return f"{weight} %" if total == FULL_WEIGHT else f"{weight} of {total}"
