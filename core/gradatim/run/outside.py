"""Routers of control planes outside the cluster, which have to be asked to do what others are told by an object.

In: a router's key and what is wanted. Out: it is so, or a RouterError. The applier calls it.
"""

from __future__ import annotations

from collections import Counter

from ..errors import PluginError
from ..plugin import RouterError, Wanted
from ..registry import Registry
from .guardedrouter import GuardedRouter


class OutsideRouters:
    """Asks them, `at_once` Rollouts for each router at most: one that hangs does not take every worker with it."""

    def __init__(self, registry: Registry, at_once: int) -> None:
        self._registry = registry
        self._at_once = at_once
        self._busy: Counter[str] = Counter()

    async def apply(self, router: str, wanted: Wanted) -> None:
        """Have one bring about a state.

        Raises:
            RouterError: it could not, or it is busy with others; the pass is tried again.
        """
        if self._busy[router] >= self._at_once:
            raise RouterError(f"traffic router {router}: busy with {self._at_once} other Rollouts")
        self._busy[router] += 1
        try:
            await GuardedRouter(router, self._registry.traffic_router(router)).apply(wanted)
        except PluginError as error:
            raise RouterError(str(error)) from error
        finally:
            self._busy[router] -= 1
