"""Carries out decisions on Experiments, effect by effect: beside `rollouts.py` what changes the cluster.

In: an `ExperimentDecision`. Out: writes in its order, stopping at the first that fails, the status last.
`run/experiments.py` calls it. Each write is remembered, so that the next pass waits until the caches have seen it.
"""

from __future__ import annotations

from typing import assert_never

from ..decide.effects import (
    CreateReplicaSet,
    CreateRun,
    Emit,
    PatchReplicaSet,
    ScaleReplicaSet,
    TerminateRun,
)
from ..decide.experiment import (
    CreateService,
    DeleteService,
    ExperimentDecision,
    ExperimentSnapshot,
    TellRollout,
)
from ..decide.experiment.effects import ExperimentWrite
from ..decide.statuspatch import merge_patch
from ..kube.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from ..kube.resources import ANALYSIS_RUNS, EXPERIMENTS, REPLICA_SETS, SERVICES, Resource
from ..model import names
from ..model.experiment import Experiment
from ..model.meta import Meta, read_meta
from ..model.reading import Json, Reader
from .ports import ExperimentPorts, NameTaken, Refused


class ExperimentApplier:
    """Carries out decisions. One serves the whole controller; at most one at a time for an Experiment."""

    def __init__(self, ports: ExperimentPorts) -> None:
        self._ports = ports

    async def carry_out(self, snapshot: ExperimentSnapshot, decision: ExperimentDecision) -> bool:
        """All effects, then the status; True if anything was written.

        Raises:
            KubeError: a write failed. What was done before it stays done, and the status says nothing of it.
            Refused: an object cannot be made; the same holds.
            NameTaken: an object of a deleted Experiment still has the name.
        """
        experiment = snapshot.experiment
        told = [e for e in decision.effects if isinstance(e, Emit | TellRollout)]
        wrote = is_written = False
        try:
            for effect in decision.effects:
                if not isinstance(effect, Emit | TellRollout):
                    await self._one(experiment, effect)
            wrote = await self._status(experiment, decision.status)
            is_written = True
        finally:
            for event in told:
                if is_written or (isinstance(event, Emit) and not event.of_status):
                    self._tell(snapshot, event)
        return wrote or len(told) < len(decision.effects)

    def _tell(self, snapshot: ExperimentSnapshot, event: Emit | TellRollout) -> None:
        recorder = self._ports.recorder
        if isinstance(event, Emit):
            about = snapshot.experiment.raw
            recorder.emit(about, event.type, event.reason, event.message)
        elif snapshot.rollout is not None:
            # a warning whatever it is, as there: people's filters go by it
            recorder.emit(snapshot.rollout.raw, "Warning", event.reason, event.message)

    async def _one(self, experiment: Experiment, effect: ExperimentWrite) -> None:
        match effect:
            case CreateReplicaSet(body, name):
                await self._create(experiment, REPLICA_SETS, name, body)
            case CreateService(name, body):
                await self._create(experiment, SERVICES, name, body)
            case CreateRun(name, body):
                await self._create(experiment, ANALYSIS_RUNS, name, body)
            case ScaleReplicaSet(name, _, replicas):
                await self._patch(experiment, REPLICA_SETS, name, {"spec": {"replicas": replicas}})
            case PatchReplicaSet(name, annotations):
                body = {"metadata": {"annotations": dict(annotations)}}
                await self._patch(experiment, REPLICA_SETS, name, body)
            case TerminateRun(name):
                await self._patch(experiment, ANALYSIS_RUNS, name, {"spec": {"terminate": True}})
            case DeleteService(name, uid):
                await self._delete(experiment, name, uid)
            case _:
                assert_never(effect)

    async def _patch(
        self, experiment: Experiment, resource: Resource, name: str, body: Json
    ) -> None:
        address = resource.at(experiment.namespace, name)
        self._ports.memory.wrote(resource, await self._ports.client.patch(address, body))

    async def _delete(self, experiment: Experiment, name: str, uid: str) -> None:
        address = SERVICES.at(experiment.namespace, name)
        try:
            await self._ports.client.delete(address, uid=uid)
        except (NotFound, Conflict):
            # gone already, or another one of that name: nothing of ours is left there
            return
        self._ports.memory.deleted(address, uid)

    async def _create(
        self, experiment: Experiment, resource: Resource, name: str, body: Json
    ) -> None:
        client, memory = self._ports.client, self._ports.memory
        try:
            memory.wrote(resource, await client.create(resource, body))
        except AlreadyExists:
            # asked of the server and not of the cache, which may not show what we have just made (row 36)
            there = await client.get(resource.at(experiment.namespace, name))
            memory.wrote(resource, there)
            self._claim(experiment, resource, there, body)
        except (Invalid, Forbidden) as error:
            raise Refused(name, str(error)) from error

    def _claim(self, experiment: Experiment, resource: Resource, there: Json, body: Json) -> None:
        """What is there already is ours: of a pass whose end the cache had not shown yet."""
        meta = read_meta(Reader(there))
        if resource is ANALYSIS_RUNS:
            # which run it is, and whether another name is needed, is decided once the cache shows it
            raise NameTaken(f"AnalysisRun {meta.name} was there before the cache showed it")
        if meta.owner_uid != experiment.meta.uid or _template(meta) != _template(_meta(body)):
            template, kind = _template(_meta(body)), resource.kind.lower()
            owned = f"is not owned by experiment template {template}"
            raise Refused(meta.name, f"{kind} {meta.name} already exists and {owned}")
        if meta.deleting:
            raise NameTaken(f"{resource.kind} {meta.name} is being deleted")

    async def _status(self, experiment: Experiment, status: Json) -> bool:
        patch = merge_patch(experiment.status, status)
        if not patch:
            return False
        address = EXPERIMENTS.at(experiment.namespace, experiment.name)
        # there is no status subresource; with its version nothing that came in between is overwritten
        meta = experiment.meta
        metadata = {"uid": meta.uid, "resourceVersion": meta.resource_version}
        written = await self._ports.client.patch(address, {"metadata": metadata, "status": patch})
        self._ports.memory.wrote(EXPERIMENTS, written)
        return True


def _meta(body: Json) -> Meta:
    return read_meta(Reader(body))


def _template(meta: Meta) -> str:
    return meta.annotations.get(names.EXPERIMENT_TEMPLATE, "")
