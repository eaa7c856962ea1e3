"""Whose the canary's side is while a newer canary takes over from an earlier one in the middle of its release.

In: the draft of a pass. Out: the earlier canary, as long as it keeps the canary's Service or subset. `goal.py` gives
the newer one no weight meanwhile, `services.py` and `traffic.py` leave the side where it is (`spec/users.md` row 4).
Weights and endpoints reach a proxy by different ways: one that still follows the earlier, greater weight would send
all of it to the first pod of the newer canary.
"""

from __future__ import annotations

from ..model.workload import ReplicaSet
from .delays import settled_at
from .draft import Draft
from .shares import has_canary_side


def followed_canary(draft: Draft) -> ReplicaSet | None:
    """The earlier canary to which some proxy may still send more than is written; None: all follow."""
    earlier = earlier_canary(draft)
    if earlier is None:
        return None
    moment = settled_at(draft)
    if moment is not None and moment > draft.now:
        draft.due(moment)
    return earlier if moment is None or moment > draft.now else None


def earlier_canary(draft: Draft) -> ReplicaSet | None:
    """The revision that the canary's side still names, and that answers there; None once it is the new one's."""
    revisions = draft.revisions
    is_superseding = draft.canary.routing is not None and revisions.has_distinct_stable
    if not is_superseding or draft.is_aborted or draft.rollout.replicas == 0:
        return None
    others = (r for r in revisions.others if r.answering > 0)
    return next((r for r in others if has_canary_side(draft, r.pod_hash)), None)
