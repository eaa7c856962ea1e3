"""How many pods each revision of a blue-green release has.

In: the draft of a pass. Out: scale effects: whoever has the active Service and stable have all pods, the new
revision what its preview needs, the others what their delays leave them. §2.9, §2.11.
"""

from __future__ import annotations

from ...model import names
from ...model.workload import ReplicaSet
from ..delays import delays_on_abort, is_referenced, may_shrink
from ..draft import INCONCLUSIVE_RUN
from ..scaling import scale_aborted, size_under_delay
from .draft import BlueGreenDraft
from .pauses import wanted_preview
from .promotion import has_post_verdict, is_fast_rollback


def scale_all(draft: BlueGreenDraft) -> None:
    """Scale what is due. A pause holds no pods back: it is the switch that it holds."""
    _drop_stale_deadlines(draft)
    _scale_answering(draft)
    _scale_new(draft)
    _scale_others(draft)


def scale_first(draft: BlueGreenDraft) -> None:
    """The first revision has all pods at once: it is stable from the beginning, and told to be when it has them."""
    new = draft.revisions.new
    if new is not None and not draft.status.stable_hash:
        _scale(draft, new, draft.rollout.replicas)


def _drop_stale_deadlines(draft: BlueGreenDraft) -> None:
    revisions = draft.revisions
    goes_back = revisions.has_distinct_stable and is_fast_rollback(draft)
    if revisions.new is not None and not delays_on_abort(draft) and not goes_back:
        draft.drop_deadline(revisions.new)
    if revisions.stable is not None and revisions.has_distinct_stable:
        draft.drop_deadline(revisions.stable)


def _scale_answering(draft: BlueGreenDraft) -> None:
    """Stable and whoever answers for it at present have as many pods as the Rollout wants."""
    revisions = draft.revisions
    distinct = revisions.stable if revisions.has_distinct_stable else None
    other = draft.active if draft.active in revisions.others else None
    for replica_set in filter(None, (distinct, other)):
        _scale(draft, replica_set, draft.rollout.replicas)


def _scale_new(draft: BlueGreenDraft) -> None:
    new = draft.revisions.new
    if new is None:
        return
    if not delays_on_abort(draft):
        _scale(draft, new, wanted_preview(draft))
    elif draft.is_active or new.replicas == 0 or not scale_aborted(draft, new, 0):
        # traffic leaves first; and the note of the Rollout's replicas follows in any case
        draft.scale(new, new.replicas)


def _scale_others(draft: BlueGreenDraft) -> None:
    if INCONCLUSIVE_RUN in draft.paused_for or draft.status.is_paused_for(INCONCLUSIVE_RUN):
        return
    if _awaits_post_verdict(draft):
        return
    limit, kept = draft.blue_green.scale_down_delay_revision_limit, 0
    for other in sorted(draft.revisions.others, key=lambda r: -r.revision):
        if not (other.replicas or other.has_deadline) or is_referenced(draft, other):
            continue
        kept += 1
        _scale_other(draft, other, within_limit=limit is None or kept <= limit)


def _scale_other(draft: BlueGreenDraft, other: ReplicaSet, *, within_limit: bool) -> None:
    if size_under_delay(draft, other, within_limit=within_limit):
        _scale(draft, other, _kept(draft, other))
        return
    if other.replicas and not may_shrink(draft, other, 0):
        return
    draft.scale(other, 0, {names.SCALE_DOWN_DEADLINE: None} if other.has_deadline else {})


def _kept(draft: BlueGreenDraft, other: ReplicaSet) -> int:
    """A set that had all pods follows the Rollout, so that going back to it is quick; a smaller preview stays.

    The reference scales a superseded preview up to the Rollout's replicas before it goes.
    """
    replicas = draft.rollout.replicas
    return replicas if other.replicas == other.desired else min(other.replicas, replicas)


def _awaits_post_verdict(draft: BlueGreenDraft) -> bool:
    """Without a delay of the author's own, old pods stay until the analysis after the switch has ended."""
    block = draft.blue_green
    if block.post_promotion is None or block.scale_down_delay is not None:
        return False
    under_way = draft.is_active and draft.status.stable_hash != draft.pod_hash
    return under_way and not has_post_verdict(draft)


def _scale(draft: BlueGreenDraft, replica_set: ReplicaSet, replicas: int) -> None:
    if replicas < replica_set.replicas and not may_shrink(draft, replica_set, replicas):
        return
    draft.scale(replica_set, replicas)
