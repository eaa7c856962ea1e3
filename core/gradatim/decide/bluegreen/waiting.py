"""What a blue-green release waits for, in words that a person can act on.

In: the draft of a pass. Out: a sentence, "" while nothing is waited for. `judgement.py` says it once nothing has moved
for a while, as that of a canary.
"""

from __future__ import annotations

from ..waiting import WAITING, for_handover, for_scale_down
from .draft import BlueGreenDraft, remaining
from .pauses import wanted_preview


def awaited(draft: BlueGreenDraft) -> str:
    """What has to come before the release goes on."""
    if draft.is_stopped:
        return ""
    return for_handover(draft) or _for_pods(draft) or for_scale_down(draft)


def _for_pods(draft: BlueGreenDraft) -> str:
    """The pods without which the active Service is not switched, or the preview not tried out."""
    answering, wanted = remaining(draft.revisions.new), wanted_preview(draft)
    if answering >= wanted:
        return ""
    pods = f"{WAITING}{answering} of {wanted} "
    if draft.is_active:
        return f"{pods}pods"
    if wanted < draft.rollout.replicas:
        return f"{pods}preview pods"
    return f"{pods}pods before Service {draft.blue_green.active_service} is switched"
