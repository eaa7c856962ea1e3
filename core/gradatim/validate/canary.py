"""The rules of `spec.strategy.canary`, but for those of its steps.

In: a Rollout, its canary and the installed plugins. Out: Problems: Argo Rollouts' own first, in its order and words.
Called by `rollout.py`. Where the reference asks which router it is, this asks what the router can do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gradatim.model.analysis import int_value
from gradatim.model.canary import ROUTER_KEYS, Canary
from gradatim.model.reading import Reader
from gradatim.model.rollout import Rollout
from gradatim.plugin import Capability, FieldPath, Problem

from .affinity import anti_affinity_problems
from .fields import argument_problems
from .metadata import metadata_problems
from .plugins import Plugins
from .routing import Routing, block_problems
from .stepplugins import plugin_step_problems
from .steps import step_problems
from .wording import invalid

CANARY: Final = FieldPath("spec", "strategy", "canary")

_PERCENT: Final = re.compile(r"([0-9]{1,18})%")
_DEFAULT_PERCENT: Final = 25
_MOST_PERCENT: Final = 100
_BOTH_SERVICES: Final = "Canary service and Stable service must to be set to use Traffic Routing"
_BOTH_PING_PONG: Final = "Ping service and Pong service must to be set to use Ping-Pong feature"


def canary_problems(rollout: Rollout, canary: Canary, plugins: Plugins) -> Iterator[Problem]:
    """S18 to S46, then what the reference finds out in the middle of a rollout or never."""
    routing = Routing(canary.routing, plugins)
    yield from _surge_problems(canary)
    if canary.canary_service and canary.canary_service == canary.stable_service:
        yield invalid(CANARY / "stableService", canary.stable_service, _same("stable and canary"))
    if canary.ping_pong:
        yield from _ping_pong_problems(canary, routing)
    yield from _service_problems(canary, routing)
    yield from _routed_only_problems(canary, routing)
    for index in range(len(canary.steps)):
        yield from step_problems(rollout, canary, index, routing)
    yield from plugin_step_problems(canary, plugins, CANARY / "steps")
    if canary.anti_affinity:
        block = Reader(canary.raw).object("antiAffinity")
        yield from anti_affinity_problems(block, CANARY / "antiAffinity")
    for field in ("canaryMetadata", "stableMetadata"):
        yield from metadata_problems(rollout, Reader(canary.raw), field, CANARY)
    yield from _threshold_problems(canary)
    if canary.background is not None:
        yield from argument_problems(rollout, canary.background.raw, CANARY / "analysis")
    yield from block_problems(canary, plugins, CANARY / "trafficRouting")


def _surge_problems(canary: Canary) -> Iterator[Problem]:
    if _amount(canary.max_surge) == 0 and _amount(canary.max_unavailable) == 0:
        detail = "MaxSurge and MaxUnavailable both can not be zero"
        yield invalid(CANARY / "maxSurge", canary.max_surge, detail)


def _amount(value: int | str | None) -> int:
    """The number in front of a percent sign counts; as in the reference, other text is a number or 0."""
    if isinstance(value, str) and (percent := _PERCENT.fullmatch(value)):
        return int(percent[1])
    return int_value(value, _DEFAULT_PERCENT)


def _same(which: str) -> str:
    return (
        f"This rollout uses the same service for the {which} services, "
        "but two different services are required."
    )


def _ping_pong_problems(canary: Canary, routing: Routing) -> Iterator[Problem]:
    block, path = Reader(canary.raw).object("pingPong"), CANARY / "pingPong"
    ping, pong = block.text("pingService"), block.text("pongService")
    alb = routing.blocks.get("alb")
    if routing.is_on and routing.lacks(Capability.PING_PONG):
        detail = (
            "Ping-pong feature works with the ALB, Istio, and plugin-based traffic routers only"
        )
        yield invalid(CANARY / "trafficRouting" / "alb", None, detail)
    if not ping:
        yield invalid(path / "pingService", ping, _BOTH_PING_PONG)
    if not pong:
        yield invalid(path / "pongService", pong, _BOTH_PING_PONG)
    if ping == pong:
        yield invalid(path / "pingService", ping, _same("ping and pong"))
    if alb is not None and not alb.get("rootService"):
        detail = (
            "Root service field is required for the configuration with ALB and ping-pong feature "
            "enabled"
        )
        yield invalid(CANARY / "trafficRouting" / "alb" / "rootService", "", detail)


def _service_problems(canary: Canary, routing: Routing) -> Iterator[Problem]:
    if not _needs_services(canary, routing):
        return
    if not canary.stable_service:
        yield invalid(CANARY / "stableService", "", _BOTH_SERVICES)
    if not canary.canary_service:
        yield invalid(CANARY / "canaryService", "", _BOTH_SERVICES)


def _needs_services(canary: Canary, routing: Routing) -> bool:
    """A router of the CRD's own needs both Services, unless it moves subsets or ping and pong instead.

    What a router under `plugins` needs, only its own validation can know.
    """
    for key in routing.served():
        if key not in ROUTER_KEYS:
            continue
        able = routing.capabilities(key)
        by_subsets = Capability.SUBSETS in able and routing.blocks[key].get("destinationRule")
        by_ping_pong = Capability.PING_PONG in able and canary.ping_pong
        if not by_subsets and not by_ping_pong:
            return True
    return False


def _routed_only_problems(canary: Canary, routing: Routing) -> Iterator[Problem]:
    delay, dynamic = canary.scale_down_delay, canary.dynamic_stable_scale
    if canary.routing is None:
        if delay is not None:
            detail = "Canary scaleDownDelaySeconds can only be used with traffic routing"
            yield invalid(CANARY / "scaleDownDelaySeconds", delay, detail)
        if dynamic:
            detail = "Canary dynamicStableScale can only be used with traffic routing"
            yield invalid(CANARY / "dynamicStableScale", dynamic, detail)
        return
    if delay is not None and dynamic:
        detail = "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds"
        yield invalid(CANARY / "dynamicStableScale", dynamic, detail)
    weight, path = canary.routing.max_weight, CANARY / "trafficRouting" / "maxTrafficWeight"
    if weight is None:
        return
    if weight < 1:
        # weights are divided by it
        yield invalid(path, weight, "must be greater than 0")
    if routing.lacks(Capability.MAX_WEIGHT):
        detail = "Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins"
        yield invalid(path, weight, detail)


def _threshold_problems(canary: Canary) -> Iterator[Problem]:
    """A threshold that is never met stops every release at its first step."""
    threshold, path = canary.threshold, CANARY / "replicaProgressThreshold"
    if threshold is not None and threshold.kind == "Percent" and threshold.value > _MOST_PERCENT:
        yield invalid(path / "value", threshold.value, "must not be more than 100 percent")
