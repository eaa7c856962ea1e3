"""One pass of a canary: look at the world, want the next thing, say what is so.

In: a snapshot, the present, the hashes of template and steps. Out: a `Pass`. `decision.py` repeats passes until one
changes nothing. The order of the parts is §2.6 of the reference: services before weights, weights before pods.
"""

from __future__ import annotations

from datetime import datetime

from ..model.reading import Json
from . import attempt
from .draft import CANARY_PAUSE, Draft, Settled
from .experiments import reconcile_experiments, tidy_experiments
from .footprints import give_back
from .history import clean_history
from .judgement import judge
from .outcome import Pass, abort_if_overdue, concluded, counted, preliminaries, track
from .pauses import settle_pauses
from .pingpong import with_services
from .pods import settle_pods
from .progress import current_step, is_promoted, step_index
from .promotion import promote, promotion_reason
from .restart import answering
from .revisions import revisions
from .rollback import is_within_window, way_back
from .runs import reconcile_runs, tidy_runs
from .scaling import scale_all, surge_limits
from .services import switch_services
from .snapshot import Snapshot
from .stepplugins import begin_plugin_step, follow_step_plugins, reset_step_plugins
from .steps import is_complete, wait_in_pause
from .traffic import route_traffic
from .waiting import awaited


def canary_pass(
    snapshot: Snapshot, now: datetime, pod_hash: str, steps_hash: str, settled: Settled
) -> Pass:
    """One pass.

    Args:
        pod_hash: hash of the template as it is now.
        steps_hash: that of the steps.
        settled: what the passes of this decision found out about the routers so far; this one adds to it.
    """
    draft = _draft(snapshot, now, pod_hash, steps_hash)
    draft.settled = settled
    status = _pass(draft)
    if not draft.effects and status == snapshot.rollout.status.raw:
        tidy_runs(draft)
        tidy_experiments(draft)
        _settle_pods(draft)
        give_back(draft)
    return Pass(draft.effects, status, draft.look_again, is_last=bool(draft.trouble))


def _settle_pods(draft: Draft) -> None:
    canary = draft.canary
    by_name = bool(canary.routing or canary.canary_service or canary.stable_service)
    settle_pods(draft, unavailable=surge_limits(draft).unavailable, by_name=by_name)


def _draft(snapshot: Snapshot, now: datetime, pod_hash: str, steps_hash: str) -> Draft:
    rollout = snapshot.rollout
    canary = rollout.canary
    assert canary is not None, "decide() gives only canaries to this room"  # noqa: S101
    found = revisions(
        answering(snapshot, now), pod_hash=pod_hash, stable_hash=rollout.status.stable_hash
    )
    rolls_back = is_within_window(rollout, found)
    return Draft(
        snapshot=snapshot,
        now=now,
        revisions=found,
        canary=with_services(rollout, canary),
        pod_hash=pod_hash,
        step_hash=steps_hash,
        weights=rollout.status.weights,
        step_plugins=rollout.status.step_plugins,
        rolls_back=rolls_back,
        # a release that is complete has nothing to take back, one that goes back already is on that way, and
        # a full promotion outranks an abort: stable's pods may be gone by then
        abort_dropped=rolls_back
        or rollout.status.promote_full
        or (is_promoted(rollout) and rollout.status.pod_hash == pod_hash),
    )


def _pass(draft: Draft) -> Json:
    ended = preliminaries(draft)
    if ended is not None:
        return ended
    if draft.is_changed:
        return _reset(draft)
    follow_step_plugins(draft)
    if _is_rescaled(draft) and _rescale(draft):
        _keep_current(draft)
        return _status(draft, moves=False)
    clean_history(draft)
    switch_services(draft)
    route_traffic(draft)
    if draft.trouble:
        # pods are not scaled and steps not completed on weights that could not be written
        _keep_current(draft)
        return _status(draft, moves=False)
    reconcile_experiments(draft)
    reconcile_runs(draft)
    if not draft.paused_for and not scale_all(draft):
        wait_in_pause(draft)
        begin_plugin_step(draft)
    return _status(draft, moves=True)


def _rescale(draft: Draft) -> bool:
    """Scale to the new `spec.replicas`; False while that has to wait, so that traffic is seen to meanwhile.

    Pods may wait for just that traffic to leave them.
    """
    before = len(draft.effects)
    # this may take the last pods of stable, or of an aborted canary, and their Service goes before them
    switch_services(draft)
    scale_all(draft)
    return len(draft.effects) > before


def _keep_current(draft: Draft) -> None:
    """The runs and the Experiment of the release stay what they are, in a pass that does not come to them."""
    status = draft.status
    draft.step_run, draft.background_run = status.step_run, status.background_run
    draft.experiment = status.current_experiment


def _is_rescaled(draft: Draft) -> bool:
    """`spec.replicas` changed since the pods were last scaled: that comes before any step."""
    new, stable = draft.revisions.new, draft.revisions.stable
    active = (r for r in (new, stable) if r is not None and r.replicas > 0)
    # a set of an older version has no such note, and says nothing by that
    return any(r.desired not in (None, draft.rollout.replicas) for r in active)


def _reset(draft: Draft) -> Json:
    """The template or the steps changed: the release begins anew, or goes straight back to stable."""
    steps = draft.canary.steps
    reset_step_plugins(draft)
    status = counted(draft)
    status.promote_full = False
    status.step_run = status.background_run = None
    status.restarted_at = draft.rollout.restart_at
    status.step_index = 0 if steps else None
    if draft.pod_hash == draft.status.stable_hash:
        if steps:
            status.step_index = len(steps)
            draft.declare("SkipSteps", "Rollback to stable ReplicaSets")
        if draft.status.pod_hash != draft.pod_hash:
            status.duration = attempt.turned_back(draft.status.duration)
    else:
        back = way_back(draft.revisions, quickly=draft.rolls_back)
        status.duration = attempt.superseded(draft.status.duration, back, draft.now)
        if draft.rolls_back and steps:
            status.step_index = len(steps)
            _tell_rollback(draft)
    judge(draft, status)
    return concluded(draft, status)


def _tell_rollback(draft: Draft) -> None:
    new = draft.revisions.new
    if new is not None and new.replicas:
        # the reference says so only of a revision that still has pods, and skips the steps of any
        draft.declare("SkipSteps", "Rollback to active ReplicaSets within RollbackWindow")


def _status(draft: Draft, *, moves: bool) -> Json:
    """The status after a pass. `moves`: steps may complete, and the release may be promoted."""
    status = counted(draft)
    abort_if_overdue(draft, status)
    if draft.status.promote_full or draft.rolls_back:
        draft.pauses_cleared = draft.abort_dropped = True
    status.step_index = _index(draft, moves=moves)
    reason = promotion_reason(draft) if moves else ""
    if reason:
        promote(draft, status, reason)
        status.step_index = len(draft.canary.steps) or None
    status.step_run, status.background_run = draft.step_run, draft.background_run
    status.current_experiment = "" if draft.is_aborted else draft.experiment
    settle_pauses(draft, status)
    track(draft, status)
    judge(draft, status, lambda: awaited(draft))
    return concluded(draft, status)


def _index(draft: Draft, *, moves: bool) -> int | None:
    steps, index = draft.canary.steps, step_index(draft.rollout)
    if not steps or index is None:
        return None
    if draft.status.promote_full or draft.rolls_back or is_promoted(draft.rollout):
        return len(steps)
    if draft.is_aborted:
        return 0
    if moves and index < len(steps) and is_complete(draft):
        step = current_step(draft.rollout)
        draft.declare(
            "RolloutStepCompleted", f"Rollout step {index + 1}/{len(steps)} completed ({step})"
        )
        draft.unpaused.add(CANARY_PAUSE)
        draft.step_run, draft.experiment = None, ""
        return index + 1
    return index
