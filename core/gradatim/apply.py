"""Carries out decisions, effect by effect: the only module that changes the cluster for a Rollout.

In: a `Decision`. Out: writes in its order, stopping at the first that fails, the status last. `run/` calls it.
Each write is remembered, so that the next pass waits until the cache has seen it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, assert_never

from .decide import Decision
from .decide.conditions import CREATE_ERROR_REASON
from .decide.creation import owner_reference
from .decide.effects import (
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
from .decide.recognition import contradicts
from .decide.refusal import creation_refused
from .decide.sameness import holds_still
from .decide.statuspatch import merge_patch
from .errors import GradatimError
from .kube.client import Client
from .kube.errors import (
    AlreadyExists,
    Conflict,
    KubeError,
    NotFound,
    Throttled,
    Unreachable,
    is_refusal,
)
from .kube.resources import (
    ANALYSIS_RUNS,
    EXPERIMENTS,
    PODS,
    REPLICA_SETS,
    ROLLOUTS,
    SERVICES,
    Address,
    Resource,
)
from .model import names
from .model.meta import read_meta
from .model.reading import Json, Reader
from .model.rollout import Rollout
from .model.workload import ReplicaSet, parse_replica_set
from .plugin import ObjectRef, Patch, Wanted

log = logging.getLogger(__name__)


#: Pods that a disruption budget keeps, after which it is not asked for more in this pass.
_REFUSALS: Final = 5


#: How often a write to a Rollout is tried that others annotate meanwhile.
_REWRITES: Final = 4


class NameTaken(GradatimError):
    """Somebody else's object has the name that ours needs; the next pass chooses another.

    `name` is that of an AnalysisRun or an Experiment which is not the Rollout's, "" for anything else.
    """

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class Recorder(Protocol):
    """Records Kubernetes events."""

    def emit(
        self, about: Json, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """Queue an event about an object."""
        ...


class Memory(Protocol):
    """Remembers our writes until the cache shows them."""

    def wrote(self, resource: Resource, written: Json) -> None:
        """The object as the server gave it back."""
        ...

    def deleted(self, address: Address, uid: str) -> None:
        """The object that was deleted."""
        ...


class Routers(Protocol):
    """Routers of control planes outside the cluster."""

    async def apply(self, router: str, wanted: Wanted) -> None:
        """Have one bring about a state. Raises RouterError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Whom the applier talks to.

    Attributes:
        resource_of: the resource that an object reference of a router means.
        client_of: who reaches a router's objects; they may be in another cluster.
    """

    client: Client
    recorder: Recorder
    memory: Memory
    routers: Routers
    resource_of: Callable[[ObjectRef], Awaitable[Resource]]
    client_of: Callable[[Resource], Client]


@dataclass(slots=True)
class _Pass:
    """One decision being carried out: which versions its own writes have led to."""

    rollout: Rollout
    version: str
    #: the Rollout as it was decided on, with our own writes of this pass
    basis: Json
    versions: dict[ObjectRef, str] = field(default_factory=dict)
    planned: dict[ObjectRef, str] = field(default_factory=dict)


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
        this = _Pass(rollout, rollout.meta.resource_version, rollout.raw)
        told: list[Emit] = []
        wrote = is_written = False
        try:
            for effect in decision.effects:
                if isinstance(effect, Emit):
                    told.append(effect)
                else:
                    await self._one(this, effect)
            wrote = await self._status(this, decision.status)
            is_written = True
        finally:
            # what was written is told; what would be so with the status is not, also when we are stopped
            for event in told:
                if is_written or not event.of_status:
                    self._ports.recorder.emit(rollout.raw, event.type, event.reason, event.message)
        return wrote or any(not isinstance(e, Emit) for e in decision.effects)

    async def _one(self, this: _Pass, effect: Write) -> None:
        match effect:
            case CreateReplicaSet():
                await self._create_replica_set(this, effect)
            case ScaleReplicaSet(name, _, replicas, annotations):
                body: Json = {"spec": {"replicas": replicas}}
                if annotations:
                    body["metadata"] = {"annotations": dict(annotations)}
                await self._patch(this, REPLICA_SETS, name, body)
            case PatchReplicaSet(name, annotations, ready):
                body = {"metadata": {"annotations": dict(annotations)}} if annotations else {}
                if ready is not None:
                    body["spec"] = {"minReadySeconds": ready}
                await self._patch(this, REPLICA_SETS, name, body)
            case DeleteReplicaSet(name, uid):
                await self._delete(REPLICA_SETS.at(this.rollout.namespace, name), uid)
            case AdoptReplicaSet(name, uid):
                await self._adopt(this, name, uid)
            case ReleaseReplicaSet(name, uid):
                await self._release(this, name, uid)
            case PatchTemplate(name, template, annotations):
                body = {"spec": {"template": template}}
                if annotations:
                    body["metadata"] = {"annotations": dict(annotations)}
                await self._patch(this, REPLICA_SETS, name, body)
            case PatchPod():
                await self._patch_pod(this, effect)
            case EvictPods():
                await self._evict(this, effect)
            case SwitchService(name, pod_hash, owner):
                body = {"spec": {"selector": {names.POD_HASH: pod_hash}}}
                if owner is not None:
                    body["metadata"] = {"annotations": {names.MANAGED_BY: owner}}
                await self._patch(this, SERVICES, name, body)
            case PatchWorkload():
                await self._patch_workload(this, effect)
            case PatchRoute(_, patch):
                await self._route(this, patch)
            case ApplyRoute(router, wanted):
                await self._ports.routers.apply(router, wanted)
            case GiveBack(ref):
                await self._give_back(ref)
            case CreateRun(name, body):
                await self._create_named(this, ANALYSIS_RUNS, name, body)
            case CreateExperiment(name, body):
                await self._create_named(this, EXPERIMENTS, name, body)
            case TerminateExperiment(name):
                await self._patch(this, EXPERIMENTS, name, {"spec": {"terminate": True}})
            case DeleteExperiment(name, uid):
                await self._delete(EXPERIMENTS.at(this.rollout.namespace, name), uid)
            case TerminateRun(name):
                await self._patch(this, ANALYSIS_RUNS, name, {"spec": {"terminate": True}})
            case DeleteRun(name, uid):
                await self._delete(ANALYSIS_RUNS.at(this.rollout.namespace, name), uid)
            case PatchRollout(body):
                address = ROLLOUTS.at(this.rollout.namespace, this.rollout.name)
                await self._write_rollout(this, address, body)
            case _:
                assert_never(effect)

    async def _patch(self, this: _Pass, resource: Resource, name: str, body: Json) -> None:
        address = resource.at(this.rollout.namespace, name)
        self._ports.memory.wrote(resource, await self._ports.client.patch(address, body))

    async def _adopt(self, this: _Pass, name: str, uid: str) -> None:
        """Become its controller, if the Rollout is still there: what a deletion left must stay left."""
        rollout = this.rollout
        there = await self._ports.client.get(ROLLOUTS.at(rollout.namespace, rollout.name))
        meta = read_meta(Reader(there))
        if meta.uid != rollout.meta.uid or meta.deleting:
            raise Conflict(f"{rollout.name} is going: nothing is adopted for it")
        await self._patch_owners(this, name, uid, owner_reference(rollout))

    async def _release(self, this: _Pass, name: str, uid: str) -> None:
        mark = {"$patch": "delete", "uid": this.rollout.meta.uid}
        try:
            await self._patch_owners(this, name, uid, mark)
        except (NotFound, Conflict):
            # gone, or another one of that name: nothing of ours is left there
            return

    async def _patch_owners(self, this: _Pass, name: str, uid: str, owner: Json) -> None:
        """Change one owner and leave the others; refused where the set is not that of the uid any more."""
        address = REPLICA_SETS.at(this.rollout.namespace, name)
        body = {"metadata": {"uid": uid, "ownerReferences": [owner]}}
        written = await self._ports.client.patch(address, body, kind="strategic")
        self._ports.memory.wrote(REPLICA_SETS, written)

    async def _patch_pod(self, this: _Pass, effect: PatchPod) -> None:
        metadata = {"labels": dict(effect.labels), "annotations": dict(effect.annotations)}
        body = {"metadata": {kind: texts for kind, texts in metadata.items() if texts}}
        try:
            await self._patch(this, PODS, effect.name, body)
        except NotFound:
            log.debug("pod %s went before it could be patched", effect.name)

    async def _evict(self, this: _Pass, effect: EvictPods) -> None:
        """Whatever becomes of evictions, the status is written: the restart goes on when it can."""
        going = refused = 0
        for name, uid in effect.pods:
            if going == effect.most or refused == _REFUSALS:
                return
            address = PODS.at(this.rollout.namespace, name)
            try:
                await self._ports.client.evict(address)
            except NotFound:
                # it went, perhaps by an eviction of ours whose answer was lost: it is one of those that may be missing
                log.debug("pod %s went before it could be evicted", name)
                going += 1
                self._ports.memory.deleted(address, uid)
            except Throttled as error:
                refused += 1
                log.info("not yet: %s", error)
            except Unreachable:
                raise
            except KubeError as error:
                said = str(error)
                self._ports.recorder.emit(this.rollout.raw, "Warning", "ReconciliationError", said)
                return
            else:
                going += 1
                self._ports.memory.deleted(address, uid)

    async def _patch_workload(self, this: _Pass, effect: PatchWorkload) -> None:
        """Scale the Deployment, as it was seen. That it cannot be is told, and stops no release."""
        ref = effect.ref
        body = _versioned({"spec": {"replicas": effect.replicas}}, effect.resource_version)
        try:
            resource = await self._ports.resource_of(ref)
            address = resource.at(ref.namespace, ref.name)
            written = await self._ports.client.patch(address, body)
        except (Conflict, NotFound) as error:
            # it changed meanwhile, which its watch will tell
            log.debug("%s is scaled later: %s", ref, error)
        except Unreachable:
            raise
        except KubeError as error:
            said = f"{ref} cannot be scaled: {error}"
            self._ports.recorder.emit(this.rollout.raw, "Warning", "ReconciliationError", said)
        else:
            self._ports.memory.wrote(resource, written)

    async def _delete(self, address: Address, uid: str) -> None:
        try:
            await self._ports.client.delete(address, uid=uid)
        except (NotFound, Conflict):
            # gone already, or another one of that name: nothing of ours is left there
            return
        self._ports.memory.deleted(address, uid)

    async def _create_replica_set(self, this: _Pass, effect: CreateReplicaSet) -> None:
        client, memory, rollout = self._ports.client, self._ports.memory, this.rollout
        try:
            memory.wrote(REPLICA_SETS, await client.create(REPLICA_SETS, effect.body))
        except AlreadyExists:
            there = parse_replica_set(
                await client.get(REPLICA_SETS.at(rollout.namespace, effect.name))
            )
            if _is_ours(there, rollout, effect):
                if there.meta.deleting:
                    raise NameTaken(f"ReplicaSet {effect.name} is being deleted") from None
                # of a pass whose end the cache had not shown yet
                memory.wrote(REPLICA_SETS, there.raw)
                return
            count = (rollout.status.collision_count or 0) + 1
            address = ROLLOUTS.at(rollout.namespace, rollout.name).sub("status")
            body = _versioned({"status": {"collisionCount": count}}, this.version)
            memory.wrote(ROLLOUTS, await client.patch(address, body))
            raise NameTaken(f"ReplicaSet {effect.name} belongs to somebody else") from None
        except GradatimError as error:
            message = f'Failed to create new replica set "{effect.name}": {error}'
            self._ports.recorder.emit(rollout.raw, "Warning", CREATE_ERROR_REASON, message)
            if is_refusal(error) and effect.at is not None:
                await self._status(this, creation_refused(rollout.status, message, effect.at))
            raise

    async def _create_named(self, this: _Pass, resource: Resource, name: str, body: Json) -> None:
        """Create a run or an Experiment. One that is there already is judged once the cache shows it (row 36)."""
        client, memory = self._ports.client, self._ports.memory
        try:
            memory.wrote(resource, await client.create(resource, body))
        except AlreadyExists:
            there = await client.get(resource.at(this.rollout.namespace, name))
            if read_meta(Reader(there)).owner_uid != this.rollout.meta.uid:
                # no pass will ever find it among the Rollout's own
                raise NameTaken(f"{resource.kind} {name} is somebody else's", name) from None
            memory.wrote(resource, there)
            text = f"{resource.kind} {name} was there before the cache showed it"
            raise NameTaken(text) from None

    async def _route(self, this: _Pass, patch: Patch) -> None:
        """Write a router's object, against the version that the write was planned for."""
        resource = await self._ports.resource_of(patch.ref)
        address = resource.at(patch.ref.namespace, patch.ref.name)
        version = patch.resource_version
        if this.planned.get(patch.ref) == version:
            # planned against an object that this pass has written itself since
            version = this.versions[patch.ref]
        else:
            this.planned[patch.ref] = patch.resource_version
        written = await self._ports.client_of(resource).patch(
            address, at_version(patch, version), kind=patch.kind
        )
        this.versions[patch.ref] = _version(written)
        self._ports.memory.wrote(resource, written)

    async def _give_back(self, ref: ObjectRef) -> None:
        try:
            resource = await self._ports.resource_of(ref)
            client = self._ports.client_of(resource)
            written = await client.give_back(resource.at(ref.namespace, ref.name))
        except Unreachable:
            raise
        except KubeError as error:
            # somebody writes at the same moment, or it may not be done: the next pass tries again
            log.info("%s: our fields are given back later: %s", ref, error)
        else:
            if written is not None:
                self._ports.memory.wrote(resource, written)

    async def _write_rollout(self, this: _Pass, address: Address, body: Json) -> None:
        """Patch it at the version we decided on: a promote or an abort that came in between is never overwritten."""
        for left in reversed(range(_REWRITES)):
            try:
                written = await self._ports.client.patch(address, _versioned(body, this.version))
            except Conflict:
                there = await self._ports.client.get(ROLLOUTS.at(address.namespace, address.name))
                if not left or not holds_still(this.basis, there):
                    raise
                this.version = _version(there)
            else:
                this.version, this.basis = _version(written), written
                self._ports.memory.wrote(ROLLOUTS, written)
                return

    async def _status(self, this: _Pass, status: Json) -> bool:
        patch = merge_patch(this.rollout.status.raw, status)
        if not patch:
            return False
        address = ROLLOUTS.at(this.rollout.namespace, this.rollout.name).sub("status")
        await self._write_rollout(this, address, {"status": patch})
        return True


def _is_ours(there: ReplicaSet, rollout: Rollout, effect: CreateReplicaSet) -> bool:
    """The one that is there is the one that we want: the Rollout's, with its hash, and of the same pods.

    Without the label no watch of ours shows it, so that it would be waited for in vain.
    """
    wanted = parse_replica_set(effect.body)
    return (
        there.meta.owner_uid == rollout.meta.uid
        and there.pod_hash == wanted.pod_hash
        and not contradicts(wanted.template, there)
    )


def _version(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata") or {}).get("resourceVersion", ""))


def _versioned(body: Json, version: str) -> Json:
    if not version:
        return body
    return {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": version}}


def at_version(patch: Patch, version: str) -> object:
    """The patch's body, to be refused when the object is not at that version any more."""
    if isinstance(patch.body, dict):
        return _versioned(patch.body, version)
    if not version:
        return list(patch.body)
    return [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}, *patch.body]
