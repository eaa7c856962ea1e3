"""The steps of a canary, and the step at an index.

In: `spec.strategy.canary.steps`. Out: a tuple of frozen `Step`s. Read by the decision and by validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .duration import pause_seconds
from .reading import Json, Reader

#: What completes an element that has several keys: the first of these that it has (§1.1.3).
ORDER: Final = (
    "pause",
    "setCanaryScale",
    "setWeight",
    "experiment",
    "analysis",
    "setHeaderRoute",
    "setMirrorRoute",
    "plugin",
)


@dataclass(frozen=True, slots=True)
class CanaryScale:
    """`setCanaryScale`: how many canary pods, whatever the weight is."""

    weight: int | None = None
    replicas: int | None = None
    match_traffic_weight: bool = False


@dataclass(frozen=True, slots=True)
class PluginStep:
    """`plugin`: a step that a plugin carries out."""

    name: str
    config: Json = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One element of `steps`.

    Attributes:
        kind: the key that decides when it is complete, "" if it has none of `ORDER`.
        pause_seconds: length of a timed pause; None for one without end; -1 if it cannot be read.
        pause_text: the duration as it was written, for events.
        analysis: the block of an inline analysis.
        plugin: who carries the step out; None also where it has no name.
        experiment: the block of an Experiment to run.
    """

    raw: Json = field(repr=False, default_factory=dict)
    kind: str = ""
    set_weight: int | None = None
    is_pause: bool = False
    pause_seconds: int | None = None
    pause_text: str = ""
    canary_scale: CanaryScale | None = None
    analysis: Json | None = None
    plugin: PluginStep | None = None
    experiment: Json | None = None

    def __str__(self) -> str:
        """The words that events use for it; tools of users match them."""
        match self.kind:
            case "setWeight":
                return f"setWeight: {self.set_weight}"
            case "pause":
                return f"pause: {self.pause_text}" if self.pause_text else "pause"
            case "setCanaryScale":
                return f"setCanaryScale{{{self._scale_words()}}}"
            case "experiment" | "analysis":
                return self.kind
            case "setHeaderRoute" | "setMirrorRoute" | "plugin":
                return f"{self.kind}: {Reader(self.raw.get(self.kind)).text('name')}"
            case _:
                return "invalid"

    def _scale_words(self) -> str:
        scale = self.canary_scale or CanaryScale()
        if scale.weight is not None:
            return f"weight: {scale.weight}"
        if scale.match_traffic_weight:
            return "matchTrafficWeight: true"
        return f"replicas: {scale.replicas or 0}"


def read_steps(canary: Reader) -> tuple[Step, ...]:
    """The steps below a `canary` block."""
    return tuple(_step(reader) for reader in canary.objects("steps"))


def _step(reader: Reader) -> Step:
    kind = next((key for key in ORDER if reader.has(key)), "")
    duration = reader.object("pause").int_or_text("duration") if reader.has("pause") else None
    return Step(
        raw=dict(reader.raw),
        kind=kind,
        set_weight=reader.maybe_number("setWeight"),
        is_pause=reader.has("pause"),
        pause_seconds=None if duration is None else pause_seconds(duration),
        pause_text="" if duration is None else str(duration),
        canary_scale=_canary_scale(reader) if reader.has("setCanaryScale") else None,
        analysis=reader.json("analysis") if reader.has("analysis") else None,
        plugin=plugin_of(reader.raw) if reader.has("plugin") else None,
        experiment=reader.json("experiment") if reader.has("experiment") else None,
    )


def plugin_of(step: Mapping[str, object]) -> PluginStep | None:
    """The plugin of a step, if it names one; a config of a wrong type is none."""
    block = step.get("plugin")
    name = block.get("name") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(name, str) or not name:
        return None
    config = block.get("config")
    return PluginStep(name, config if isinstance(config, dict) else {})


def _canary_scale(reader: Reader) -> CanaryScale:
    scale = reader.object("setCanaryScale")
    return CanaryScale(
        weight=scale.maybe_number("weight"),
        replicas=scale.maybe_number("replicas"),
        match_traffic_weight=scale.flag("matchTrafficWeight"),
    )
