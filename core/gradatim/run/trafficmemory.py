"""When traffic last changed, for each Rollout with routing.

In: what each pass sees of weights, subsets and selectors. Out: the last instant of a change. Read by `gather.py`.
Kept in memory: after a start everything counts as changed just now, as another controller may have written before.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime

Key = tuple[str, str]


class TrafficMemory:
    """The last change of traffic by Rollout."""

    def __init__(self) -> None:
        self._seen: dict[Key, tuple[Hashable, datetime]] = {}

    def changed(self, key: Key, state: Hashable, now: datetime) -> datetime:
        """The instant of the last change, with `state` being what is seen now."""
        known = self._seen.get(key)
        if known is None or known[0] != state:
            self._seen[key] = (state, now)
            return now
        return known[1]

    def last(self, key: Key) -> datetime | None:
        """The instant of the last change; None: no pass has looked since the start."""
        known = self._seen.get(key)
        return None if known is None else known[1]

    def touch(self, key: Key, now: datetime) -> None:
        """We have just written something that moves traffic."""
        known = self._seen.get(key)
        self._seen[key] = (known[0] if known else None, now)

    def forget(self, key: Key) -> None:
        """The Rollout is gone."""
        self._seen.pop(key, None)
