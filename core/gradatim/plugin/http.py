"""What an HTTP answer means for a measurement, the same for every provider that asks over HTTP.

In: whom was asked, and the answer or its absence. Out: a `ProviderError` in one line, without secrets, that says
whether it was an outage, when to come back, and which field to look at. Pure: sending is the plugin's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypedDict
from urllib.parse import SplitResult, urlsplit

from .errors import ProviderError
from .ratelimit import RateLimit
from .texts import excerpt

#: Nobody waits longer for a service, whatever it asks for.
LONGEST_WAIT: Final = 3600.0
_REFUSED_QUESTION: Final = (400, 422)
_REFUSED_LOGIN: Final = (401, 403)
_LONGEST_HEADER: Final = 64
_COUNTS: Final = ("limit", "remaining")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Whom was asked, for messages and blame.

    Attributes:
        name: as messages begin: "Prometheus at https://prometheus:9090".
        secrets: what no message may repeat.
        query_field, login_field, address_field: fields of the block whose author is to look there when the question
            is refused, when the credentials are, and when there is no good answer ("": the block itself).
        login: what the credentials are called.
        login_hint: what to look for when they are refused.
    """

    name: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    query_field: str = ""
    login_field: str = ""
    address_field: str = ""
    login: str = "the credentials"
    login_hint: str = ""

    def hiding(self, *secrets: str) -> Endpoint:
        """The same, with more that no message may repeat, such as a token that was got on the way."""
        return replace(self, secrets=(*self.secrets, *secrets))

    def excerpt(self, text: str) -> str:
        """A line of what somebody else wrote, without the secrets."""
        return excerpt(text, self.secrets)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response, read to its end. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Is the status one of 2xx?"""
        return 200 <= self.status < 300

    def json_object(self) -> dict[str, Any] | None:
        """The JSON object that the body is; None when it is none. NaN and Infinity are no JSON."""
        try:
            decoded = json.loads(self.body, parse_constant=_no_number)
        except (ValueError, RecursionError):
            return None
        return decoded if isinstance(decoded, dict) else None

    def excerpt(self, endpoint: Endpoint) -> str:
        """A line of the body, for a message."""
        return endpoint.excerpt(self.body.decode(errors="replace")) or "nothing"


def refusal(
    endpoint: Endpoint,
    reply: Reply,
    now: datetime,
    *,
    reason: str = "",
    wait_headers: tuple[str, ...] = ("retry-after",),
) -> ProviderError:
    """What an answer other than the hoped-for one comes to.

    Args:
        reason: the service's own words, where the plugin found them in the body; else the body is quoted. Without
            them a 400 is nobody's word on the query: some proxy on the way may have said so.
        wait_headers: which headers say when to come back, the first that can be read wins.
    """
    said = endpoint.excerpt(reason) or reply.excerpt(endpoint)
    if reply.status in _REFUSED_LOGIN:
        hint = f"; {endpoint.login_hint}" if endpoint.login_hint else ""
        return ProviderError(
            f"{endpoint.name} refused {endpoint.login} ({reply.status}{hint}): {said}",
            field=endpoint.login_field,
        )
    if reply.status in _REFUSED_QUESTION and reason:
        return ProviderError(
            f"{endpoint.name} refused the query ({reply.status}): {said}",
            field=endpoint.query_field,
        )
    return ProviderError(
        f"{endpoint.name} answered {reply.status}: {said}",
        field=endpoint.address_field,
        **waiting(reply, now, wait_headers),
    )


def late(endpoint: Endpoint, seconds: float) -> ProviderError:
    """There was no answer in time."""
    return ProviderError(
        f"{endpoint.name} did not answer within {seconds:g} s",
        field=endpoint.address_field,
        outage=True,
    )


def unreachable(endpoint: Endpoint, error: Exception) -> ProviderError:
    """There was no answer at all, as the HTTP library says. Raise it `from None`: the cause may show a secret."""
    said = endpoint.excerpt(f"{type(error).__name__}: {error}")
    return ProviderError(
        f"{endpoint.name} did not answer: {said}", field=endpoint.address_field, outage=True
    )


class Waiting(TypedDict):
    """What of a `ProviderError` says whether and when to ask again."""

    retry_after: float | None
    outage: bool
    rate_limit: RateLimit | None


def waiting(
    reply: Reply, now: datetime, wait_headers: tuple[str, ...] = ("retry-after",)
) -> Waiting:
    """Whether and when to ask again after an answer that is no good: arguments of `ProviderError`."""
    wait = retry_after(reply.headers, now, wait_headers)
    return {
        "retry_after": wait,
        "outage": is_outage(reply.status),
        "rate_limit": rate_limit(reply, wait),
    }


def rate_limit(reply: Reply, wait: float | None = None) -> RateLimit | None:
    """What the X-RateLimit headers say; of a 429 at least that nothing remains. None: the reply says nothing.

    Args:
        wait: seconds until the period ends, where that is known from elsewhere.
    """
    limit, remaining = (_count(reply.headers.get(f"x-ratelimit-{n}")) for n in _COUNTS)
    reset = retry_after(reply.headers, datetime.min.replace(tzinfo=UTC), ("x-ratelimit-reset",))
    if reply.status == 429:
        return RateLimit(limit=limit, remaining=0, reset=wait if reset is None else reset)
    if limit is None and remaining is None:
        return None
    return RateLimit(limit=limit, remaining=remaining, reset=reset)


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 9 else None


def is_outage(status: int) -> bool:
    """Does this status say nothing about the question, so that asking again may help?"""
    return status in (408, 429) or status >= 500


def retry_after(
    headers: Mapping[str, str], now: datetime, names: tuple[str, ...] = ("retry-after",)
) -> float | None:
    """Seconds to wait: of the first of these headers that can be read, a number or a date. None: none can.

    From 0 to `LONGEST_WAIT`: a service that says to come back in a year has said nothing.
    """
    for name in names:
        seconds = _wait(headers.get(name, ""), now)
        if seconds is not None:
            return min(max(seconds, 0.0), LONGEST_WAIT)
    return None


def shown_address(address: str) -> str:
    """An address for messages: without user, password, path and query, any of which may hold a secret."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{host(parts)}"


def host(parts: SplitResult) -> str:
    """Host and port of an address, without the credentials that may stand before them."""
    return parts.netloc.rpartition("@")[2]


def _wait(value: str, now: datetime) -> float | None:
    if not value or len(value) > _LONGEST_HEADER:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        aware = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (aware - now).total_seconds()
    return seconds if math.isfinite(seconds) else None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
