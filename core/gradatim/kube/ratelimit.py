"""A token bucket: so many at once, so many a second after that.

In: the rate, the burst and the time. Out: how long to wait, or whether to go ahead.
`login.py` paces requests with it, `correlator.py` an object's events.
"""

from __future__ import annotations


class TokenBucket:
    """Holds up to `burst` tokens, refilled with `rate` a second. Times are seconds of any clock.

    A rate of 0 or less is no limit, as in client-go.
    """

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(max(burst, 1))
        self._tokens = self._burst
        self._updated: float | None = None

    def reserve(self, now: float) -> float:
        """Take a token, perhaps one of the future: the seconds to wait until it is there.

        Callers are served in the order in which they reserve.
        """
        if self._rate <= 0:
            return 0.0
        self._refill(now)
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)

    def try_take(self, now: float) -> bool:
        """Take a token if there is one."""
        if self._rate <= 0:
            return True
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self, now: float) -> None:
        if self._updated is not None and now > self._updated:
            gained = (now - self._updated) * self._rate
            self._tokens = min(self._burst, self._tokens + gained)
        if self._updated is None or now > self._updated:
            self._updated = now
