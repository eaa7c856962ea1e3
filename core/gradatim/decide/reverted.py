"""Weights that somebody else has written in the middle of a release: told, since they are put right at once.

In: what a router's objects say, and what the status says was written last. Out: a warning event. `traffic.py` calls it.
A tool that syncs from Git and reverts each step shows itself by nothing else (argo-rollouts #2463, #336, #849).
"""

from __future__ import annotations

from ..plugin import Observed
from .draft import Draft
from .effects import Emit
from .snapshot import Route

#: Reason of the event.
REVERTED = "TrafficReverted"


def tell_reverted(draft: Draft, route: Route, observed: Observed, wanted: int) -> None:
    """Tell of a weight that is neither what we wrote nor what we want.

    The status is written after the weights: where the two differ and the weight is on its way somewhere else, a
    controller was killed in between, and nobody else wrote.
    """
    written = draft.status.weights
    if written is None or observed.weight is None or written.canary.weight != wanted:
        return
    if observed.weight != wanted:
        refs = ", ".join(map(str, route.objects))
        message = (
            f"Somebody else set the canary's weight to {observed.weight} where {wanted} had been written "
            f"({refs}); it is set to {wanted} again"
        )
        draft.effects.append(Emit(REVERTED, message, "Warning"))
