"""How many pods of each ReplicaSet are sure to be there, while its status is behind its spec.

In: the ReplicaSets of a Rollout as each pass sees them. Out: the same, without pods that were asked to go. Used by
`gather.py`.
A set that was scaled to nothing and back at once still counts the pods of before in its status, until its controller
has looked: who believed that would send traffic to pods that are on their way out. Kept in memory: a controller starts
more slowly than a status follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..model.workload import ReplicaSet

Key = tuple[str, str]


class SurePods:
    """The pods of each set that were sure to stay when a pass last saw it, by Rollout and uid."""

    def __init__(self) -> None:
        self._of: dict[Key, dict[str, int]] = {}

    def seen(self, key: Key, sets: Iterable[ReplicaSet]) -> tuple[ReplicaSet, ...]:
        """The sets of a Rollout, with those pods only that are sure to be there."""
        before = self._of.get(key, {})
        seen = tuple(_surely(each, before.get(each.meta.uid)) for each in sets)
        self._of[key] = {each.meta.uid: each.answering for each in seen}
        return seen

    def forget(self, key: Key) -> None:
        """The Rollout is gone."""
        self._of.pop(key, None)


def _surely(replica_set: ReplicaSet, before: int | None) -> ReplicaSet:
    is_behind = replica_set.observed_generation < replica_set.meta.generation
    if before is None or not is_behind or replica_set.answering <= before:
        return replica_set
    return replace(replica_set, available=before)
