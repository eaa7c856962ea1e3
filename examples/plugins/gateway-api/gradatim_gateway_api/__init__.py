"""A traffic router for Gateway API, as anybody could write one: it imports `gradatim.plugin` and nothing else of it.

In: pluggy's calls. Out: the router's class, and the Problems of its block.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradatim.plugin import FieldPath, Json, Problem, TrafficRouter, hookimpl

from .config import problems
from .router import GatewayApiRouter

GRADATIM_API = "1.0"


@hookimpl
def gradatim_traffic_routers() -> Iterable[type[TrafficRouter]]:
    """The one router."""
    return [GatewayApiRouter]


@hookimpl
def gradatim_validate_route(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """What is wrong with its block."""
    return list(problems(config, path)) if key == GatewayApiRouter.key else None
