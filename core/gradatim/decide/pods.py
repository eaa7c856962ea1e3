"""What is done to single pods: metadata of their part, and restarts.

In: the draft of a pass that has nothing else to do. Out: its last effects, and when the pods want another pass. Every
strategy ends with it. So nothing that concerns traffic or capacity waits for pods, and no pod is evicted while
something is being scaled.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ..model.rollout import Rollout
from .draft import Draft
from .metadata import metadata_blocks, sync_pods
from .restart import evictions, next_look

#: When to look again for pods that are not known yet.
_UNKNOWN: Final = timedelta(seconds=2)


def settle_pods(draft: Draft, *, unavailable: int, by_name: bool) -> None:
    """Bring pods in line with their revision's metadata, and evict those that are to be restarted.

    Args:
        unavailable: maxUnavailable in pods; 0 where a strategy has none.
        by_name: requests come to each revision by a name of its own, a Service or a subset.
    """
    if draft.trouble or draft.effects:
        return
    snapshot, now = draft.snapshot, draft.now
    if snapshot.pods is not None:
        draft.effects.extend(sync_pods(draft.rollout, draft.revisions, snapshot.pods))
    elif metadata_blocks(draft.rollout) is not None:
        draft.due(now + _UNKNOWN)
    going = evictions(snapshot, draft.revisions, now, unavailable=unavailable, by_name=by_name)
    if going is not None:
        draft.effects.append(going)
    moment = next_look(snapshot, now)
    if moment is not None:
        draft.due(moment)


def needs_pods(rollout: Rollout) -> bool:
    """Its pods matter to its decisions."""
    restarts = rollout.restart_at is not None and rollout.restart_at != rollout.status.restarted_at
    return restarts or metadata_blocks(rollout) is not None
