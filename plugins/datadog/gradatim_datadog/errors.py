"""The one exception of this package, and how foreign text gets into it.

In: what happened, and which field of the block it speaks of. Out: an exception that the core knows.
Raised by `credentials`, `settings`, `query` and `session`; `provider` turns it into a Problem when it probes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gradatim.plugin import ProviderError

_LONGEST: Final = 256
_SHORTEST: Final = 4


class UnansweredError(ProviderError):
    """There was no answer.

    `field` names the field of the block that its author would look at first; `busy` says that only the
    rate limit is in the way.
    """

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        retry_after: float | None = None,
        outage: bool = False,
        busy: bool = False,
    ) -> None:
        super().__init__(message, retry_after=retry_after, outage=outage)
        self.field = field
        self.busy = busy


def excerpt(text: str, secrets: Iterable[str] = ()) -> str:
    """One line of at most 256 characters of what somebody else wrote, without these secrets."""
    # Shorter ones are no secrets, and would be found in the middle of other words.
    for secret in sorted((one for one in secrets if len(one) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(secret, "*****")
    line = " ".join(writable(text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def writable(text: str) -> str:
    """Text that can be encoded: JSON may hold half a surrogate pair, and the status could not be written."""
    return text.encode(errors="replace").decode()
