"""What one pass on an Experiment has found and decided so far.

In: a snapshot and the present. Out: effects, and the states for the next status, gathered by the modules of this room.
Made by `decision.py` for each pass and gone at its end; local to one call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from ...model import names
from ...model.analysisrun import Phase
from ...model.experiment import AnalysisState, Experiment, TemplateState
from ...model.workload import ReplicaSet, Service
from ..effects import Emit
from .effects import ExperimentEffect
from .snapshot import ExperimentSnapshot

_BAD_RUNS = frozenset({Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE})


@dataclass(slots=True, kw_only=True)
class Draft:
    """One pass in the making.

    Attributes:
        templates, analyses: the next states, in the order of the spec.
        awaits_templates: an analysis template is not there yet, and may be on its way.
        look_again: when the next pass is due at the latest without any event.
    """

    snapshot: ExperimentSnapshot
    now: datetime
    templates: dict[str, TemplateState] = field(default_factory=dict)
    analyses: dict[str, AnalysisState] = field(default_factory=dict)
    effects: list[ExperimentEffect] = field(default_factory=list)
    awaits_templates: bool = False
    look_again: timedelta | None = None

    @property
    def experiment(self) -> Experiment:
        """The Experiment as it is."""
        return self.snapshot.experiment

    @property
    def is_ending(self) -> bool:
        """It is over, or will be: no pods and no runs are made any more, and those that are there go."""
        experiment = self.experiment
        return (
            experiment.terminate
            or experiment.phase.is_completed
            or any(state.status.is_bad for state in experiment.template_states)
            or any(state.phase in _BAD_RUNS for state in self._runs)
            or has_what_it_requires(experiment, experiment.analysis_states)
        )

    @property
    def is_held(self) -> bool:
        """The provider of an analysis is silent, and its author wants nothing to go on without an answer."""
        named = {state.run for state in self.experiment.analysis_states}
        runs = (run for run in self.snapshot.runs if run.meta.name in named)
        return any(run.holds_rollout and not run.terminate for run in runs)

    @property
    def _runs(self) -> tuple[AnalysisState, ...]:
        return (*self.experiment.analysis_states, *self.analyses.values())

    def replica_set(self, template: str) -> ReplicaSet | None:
        """The set of that template; of several the oldest."""
        found = [r for r in self.snapshot.replica_sets if _template_of(r) == template]
        return min(found, key=lambda r: (r.meta.created, r.name), default=None)

    def service(self, template: str) -> Service | None:
        """The Service of that template."""
        return next((s for s in self.snapshot.services if _template_of(s) == template), None)

    def emit(self, reason: str, message: str) -> None:
        """Tell of a write that is made in this pass."""
        self.effects.append(Emit(reason, message))

    def declare(self, reason: str, message: str, *, is_bad: bool = False) -> None:
        """Tell of something that is so once the status of this pass is written."""
        kind: Literal["Normal", "Warning"] = "Warning" if is_bad else "Normal"
        self.effects.append(Emit(reason, message, kind, of_status=True))

    def due(self, moment: datetime) -> None:
        """Ask for a pass at `moment`, if none is asked for earlier."""
        wait = max(moment - self.now, timedelta())
        if self.look_again is None or wait < self.look_again:
            self.look_again = wait


def _template_of(made: ReplicaSet | Service) -> str:
    return made.meta.annotations.get(names.EXPERIMENT_TEMPLATE, "")


def has_what_it_requires(experiment: Experiment, states: tuple[AnalysisState, ...]) -> bool:
    """There are analyses that it requires, and all of them have succeeded."""
    required = {analysis.name for analysis in experiment.analyses if analysis.is_required}
    successful = {state.name for state in states if state.phase is Phase.SUCCESSFUL}
    return bool(required) and required <= successful


def later(moment: datetime, seconds: float) -> datetime:
    """So many seconds after `moment`; the end of time where that is beyond it."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
