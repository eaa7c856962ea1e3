"""The header and mirror routes that the steps of a canary ask for.

In: the strategy and the step that it is at. Out: the routes that shall be there, as a router is told them.
Folded from the steps, never from what was written: so a restart of ours or a change by others is mended in a pass.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from ..model.canary import Canary
from ..model.reading import Reader
from ..plugin import HeaderRoute, MirrorRoute, RouterError
from .snapshot import Snapshot

_HEADER: Final = "setHeaderRoute"
_MIRROR: Final = "setMirrorRoute"


@dataclass(frozen=True, slots=True)
class ManagedRoutes:
    """What is wanted of the managed routes.

    Attributes:
        keep: leave those that are there as they are; the other two are then empty.
    """

    header: tuple[HeaderRoute, ...] = ()
    mirror: tuple[MirrorRoute, ...] = ()
    keep: bool = False

    def digest(self) -> str:
        """A short text that differs when the routes do; "" for none."""
        if not (self.header or self.mirror):
            return ""
        parts = [
            [[r.name, r.match] for r in self.header],
            [[r.name, r.match, r.percentage] for r in self.mirror],
        ]
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


NO_ROUTES: Final = ManagedRoutes()
KEPT_ROUTES: Final = ManagedRoutes(keep=True)


def routes_at(canary: Canary, index: int) -> ManagedRoutes:
    """The routes after the steps up to and with `index`: of each name the last step counts.

    A step without a match takes the route of its name away.
    """
    found: dict[str, HeaderRoute | MirrorRoute] = {}
    for step in canary.steps[: index + 1]:
        reader = Reader(step.raw)
        for key in (_HEADER, _MIRROR):
            if not reader.has(key):
                continue
            block = reader.object(key)
            name = block.text("name")
            match = tuple(dict(m.raw) for m in block.objects("match"))
            found.pop(name, None)
            if match and key == _HEADER:
                found[name] = HeaderRoute(name, match)
            elif match:
                found[name] = MirrorRoute(name, match, block.maybe_number("percentage"))
    return ManagedRoutes(
        header=tuple(r for r in found.values() if isinstance(r, HeaderRoute)),
        mirror=tuple(r for r in found.values() if isinstance(r, MirrorRoute)),
    )


def has_managed_routes(snapshot: Snapshot) -> bool:
    """A router's object still has one, so that requests may come without any weight; unknown counts as yes."""
    rollout = snapshot.rollout
    routing = rollout.canary.routing if rollout.canary else None
    if routing is None or not routing.managed_routes:
        return False
    names, namespace = routing.managed_routes, rollout.namespace
    try:
        return any(
            list(r.router.without_routes(names, r.config, namespace, r.objects))
            for r in snapshot.routes
        )
    except RouterError:
        return True
