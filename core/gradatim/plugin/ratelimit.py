"""What a service says of its rate limit.

In: numbers from a reply's headers, made by a plugin. Out: a `RateLimit`, with an answer or with an error.
The core's broker learns from it how often it may ask, so that the limit is never reached.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The state of one rate limit as a reply told it. None: the reply did not say.

    Attributes:
        limit: requests that the service takes in a period.
        remaining: how many of them are left. 0 with a `ProviderError`: this request was refused for the
            limit alone (429), and is asked again when the period is over.
        reset: seconds until the period ends and all are there again.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
