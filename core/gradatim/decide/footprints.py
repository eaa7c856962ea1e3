"""What is left of us on routers' objects once a release is over: nothing, where nothing of ours is in them any more.

In: a draft in which nothing else is to be done. Out: effects that give our fields back. Called last by `canary.py`.
The API server notes who wrote which field. An entry of ours on a VirtualService keeps tools that sync it from Git off
it (argo-rollouts #3854), for its list of routes counts as one field, whichever weight we wrote.
"""

from __future__ import annotations

from ..model.reading import Json
from ..plugin import ObjectRef
from .draft import Draft
from .effects import GiveBack
from .progress import is_promoted
from .snapshot import Route


def give_back(draft: Draft) -> None:
    """Give back what we have written at, once traffic is where it was without us."""
    weights = draft.status.weights
    is_over = is_promoted(draft.rollout) or draft.is_aborted
    if weights is None or weights.canary.weight or weights.additional or not is_over:
        return
    for route in draft.snapshot.routes:
        for ref, obj in route.objects.items():
            if is_noted(obj) and not _has_ours(draft, route, ref):
                draft.effects.append(GiveBack(ref))


def is_noted(obj: Json) -> bool:
    """The API server notes us as one who wrote at the object; a reader leaves nothing but our names there."""
    metadata = obj.get("metadata")
    return isinstance(metadata, dict) and bool(metadata.get("managedFields"))


def _has_ours(draft: Draft, route: Route, ref: ObjectRef) -> bool:
    """Something of the object is ours for good, as the hashes of subsets are."""
    alone = {ref: route.objects[ref]}
    return bool(route.router.bound_hashes(route.config, draft.rollout.namespace, alone))
