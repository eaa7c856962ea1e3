"""An Experiment: several sets of pods side by side for a while, what is measured on them, and what was found.

In: the object's JSON. Out: a frozen `Experiment` with Argo Rollouts' defaults put in.
Parsed by the cache; read by its own decision and by that of the Rollout whose step it is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from .analysis import TemplateRef
from .analysisrun import Phase, read_phase
from .duration import DurationError, duration_seconds
from .meta import Meta, read_meta
from .reading import Fault, Json, Reader
from .status import Condition, read_condition

DEFAULT_PROGRESS_DEADLINE: Final = 600
DEFAULT_SCALE_DOWN_DELAY: Final = 30


class TemplatePhase(enum.StrEnum):
    """Where one set of pods stands. `NONE`: nothing was said yet."""

    NONE = ""
    PROGRESSING = "Progressing"
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    ERROR = "Error"

    @property
    def is_completed(self) -> bool:
        """Nothing follows it."""
        return self in _COMPLETED

    @property
    def is_bad(self) -> bool:
        """It ends the Experiment."""
        return self in _BAD


_COMPLETED = frozenset({TemplatePhase.SUCCESSFUL, TemplatePhase.FAILED, TemplatePhase.ERROR})
_BAD = frozenset({TemplatePhase.FAILED, TemplatePhase.ERROR})
_PHASES = frozenset(TemplatePhase)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentTemplate:
    """One set of pods that is wanted.

    Attributes:
        has_service: a Service is made for its pods.
        service: the name of that Service; "" for that of the ReplicaSet.
    """

    name: str = ""
    replicas: int = 1
    min_ready_seconds: int = 0
    selector: Json = field(repr=False, default_factory=dict)
    template: Json = field(repr=False, default_factory=dict)
    has_service: bool = False
    service: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentAnalysis:
    """One analysis that is wanted. `args` are as written, with `{{templates.…}}` in them."""

    name: str
    ref: TemplateRef
    args: tuple[Json, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateState:
    """What the status says of one set of pods.

    Attributes:
        changed: when it was last scaled, or its counts last changed.
        service: the Service made for it, "" while there is none.
        pod_hash: the hash that this Service selects.
    """

    name: str
    replicas: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    collision_count: int | None = None
    status: TemplatePhase = TemplatePhase.NONE
    message: str = ""
    changed: datetime | None = None
    service: str = ""
    pod_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisState:
    """What the status says of one analysis. `run` is its AnalysisRun, "" before there is one."""

    name: str
    run: str = ""
    phase: Phase = Phase.NONE
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One Experiment.

    Attributes:
        duration: seconds that it runs once all pods are there; None: until its analyses end it.
        progress_deadline: seconds after which pods that do not come up are a failure.
        scale_down_delay: seconds that pods stay after the end.
        available_at: when all pods were available first.
    """

    meta: Meta
    raw: Json = field(repr=False, default_factory=dict)
    templates: tuple[ExperimentTemplate, ...] = ()
    analyses: tuple[ExperimentAnalysis, ...] = ()
    duration: float | None = None
    progress_deadline: int = DEFAULT_PROGRESS_DEADLINE
    scale_down_delay: int = DEFAULT_SCALE_DOWN_DELAY
    terminate: bool = False
    phase: Phase = Phase.NONE
    message: str = ""
    available_at: datetime | None = None
    template_states: tuple[TemplateState, ...] = ()
    analysis_states: tuple[AnalysisState, ...] = ()
    conditions: tuple[Condition, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.meta.name

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.meta.namespace

    @property
    def status(self) -> Json:
        """The status as it is stored."""
        status = self.raw.get("status")
        return status if isinstance(status, dict) else {}

    def template_state(self, name: str) -> TemplateState:
        """What is known of a set of pods; one of which nothing is known yet is new."""
        found = (state for state in self.template_states if state.name == name)
        return next(found, TemplateState(name=name))

    def analysis_state(self, name: str) -> AnalysisState:
        """What is known of an analysis; one of which nothing is known yet is new."""
        found = (state for state in self.analysis_states if state.name == name)
        return next(found, AnalysisState(name=name))


def parse_experiment(raw: Json) -> Experiment:
    """The view of an Experiment. Never raises."""
    root = Reader(raw)
    meta, spec, status = read_meta(root), root.object("spec"), root.object("status")
    return Experiment(
        meta=meta,
        raw=raw,
        templates=tuple(_template(reader) for reader in spec.objects("templates")),
        analyses=tuple(_analysis(reader) for reader in spec.objects("analyses")),
        duration=_seconds(spec.text("duration")),
        progress_deadline=spec.number("progressDeadlineSeconds", DEFAULT_PROGRESS_DEADLINE),
        scale_down_delay=spec.number("scaleDownDelaySeconds", DEFAULT_SCALE_DOWN_DELAY),
        terminate=spec.flag("terminate"),
        phase=read_phase(status),
        message=status.text("message"),
        available_at=status.moment("availableAt"),
        template_states=tuple(_template_state(r) for r in status.objects("templateStatuses")),
        analysis_states=tuple(_analysis_state(r) for r in status.objects("analysisRuns")),
        conditions=tuple(read_condition(reader) for reader in status.objects("conditions")),
        faults=tuple(root.faults),
    )


def _seconds(text: str) -> float | None:
    """None for a text that is no duration: validation names it, and nothing runs on it."""
    try:
        return duration_seconds(text) if text else None
    except DurationError:
        return None


def _template(reader: Reader) -> ExperimentTemplate:
    return ExperimentTemplate(
        name=reader.text("name"),
        replicas=reader.number("replicas", 1),
        min_ready_seconds=reader.number("minReadySeconds"),
        selector=reader.json("selector"),
        template=reader.json("template"),
        has_service=reader.has("service"),
        service=reader.object("service").text("name"),
    )


def _analysis(reader: Reader) -> ExperimentAnalysis:
    return ExperimentAnalysis(
        name=reader.text("name"),
        ref=TemplateRef(reader.text("templateName"), reader.flag("clusterScope")),
        args=tuple(dict(arg.raw) for arg in reader.objects("args")),
        is_required=reader.flag("requiredForCompletion"),
    )


def _template_state(reader: Reader) -> TemplateState:
    text = reader.text("status")
    return TemplateState(
        name=reader.text("name"),
        replicas=reader.number("replicas"),
        updated=reader.number("updatedReplicas"),
        ready=reader.number("readyReplicas"),
        available=reader.number("availableReplicas"),
        collision_count=reader.maybe_number("collisionCount"),
        status=TemplatePhase(text) if text in _PHASES else TemplatePhase.NONE,
        message=reader.text("message"),
        changed=reader.moment("lastTransitionTime"),
        service=reader.text("serviceName"),
        pod_hash=reader.text("podTemplateHash"),
    )


def _analysis_state(reader: Reader) -> AnalysisState:
    return AnalysisState(
        name=reader.text("name"),
        run=reader.text("analysisRun"),
        phase=read_phase(reader),
        message=reader.text("message"),
    )
