"""Making ReplicaSets, becoming their owner, and ceasing to be it.

In: effects on ReplicaSets. Out: writes; a name that is taken or a refusal is told and raised. Called by `rollouts.py`.
"""

from __future__ import annotations

from ..decide.conditions import CREATE_ERROR_REASON
from ..decide.creation import owner_reference
from ..decide.effects import CreateReplicaSet
from ..decide.recognition import contradicts
from ..decide.refusal import creation_refused
from ..errors import GradatimError
from ..kube.errors import AlreadyExists, Conflict, NotFound, is_refusal
from ..kube.resources import REPLICA_SETS, ROLLOUTS
from ..model.meta import read_meta
from ..model.reading import Json, Reader
from ..model.rollout import Rollout
from ..model.workload import ReplicaSet, parse_replica_set
from .ports import NameTaken
from .writing import Pass, versioned


async def create_replica_set(this: Pass, effect: CreateReplicaSet) -> None:
    """Create it; one that is there already is taken if it is the one that is wanted."""
    client, memory, rollout = this.ports.client, this.ports.memory, this.rollout
    try:
        memory.wrote(REPLICA_SETS, await client.create(REPLICA_SETS, effect.body))
    except AlreadyExists:
        there = parse_replica_set(await client.get(REPLICA_SETS.at(rollout.namespace, effect.name)))
        if _is_ours(there, rollout, effect):
            if there.meta.deleting:
                raise NameTaken(f"ReplicaSet {effect.name} is being deleted") from None
            # of a pass whose end the cache had not shown yet
            memory.wrote(REPLICA_SETS, there.raw)
            return
        count = (rollout.status.collision_count or 0) + 1
        address = ROLLOUTS.at(rollout.namespace, rollout.name).sub("status")
        body = versioned({"status": {"collisionCount": count}}, this.version)
        memory.wrote(ROLLOUTS, await client.patch(address, body))
        raise NameTaken(f"ReplicaSet {effect.name} belongs to somebody else") from None
    except GradatimError as error:
        message = f'Failed to create new replica set "{effect.name}": {error}'
        this.ports.recorder.emit(rollout.raw, "Warning", CREATE_ERROR_REASON, message)
        if is_refusal(error) and effect.at is not None:
            await this.write_status(creation_refused(rollout.status, message, effect.at))
        raise


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


async def adopt(this: Pass, name: str, uid: str) -> None:
    """Become its controller, if the Rollout is still there: what a deletion left must stay left."""
    rollout = this.rollout
    there = await this.ports.client.get(ROLLOUTS.at(rollout.namespace, rollout.name))
    meta = read_meta(Reader(there))
    if meta.uid != rollout.meta.uid or meta.deleting:
        raise Conflict(f"{rollout.name} is going: nothing is adopted for it")
    await _patch_owners(this, name, uid, owner_reference(rollout))


async def release(this: Pass, name: str, uid: str) -> None:
    """Let it go: others may own it still."""
    mark = {"$patch": "delete", "uid": this.rollout.meta.uid}
    try:
        await _patch_owners(this, name, uid, mark)
    except (NotFound, Conflict):
        # gone, or another one of that name: nothing of ours is left there
        return


async def _patch_owners(this: Pass, name: str, uid: str, owner: Json) -> None:
    """Change one owner and leave the others; refused where the set is not that of the uid any more."""
    address = REPLICA_SETS.at(this.rollout.namespace, name)
    body = {"metadata": {"uid": uid, "ownerReferences": [owner]}}
    written = await this.ports.client.patch(address, body, kind="strategic")
    this.ports.memory.wrote(REPLICA_SETS, written)
