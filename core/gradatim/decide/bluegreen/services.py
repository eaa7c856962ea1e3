"""Pointing the preview and the active Service at their revisions.

In: the draft of a pass. Out: selector changes, each only to pods that can answer. §2.9, §2.10, and rule 2 of the
safety plan: the reference switches the preview before its pods are there (argo-rollouts #2641, #2488).
"""

from __future__ import annotations

from ...model.workload import ReplicaSet, Service
from ..services import switch
from .draft import BlueGreenDraft, remaining
from .pauses import is_pause_over
from .promotion import has_pre_verdict, is_fast_tracked, restores_stable


def switch_preview(draft: BlueGreenDraft) -> None:
    """Point the preview Service at the new revision, as soon as somebody answers there."""
    service, new = draft.preview_service, draft.revisions.new
    if service is None or new is None:
        return
    if remaining(new) > 0 or _nobody_asks(draft):
        _point(draft, service, new)
        draft.preview_hash = new.pod_hash


def switch_active(draft: BlueGreenDraft) -> None:
    """Point the active Service where it belongs now."""
    service, target = draft.active_service, _active_target(draft)
    if service is not None and target is not None:
        _point(draft, service, target)
        draft.active_hash = target.pod_hash


def _active_target(draft: BlueGreenDraft) -> ReplicaSet | None:
    """The revision that is to answer for the active Service; None where it is to stay as it is.

    An abort gives it back to stable whatever state the new pods are in: the reference does so only while all of
    them can answer, and leaves the requests with a revision that has just broken.
    """
    revisions, active = draft.revisions, draft.active
    if draft.is_aborted or restores_stable(draft):
        return revisions.stable if _takes_over(draft, revisions.stable) else active
    if draft.is_stopped or not is_whole(draft):
        return active
    if is_fast_tracked(draft) or (is_pause_over(draft) and has_pre_verdict(draft)):
        return revisions.new
    return active


def is_whole(draft: BlueGreenDraft) -> bool:
    """All pods of the new revision are there."""
    new = draft.revisions.new
    return new is not None and new.is_saturated(draft.rollout.replicas)


def _takes_over(draft: BlueGreenDraft, target: ReplicaSet | None) -> bool:
    """It can answer for all, or at least for as many as those who do now: everybody, where no hash is named."""
    if target is None or _nobody_asks(draft):
        return target is not None
    answering = (draft.active,) if draft.active_hash else draft.revisions.all
    needed = min(draft.rollout.replicas, sum(remaining(each) for each in answering))
    return remaining(target) >= max(1, needed)


def _nobody_asks(draft: BlueGreenDraft) -> bool:
    return draft.rollout.replicas == 0


def _point(draft: BlueGreenDraft, service: Service, target: ReplicaSet) -> None:
    if target.pod_hash:
        switch(draft, service, target)
