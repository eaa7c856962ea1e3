"""How often and when to ask again, when Datadog does not answer.

In: what went wrong, how often it was tried, and the seconds since the measurement began. Out: the seconds to wait.
Called by `provider` between two tries of one measurement. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradatim.plugin import ProviderError


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The budget of one measurement.

    Attributes:
        tries: at most.
        seconds: in which the last try must begin; what takes longer is the next measurement's.
        first_wait: before the second try, where Datadog names no time; it doubles from try to try.
    """

    tries: int = 3
    seconds: float = 30.0
    first_wait: float = 1.0

    def wait(self, error: ProviderError, tried: int, spent: float, chance: float) -> float | None:
        """Seconds until the next try; None: the error stands.

        `chance`, from 0 to 1, spreads those who failed at the same moment: never before the time that Datadog named,
        and up to a second after it. A rate limit is not waited for here: one who waits by itself keeps it from others.
        """
        if not error.outage or error.throttled or tried >= self.tries:
            return None
        if error.retry_after is not None:
            wait = error.retry_after + chance
        else:
            wait = self.first_wait * 2 ** (tried - 1) * (1 + chance) / 2
        return wait if spent + wait <= self.seconds else None
