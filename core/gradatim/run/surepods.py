"""How many pods of each ReplicaSet are sure to be there, while its status is behind its spec.

In: the ReplicaSets of a Rollout as each pass sees them. Out: the same, without pods that were asked to go. Used by
`gather.py`.
A set that was scaled to nothing and back at once still counts the pods of before in its status, until its controller
has looked: who believed that would send traffic to pods that are on their way out. What was seen is kept in memory; a
controller that has just started waits for the status instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ..model.workload import ReplicaSet

Key = tuple[str, str]

#: Seconds for which the status of a set is waited for that was never seen before. It follows within milliseconds; where
#: it does not, nobody looks after the set, and none of its pods goes.
PATIENCE: Final = 2.0


class SurePods:
    """The pods of each set that were sure to stay when a pass last saw it, by Rollout and uid."""

    def __init__(self) -> None:
        self._of: dict[Key, dict[str, int]] = {}
        self._since: dict[Key, float] = {}

    def awaits(self, key: Key, sets: Iterable[ReplicaSet], now: float) -> bool:
        """A set that no pass has seen yet counts pods that may be on their way out. `now`: the loop's time."""
        known = self._of.get(key, {})
        if not any(each.is_in_doubt and each.meta.uid not in known for each in sets):
            self._since.pop(key, None)
            return False
        return now - self._since.setdefault(key, now) < PATIENCE

    def seen(self, key: Key, sets: Iterable[ReplicaSet]) -> tuple[ReplicaSet, ...]:
        """The sets of a Rollout, with those pods only that are sure to be there."""
        before = self._of.get(key, {})
        seen = tuple(_surely(each, before.get(each.meta.uid)) for each in sets)
        self._of[key] = {each.meta.uid: each.answering for each in seen}
        return seen

    def forget(self, key: Key) -> None:
        """The Rollout is gone."""
        self._of.pop(key, None)
        self._since.pop(key, None)


def _surely(replica_set: ReplicaSet, before: int | None) -> ReplicaSet:
    is_behind = replica_set.observed_generation < replica_set.meta.generation
    if before is None or not is_behind or replica_set.answering <= before:
        return replica_set
    return replace(replica_set, available=before)
