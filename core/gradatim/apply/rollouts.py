"""Carries out decisions, effect by effect: the only place that changes the cluster for a Rollout.

In: a `Decision`. Out: writes in its order, stopping at the first that fails, the status last. `run/` calls it.
Each write is remembered, so that the next pass waits until the cache has seen it.
"""

from __future__ import annotations

from typing import assert_never

from ..decide import Decision
from ..decide.effects import (
    AdoptReplicaSet,
    ApplyRoute,
    CreateExperiment,
    CreateReplicaSet,
    CreateRun,
    DeleteExperiment,
    DeleteReplicaSet,
    DeleteRun,
    Emit,
    EvictPods,
    GiveBack,
    PatchPod,
    PatchReplicaSet,
    PatchRollout,
    PatchRoute,
    PatchTemplate,
    PatchWorkload,
    ReleaseReplicaSet,
    ScaleReplicaSet,
    SwitchService,
    TerminateExperiment,
    TerminateRun,
    Write,
)
from ..kube.resources import ANALYSIS_RUNS, EXPERIMENTS, REPLICA_SETS, ROLLOUTS, SERVICES
from ..model import names
from ..model.reading import Json
from ..model.rollout import Rollout
from .named import create_named
from .pods import evict, patch_pod
from .ports import Ports
from .replicasets import adopt, create_replica_set, release
from .routes import give_back, write_route
from .workloads import patch_workload
from .writing import Pass


class Applier:
    """Carries out decisions. One serves the whole controller; at most one at a time for a Rollout."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def carry_out(self, rollout: Rollout, decision: Decision) -> bool:
        """All effects, then the status; True if anything was written.

        Raises:
            KubeError: a write failed. What was done before it stays done, what comes after it is not
                tried, and the status says nothing of it.
            RouterError: a router could not route; the same holds.
            NameTaken: a ReplicaSet's name belongs to somebody else.
        """
        this = Pass.of(self._ports, rollout)
        told: list[Emit] = []
        wrote = is_written = False
        try:
            for effect in decision.effects:
                if isinstance(effect, Emit):
                    told.append(effect)
                    self._tell_done(rollout, told)
                else:
                    await _one(this, effect)
            wrote = await this.write_status(decision.status)
            is_written = True
        finally:
            # what was written is told; what would be so with the status is not, also when we are stopped
            for event in told:
                if is_written or not event.of_status:
                    self._tell(rollout, event)
        return wrote or any(not isinstance(e, Emit) for e in decision.effects)

    def _tell_done(self, rollout: Rollout, told: list[Emit]) -> None:
        """What no status is needed for is told before it: who sees the status has then heard of the writes.

        The order of the events stays what it is, so that nothing overtakes one that waits for the status.
        """
        while told and not told[0].of_status:
            self._tell(rollout, told.pop(0))

    def _tell(self, rollout: Rollout, event: Emit) -> None:
        self._ports.recorder.emit(rollout.raw, event.type, event.reason, event.message)


async def _one(this: Pass, effect: Write) -> None:
    match effect:
        case CreateReplicaSet():
            await create_replica_set(this, effect)
        case ScaleReplicaSet(name, _, replicas, annotations):
            body: Json = {"spec": {"replicas": replicas}}
            if annotations:
                body["metadata"] = {"annotations": dict(annotations)}
            await this.patch(REPLICA_SETS, name, body)
        case PatchReplicaSet(name, annotations, ready):
            body = {"metadata": {"annotations": dict(annotations)}} if annotations else {}
            if ready is not None:
                body["spec"] = {"minReadySeconds": ready}
            await this.patch(REPLICA_SETS, name, body)
        case DeleteReplicaSet(name, uid):
            await this.delete(REPLICA_SETS.at(this.rollout.namespace, name), uid)
        case AdoptReplicaSet(name, uid):
            await adopt(this, name, uid)
        case ReleaseReplicaSet(name, uid):
            await release(this, name, uid)
        case PatchTemplate(name, template, annotations):
            body = {"spec": {"template": template}}
            if annotations:
                body["metadata"] = {"annotations": dict(annotations)}
            await this.patch(REPLICA_SETS, name, body)
        case PatchPod():
            await patch_pod(this, effect)
        case EvictPods():
            await evict(this, effect)
        case SwitchService(name, pod_hash, owner):
            body = {"spec": {"selector": {names.POD_HASH: pod_hash}}}
            if owner is not None:
                body["metadata"] = {"annotations": {names.MANAGED_BY: owner}}
            await this.patch(SERVICES, name, body)
        case PatchWorkload():
            await patch_workload(this, effect)
        case PatchRoute(_, patch):
            await write_route(this, patch)
        case ApplyRoute(router, wanted):
            await this.ports.routers.apply(router, wanted)
        case GiveBack(ref):
            await give_back(this, ref)
        case CreateRun(name, body):
            await create_named(this, ANALYSIS_RUNS, name, body)
        case CreateExperiment(name, body):
            await create_named(this, EXPERIMENTS, name, body)
        case TerminateExperiment(name):
            await this.patch(EXPERIMENTS, name, {"spec": {"terminate": True}})
        case DeleteExperiment(name, uid):
            await this.delete(EXPERIMENTS.at(this.rollout.namespace, name), uid)
        case TerminateRun(name):
            await this.patch(ANALYSIS_RUNS, name, {"spec": {"terminate": True}})
        case DeleteRun(name, uid):
            await this.delete(ANALYSIS_RUNS.at(this.rollout.namespace, name), uid)
        case PatchRollout(body):
            address = ROLLOUTS.at(this.rollout.namespace, this.rollout.name)
            await this.write_rollout(address, body)
        case _:
            assert_never(effect)
