"""Pointing the stable and the canary Service at their revisions.

In: the draft of a pass. Out: selector changes, each only to pods that can answer (§2.10, rule 2 of the safety plan).
"""

from __future__ import annotations

from ..model.workload import ReplicaSet, Service
from .delays import delays_on_abort
from .draft import Draft
from .dynamic_stable import held_canary
from .goal import wanted_goal
from .pingpong import rests
from .progress import max_weight
from .routed_scale import meets
from .scaling import basic_counts
from .shares import canary_share, has_canary_side, stable_share
from .takeover import earlier_canary, followed_canary


def switch_services(draft: Draft) -> None:
    """Point both Services where they belong, as far as there is somebody to answer.

    The one of ping and pong that is not stable stays where it was between releases, until those pods go
    (`scaling.py`).
    """
    point(draft, draft.canary.stable_service, _stable_target(draft))
    if not rests(draft.rollout):
        point(draft, draft.canary.canary_service, canary_target(draft))
    elif _is_deserted(draft):
        point(draft, draft.canary.canary_service, draft.revisions.stable)


def _is_deserted(draft: Draft) -> bool:
    """The Service that rests names pods that are gone: they went while stable had none, as with `replicas: 0`."""
    service = draft.snapshot.services.get(draft.canary.canary_service)
    if service is None or not service.pod_hash:
        return False
    return not any(r.replicas for r in draft.revisions.all if r.pod_hash == service.pod_hash)


def _stable_target(draft: Draft) -> ReplicaSet | None:
    """The revision that answers for the stable Service.

    Without routing the pods of stable are replaced before the release is promoted: the Service goes with
    the last of them, where the reference leaves it without pods until the next pass.
    """
    revisions = draft.revisions
    replaced = (
        draft.canary.routing is None
        and revisions.has_distinct_stable
        and not draft.is_aborted
        and not draft.is_halted
        and basic_counts(draft).stable == 0
    )
    return revisions.new if replaced else revisions.stable


def canary_target(draft: Draft) -> ReplicaSet | None:
    """The revision that the canary Service or subset belongs to.

    The reference flips the selector to and fro in each pass of an abort. We leave it with the canary
    while its pods stay, and take it to stable before they go. Stable also answers for a new revision
    that is to have no pods yet: those of an earlier one that the Service may still name go meanwhile.
    """
    target = next_canary(draft)
    return kept_canary(draft, target) or target


def kept_canary(draft: Draft, target: ReplicaSet | None) -> ReplicaSet | None:
    """The revision that keeps the canary's side for now instead of `target`; None if it may move there."""
    held = held_canary(draft, target)
    if held is not None or target is not draft.revisions.new:
        return held
    earlier = earlier_canary(draft)
    if earlier is None or followed_canary(draft) is not None:
        return earlier
    return earlier if wanted_goal(draft).weight < canary_share(draft) else None


def next_canary(draft: Draft) -> ReplicaSet | None:
    """The revision that the canary Service or subset goes to as soon as traffic lets it."""
    new, stable = draft.revisions.new, draft.revisions.stable
    if draft.is_aborted:
        return new if _canary_stays(draft) else stable
    return stable if stable is not None and _stable_answers(draft, new) else new


def _stable_answers(draft: Draft, new: ReplicaSet | None) -> bool:
    """Nobody of the new revision answers, and not because its pods are still coming up behind a router."""
    if draft.canary.routing is not None:
        return draft.step_counts(aborted=False).canary == 0
    return new is None or new.answering == 0


def _canary_stays(draft: Draft) -> bool:
    new = draft.revisions.new
    if new is None or new.available == 0 or new.replicas == 0 or draft.canary.routing is None:
        return False
    if not delays_on_abort(draft):
        return False
    if any(r.answering and has_canary_side(draft, r.pod_hash) for r in draft.revisions.others):
        # what an earlier canary still has goes back to stable, and not to the pods of the one that is aborted
        return False
    return new.deadline is None or draft.now < new.deadline


def point(draft: Draft, name: str, target: ReplicaSet | None) -> None:
    """Point the Service `name` at a revision's pods, unless it already does or nobody could answer there."""
    service = draft.snapshot.services.get(name) if name else None
    if service is None or target is None or not target.pod_hash:
        return
    if service.pod_hash == target.pod_hash and service.managed_by is not None:
        return
    everybody = _all_of_stable(draft) if target is draft.revisions.stable else target.replicas
    if not _can_answer(target, 1 if service.managed_by is not None else max(1, everybody)):
        return
    if name == draft.canary.canary_service and not _carries_weight(draft, target):
        return
    if name == draft.canary.stable_service and not takes_over(draft, service.pod_hash, target):
        return
    switch(draft, service, target)


def _all_of_stable(draft: Draft) -> int:
    """The pods that stable is to have now."""
    canary, weights, replicas = draft.canary, draft.status.weights, draft.rollout.replicas
    if canary.routing is None:
        return draft.revisions.stable.replicas if draft.revisions.stable else 0
    shrinks = canary.dynamic_stable_scale and draft.revisions.has_distinct_stable
    if not shrinks or weights is None:
        return replicas
    return replicas * weights.stable.weight // max_weight(canary)


def switch(draft: Draft, service: Service, target: ReplicaSet) -> None:
    """Write the selector, and whose the Service is where nobody has it yet; told if the selector changes."""
    draft.switch(service, target)


def _carries_weight(draft: Draft, target: ReplicaSet) -> bool:
    """The pods suffice for the weight that the Service still has, where stable could not take it over.

    A third revision in the middle of a release would else get what the second one has (row 4), or what all pods have
    had that a Service selects which was never pointed at any.
    """
    if draft.canary.routing is None or draft.status.weights is None:
        return True
    needed = draft.rollout.replicas * canary_share(draft) // max_weight(draft.canary)
    return draft.is_aborted or target.answering >= needed


def takes_over(draft: Draft, pod_hash: str, target: ReplicaSet) -> bool:
    """The pods of `target` suffice for the weight that stable has, or nobody answers for it at `pod_hash` now.

    A controller that is killed in a promotion leaves stable's Service or subset with the new revision, and the next
    one would take it back to whatever is left of the old one (row 15).
    """
    present = draft.revisions.of(pod_hash)
    if present is None or present is target or present.answering == 0:
        return True
    if draft.canary.routing is None:
        return True
    _, share = stable_share(draft)
    needed = draft.rollout.replicas * share // max_weight(draft.canary)
    return target.answering >= needed or meets(draft.canary.threshold, target.answering, needed)


def _can_answer(target: ReplicaSet, pods: int) -> bool:
    """So many pods are there, and to stay.

    A Service that was never switched may carry live traffic of a Deployment, or of a canary that had no
    routing until now: then it takes all of them, and with routing all that stable is to have.
    """
    return target.answering >= pods
