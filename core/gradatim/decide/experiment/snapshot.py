"""All that a decision on an Experiment may know: it and everything around it, at one instant.

In: views from the caches. Out: a frozen value. `run/experimentgather.py` gathers it, this room reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...model.analysis import Template, TemplateRef
from ...model.analysisrun import AnalysisRun
from ...model.experiment import Experiment
from ...model.rollout import Rollout
from ...model.workload import ReplicaSet, Service
from ...plugin import Problem
from ..snapshot import DEFAULT_PROPAGATION_DELAY


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSnapshot:
    """The world of one Experiment.

    Attributes:
        rollout: the Rollout whose step it is; None for one that stands alone.
        replica_sets: those that it owns.
        services: those that it owns.
        runs: AnalysisRuns that it owns.
        taken: names of AnalysisRuns of others that begin as its own would.
        templates: analysis templates that exist, of those that it refers to, directly or not.
        problems: what validation found.
        unnoted: names of AnalysisRuns that were created in a pass whose status could not be written.
        refused: what the API server said to objects that it will not have, by their names.
        traffic_changed: the last instant at which the Rollout's traffic changed; None: not known yet.
        propagation_delay: how long a change of traffic takes to reach every proxy.
    """

    experiment: Experiment
    rollout: Rollout | None = None
    replica_sets: tuple[ReplicaSet, ...] = ()
    services: tuple[Service, ...] = ()
    runs: tuple[AnalysisRun, ...] = ()
    taken: frozenset[str] = frozenset()
    unnoted: frozenset[str] = frozenset()
    templates: Mapping[TemplateRef, Template] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    traffic_changed: datetime | None = None
    propagation_delay: timedelta = DEFAULT_PROPAGATION_DELAY
