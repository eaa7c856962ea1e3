"""Which changes are a reason for a pass, and whose.

In: changes in the caches. Out: keys in the queues, and events of Rollouts that came or went. `controller.py` wires it.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeAlias

from ..apply import Recorder
from ..decide.pods import needs_pods
from ..kube.cache import Change
from ..model.analysis import Template, TemplateRef
from ..model.analysisrun import AnalysisRun
from ..model.experiment import Experiment
from ..model.rollout import Rollout
from ..model.selector import selects
from ..model.workload import Pod, ReplicaSet, Service
from .dependencies import Dependencies
from .gather import service_key, template_key
from .queue import WorkQueue
from .world import BY_OWNER, World

Key = tuple[str, str]

#: Changes of what a Rollout or an Experiment controls.
Owned: TypeAlias = Change[ReplicaSet] | Change[AnalysisRun] | Change[Experiment] | Change[Service]


@dataclass(frozen=True, slots=True)
class Queues:
    """Where keys go, by kind."""

    rollouts: WorkQueue[Key]
    runs: WorkQueue[Key]
    experiments: WorkQueue[Key]


@dataclass(frozen=True, slots=True)
class Triggers:
    """Listens to the caches of the world."""

    world: World
    dependencies: Dependencies[Key]
    recorder: Recorder
    queues: Queues

    def changed(self, thing: Hashable) -> None:
        """Something that Rollouts look at: a Service, a template, an object of a router."""
        for key in self.dependencies.on(thing):
            self.queues.rollouts.add(key)

    def subscribe(self) -> None:
        """Begin to listen."""
        world = self.world
        world.rollouts.subscribe(self._rollout_changed)
        world.replica_sets.subscribe(self._replica_set_changed)
        world.pods.subscribe(self._pod_changed)
        world.runs.subscribe(self._run_changed)
        world.experiments.subscribe(self._experiment_changed)
        world.services.subscribe(self._service_changed)
        world.templates.subscribe(self._template_changed)
        world.cluster_templates.subscribe(self._template_changed)

    def _rollout_changed(self, change: Change[Rollout]) -> None:
        entry = change.new or change.old
        if entry is None:
            return
        self.queues.rollouts.add((entry.namespace, entry.name))
        if change.old is not None and _has_changed_routes(change):
            # its Experiments may wait for requests to have left them
            for owned in self.world.experiments.by(BY_OWNER, entry.uid):
                self.queues.experiments.add((owned.namespace, owned.name))
        if change.old is None and entry.view is not None and not entry.view.status.raw:
            # the reference tells of it at each start, for each Rollout; once is enough
            message = f"Rollout resource added to informer: {entry.namespace}/{entry.name}"
            self.recorder.emit(entry.object, "Normal", "RolloutAddedToInformer", message)
        if change.new is None:
            message = f"Rollout resource deleted: {entry.namespace}/{entry.name}"
            self.recorder.emit(entry.object, "Normal", "RolloutDeleted", message)

    def _owned_changed(self, change: Owned) -> None:
        for entry in (change.old, change.new):
            if entry is None or entry.view is None:
                continue
            meta = entry.view.meta
            if meta.owner_kind == "Rollout":
                self.queues.rollouts.add((entry.namespace, meta.owner_name))
            elif meta.owner_kind == "Experiment":
                self.queues.experiments.add((entry.namespace, meta.owner_name))
                self._step_changed(entry.namespace, meta.owner_name)

    def _step_changed(self, namespace: str, experiment: str) -> None:
        """What the Experiment of a step controls has changed: an analysis of it may hold the Rollout."""
        owner = self.world.experiments.get(namespace, experiment)
        if owner is not None and owner.view is not None and owner.view.meta.owner_kind == "Rollout":
            self.queues.rollouts.add((namespace, owner.view.meta.owner_name))

    def _replica_set_changed(self, change: Change[ReplicaSet]) -> None:
        self._owned_changed(change)
        orphan = change.new.view if change.new is not None else None
        if orphan is None or orphan.meta.owner_uid:
            return
        for entry in self.world.rollouts.all(orphan.meta.namespace):
            rollout = entry.view
            if rollout is not None and selects(rollout.selector, orphan.meta.labels):
                self.queues.rollouts.add((entry.namespace, entry.name))

    def _pod_changed(self, change: Change[Pod]) -> None:
        entry = change.new or change.old
        pod = entry.view if entry is not None else None
        if pod is None or _tells_nothing(change):
            return
        owner = self.world.replica_sets.get(pod.meta.namespace, pod.meta.owner_name)
        if owner is not None and owner.view is not None:
            meta = owner.view.meta
            rollout = self.world.rollouts.get(meta.namespace, meta.owner_name)
            if rollout is not None and rollout.view is not None and needs_pods(rollout.view):
                self.queues.rollouts.add((meta.namespace, meta.owner_name))

    def _run_changed(self, change: Change[AnalysisRun]) -> None:
        entry = change.new or change.old
        if entry is None:
            return
        self.queues.runs.add((entry.namespace, entry.name))
        old, new = (e.view if e is not None else None for e in (change.old, change.new))
        if old is None or new is None or old.phase != new.phase or old.message != new.message:
            self._owned_changed(change)

    def _experiment_changed(self, change: Change[Experiment]) -> None:
        entry = change.new or change.old
        if entry is not None:
            self.queues.experiments.add((entry.namespace, entry.name))
            self._owned_changed(change)

    def _service_changed(self, change: Change[Service]) -> None:
        entry = change.new or change.old
        if entry is not None:
            self.changed(service_key(entry.namespace, entry.name))
            self._owned_changed(change)

    def _template_changed(self, change: Change[Template]) -> None:
        for entry in (change.old, change.new):
            if entry is not None and entry.view is not None:
                self.changed(template_key(entry.namespace, entry.view.ref))
                self._wake_experiments(entry.view.ref, entry.namespace)

    def _wake_experiments(self, ref: TemplateRef, namespace: str) -> None:
        """Those that refer to a template, and look at it before they begin."""
        for entry in self.world.experiments.all(None if ref.cluster_scope else namespace):
            experiment = entry.view
            if experiment is not None and not experiment.phase.is_completed:
                self.queues.experiments.add((entry.namespace, entry.name))


def _has_changed_routes(change: Change[Rollout]) -> bool:
    """Where the Rollout sends requests, or which Experiment it is at, is another than before."""
    old, new = (e.view.status if e and e.view else None for e in (change.old, change.new))
    if old is None or new is None:
        return True
    return (old.weights, old.current_experiment) != (new.weights, new.current_experiment)


def _tells_nothing(change: Change[Pod]) -> bool:
    """Nothing of the pod is other than before that a decision reads."""
    if change.old is None or change.new is None:
        return False
    return _facts(change.old.view) == _facts(change.new.view)


def _facts(pod: Pod | None) -> Hashable:
    if pod is None:
        return None
    meta = pod.meta
    texts = (frozenset(meta.labels.items()), frozenset(meta.annotations.items()))
    return (pod.ready, meta.deleting, *texts)
