"""The analyses before and after the switch.

In: the draft of a pass. Out: runs to create or to end, and what their results demand. §3.1 of the reference.
A run begins when requests by its Service are sure to reach the pods that it is about (argo-rollouts #2488).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ...model import names
from ...model.analysisrun import AnalysisRun
from ...model.reading import Json
from ...model.runstatus import RunStatus
from ..delays import settled_at
from ..draft import INCONCLUSIVE_RUN
from ..runs import Kind, create, current_run, judged, needs_new, seen, terminate, tidy
from .draft import BlueGreenDraft
from .pauses import is_ready, wanted_preview
from .promotion import is_fast_rollback
from .services import is_whole

PRE: Final = Kind(
    "PrePromotion",
    "Blue/green pre-promotion analysis phase error/failed",
    lambda status: status.blue_green.pre_run,
)
POST: Final = Kind(
    "PostPromotion",
    "Blue/green post-promotion analysis phase error/failed",
    lambda status: status.blue_green.post_run,
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One of the two analyses.

    Attributes:
        block: what it measures, if the author wants it.
        applies: it is about where the release stands.
        may_begin: the pods are there.
    """

    kind: Kind
    infix: str
    block: Json | None
    applies: bool
    may_begin: Callable[[BlueGreenDraft], bool]


def reconcile_runs(draft: BlueGreenDraft) -> None:
    """Bring the runs in line with where the release stands; what is known of those that are over stays."""
    draft.has_settled_runs = True
    if _needs_none(draft):
        draft.pre_run, draft.post_run = _ended(draft, PRE), _ended(draft, POST)
        return
    draft.pre_run = _reconciled(draft, _pre(draft))
    draft.post_run = _reconciled(draft, _post(draft))


def tidy_runs(draft: BlueGreenDraft) -> None:
    """End runs that are not current, and delete what nobody needs any more."""
    if _needs_none(draft) or not draft.has_settled_runs:
        return
    tidy(draft, {run.name for run in (draft.pre_run, draft.post_run) if run is not None})


def _needs_none(draft: BlueGreenDraft) -> bool:
    status = draft.status
    if draft.is_aborted or status.promote_full or status.stable_hash == "":
        return True
    return draft.revisions.has_distinct_stable and is_fast_rollback(draft)


def _pre(draft: BlueGreenDraft) -> _Plan:
    block = draft.blue_green.pre_promotion
    applies = _is_under_way(draft) and bool(draft.active_hash) and not draft.is_active
    return _Plan(PRE, "pre", block, applies, _preview_is_there)


def _post(draft: BlueGreenDraft) -> _Plan:
    block = draft.blue_green.post_promotion
    return _Plan(POST, "post", block, _is_under_way(draft) and draft.is_active, is_whole)


def _is_under_way(draft: BlueGreenDraft) -> bool:
    return draft.status.stable_hash != draft.pod_hash


def _preview_is_there(draft: BlueGreenDraft) -> bool:
    # a preview of no pods is nothing that its Service could be pointed at
    is_switched = draft.preview_service is None or draft.preview_hash == draft.pod_hash
    return is_ready(draft) and (is_switched or wanted_preview(draft) == 0)


def _reconciled(draft: BlueGreenDraft, plan: _Plan) -> RunStatus | None:
    noted = plan.kind.noted(draft.status)
    current = current_run(draft.snapshot, noted)
    if plan.block is None or not plan.applies:
        terminate(draft, current)
        if draft.status.aborted_at is not None:
            # a retry: what was measured before the abort says nothing any more
            return None
        return noted if current is None else seen(draft, plan.kind, current)
    if draft.status.is_paused_for(INCONCLUSIVE_RUN):
        return noted
    if not needs_new(draft, current):
        return None if current is None else judged(draft, plan.kind, current)
    terminate(draft, current)
    return _begun(draft, plan, plan.block)


def _begun(draft: BlueGreenDraft, plan: _Plan, block: Json) -> RunStatus | None:
    if not plan.may_begin(draft):
        return None
    settled = settled_at(draft)
    if settled is not None and settled > draft.now:
        draft.due(settled)
        return None
    labels = {names.ROLLOUT_TYPE: plan.kind.label}
    return create(draft, plan.kind, block, infix=plan.infix, labels=labels)


def _ended(draft: BlueGreenDraft, kind: Kind) -> RunStatus | None:
    noted = kind.noted(draft.status)
    run: AnalysisRun | None = current_run(draft.snapshot, noted)
    terminate(draft, run)
    return noted if run is None else seen(draft, kind, run)
