"""Which ReplicaSet is the new one, which is stable, and what the others are.

In: the Rollout, its ReplicaSets and the hash of its template. Out: a frozen `Revisions`. First thing of each pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..model.workload import ReplicaSet


@dataclass(frozen=True, slots=True)
class Revisions:
    """The ReplicaSets of a Rollout by the part they play.

    `new` and `stable` are the same one when the release is complete.

    Attributes:
        all: oldest first.
        new: of the current template.
        stable: of the last release that was completed.
        others: neither.
    """

    all: tuple[ReplicaSet, ...]
    new: ReplicaSet | None
    stable: ReplicaSet | None
    others: tuple[ReplicaSet, ...]

    @property
    def older(self) -> tuple[ReplicaSet, ...]:
        """All but the new one."""
        return tuple(r for r in self.all if r is not self.new)

    @property
    def has_distinct_stable(self) -> bool:
        """There is a stable ReplicaSet other than the new one."""
        return self.stable is not None and self.stable is not self.new

    def of(self, pod_hash: str) -> ReplicaSet | None:
        """The set with that hash; of several the oldest."""
        return next((r for r in self.all if pod_hash and r.pod_hash == pod_hash), None)

    def next_revision(self) -> int:
        """The number after those of all but the new one."""
        return max((r.revision for r in self.older), default=0) + 1


def revisions(replica_sets: Iterable[ReplicaSet], *, pod_hash: str, stable_hash: str) -> Revisions:
    """Sort ReplicaSets into their parts; of several with one hash the oldest counts."""
    everyone = tuple(sorted(replica_sets, key=lambda r: (r.meta.created, r.name)))
    new = next((r for r in everyone if r.pod_hash == pod_hash), None)
    stable = next((r for r in everyone if r.pod_hash == stable_hash), None) if stable_hash else None
    others = tuple(r for r in everyone if r is not new and r is not stable)
    return Revisions(all=everyone, new=new, stable=stable, others=others)
