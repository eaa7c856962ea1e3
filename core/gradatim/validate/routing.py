"""The routers of a canary: what they can do, and what is wrong with their blocks.

In: `trafficRouting` and the installed plugins. Out: answers for the rules of canary and steps, and Problems.
Called by `canary.py` and `steps.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradatim.model.canary import ROUTER_KEYS, Canary, TrafficRouting
from gradatim.model.reading import Json, Reader
from gradatim.plugin import Capability, FieldPath, Problem

from .plugins import Plugins


class Routing:
    """What the rules ask about the routers of one canary.

    Attributes:
        is_on: there is a `trafficRouting` block.
        is_known: somebody serves every router. Otherwise nothing can be said of what they can do; that
            somebody is missing is a Problem of its own.
        blocks: each router's key and block.
    """

    def __init__(self, routing: TrafficRouting | None, plugins: Plugins) -> None:
        self._plugins = plugins
        self._served = frozenset(plugins.router_keys())
        self.is_on = routing is not None
        self.blocks: Mapping[str, Json] = routing.routers if routing else {}
        self.is_known = self._served.issuperset(self.blocks)
        self.managed = frozenset(routing.managed_routes) if routing else frozenset()
        self.total = 100 if routing is None or routing.max_weight is None else routing.max_weight

    def served(self) -> list[str]:
        """Keys of the routers that somebody serves."""
        return [key for key in self.blocks if key in self._served]

    def capabilities(self, key: str) -> frozenset[Capability]:
        """What one router can do."""
        return self._plugins.capabilities(key)

    def can(self, capability: Capability) -> bool:
        """At least one of the routers can."""
        return any(capability in self.capabilities(key) for key in self.blocks)

    def lacks(self, capability: Capability) -> bool:
        """Nobody can: there is no router, or it is known that none of the routers can."""
        return self.is_known and not self.can(capability)


def block_problems(canary: Canary, plugins: Plugins, path: FieldPath) -> Iterator[Problem]:
    """What is wrong with each router's block, and that nobody serves its key."""
    if canary.routing is None:
        return
    named = Reader(canary.raw).object("trafficRouting").json("plugins")
    for key, block in canary.routing.routers.items():
        where = path / key if key in ROUTER_KEYS and key not in named else path / "plugins" / key
        if key in named and not isinstance(named[key], dict | None):
            yield Problem(where, "must be an object")
        else:
            yield from plugins.validate_route(key, block, where)
