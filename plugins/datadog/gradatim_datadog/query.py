"""The request for one query, and the reading of the reply.

In: `Settings` and a moment, or a `Reply`. Out: a `Request`, or a `Measurement`. Pure.
Called by `session`, which sends, and by `provider`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from gradatim.plugin import Json, Measurement

from .credentials import Credentials
from .errors import UnansweredError, excerpt
from .scalar import scalar_measurement
from .series import series_measurement
from .settings import Settings
from .values import UnreadableError

_QUERY_REFUSED: Final = (400, 422)
_LONGEST_WAIT: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Request:
    """What to send, below the address.

    Attributes:
        path: of the API's method.
        params: of the URL.
        body: JSON to POST. None: it is a GET.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


#: Asks whether the API key is good; the application key plays no part.
VALIDATE: Final = Request("/api/v1/validate")


def request(settings: Settings, now: datetime) -> Request:
    """The request for a window that ends at `now`."""
    end = int(now.timestamp())
    start = end - settings.interval
    if settings.version == "v1":
        (query,) = settings.queries.values()
        return Request("/api/v1/query", {"query": query, "from": str(start), "to": str(end)})
    return Request("/api/v2/query/scalar", body=_scalar_request(settings, start, end))


def _scalar_request(settings: Settings, start: int, end: int) -> Json:
    queries = [
        {"aggregator": settings.aggregator, "data_source": "metrics", "name": name, "query": query}
        for name, query in sorted(settings.queries.items())
    ]
    attributes = {
        "from": start * 1000,
        "to": end * 1000,
        "queries": queries,
        "formulas": [{"formula": settings.formula}] if settings.formula else [],
    }
    return {"data": {"type": "scalar_request", "attributes": attributes}}


def measurement(
    reply: Reply, settings: Settings, credentials: Credentials, now: datetime
) -> Measurement:
    """What the reply says: a float, a list of floats for a grouped query, or no data.

    Raises:
        UnansweredError: Datadog refused the keys or the query, or gave no answer that can be read.
    """
    answer = decoded(reply, credentials, now, question=settings.question)
    read = series_measurement if settings.version == "v1" else scalar_measurement
    try:
        return read(answer)
    except UnreadableError as error:
        text = excerpt(str(error), credentials.secrets)
        raise UnansweredError(
            f"Datadog at {credentials.site}: {text}", field=settings.question
        ) from None


def check_validation(reply: Reply, credentials: Credentials, now: datetime) -> None:
    """Read the answer to `VALIDATE`.

    Raises:
        UnansweredError: the API key is not good, or nobody could say.
    """
    refused = reply.status in (401, 403)
    if refused or decoded(reply, credentials, now).get("valid") is not True:
        raise UnansweredError(
            f"Datadog at {credentials.site} does not know the API key of {credentials.source}"
            f" ({reply.status}; is it for this site?)",
            field="secretRef",
        )


def decoded(
    reply: Reply, credentials: Credentials, now: datetime, *, question: str = ""
) -> dict[str, Any]:
    """The JSON object of a good reply.

    Raises:
        UnansweredError: the reply is not good; `question` is the field to blame for a refused query.
    """
    site = f"Datadog at {credentials.site}"
    text = excerpt(reply.body.decode(errors="replace"), credentials.secrets) or "nothing"
    if reply.status in (401, 403):
        raise UnansweredError(
            f"{site} refused the keys of {credentials.source} ({reply.status};"
            f" are they for this site, and may the application key query metrics?): {text}",
            field="secretRef",
        )
    if reply.status in _QUERY_REFUSED:
        raise UnansweredError(f"{site} refused the query ({reply.status}): {text}", field=question)
    if not 200 <= reply.status < 300:
        busy = reply.status == 429
        raise UnansweredError(
            f"{site} answered {reply.status}: {text}",
            retry_after=retry_after(reply.headers, now),
            outage=busy or reply.status == 408 or reply.status >= 500,
            busy=busy,
        )
    answer = _object(reply.body)
    if answer is None:
        raise UnansweredError(f"{site} sent something else than a JSON object: {text}")
    return answer


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, at most an hour. None: no header says.

    Datadog documents X-RateLimit-Reset, the seconds until its next period; a proxy sends Retry-After.
    """
    for name in ("retry-after", "x-ratelimit-reset", "x-ratelimit-period"):
        seconds = _wait(headers.get(name, ""), now)
        if seconds is not None:
            return min(max(seconds, 0.0), _LONGEST_WAIT)
    return None


def _wait(value: str, now: datetime) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return seconds if math.isfinite(seconds) else None


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
