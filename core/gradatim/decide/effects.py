"""What a decision wants done in the cluster: a closed union of small values, in the order they must be done.

In: nothing. Out: values that `apply` carries out with one `match`, stopping at the first that fails.
`predict.py` shows what the world looks like after them, and `safety.py` checks them before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from ..model.reading import Json
from ..plugin import ObjectRef, Patch, Wanted


@dataclass(frozen=True, slots=True)
class CreateReplicaSet:
    """Create the ReplicaSet of a new revision, already with its replicas. `at` is when that was decided."""

    body: Json = field(repr=False)
    name: str
    replicas: int
    at: datetime | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ScaleReplicaSet:
    """Change the number of pods. An annotation of None is taken away."""

    name: str
    before: int
    replicas: int
    annotations: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PatchReplicaSet:
    """Change annotations (None: take away) and, where given, `minReadySeconds`; never the replicas."""

    name: str
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    min_ready_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class PatchTemplate:
    """Change the pod template of a ReplicaSet, for pods to come; the pods that are there stay as they are.

    Attributes:
        template: a JSON merge patch of the template.
    """

    name: str
    template: Json = field(repr=False)
    annotations: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PatchPod:
    """Change labels and annotations of a pod. One of None is taken away."""

    name: str
    labels: Mapping[str, str | None] = field(default_factory=dict)
    annotations: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvictPods:
    """Ask pods to go, in their order and as far as disruption budgets let them. A refusal fails no pass.

    Attributes:
        pods: name and uid of each that may go.
        most: how many of them may go now.
    """

    pods: tuple[tuple[str, str], ...]
    most: int


@dataclass(frozen=True, slots=True)
class DeleteReplicaSet:
    """Delete the ReplicaSet of an old revision, which has no pods left."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class AdoptReplicaSet:
    """Become the controller of a ReplicaSet that has none."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class ReleaseReplicaSet:
    """Stop being the controller of a ReplicaSet, and leave it as it is."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class SwitchService:
    """Point a Service at the pods of one revision, and mark whose it is."""

    name: str
    pod_hash: str
    managed_by: str | None = None


@dataclass(frozen=True, slots=True)
class PatchWorkload:
    """Scale the Deployment that a Rollout replaces."""

    ref: ObjectRef
    before: int
    replicas: int
    resource_version: str = ""


@dataclass(frozen=True, slots=True)
class PatchRoute:
    """One write of a traffic router's object."""

    router: str
    patch: Patch


@dataclass(frozen=True, slots=True)
class ApplyRoute:
    """Have a router bring about a state at a control plane outside the cluster."""

    router: str
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Let no field of an object count as written by us any more. It changes nothing else, and fails no pass."""

    ref: ObjectRef


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Create an AnalysisRun."""

    name: str
    body: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class TerminateRun:
    """Ask an AnalysisRun to end."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteRun:
    """Delete an AnalysisRun that nobody looks at any more."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class CreateExperiment:
    """Create the Experiment of a step."""

    name: str
    body: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class TerminateExperiment:
    """Ask an Experiment to end."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteExperiment:
    """Delete an Experiment that nobody looks at any more, and with it all that it made."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class PatchRollout:
    """A merge patch of the Rollout itself: its revision annotation, or `spec.replicas` where it is absent."""

    body: Json


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell of something in an event on the Rollout. It never fails a pass.

    With `of_status` it is told once the status is written, for it is true only then.
    """

    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"
    of_status: bool = False


#: What changes something.
Write: TypeAlias = (
    CreateReplicaSet
    | ScaleReplicaSet
    | PatchReplicaSet
    | PatchTemplate
    | PatchPod
    | EvictPods
    | DeleteReplicaSet
    | AdoptReplicaSet
    | ReleaseReplicaSet
    | SwitchService
    | PatchWorkload
    | PatchRoute
    | ApplyRoute
    | GiveBack
    | CreateRun
    | TerminateRun
    | DeleteRun
    | CreateExperiment
    | TerminateExperiment
    | DeleteExperiment
    | PatchRollout
)

Effect: TypeAlias = Write | Emit
