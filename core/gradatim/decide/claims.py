"""Whose ReplicaSets are: orphans that the selector names are adopted, own ones that it does not name are let go.

In: a snapshot. Out: effects, before anything else is decided. The rules are those of all controllers of Kubernetes:
only orphans, nothing that is being deleted, and the Rollout must not be going itself (§2.2 of the reference).
"""

from __future__ import annotations

from ..model.selector import is_empty, selects
from ..model.workload import ReplicaSet
from .effects import AdoptReplicaSet, ReleaseReplicaSet
from .snapshot import Snapshot


def claims(snapshot: Snapshot) -> list[AdoptReplicaSet | ReleaseReplicaSet]:
    """Whom to adopt and whom to let go."""
    if snapshot.rollout.meta.deleting or is_empty(snapshot.rollout.selector):
        return []
    orphans = (r for r in snapshot.orphans if _is_claimable(snapshot, r))
    strangers = (r for r in snapshot.replica_sets if not _is_selected(snapshot, r))
    return [
        *(AdoptReplicaSet(r.name, r.meta.uid) for r in orphans),
        *(ReleaseReplicaSet(r.name, r.meta.uid) for r in strangers),
    ]


def claimed(snapshot: Snapshot) -> tuple[ReplicaSet, ...]:
    """The Rollout's ReplicaSets once its claims are carried out."""
    done = claims(snapshot)
    adopted = {each.name for each in done if isinstance(each, AdoptReplicaSet)}
    released = {each.name for each in done if isinstance(each, ReleaseReplicaSet)}
    return (
        *(r for r in snapshot.replica_sets if r.name not in released),
        *(r for r in snapshot.orphans if r.name in adopted),
    )


def _is_claimable(snapshot: Snapshot, replica_set: ReplicaSet) -> bool:
    """The Rollout's selector names it, nobody controls it, and it is there to stay."""
    meta = replica_set.meta
    return not meta.owner_uid and not meta.deleting and _is_selected(snapshot, replica_set)


def _is_selected(snapshot: Snapshot, replica_set: ReplicaSet) -> bool:
    return selects(snapshot.rollout.selector, replica_set.meta.labels)
