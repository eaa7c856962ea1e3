"""How often a service may be asked: its rate limit, learnt from what its replies say.

In: what replies said, and the time. Out: the seconds until the next call may be made.
The broker has one for each account: a credential and an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gradatim.plugin import RateLimit

#: The part of a limit that is left to others: people's dashboards, other controllers.
_RESERVE: Final = 0.05
#: While more than this part is left, calls are made as they come; below it they are spread over the rest of the period.
_FREELY: Final = 0.5
#: The period of a service that does not name its end.
_UNNAMED_PERIOD: Final = 60.0
#: Two replies speak of the same period when its ends are that close: replies tell whole seconds.
_SAME_PERIOD: Final = 2.0


@dataclass(slots=True)
class Budget:
    """The calls that are left to make. Nothing is known, and nothing waits, before the first reply.

    Times are seconds of a clock that only ever grows.
    """

    limit: int | None = None
    left: int | None = None
    resets_at: float | None = None
    #: calls that were made and whose replies have not come: what a reply says does not count all of them
    under_way: int = 0
    _last: float = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until a call may be made; 0: now."""
        self._renew(now)
        if self.left is None:
            return 0.0
        spare = self.left - self._reserve
        if spare <= 0:
            return _UNNAMED_PERIOD if self.resets_at is None else max(0.0, self.resets_at - now)
        if self.limit is None or self.resets_at is None or self.left > self.limit * _FREELY:
            return 0.0
        return max(0.0, self._last + (self.resets_at - now) / spare - now)

    def spend(self, now: float) -> None:
        """A call is made."""
        self.under_way += 1
        self._last = now
        if self.left is not None:
            self.left = max(0, self.left - 1)

    def learn(self, told: RateLimit | None, now: float) -> None:
        """A call has come back, with or without word of the limit."""
        self.under_way = max(0, self.under_way - 1)
        if told is None:
            return
        end = None if told.reset is None else now + max(0.0, told.reset)
        is_new = end is not None and (self.resets_at is None or end > self.resets_at + _SAME_PERIOD)
        if told.limit is not None and told.limit > 0:
            self.limit = told.limit
        if end is not None:
            self.resets_at = end
        if told.remaining is not None:
            left = max(0, told.remaining - self.under_way)
            # replies overtake each other: of one period the lowest number is the latest
            self.left = left if self.left is None or is_new else min(self.left, left)
            if end is None and not left:
                self.resets_at = now + _UNNAMED_PERIOD

    @property
    def _reserve(self) -> int:
        return int((self.limit or 0) * _RESERVE)

    def _renew(self, now: float) -> None:
        """A period that is over leaves all calls of the next one, as far as is known."""
        if self.resets_at is not None and now >= self.resets_at:
            self.resets_at = None
            self.left = None if self.limit is None else max(0, self.limit - self.under_way)
