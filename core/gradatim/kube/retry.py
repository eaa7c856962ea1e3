"""When a request may be sent again, and after which pause.

In: the error, and whether the request only reads. Out: yes or no, and seconds.
`client.py` asks it after each failed request.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gradatim.kube.errors import KubeError, Throttled, Unavailable, Unreachable

#: no server's Retry-After keeps a request waiting for longer, in seconds
LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how far apart a request is sent again.

    `attempts` counts the first one. `first` is the first pause in seconds; it doubles.
    `jitter` gives a number in [0, 1).
    """

    attempts: int = 5
    first: float = 0.2
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int, error: KubeError) -> float:
        """Seconds before the attempt after number `attempt` (0 is the first)."""
        wait: float = self.first * 2.0**attempt
        if error.retry_after is not None:
            wait = max(wait, error.retry_after)
        return min(wait, LONGEST_WAIT) * (1 + 0.2 * self.jitter())


def may_repeat(error: KubeError, *, read: bool) -> bool:
    """Is it safe and of use to send the request again?

    A write that got no answer may have been carried out, so it is repeated only where the connection was
    never made. 429 is answered before anything is done.
    """
    if isinstance(error, Throttled):
        return True
    if isinstance(error, Unreachable) and isinstance(error.__cause__, ConnectionRefusedError):
        return True
    return read and isinstance(error, (Unavailable, Unreachable))
