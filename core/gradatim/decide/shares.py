"""The shares of the requests that stable and the canary have now, as the routers' objects say it.

In: the draft of a pass. Out: the least and the greatest weight that they may have. Asked by `services.py`, `goal.py`
and `delays.py`, which must not go by the status alone: a controller that was killed had moved more than it could write
there, and tools that sync from Git write without asking.
"""

from __future__ import annotations

from ..plugin import Observed, RouterError, Target, Wanted
from .draft import Draft
from .progress import max_weight
from .snapshot import Route


def stable_share(draft: Draft) -> tuple[int, int]:
    """Stable's weight at the router that gives it the least, and at the one that gives it the greatest.

    Objects that cannot be read, or do not agree, may say anything; what is outside the cluster says what was written.
    """
    bounds = [_bounds(draft, route) for route in draft.snapshot.routes] or [(0, 0)]
    return min(low for low, _ in bounds), max(high for _, high in bounds)


def canary_share(draft: Draft) -> int:
    """The greatest weight that the canary has at some router, or that was written last."""
    written = draft.status.weights
    seen = (_observed(draft, route).weight for route in draft.snapshot.routes if route.objects)
    return max([written.canary.weight if written else 0, *(w for w in seen if w is not None)])


def share_of(draft: Draft, pod_hash: str) -> int:
    """The greatest weight that a revision's pods may get now, by the Services and subsets that name them."""
    canary = draft.canary
    seen = [_observed(draft, route) for route in draft.snapshot.routes if route.objects]
    sides = (
        (canary.canary_service, [each.canary_hash for each in seen], canary_share(draft)),
        (canary.stable_service, [each.stable_hash for each in seen], stable_share(draft)[1]),
    )
    services = draft.snapshot.services
    named = {name for name, service in services.items() if service.pod_hash == pod_hash}
    return sum(share for name, bound, share in sides if name in named or pod_hash in bound)


def has_canary_side(draft: Draft, pod_hash: str) -> bool:
    """The canary's Service or subset names these pods."""
    service = draft.snapshot.services.get(draft.canary.canary_service)
    if service is not None and service.pod_hash == pod_hash:
        return True
    routes = (route for route in draft.snapshot.routes if route.objects)
    return any(_observed(draft, route).canary_hash == pod_hash for route in routes)


def _bounds(draft: Draft, route: Route) -> tuple[int, int]:
    total, written = max_weight(draft.canary), draft.status.weights
    if not route.objects:
        share = written.stable.weight if written else total
        return share, share
    seen = _observed(draft, route)
    if seen.weight is None:
        return 0, total
    share = total - seen.weight - sum(seen.additional.values())
    return share, share


def _observed(draft: Draft, route: Route) -> Observed:
    canary, routing = draft.canary, draft.canary.routing
    asked = Wanted(
        rollout=draft.rollout.name,
        namespace=draft.rollout.namespace,
        config=route.config,
        stable=Target(canary.stable_service),
        canary=Target(canary.canary_service),
        total=max_weight(canary),
        managed_routes=routing.managed_routes if routing else (),
        keep_routes=True,
    )
    try:
        return route.router.observed(asked, route.objects)
    except RouterError:
        return Observed()
