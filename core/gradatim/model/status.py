"""What `status` of a Rollout says: where a release stands.

In: the `status` JSON. Out: a frozen `Status`. The decision reads it, and writes its successor as plain JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from .bluegreen import BlueGreenStatus, read_blue_green_status
from .reading import Json, Reader, parse_time
from .runstatus import RunStatus, read_run_status
from .stepplugins import StepPluginStatus, read_step_plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One entry of `status.conditions`. `status` is "True", "False" or "Unknown"."""

    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    updated: datetime | None = None
    changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class PauseCondition:
    """Why the controller waits, and since when."""

    reason: str
    started: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightStatus:
    """One destination of `status.canary.weights`."""

    weight: int = 0
    service: str = ""
    pod_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """`status.canary.weights`: the weights that were last written to the routers."""

    canary: WeightStatus = WeightStatus()
    stable: WeightStatus = WeightStatus()
    additional: tuple[WeightStatus, ...] = ()
    verified: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """`status.duration`: times of the current attempt."""

    started: datetime | None = None
    finished: datetime | None = None
    pause_started: datetime | None = None
    paused_seconds: int = 0
    completion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`status` of a Rollout, with the defaults of one that was never processed."""

    raw: Json = field(repr=False, default_factory=dict)
    abort: bool = False
    aborted_at: datetime | None = None
    pause_conditions: tuple[PauseCondition, ...] = ()
    controller_pause: bool = False
    pod_hash: str = ""
    step_hash: str = ""
    step_index: int | None = None
    observed_generation: str = ""
    conditions: tuple[Condition, ...] = ()
    collision_count: int | None = None
    stable_hash: str = ""
    promote_full: bool = False
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    weights: Weights | None = None
    stable_ping_pong: str = ""
    step_run: RunStatus | None = None
    background_run: RunStatus | None = None
    step_plugins: tuple[StepPluginStatus, ...] = ()
    current_experiment: str = ""
    blue_green: BlueGreenStatus = field(default_factory=BlueGreenStatus)
    duration: Duration = Duration()
    restarted_at: datetime | None = None
    phase: str = ""
    message: str = ""

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type."""
        return next((c for c in self.conditions if c.type == kind), None)

    def is_paused_for(self, reason: str) -> bool:
        """A pause condition with that reason is there."""
        return any(p.reason == reason for p in self.pause_conditions)


_CONDITION_KEYS: Final = (
    "type",
    "status",
    "reason",
    "message",
    "lastUpdateTime",
    "lastTransitionTime",
)


def read_status(reader: Reader) -> Status:
    """The view of a `status` object."""
    canary = reader.object("canary")
    return Status(
        raw=dict(reader.raw),
        abort=reader.flag("abort"),
        aborted_at=reader.moment("abortedAt"),
        pause_conditions=tuple(
            PauseCondition(p.text("reason"), p.moment("startTime"))
            for p in reader.objects("pauseConditions")
        ),
        controller_pause=reader.flag("controllerPause"),
        pod_hash=reader.text("currentPodHash"),
        step_hash=reader.text("currentStepHash"),
        step_index=reader.maybe_number("currentStepIndex"),
        observed_generation=reader.text("observedGeneration"),
        conditions=tuple(read_condition(c) for c in reader.objects("conditions")),
        collision_count=reader.maybe_number("collisionCount"),
        stable_hash=reader.text("stableRS"),
        promote_full=reader.flag("promoteFull"),
        replicas=reader.number("replicas"),
        updated_replicas=reader.number("updatedReplicas"),
        ready_replicas=reader.number("readyReplicas"),
        available_replicas=reader.number("availableReplicas"),
        weights=_weights(canary.object("weights")) if canary.has("weights") else None,
        stable_ping_pong=canary.text("stablePingPong"),
        step_run=read_run_status(canary, "currentStepAnalysisRunStatus"),
        background_run=read_run_status(canary, "currentBackgroundAnalysisRunStatus"),
        step_plugins=read_step_plugins(canary),
        current_experiment=canary.text("currentExperiment"),
        blue_green=read_blue_green_status(reader.object("blueGreen")),
        duration=_duration(reader.object("duration")),
        restarted_at=reader.moment("restartedAt"),
        phase=reader.text("phase"),
        message=reader.text("message"),
    )


def read_condition(reader: Reader) -> Condition:
    """The view of one entry of `conditions`."""
    texts = [reader.raw.get(key, "") for key in _CONDITION_KEYS]
    sound = _sound_condition(*texts) if all(type(text) is str for text in texts) else None
    return sound or Condition(
        type=reader.text("type"),
        status=reader.text("status"),
        reason=reader.text("reason"),
        message=reader.text("message"),
        updated=reader.moment("lastUpdateTime"),
        changed=reader.moment("lastTransitionTime"),
    )


@lru_cache(maxsize=4096)
def _sound_condition(
    kind: str, status: str, reason: str, message: str, *times: str
) -> Condition | None:
    """The view of one that has nothing wrong in it, the same for equal ones; None if a time is no time."""
    moments = [parse_time(text) if text else None for text in times]
    if any(text and moment is None for text, moment in zip(times, moments, strict=True)):
        return None
    updated, changed = moments
    return Condition(
        type=kind, status=status, reason=reason, message=message, updated=updated, changed=changed
    )


def _weights(reader: Reader) -> Weights:
    return Weights(
        canary=_weight(reader.object("canary")),
        stable=_weight(reader.object("stable")),
        additional=tuple(_weight(item) for item in reader.objects("additional")),
        verified=reader.maybe_flag("verified"),
    )


def _weight(reader: Reader) -> WeightStatus:
    return WeightStatus(
        weight=reader.number("weight"),
        service=reader.text("serviceName"),
        pod_hash=reader.text("podTemplateHash"),
    )


def _duration(reader: Reader) -> Duration:
    return Duration(
        started=reader.moment("rolloutStartedAt"),
        finished=reader.moment("finishedAt"),
        pause_started=reader.moment("manualPauseStartedAt"),
        paused_seconds=reader.number("totalManualPauseDurationSeconds"),
        completion=reader.text("completionStatus"),
    )
