"""The canary strategy of a Rollout.

In: `spec.strategy.canary`. Out: a frozen `Canary`, blocks of routers and analyses kept as JSON.
Read by the decision and by validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .reading import Json, Reader
from .steps import Step, read_steps

#: Router blocks in the order in which they are carried out when there are several.
ROUTER_KEYS: Final = (
    "istio",
    "nginx",
    "alb",
    "smi",
    "ambassador",
    "appMesh",
    "traefik",
    "apisix",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficRouting:
    """The `trafficRouting` block.

    Attributes:
        routers: each configured router's key and its block, in the order of `ROUTER_KEYS`; those under
            `plugins:` follow under their own names, sorted.
    """

    routers: Mapping[str, Json] = field(default_factory=dict)
    managed_routes: tuple[str, ...] = ()
    max_weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressThreshold:
    """`replicaProgressThreshold`: how much of the canary must be available for a step to go on."""

    kind: str = ""
    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutAnalysis:
    """An analysis that a strategy asks for: background, or an inline step."""

    raw: Json = field(repr=False, default_factory=dict)
    starting_step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """`spec.strategy.canary`."""

    raw: Json = field(repr=False, default_factory=dict)
    steps: tuple[Step, ...] = ()
    raw_steps: list[Json] | None = None
    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    canary_service: str = ""
    stable_service: str = ""
    routing: TrafficRouting | None = None
    background: RolloutAnalysis | None = None
    scale_down_delay: int | None = None
    scale_down_delay_revision_limit: int | None = None
    abort_scale_down_delay: int | None = None
    dynamic_stable_scale: bool = False
    min_pods: int | None = None
    threshold: ProgressThreshold | None = None
    ping_pong: bool = False
    anti_affinity: bool = False
    canary_metadata: Json = field(default_factory=dict)
    stable_metadata: Json = field(default_factory=dict)


def read_canary(reader: Reader) -> Canary:
    """The view of a `canary` block."""
    threshold = reader.object("replicaProgressThreshold")
    background = reader.object("analysis")
    raw_steps = reader.raw.get("steps")
    return Canary(
        raw=dict(reader.raw),
        steps=read_steps(reader),
        raw_steps=raw_steps if isinstance(raw_steps, list) else None,
        max_surge=reader.int_or_text("maxSurge"),
        max_unavailable=reader.int_or_text("maxUnavailable"),
        canary_service=reader.text("canaryService"),
        stable_service=reader.text("stableService"),
        routing=_routing(reader.object("trafficRouting")) if reader.has("trafficRouting") else None,
        background=RolloutAnalysis(
            raw=dict(background.raw), starting_step=background.number("startingStep")
        )
        if reader.has("analysis")
        else None,
        scale_down_delay=reader.maybe_number("scaleDownDelaySeconds"),
        scale_down_delay_revision_limit=reader.maybe_number("scaleDownDelayRevisionLimit"),
        abort_scale_down_delay=reader.maybe_number("abortScaleDownDelaySeconds"),
        dynamic_stable_scale=reader.flag("dynamicStableScale"),
        min_pods=reader.maybe_number("minPodsPerReplicaSet"),
        threshold=ProgressThreshold(kind=threshold.text("type"), value=threshold.number("value"))
        if reader.has("replicaProgressThreshold")
        else None,
        ping_pong=reader.has("pingPong"),
        anti_affinity=reader.has("antiAffinity"),
        canary_metadata=reader.json("canaryMetadata"),
        stable_metadata=reader.json("stableMetadata"),
    )


def _routing(reader: Reader) -> TrafficRouting:
    routers = {key: reader.json(key) for key in ROUTER_KEYS if reader.has(key)}
    plugins = reader.json("plugins")
    for name in sorted(plugins):
        routers[name] = plugins[name] if isinstance(plugins[name], dict) else {}
    return TrafficRouting(
        routers=routers,
        managed_routes=tuple(r.text("name") for r in reader.objects("managedRoutes")),
        max_weight=reader.maybe_number("maxTrafficWeight"),
    )
