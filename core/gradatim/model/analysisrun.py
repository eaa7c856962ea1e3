"""An AnalysisRun: what it measures, and what it has found so far.

In: the object's JSON. Out: a frozen `AnalysisRun`. `decide/analysis` reads it and writes the status that follows.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from . import names
from .analysis import Argument, Metric, MetricRule, read_argument, read_metric, read_rules
from .meta import Meta, read_meta
from .reading import Fault, Json, Reader


class Phase(enum.StrEnum):
    """Where a run, a metric or a measurement stands. `NONE`: nothing was said yet."""

    NONE = ""
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    ERROR = "Error"
    INCONCLUSIVE = "Inconclusive"

    @property
    def is_completed(self) -> bool:
        """Nothing follows it."""
        return self in _COMPLETED


_COMPLETED = frozenset({Phase.SUCCESSFUL, Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE})
_PHASES = frozenset(Phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementStatus:
    """One measurement as the status keeps it. Times have whole seconds there."""

    phase: Phase = Phase.NONE
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    resume_at: datetime | None = None
    value: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    raw: Json = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """What one metric has found. The measurements are the newest ones, oldest first."""

    name: str = ""
    phase: Phase = Phase.NONE
    measurements: tuple[MeasurementStatus, ...] = ()
    message: str = ""
    count: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0
    consecutive_error: int = 0
    consecutive_success: int = 0
    dry_run: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    raw: Json = field(repr=False, default_factory=dict)

    @property
    def last(self) -> MeasurementStatus | None:
        """The newest measurement."""
        return self.measurements[-1] if self.measurements else None

    @property
    def is_measuring(self) -> bool:
        """Its newest measurement has not ended."""
        return self.last is not None and self.last.finished is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlStrategy:
    """Seconds after which a completed run is deleted; None: never."""

    after_completion: int | None = None
    after_success: int | None = None
    after_failure: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRun:
    """One AnalysisRun. `faults` names the values of a wrong type, in spec and in status."""

    meta: Meta
    raw: Json = field(repr=False, default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    args: tuple[Argument, ...] = ()
    dry_run: tuple[MetricRule, ...] = ()
    retention: tuple[MetricRule, ...] = ()
    terminate: bool = False
    ttl: TtlStrategy | None = None
    phase: Phase = Phase.NONE
    message: str = ""
    results: tuple[MetricResult, ...] = ()
    started: datetime | None = None
    completed: datetime | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def status(self) -> Json:
        """The status as it is stored."""
        status = self.raw.get("status")
        return status if isinstance(status, dict) else {}

    @property
    def holds_rollout(self) -> bool:
        """A metric that counts has no answer of its provider, and its author wants the release to wait for one."""
        return not self.phase.is_completed and any(
            names.HELD in result.metadata and not result.dry_run and not result.phase.is_completed
            for result in self.results
        )

    def result(self, metric: str) -> MetricResult | None:
        """What that metric has found so far."""
        return next((result for result in self.results if result.name == metric), None)


def parse_analysis_run(raw: Json) -> AnalysisRun:
    """The view of an AnalysisRun. Never raises."""
    root = Reader(raw)
    meta, spec, status = read_meta(root), root.object("spec"), root.object("status")
    return AnalysisRun(
        meta=meta,
        raw=raw,
        metrics=tuple(read_metric(reader) for reader in spec.objects("metrics")),
        args=tuple(read_argument(reader) for reader in spec.objects("args")),
        dry_run=read_rules(spec, "dryRun"),
        retention=read_rules(spec, "measurementRetention"),
        terminate=spec.flag("terminate"),
        ttl=_ttl(spec.object("ttlStrategy")) if spec.has("ttlStrategy") else None,
        phase=read_phase(status),
        message=status.text("message"),
        results=tuple(_result(reader) for reader in status.objects("metricResults")),
        started=status.moment("startedAt"),
        completed=status.moment("completedAt"),
        faults=tuple(root.faults),
    )


def _ttl(reader: Reader) -> TtlStrategy:
    return TtlStrategy(
        after_completion=reader.maybe_number("secondsAfterCompletion"),
        after_success=reader.maybe_number("secondsAfterSuccess"),
        after_failure=reader.maybe_number("secondsAfterFailure"),
    )


def read_phase(reader: Reader) -> Phase:
    """The phase that a status or a part of one says; an unknown one is none."""
    text = reader.text("phase")
    return Phase(text) if text in _PHASES else Phase.NONE


def _result(reader: Reader) -> MetricResult:
    return MetricResult(
        name=reader.text("name"),
        phase=read_phase(reader),
        measurements=tuple(_measurement(item) for item in reader.objects("measurements")),
        message=reader.text("message"),
        count=reader.number("count"),
        successful=reader.number("successful"),
        failed=reader.number("failed"),
        inconclusive=reader.number("inconclusive"),
        error=reader.number("error"),
        consecutive_error=reader.number("consecutiveError"),
        consecutive_success=reader.number("consecutiveSuccess"),
        dry_run=reader.flag("dryRun"),
        metadata=reader.texts("metadata"),
        raw=dict(reader.raw),
    )


def _measurement(reader: Reader) -> MeasurementStatus:
    return MeasurementStatus(
        phase=read_phase(reader),
        message=reader.text("message"),
        started=reader.moment("startedAt"),
        finished=reader.moment("finishedAt"),
        resume_at=reader.moment("resumeAt"),
        value=reader.text("value"),
        metadata=reader.texts("metadata"),
        raw=dict(reader.raw),
    )
