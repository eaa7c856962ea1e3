"""The Istio traffic router for Gradatim: `trafficRouting.istio` of a Rollout.

In: nothing. Out: the router's class, and Problems of its block. Called by the controller's plugin registry.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradatim.plugin import FieldPath, Json, Problem, TrafficRouter, hookimpl

__all__ = ["GRADATIM_API", "gradatim_traffic_routers", "gradatim_validate_route"]

#: The version of Gradatim's plugin API that this package was written for.
GRADATIM_API = "1.0"


@hookimpl
def gradatim_traffic_routers() -> Iterable[type[TrafficRouter]]:
    """The router for `istio`."""
    from .router import IstioRouter

    return [IstioRouter]


@hookimpl
def gradatim_validate_route(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """Problems of an `istio` block; None for the blocks of other routers."""
    if key != "istio":
        return None
    from .block_problems import problems

    return list(problems(config, path))
