"""What a ReplicaSet's template says beyond the Rollout's own: metadata of its part, and whom to keep clear of.

In: the Rollout and its revisions. Out: the template of a new ReplicaSet, and patches of those that are there. Called
once a pass by both strategies, before anything is scaled, so that new pods are right from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model import names
from ..model.reading import Json, Reader
from ..model.rollout import Rollout
from ..model.workload import Pod, ReplicaSet
from .affinity import is_outdated, wanted_affinity
from .effects import PatchTemplate
from .metadata import Injection, injections, noted, wanted_at_creation, with_metadata
from .revisions import Revisions
from .statuspatch import merge_patch


def injected(body: Json, rollout: Rollout, revisions: Revisions, pod_hash: str) -> Json:
    """The body of a ReplicaSet that is about to be created, with what its template gets beside the author's.

    Its labels and its hash are those of the author's template.
    """
    metadata = wanted_at_creation(rollout, revisions)
    template = with_metadata(body["spec"]["template"], metadata)
    affinity = wanted_affinity(rollout, pod_hash)
    if affinity is not None:
        template = {**template, "spec": {**template.get("spec", {}), "affinity": affinity}}
    note = noted(metadata)
    meta = body["metadata"]
    if note is not None:
        meta = {**meta, "annotations": {**meta["annotations"], names.EPHEMERAL_METADATA: note}}
    return {**body, "metadata": meta, "spec": {**body["spec"], "template": template}}


def sync_templates(
    rollout: Rollout, revisions: Revisions, pods: Iterable[Pod] | None
) -> Iterator[PatchTemplate]:
    """Patches of templates that do not say what they should."""
    owners = None if pods is None else {p.meta.owner_uid for p in pods if not p.meta.deleting}
    for each in injections(rollout, revisions):
        has_pods = each.replica_set.replicas > 0 and (
            owners is None or each.replica_set.meta.uid in owners
        )
        patch = _metadata_patch(each, has_pods=has_pods)
        if patch is not None:
            yield patch
    new = revisions.new
    if new is not None and is_outdated(rollout, new):
        yield PatchTemplate(new.name, _affinity_patch(rollout, new))


def _metadata_patch(each: Injection, *, has_pods: bool) -> PatchTemplate | None:
    meta = Reader(each.replica_set.template).object("metadata")
    labels, annotations = each.changes(meta.texts("labels"), meta.texts("annotations"))
    if not labels and not annotations:
        return None
    changes = {"labels": labels, "annotations": annotations}
    # while there are pods that may have a key from before, the note goes on naming it
    note = each.note(keeps_gone=has_pods)
    return PatchTemplate(
        each.replica_set.name,
        {"metadata": {kind: dict(change) for kind, change in changes.items() if change}},
        {names.EPHEMERAL_METADATA: note},
    )


def _affinity_patch(rollout: Rollout, new: ReplicaSet) -> Json:
    before = Reader(new.template).object("spec").json("affinity")
    after = wanted_affinity(rollout, new.pod_hash) or {}
    return {"spec": {"affinity": merge_patch(before, after)}}
