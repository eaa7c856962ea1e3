"""The exceptions that a plugin raises; everything else it has to say is a value.

In: a sentence about what did not answer, in one line, without secrets, headers or tokens.
The core catches them at the fence around each plugin call and adds the plugin's name.
"""

from __future__ import annotations

from ..errors import GradatimError
from .ratelimit import RateLimit


class ProviderError(GradatimError):
    """A metric provider got no answer: the measurement ends in phase Error.

    Args:
        message: what was asked and what came instead; response bodies cut at 256 characters.
        retry_after: seconds after which asking again makes sense, when the service said so.
        outage: the service itself did not answer (timeout, 5xx, 429), so nothing is known about
            the release. False when the question was wrong and will stay wrong.
        rate_limit: what the reply said of the service's rate limit; `remaining=0` for a 429.
        field: name of the field of the block whose author is to look there; "": the block itself.
            A probe makes the path of its Problem of it.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        outage: bool = False,
        rate_limit: RateLimit | None = None,
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.outage = outage
        self.rate_limit = rate_limit
        self.field = field

    @property
    def throttled(self) -> bool:
        """Whether nothing but a rate limit stands in the way."""
        return self.rate_limit is not None and self.rate_limit.remaining == 0

    def reworded(self, message: str) -> ProviderError:
        """The same error with another message, and without its causes."""
        return ProviderError(
            message,
            retry_after=self.retry_after,
            outage=self.outage,
            rate_limit=self.rate_limit,
            field=self.field,
        )


class RouterError(GradatimError):
    """A traffic router could not route: the pass fails, nothing after it is done, and it is retried."""


class StepError(GradatimError):
    """A step plugin does not know how far its step has come: phase Error, and `run` is called again.

    Args:
        message: what was tried and what came instead; response bodies cut at 256 characters.
        retry_after: seconds after which trying again makes sense; never less than 30, five minutes at most.
        outage: a service did not answer (timeout, 5xx, 429).
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, outage: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.outage = outage
