"""The ReplicaSet of a new revision, and the revision numbers of all.

In: the Rollout and its revisions. Out: effects that create the set, raise its number, copy annotations. §2.4.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ..model import names
from ..model.reading import Json, Reader
from ..model.rollout import Rollout
from ..model.workload import ReplicaSet, parse_replica_set
from .draft import Draft
from .effects import CreateReplicaSet, PatchReplicaSet, PatchRollout
from .injection import injected


def new_replica_set(rollout: Rollout, *, pod_hash: str, revision: int) -> Json:
    """The body of the ReplicaSet for the current template, with no pods yet."""
    name = f"{rollout.name}-{pod_hash}"
    template_meta = Reader(rollout.template).object("metadata")
    labels = {**template_meta.texts("labels"), names.POD_HASH: pod_hash}
    annotations = {k: v for k, v in rollout.meta.annotations.items() if k not in names.NOT_COPIED}
    annotations[names.REVISION] = str(revision)
    annotations[names.DESIRED_REPLICAS] = str(rollout.replicas)
    selector = dict(rollout.selector)
    selector["matchLabels"] = {
        **Reader(rollout.selector).texts("matchLabels"),
        names.POD_HASH: pod_hash,
    }
    spec: Json = {
        "replicas": 0,
        "selector": selector,
        "template": {**rollout.template, "metadata": {**template_meta.raw, "labels": labels}},
    }
    if rollout.min_ready_seconds:
        spec["minReadySeconds"] = rollout.min_ready_seconds
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": rollout.namespace,
            "labels": dict(labels),
            "annotations": annotations,
            "ownerReferences": [owner_reference(rollout)],
        },
        "spec": spec,
    }


def owner_reference(rollout: Rollout) -> Json:
    """The reference by which a Rollout controls what it makes; deletion follows it."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "name": rollout.name,
        "uid": rollout.meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def as_created(body: Json, now: datetime) -> ReplicaSet:
    """The view that a ReplicaSet will have once it is there."""
    view = parse_replica_set(body)
    return replace(view, meta=replace(view.meta, created=now))


def create_new(draft: Draft) -> None:
    """Create the new ReplicaSet, without pods: how many it gets is decided like for any other.

    The Rollout's number comes first, as in the reference: a Rollout that has changed meanwhile refuses it, and
    nothing is made of a template that is no longer wanted.
    """
    rollout, revision = draft.rollout, draft.revisions.next_revision()
    _raise_rollout_revision(draft, revision)
    body = new_replica_set(rollout, pod_hash=draft.pod_hash, revision=revision)
    body = injected(body, rollout, draft.revisions, draft.pod_hash)
    name = body["metadata"]["name"]
    draft.effects.append(CreateReplicaSet(body, name, 0, draft.now))
    draft.emit("NewReplicaSetCreated", f"Created ReplicaSet {name} (revision {revision})")


def sync_revision(draft: Draft, new: ReplicaSet) -> None:
    """Give the new ReplicaSet the highest revision, what the Rollout's annotations say, and its readiness."""
    rollout, wanted = draft.rollout, draft.revisions.next_revision()
    changes: dict[str, str | None] = {
        key: value
        for key, value in rollout.meta.annotations.items()
        if key not in names.NOT_COPIED and new.meta.annotations.get(key) != value
    }
    revision = max(new.revision, wanted)
    if new.revision < wanted:
        changes[names.REVISION] = str(wanted)
        if new.revision:
            history = new.meta.annotations.get(names.REVISION_HISTORY, "")
            changes[names.REVISION_HISTORY] = ",".join(filter(None, [history, str(new.revision)]))
    ready = rollout.min_ready_seconds
    ready_changed = new.min_ready_seconds != ready
    if changes or ready_changed:
        draft.effects.append(PatchReplicaSet(new.name, changes, ready if ready_changed else None))
    _raise_rollout_revision(draft, revision)


def _raise_rollout_revision(draft: Draft, revision: int) -> None:
    rollout = draft.rollout
    if rollout.meta.annotations.get(names.REVISION) == str(revision):
        return
    body = {"metadata": {"annotations": {names.REVISION: str(revision)}}}
    draft.effects.append(PatchRollout(body))
    draft.emit("RolloutUpdated", f"Rollout updated to revision {revision}")
