"""What the world of an Experiment looks like after effects, before anything has reacted to them.

In: a snapshot, effects and a status. Out: the snapshot that the next pass of the same decision sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ...model.analysisrun import parse_analysis_run
from ...model.experiment import parse_experiment
from ...model.reading import Json
from ...model.workload import ReplicaSet, parse_service
from ..creation import as_created
from ..effects import (
    CreateReplicaSet,
    CreateRun,
    PatchReplicaSet,
    ScaleReplicaSet,
    TerminateRun,
)
from .effects import CreateService, DeleteService, ExperimentEffect
from .snapshot import ExperimentSnapshot


def predicted(
    snapshot: ExperimentSnapshot, effects: Iterable[ExperimentEffect], status: Json, now: datetime
) -> ExperimentSnapshot:
    """The snapshot after the effects and with the status. No pod has come or gone yet."""
    for effect in effects:
        snapshot = after(snapshot, effect, now)
    raw = {**snapshot.experiment.raw, "status": status}
    return replace(snapshot, experiment=parse_experiment(raw))


def after(
    snapshot: ExperimentSnapshot, effect: ExperimentEffect, now: datetime
) -> ExperimentSnapshot:
    """The snapshot after one effect."""
    match effect:
        case CreateReplicaSet(body):
            return replace(snapshot, replica_sets=(*snapshot.replica_sets, as_created(body, now)))
        case ScaleReplicaSet() | PatchReplicaSet():
            sets = tuple(
                _changed(r, effect) if r.name == effect.name else r for r in snapshot.replica_sets
            )
            return replace(snapshot, replica_sets=sets)
        case CreateService(_, body):
            return replace(snapshot, services=(*snapshot.services, parse_service(body)))
        case DeleteService(name):
            kept = tuple(s for s in snapshot.services if s.meta.name != name)
            return replace(snapshot, services=kept)
        case CreateRun(_, body):
            run = parse_analysis_run(body)
            made = replace(run, meta=replace(run.meta, created=now))
            return replace(snapshot, runs=(*snapshot.runs, made))
        case TerminateRun(name):
            runs = tuple(
                replace(r, terminate=True) if r.meta.name == name else r for r in snapshot.runs
            )
            return replace(snapshot, runs=runs)
        case _:
            return snapshot


def _changed(replica_set: ReplicaSet, change: ScaleReplicaSet | PatchReplicaSet) -> ReplicaSet:
    merged = {**replica_set.meta.annotations, **change.annotations}
    annotations = {key: value for key, value in merged.items() if value is not None}
    meta = replace(replica_set.meta, annotations=annotations)
    size = change.replicas if isinstance(change, ScaleReplicaSet) else replica_set.replicas
    return replace(replica_set, meta=meta, replicas=size)
