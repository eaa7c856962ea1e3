"""The status that a pass leaves, as plain JSON.

In: the status before and what a pass decided. Out: the whole status after, unknown fields kept. The last thing of each
pass, so that it is computed once. Field by field as the reference writes it, since tools of users read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..model.bluegreen import BlueGreenStatus
from ..model.reading import Json, format_time
from ..model.runstatus import RunStatus
from ..model.status import Condition, Duration, PauseCondition, Status, Weights
from ..model.stepplugins import StepPluginStatus
from .conditions import conditions_json

#: The fields that a decision writes. All others are carried over as they are.
OWNED: Final = frozenset(
    {
        "HPAReplicas",
        "abort",
        "abortedAt",
        "availableReplicas",
        "blueGreen",
        "canary",
        "conditions",
        "controllerPause",
        "currentPodHash",
        "currentStepHash",
        "currentStepIndex",
        "duration",
        "message",
        "observedGeneration",
        "pauseConditions",
        "phase",
        "promoteFull",
        "readyReplicas",
        "replicas",
        "restartedAt",
        "selector",
        "stableRS",
        "updatedReplicas",
    }
)


@dataclass(slots=True, kw_only=True)
class NextStatus:
    """The owned fields of the next status, to be filled in by one pass.

    Attributes:
        blue_green: None for a canary; what an earlier strategy has left there then goes.
        scaled_replicas: the pods that an autoscaler is to count, where those are not all.
    """

    before: Status
    abort: bool = False
    aborted_at: datetime | None = None
    pause_conditions: tuple[PauseCondition, ...] = ()
    controller_pause: bool = False
    pod_hash: str = ""
    step_hash: str = ""
    step_index: int | None = None
    observed_generation: str = ""
    conditions: tuple[Condition, ...] = ()
    stable_hash: str = ""
    promote_full: bool = False
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    selector: str = ""
    weights: Weights | None = None
    stable_ping_pong: str = ""
    step_run: RunStatus | None = None
    background_run: RunStatus | None = None
    step_plugins: tuple[StepPluginStatus, ...] = ()
    current_experiment: str = ""
    blue_green: BlueGreenStatus | None = None
    scaled_replicas: int | None = None
    duration: Duration = field(default_factory=Duration)
    restarted_at: datetime | None = None
    phase: str = ""
    message: str = ""

    @property
    def is_promoted(self) -> bool:
        """The current template is the stable one."""
        return self.stable_hash != "" and self.stable_hash == self.pod_hash

    def json(self) -> Json:
        """The whole status. Empty fields are absent, as in the reference's encoding."""
        raw = self.before.raw
        kept = {key: value for key, value in raw.items() if key not in OWNED}
        canary = _without(
            raw.get("canary"),
            "weights",
            "stablePingPong",
            "currentStepAnalysisRunStatus",
            "currentBackgroundAnalysisRunStatus",
            "stepPluginStatuses",
            "currentExperiment",
        )
        canary |= _pruned(
            {
                "weights": weights_json(self.weights) if self.weights else None,
                "stablePingPong": self.stable_ping_pong,
                "currentStepAnalysisRunStatus": _run_json(self.step_run),
                "currentBackgroundAnalysisRunStatus": _run_json(self.background_run),
                "stepPluginStatuses": [entry.json() for entry in self.step_plugins],
                "currentExperiment": self.current_experiment,
            }
        )
        fields: Json = {
            "abort": self.abort,
            "abortedAt": _time(self.aborted_at),
            "pauseConditions": [
                _pruned({"reason": p.reason, "startTime": _time(p.started)})
                for p in self.pause_conditions
            ],
            "controllerPause": self.controller_pause,
            "currentPodHash": self.pod_hash,
            "currentStepHash": self.step_hash,
            "observedGeneration": self.observed_generation,
            "conditions": conditions_json(self.conditions),
            "stableRS": self.stable_hash,
            "promoteFull": self.promote_full,
            "replicas": self.replicas,
            "updatedReplicas": self.updated_replicas,
            "readyReplicas": self.ready_replicas,
            "availableReplicas": self.available_replicas,
            "HPAReplicas": self.replicas if self.scaled_replicas is None else self.scaled_replicas,
            "selector": self.selector,
            "blueGreen": _blue_green_json(self.blue_green, raw.get("blueGreen")),
            "canary": canary,
            "duration": _duration_json(self.duration),
            "restartedAt": _time(self.restarted_at),
            "phase": self.phase,
            "message": self.message,
        }
        index = {} if self.step_index is None else {"currentStepIndex": self.step_index}
        return {**kept, **_pruned(fields), **index}


def weights_json(weights: Weights) -> Json:
    """`status.canary.weights`."""

    def one(weight: int, service: str, pod_hash: str) -> Json:
        return {"weight": weight, **_pruned({"serviceName": service, "podTemplateHash": pod_hash})}

    result: Json = {
        name: one(target.weight, target.service, target.pod_hash)
        for name, target in (("canary", weights.canary), ("stable", weights.stable))
    }
    if weights.additional:
        result["additional"] = [one(w.weight, w.service, w.pod_hash) for w in weights.additional]
    if weights.verified is not None:
        result["verified"] = weights.verified
    return result


def _blue_green_json(status: BlueGreenStatus | None, before: object) -> Json:
    if status is None:
        return {}
    fields: Json = {
        "previewSelector": status.preview,
        "activeSelector": status.active,
        "scaleUpPreviewCheckPoint": status.checkpoint,
        "prePromotionAnalysisRunStatus": _run_json(status.pre_run),
        "postPromotionAnalysisRunStatus": _run_json(status.post_run),
    }
    return _without(before, *fields) | _pruned(fields)


def _run_json(run: RunStatus | None) -> Json | None:
    if run is None:
        return None
    # the schema wants a status, if only an empty one
    return {"status": str(run.phase), **_pruned({"name": run.name, "message": run.message})}


def _duration_json(duration: Duration) -> Json:
    return _pruned(
        {
            "rolloutStartedAt": _time(duration.started),
            "finishedAt": _time(duration.finished),
            "manualPauseStartedAt": _time(duration.pause_started),
            "totalManualPauseDurationSeconds": duration.paused_seconds,
            "completionStatus": duration.completion,
        }
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _without(value: object, *keys: str) -> Json:
    if not isinstance(value, dict):
        return {}
    return {key: item for key, item in value.items() if key not in keys}


def _pruned(fields: Mapping[str, object]) -> Json:
    """Without what is empty: absent, false, 0, "", [] and {} are the same to the readers of a status."""
    return {key: value for key, value in fields.items() if value}
