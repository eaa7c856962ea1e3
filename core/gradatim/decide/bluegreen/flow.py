"""One pass of a blue-green release: look at the world, want the next thing, say what is so.

In: a snapshot, the present, the hash of the template. Out: a `Pass`. `decision.py` repeats passes until one changes
nothing. The order is §2.9 of the reference, but for the analyses: their verdict comes before the switch.
"""

from __future__ import annotations

from datetime import datetime

from ...model.bluegreen import BlueGreenStatus
from ...model.canary import Canary
from ...model.reading import Json
from .. import attempt
from ..history import clean_history
from ..judgement import judge
from ..limits import limits
from ..next_status import NextStatus
from ..outcome import Pass, abort_if_overdue, concluded, counted, preliminaries, track
from ..pauses import settle_pauses
from ..pods import settle_pods
from ..progress import is_promoted
from ..promotion import promote
from ..restart import answering
from ..revisions import revisions
from ..rollback import is_within_window, way_back
from ..selector import selector_text
from ..snapshot import Snapshot
from .draft import BlueGreenDraft
from .pauses import is_checkpoint, is_go_ahead, is_ready, reconcile_pause
from .promotion import has_pre_verdict, is_fast_rollback, promotion_reason
from .runs import reconcile_runs, tidy_runs
from .scaling import scale_all, scale_first
from .services import switch_active, switch_preview
from .waiting import awaited


def blue_green_pass(snapshot: Snapshot, now: datetime, pod_hash: str) -> Pass:
    """One pass. `pod_hash` is the hash of the template as it is now."""
    draft = _draft(snapshot, now, pod_hash)
    status = _pass(draft)
    if not draft.effects and status == snapshot.rollout.status.raw:
        tidy_runs(draft)
        _settle_pods(draft)
    return Pass(draft.effects, status, draft.look_again)


def _settle_pods(draft: BlueGreenDraft) -> None:
    asked = draft.blue_green.max_unavailable
    bounds = limits(draft.rollout.replicas, max_surge=0, max_unavailable=asked)
    settle_pods(draft, unavailable=bounds.unavailable, by_name=True)


def _draft(snapshot: Snapshot, now: datetime, pod_hash: str) -> BlueGreenDraft:
    rollout, status = snapshot.rollout, snapshot.rollout.status
    block = rollout.blue_green_view
    assert block is not None, "decide() gives only blue-green here"  # noqa: S101
    found = revisions(answering(snapshot, now), pod_hash=pod_hash, stable_hash=status.stable_hash)
    rolls_back = is_within_window(rollout, found)
    hashes = {name: service.pod_hash for name, service in snapshot.services.items()}
    is_complete = is_promoted(rollout) and status.pod_hash == pod_hash
    return BlueGreenDraft(
        snapshot=snapshot,
        now=now,
        revisions=found,
        canary=Canary(),
        blue_green=block,
        active_hash=hashes.get(block.active_service, ""),
        preview_hash=hashes.get(block.preview_service, ""),
        pod_hash=pod_hash,
        step_hash="",
        pre_run=status.blue_green.pre_run,
        post_run=status.blue_green.post_run,
        rolls_back=rolls_back,
        # a release that is complete has nothing to take back, and a full promotion takes the abort back
        abort_dropped=rolls_back or is_complete or status.promote_full,
    )


def _pass(draft: BlueGreenDraft) -> Json:
    ended = preliminaries(draft)
    if ended is not None:
        return ended
    if draft.is_changed:
        return _reset(draft)
    clean_history(draft)
    switch_preview(draft)
    reconcile_runs(draft)
    scale_all(draft)
    reconcile_pause(draft)
    switch_active(draft)
    return _status(draft)


def _reset(draft: BlueGreenDraft) -> Json:
    """The template changed: the release begins anew, or goes straight back to stable."""
    draft.pre_run = draft.post_run = None
    new = draft.revisions.new
    if new is not None and (new.deadline is None or new.deadline <= draft.now):
        # it is no revision within its delay that this goes back to
        draft.drop_deadline(new)
    scale_first(draft)
    status = counted(draft)
    _account(draft, status)
    status.promote_full = False
    status.restarted_at = draft.rollout.restart_at
    if draft.pod_hash != draft.status.stable_hash:
        back = way_back(draft.revisions, quickly=is_fast_rollback(draft))
        status.duration = attempt.superseded(draft.status.duration, back, draft.now)
    elif draft.status.pod_hash != draft.pod_hash:
        status.duration = attempt.turned_back(draft.status.duration)
    reason = promotion_reason(draft)
    if reason:
        promote(draft, status, reason)
    judge(draft, status)
    return concluded(draft, status)


def _status(draft: BlueGreenDraft) -> Json:
    status = counted(draft)
    abort_if_overdue(draft, status)
    if draft.status.promote_full or draft.rolls_back:
        draft.pauses_cleared = draft.abort_dropped = True
    checkpoint = is_checkpoint(draft)
    reason = promotion_reason(draft)
    if reason:
        promote(draft, status, reason)
    _account(draft, status, checkpoint=checkpoint and not reason)
    settle_pauses(draft, status)
    if not checkpoint:
        _keep_go_ahead(draft, status)
    track(draft, status)
    judge(draft, status, lambda: awaited(draft))
    return concluded(draft, status)


def _keep_go_ahead(draft: BlueGreenDraft, status: NextStatus) -> None:
    """A person said: go on, while a pod was missing. That holds until it is there; the reference asks again."""
    waits = not draft.is_active and not draft.is_aborted and not draft.pauses_cleared
    if waits and is_go_ahead(draft) and has_pre_verdict(draft) and not status.pause_conditions:
        status.controller_pause = draft.is_stopped or not is_ready(draft)


def _account(draft: BlueGreenDraft, status: NextStatus, *, checkpoint: bool = False) -> None:
    """The Services, and the counts of pods: those behind the active Service are the ones that count."""
    status.blue_green = BlueGreenStatus(
        preview=draft.preview_hash,
        active=draft.active_hash,
        checkpoint=checkpoint,
        pre_run=draft.pre_run,
        post_run=draft.post_run,
    )
    active = draft.active
    if active is None:
        return
    status.ready_replicas = active.ready
    status.available_replicas = active.available
    status.scaled_replicas = active.current
    spec = active.raw.get("spec")
    status.selector = selector_text(
        (spec.get("selector") if isinstance(spec, dict) else None) or {}
    )
