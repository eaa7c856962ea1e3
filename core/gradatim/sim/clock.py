"""Time in the embedded cluster.

In: the running event loop. Out: aware UTC datetimes, and the timestamps that objects carry.
Used by everything here that stamps; under a virtual loop the clock starts at EPOCH and no real time has to pass.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from gradatim.sim.virtual import VirtualLoop

#: When a cluster in virtual time begins, so that a history can be played again, second by second.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class SimClock:
    """Wall-clock time that follows the loop it was made in."""

    def __init__(self, start: datetime | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        virtual = isinstance(self._loop, VirtualLoop)
        self._start = start or (EPOCH if virtual else datetime.now(UTC))
        self._origin = self._loop.time()

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        return self._start + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        """Return the seconds since the clock was made."""
        return self._loop.time() - self._origin

    def stamp(self) -> str:
        """Return the time as objects carry it: RFC 3339, whole seconds."""
        return stamp(self.now())


def stamp(moment: datetime) -> str:
    """Return `moment` as a Kubernetes timestamp."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Return the time of a Kubernetes timestamp, aware and in UTC."""
    return datetime.fromisoformat(text)
