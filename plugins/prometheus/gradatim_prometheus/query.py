"""The request for one instant query, and the reading of the reply.

In: `Settings` and a moment, or a `Reply`. Out: form fields, or a `Measurement`. Pure.
Called by `session`, which sends, and by `provider`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from gradatim.plugin import Measurement

from .errors import UnansweredError, excerpt, writable
from .settings import Settings

#: The query was understood to be wrong; anything else that is not 2xx speaks of the way there.
_QUERY_REFUSED: Final = (400, 422)
_KEPT: Final = 1000
_LONGEST_WARNINGS: Final = 1024
_LONGEST_WAIT: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response.

    Attributes:
        status: such as 200.
        headers: their names in lower case.
        body: its bytes.
        authorization: that of the request, which a careless proxy may put into its error page.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    authorization: str = field(default="", repr=False)

    def shown(self, secrets: Iterable[str]) -> str:
        """Its body for a message, without these secrets and those of its request."""
        return excerpt(self.body.decode(errors="replace"), (*secrets, *_told(self.authorization)))


def endpoint(address: str) -> str:
    """URL of the query API below an address, without the credentials that may be in it."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/") + "/api/v1/query"
    return urlunsplit(parts._replace(netloc=_host(parts), path=path, fragment=""))


def shown(address: str) -> str:
    """An address for messages: without user, password, path and query, any of which may hold a secret."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{_host(parts)}"


def credentials(settings: Settings) -> str | None:
    """`user:password` for Basic authentication: of the block, else of its address."""
    if settings.basic_auth is not None:
        return ":".join(settings.basic_auth)
    parts = urlsplit(settings.address)
    if "@" not in parts.netloc:
        return None
    return f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"


def form(expression: str, now: datetime) -> dict[str, str]:
    """Form fields of an instant query at `now`."""
    return {"query": expression, "time": f"{now.timestamp():.3f}"}


def redirection(url: str, location: str) -> str | None:
    """Where a redirection leads, or None when that is another host, or no longer encrypted.

    Headers and passwords of the block are meant for its address alone.
    """
    try:
        target = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(target)
        same = here.hostname == there.hostname
    except ValueError:
        return None
    safe = there.scheme == "https" or there.scheme == here.scheme == "http"
    return target if same and safe else None


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Everything in the settings that no message may repeat."""
    pair = credentials(settings)
    password = (pair.partition(":")[2],) if pair else ()
    oauth2 = (settings.oauth2.client_secret,) if settings.oauth2 else ()
    headers = (part for _, value in settings.headers for part in _told(value))
    return (*password, *oauth2, *headers)


def measurement(reply: Reply, settings: Settings, now: datetime) -> Measurement:
    """What the reply says.

    A vector or matrix gives a list of floats, even of one; a scalar gives a float.

    Raises:
        UnansweredError: the query was refused, the server did not answer it, or it yields no numbers.
    """
    answer = _answer(reply, settings, now)
    data = answer.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    kind = data.get("resultType") if isinstance(data, dict) else None
    metadata = _warnings(answer.get("warnings"))
    try:
        if kind == "scalar":
            value = _number(result)
            return Measurement(value=value, text=go_number(value), metadata=metadata)
        if kind in ("vector", "matrix"):
            return _list_measurement(_samples(kind, result), metadata)
    except (ValueError, TypeError, KeyError) as error:
        raise UnansweredError(f"{_server(settings)} sent a {kind} that cannot be read") from error
    if kind == "string":
        raise UnansweredError(
            "the query yields a string, and only numbers can be measured", field="query"
        )
    raise UnansweredError(f"{_server(settings)} sent a reply without a result", field="address")


def go_number(value: float) -> str:
    """A float as Go's FormatFloat(…, 'f', -1, 64) prints it: that is how the reference keeps values."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    digits = format(Decimal(repr(value)), "f")
    return digits.removesuffix(".0")


def _list_measurement(values: list[float], metadata: dict[str, str]) -> Measurement:
    # Thousands of values in each measurement would make the AnalysisRun too big for the API server.
    if len(values) > _KEPT:
        metadata = {**metadata, "values_truncated": "true"}
    return Measurement(
        value=values,
        text=f"[{','.join(go_number(value) for value in values[:_KEPT])}]",
        metadata=metadata,
        no_data=not values,
    )


def _samples(kind: str, series: Any) -> list[float]:
    if kind == "vector":
        return [_number(one["value"]) for one in series]
    return [_number(pair) for one in series for pair in one["values"]]


def _number(pair: Any) -> float:
    _, value = pair
    if not isinstance(value, str):
        raise TypeError("a sample value is not text")
    return float(value)


def _answer(reply: Reply, settings: Settings, now: datetime) -> dict[str, Any]:
    decoded = _decoded(reply.body)
    if 200 <= reply.status < 300 and decoded.get("status") == "success":
        return decoded
    reason = _reason(decoded)
    if reply.status in _QUERY_REFUSED and reason:
        text = excerpt(reason, secrets_of(settings))
        raise UnansweredError(f"{_server(settings)} refused the query: {text}", field="query")
    text = reply.shown(secrets_of(settings))
    if reason:
        text = excerpt(reason, secrets_of(settings))
    if reply.status in (401, 403):
        raise UnansweredError(
            f"{_server(settings)} refused the credentials ({reply.status}): {text}",
            field="authentication",
        )
    raise UnansweredError(
        f"{_server(settings)} answered {reply.status}: {text or 'nothing'}",
        field="address",
        retry_after=retry_after(reply.headers, now),
        outage=reply.status == 429 or reply.status >= 500,
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds of a Retry-After header, at most an hour. None: there is none that can be read."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT) if math.isfinite(seconds) else None


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _reason(decoded: Mapping[str, Any]) -> str:
    parts: Iterable[Any] = (decoded.get("errorType"), decoded.get("error"))
    return ": ".join(part for part in parts if isinstance(part, str) and part)


def _warnings(warnings: object) -> dict[str, str]:
    if not isinstance(warnings, list) or not warnings:
        return {}
    told = ", ".join(f'"{one}"' for one in warnings)
    return {"warnings": writable(told[:_LONGEST_WARNINGS])}


def _server(settings: Settings) -> str:
    return f"Prometheus at {shown(settings.address)}"


def _told(header: str) -> tuple[str, ...]:
    """Of `Bearer abc`, both the whole value and `abc`."""
    return (header, *header.split()[-1:])


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
