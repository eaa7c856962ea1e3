"""`dynamicStableScale`: stable gives up pods as traffic leaves it, and has them again before traffic comes back.

In: the draft of a pass. Out: how far traffic may go back now, whose the canary's side stays meanwhile, and the pods
that stable needs. §2.8, §2.8.1 and §5.0 of the reference; `spec/users.md` rows 2, 8, 10 and 15.
The one rule is that stable is never asked for more than its available pods carry, whatever the reason to go back is:
an abort, a step with less weight, another template, a rollback.
"""

from __future__ import annotations

from dataclasses import replace

from ..model.status import Weights
from ..model.workload import ReplicaSet
from .delays import settled_at
from .draft import Draft
from .goal import Goal, stable_can_carry, wanted_goal
from .managedroutes import KEPT_ROUTES
from .progress import canary_scale, is_promoted, max_weight
from .routed_scale import at_least, meets, share


def carried_back(draft: Draft, goal: Goal) -> Goal:
    """The goal, or as much of it as stable can carry now if traffic is to go back."""
    present, total = _present(draft), max_weight(draft.canary)
    if goal.weight >= present:
        return goal
    if _is_being_bound(draft):
        return replace(goal, weight=present, routes=KEPT_ROUTES)
    if stable_can_carry(draft, goal.taken):
        return goal
    stable, replicas = draft.revisions.stable, draft.rollout.replicas
    carries = total * stable.answering // replicas if stable and replicas else 0
    weight = max(goal.weight, min(present, total - carries))
    return replace(goal, weight=weight, routes=KEPT_ROUTES)


def _present(draft: Draft) -> int:
    """The weight that the canary's side has, as the status says."""
    weights = draft.status.weights
    return _weight(draft, weights) if weights else 0


def _weight(draft: Draft, weights: Weights) -> int:
    stable = draft.status.stable_hash
    if draft.canary.ping_pong and weights.canary.pod_hash == stable != weights.stable.pod_hash:
        # ping and pong have changed parts since: what was the canary's Service is stable's now
        return weights.stable.weight
    return weights.canary.weight


def _share_of_stable(draft: Draft, weights: Weights, total: int) -> int:
    """The weight that stable's pods answer for: that of its own side, and of the canary's while that still names them.

    It does so for a moment after each release, in which the next one may begin.
    """
    stable = draft.status.stable_hash
    by_name = sum(w.weight for w in (weights.canary, weights.stable) if w.pod_hash == stable)
    return max(total - _weight(draft, weights), by_name)


def _is_being_bound(draft: Draft) -> bool:
    """The release has ended, and proxies may still send stable's requests to the few pods that it had before.

    Weights and endpoints reach a proxy by different ways: stable's Service or subset moves to the new pods
    while it has no weight, and gets the weight when every proxy knows them.
    """
    weights, stable = draft.status.weights, draft.revisions.stable
    if weights is None or stable is None or weights.canary.pod_hash != stable.pod_hash:
        return False
    if draft.rollout.replicas == 0:
        # nobody is meant to answer, and no Service is pointed at nobody: it would wait for the next scaling
        return False
    service = draft.snapshot.services.get(draft.canary.stable_service)
    if weights.stable.pod_hash != stable.pod_hash or (
        service is not None and service.pod_hash != stable.pod_hash
    ):
        return True
    moment = settled_at(draft)
    if moment is not None and moment > draft.now:
        draft.due(moment)
    return moment is None or moment > draft.now


def held_canary(draft: Draft, target: ReplicaSet | None) -> ReplicaSet | None:
    """The revision that keeps the canary's side for now instead of `target`; None if it may move there.

    It keeps it while it has weight: stable gets the weight step by step and not its name at once, and a newer
    canary only as much as its own step gives it, once its pods are there.
    """
    weights = draft.status.weights
    if not draft.canary.dynamic_stable_scale or weights is None or _present(draft) <= 0:
        return None
    present = draft.revisions.of(weights.canary.pod_hash)
    if present is None or present is target or present.answering == 0:
        return None
    is_newer = target is not None and target is not draft.revisions.stable
    if is_newer and wanted_goal(draft).weight >= _present(draft):
        return None
    return present


def stable_pods(draft: Draft, wanted: int) -> int:
    """The pods that stable needs beside the `wanted` ones of the present step."""
    replicas, total = draft.rollout.replicas, max_weight(draft.canary)
    if replicas == 0:
        return 0
    weights = (draft.status.weights, draft.weights)
    shares = (_share_of_stable(draft, w, total) if w else total for w in weights)
    carrying = max(share(replicas, min(max(s, 0), total), total) for s in shares)
    if _is_superseded(draft):
        # what is left of an earlier canary goes back to stable, as it would if stable had never shrunk
        wanted = replicas
    elif draft.is_aborted:
        wanted = share(replicas, total - _next_weight(draft), total)
    elif (weight := wanted_goal(draft).weight) < _present(draft):
        # a step may take the canary's pods and say nothing of its weight: that goes back first
        wanted = max(wanted, share(replicas, total - weight, total))
    # the last pod answers those who ask stable directly, until the release is over
    return at_least(max(wanted, carrying, 1), draft.canary.min_pods, replicas)


def _is_superseded(draft: Draft) -> bool:
    weights = draft.status.weights
    if weights is None or _present(draft) <= 0:
        return False
    return draft.revisions.of(weights.canary.pod_hash) in draft.revisions.others


def _next_weight(draft: Draft) -> int:
    """The weight that an abort goes down to next: from step to step, so that stable does not surge at once."""
    present, total = _present(draft), max_weight(draft.canary)
    replicas = draft.rollout.replicas
    pods = share(replicas, present, total)
    for step in reversed(draft.canary.steps):
        weight = step.set_weight
        if weight is not None and weight < present and share(replicas, weight, total) < pods:
            return max(weight, 0)
    return 0


def is_canary_carrying(draft: Draft) -> bool:
    """The canary has the pods for its weight, so that stable is not needed for it any more (row 10)."""
    weights, new = draft.weights, draft.revisions.new
    if weights is None or weights.canary.weight == 0 or is_promoted(draft.rollout):
        return True
    carrier = draft.revisions.of(weights.canary.pod_hash)
    available = carrier.answering if carrier else 0
    needed = draft.rollout.replicas * weights.canary.weight // max_weight(draft.canary)
    scale = canary_scale(draft.rollout, aborted=draft.is_aborted) if carrier is new else None
    if scale is not None:
        # the author said how many pods suffice
        needed = min(needed, 1)
    return available >= needed or meets(draft.canary.threshold, available, needed)
