"""All that a decision may know: one Rollout and everything around it, at one instant.

In: views from the cache, and what routers were asked. Out: a frozen value. `run/` gathers it, `decide/` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ..model.analysis import Template, TemplateRef
from ..model.analysisrun import AnalysisRun
from ..model.experiment import Experiment
from ..model.reading import Json
from ..model.rollout import Rollout
from ..model.workload import Pod, ReplicaSet, Service
from ..model.workloadref import Workload
from ..plugin import FieldPath, ObjectRef, Problem, TrafficRouter
from .plugincall import PluginAnswer

#: How long a change of traffic is given to reach every proxy, unless a flag or an annotation says otherwise.
DEFAULT_PROPAGATION_DELAY: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One traffic router of the Rollout, its block, and the objects that it reads.

    Attributes:
        key: the router's key under `trafficRouting`.
        path: path of the block, for Problems.
        objects: those of its references that exist.
        verified: what the router said when it was asked whether the present weights have arrived;
            None when it cannot say.
    """

    key: str
    router: TrafficRouter
    config: Json = field(repr=False)
    path: FieldPath = field(default_factory=FieldPath)
    objects: Mapping[ObjectRef, Json] = field(default_factory=dict, repr=False)
    verified: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The world of one Rollout.

    Attributes:
        replica_sets: those that the Rollout owns, in any order.
        orphans: ReplicaSets of a Rollout that nobody controls, as far as the selector names them.
        services: those that exist of the Services that the strategy names.
        pods: those of the ReplicaSets, in any order; None while they are not known. They are looked at for a
            restart and for metadata of pods only.
        evicted: names of pods that the decision being made has asked to go; some are refused.
        runs: AnalysisRuns that the Rollout owns.
        experiments: Experiments that the Rollout owns, and others whose names begin as its own do.
        experiment_sets: ReplicaSets of the Experiments that the status names, as current or by their weights.
        experiment_runs: AnalysisRuns of the current Experiment.
        templates: analysis templates that exist, of those the strategy refers to, directly or not.
        routes: the strategy's routers, in the order they are carried out.
        problems: what validation found. With any, nothing is done but saying so.
        traffic_changed: the last instant at which a weight, a subset or a selector of this Rollout
            changed, as far as the controller knows; None: long ago.
        propagation_delay: how long a change of traffic takes to reach every proxy.
        instance_id: the controller's instance id, "" without one.
        workload: what `spec.workloadRef` names; its template is the Rollout's already.
        defaulted_template: the template with the API server's defaults, where `recognition.needs_defaults`
            asks for it; None: not known.
        plugin_answer: what came of the last call of a step plugin; it means nothing once the status has it.
        skipped_steps: names of step plugins whose steps are passed over.
        unnoted_runs: names of AnalysisRuns that were created in a pass whose status could not be written.
        taken_names: names that AnalysisRuns or Experiments of the Rollout would have had, and others have.
    """

    rollout: Rollout
    replica_sets: tuple[ReplicaSet, ...] = ()
    orphans: tuple[ReplicaSet, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    pods: tuple[Pod, ...] | None = None
    evicted: frozenset[str] = frozenset()
    runs: tuple[AnalysisRun, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    experiment_sets: tuple[ReplicaSet, ...] = ()
    experiment_runs: tuple[AnalysisRun, ...] = ()
    templates: Mapping[TemplateRef, Template] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    problems: tuple[Problem, ...] = ()
    traffic_changed: datetime | None = None
    propagation_delay: timedelta = DEFAULT_PROPAGATION_DELAY
    instance_id: str = ""
    workload: Workload | None = None
    defaulted_template: Json | None = field(default=None, repr=False)
    plugin_answer: PluginAnswer | None = None
    skipped_steps: frozenset[str] = frozenset()
    unnoted_runs: frozenset[str] = frozenset()
    taken_names: frozenset[str] = frozenset()
