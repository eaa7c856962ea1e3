"""Gathers the snapshot of one Experiment from the caches, and what is wrong with it.

In: an Experiment's entry. Out: an `ExperimentSnapshot`. Called by `experiments.py` at the start of each pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..decide.analysis import gather as follow_templates
from ..decide.experiment import ExperimentSnapshot
from ..kube.client import Client
from ..kube.errors import NotFound
from ..kube.resources import ANALYSIS_RUNS
from ..model.analysis import Template, TemplateRef
from ..model.analysisrun import AnalysisRun, parse_analysis_run
from ..model.experiment import Experiment
from ..model.rollout import Rollout
from ..plugin import Problem
from ..validate import experiment_problems
from .gather import delay_of
from .world import BY_OWNER, World

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where snapshots are gathered from.

    Attributes:
        traffic_changed: the last change of a Rollout's traffic; None: not known since the start.
        propagation_delay: how long a change takes, unless an annotation of the Rollout says otherwise.
    """

    world: World
    client: Client
    traffic_changed: Callable[[Key], datetime | None]
    propagation_delay: timedelta


class ExperimentGatherer:
    """Makes snapshots. Problems are remembered by generation, since they only depend on the spec."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._known: dict[str, tuple[object, tuple[Problem, ...]]] = {}

    async def snapshot(self, experiment: Experiment) -> ExperimentSnapshot:
        """The world of one Experiment, as the caches have it.

        Raises:
            KubeError: an AnalysisRun that the status names, and no cache shows, could not be asked for.
        """
        world, rollout = self._around.world, self._rollout(experiment)
        uid = experiment.meta.uid
        runs = await self._runs(experiment)
        own = {run.meta.name for run in runs}
        return ExperimentSnapshot(
            experiment=experiment,
            rollout=rollout,
            replica_sets=tuple(
                e.view for e in world.replica_sets.by(BY_OWNER, uid) if e.view is not None
            ),
            services=tuple(e.view for e in world.services.by(BY_OWNER, uid) if e.view is not None),
            runs=runs,
            taken=self._taken(experiment, own),
            templates=self._templates(experiment),
            problems=self._problems(experiment),
            traffic_changed=self._traffic_changed(rollout),
            propagation_delay=delay_of(rollout, self._around.propagation_delay),
        )

    def forget(self, uid: str) -> None:
        """The Experiment is gone."""
        self._known.pop(uid, None)

    def _rollout(self, experiment: Experiment) -> Rollout | None:
        meta = experiment.meta
        if meta.owner_kind != "Rollout":
            return None
        entry = self._around.world.rollouts.get(meta.namespace, meta.owner_name)
        return entry.view if entry is not None and entry.uid == meta.owner_uid else None

    def _traffic_changed(self, rollout: Rollout | None) -> datetime | None:
        if rollout is None:
            return None
        return self._around.traffic_changed((rollout.namespace, rollout.name))

    async def _runs(self, experiment: Experiment) -> tuple[AnalysisRun, ...]:
        """Its runs, and those that its status names although the cache does not show them yet.

        After a start the lists of kinds are of different instants: a run that is missing in one may be there. To
        take it for deleted would end the Experiment, and abort the Rollout whose step it is (`spec/users.md` row 36).
        """
        entries = self._around.world.runs.by(BY_OWNER, experiment.meta.uid)
        found = {e.name: e.view for e in entries if e.view is not None}
        for state in experiment.analysis_states:
            if state.run and state.run not in found and not state.phase.is_completed:
                run = await self._read(experiment.namespace, state.run)
                if run is not None:
                    found[state.run] = run
        return tuple(found.values())

    def _taken(self, experiment: Experiment, own: set[str]) -> frozenset[str]:
        """Names of others' runs that its own could get, as long as it has runs to make."""
        states = [experiment.analysis_state(analysis.name) for analysis in experiment.analyses]
        if all(state.run or state.phase.is_completed for state in states):
            return frozenset()
        begin, runs = f"{experiment.name}-", self._around.world.runs
        names = (entry.name for entry in runs.all(experiment.namespace))
        return frozenset(name for name in names if name.startswith(begin) and name not in own)

    async def _read(self, namespace: str, name: str) -> AnalysisRun | None:
        try:
            return parse_analysis_run(
                await self._around.client.get(ANALYSIS_RUNS.at(namespace, name))
            )
        except NotFound:
            return None

    def _templates(self, experiment: Experiment) -> dict[TemplateRef, Template]:
        found: dict[TemplateRef, Template] = {}

        def look_up(ref: TemplateRef) -> Template | None:
            world = self._around.world
            cache = world.cluster_templates if ref.cluster_scope else world.templates
            entry = cache.get("" if ref.cluster_scope else experiment.namespace, ref.name)
            if entry is None or entry.view is None:
                return None
            return found.setdefault(ref, entry.view)

        follow_templates([analysis.ref for analysis in experiment.analyses], look_up)
        return found

    def _problems(self, experiment: Experiment) -> tuple[Problem, ...]:
        meta = experiment.meta
        seen, known = self._known.get(meta.uid, (None, ()))
        # without a status subresource every status write raises the generation, too
        if seen != experiment.raw.get("spec"):
            known = tuple(experiment_problems(experiment.raw))
            self._known[meta.uid] = (experiment.raw.get("spec"), known)
        return known
