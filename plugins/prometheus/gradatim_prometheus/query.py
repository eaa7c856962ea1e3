"""The request for one query, and the reading of the reply.

In: `Settings` and a moment, or a `Reply`. Out: a `Request`, or a `Measurement`. Pure.
Called by `session`, which sends, and by `provider`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from gradatim.plugin import Measurement, Numbers, ProviderError, Series
from gradatim.plugin.http import Endpoint, Reply, host, refusal
from gradatim.plugin.texts import MOST_VALUES, number_text, numbers_text, writable

from .settings import Settings

_LONGEST_WARNINGS: Final = 1024
_RECORDED: Final = 50
#: What the server says of a range that it does not serve, though the expression may be sound.
_RANGE_REFUSED: Final = ('parameter "start"', 'parameter "end"', 'parameter "step"', "resolution")


@dataclass(frozen=True, slots=True)
class Request:
    """A query as it is sent: the URL, without credentials, and the form's fields."""

    url: str
    fields: Mapping[str, str]


def request(settings: Settings, expression: str, now: datetime) -> Request:
    """The request that evaluates an expression: at `now`, or over the range of the block."""
    parts = urlsplit(settings.address)
    method, fields = "query", {"query": expression, "time": _seconds(now)}
    if (wanted := settings.range) is not None:
        method = "query_range"
        times = {"start": _seconds(wanted.start), "end": _seconds(wanted.end)}
        fields = {"query": expression, **times, "step": number_text(wanted.step)}
    path = f"{parts.path.rstrip('/')}/api/v1/{method}"
    return Request(urlunsplit(parts._replace(netloc=host(parts), path=path, fragment="")), fields)


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


def measurement(reply: Reply, endpoint: Endpoint, now: datetime) -> Measurement:
    """What the reply says.

    A vector or matrix gives a list of floats, even of one, and the series that they are of; a scalar gives a float.

    Raises:
        ProviderError: the query was refused, the server did not answer it, or it yields no numbers.
    """
    answer = _answer(reply, endpoint, now)
    data = answer.get("data")
    result = data.get("result") if isinstance(data, dict) else None
    kind = data.get("resultType") if isinstance(data, dict) else None
    metadata = _warnings(answer.get("warnings"))
    try:
        if kind == "scalar":
            value = _number(result)
            return Measurement(value=value, text=number_text(value), metadata=metadata)
        if kind in ("vector", "matrix"):
            return _list_measurement(_series(kind, result), result, metadata)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProviderError(f"{endpoint.name} sent a {kind} that cannot be read") from error
    if kind == "string":
        raise ProviderError(
            "the query yields a string, and only numbers can be measured", field="query"
        )
    raise ProviderError(f"{endpoint.name} sent a reply without a result", field="address")


def _seconds(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"


def _list_measurement(
    series: tuple[Series, ...], result: Any, metadata: dict[str, str]
) -> Measurement:
    values = Numbers(value for one in series for value in one.samples)
    if len(values) > MOST_VALUES:
        metadata = {**metadata, "values_truncated": "true"}
    return Measurement(
        value=values,
        text=numbers_text(values),
        metadata=metadata,
        no_data=not values,
        samples=_recorded(result),
        series=series,
    )


def _recorded(result: Any) -> list[Any]:
    """The newest samples of the first series: the record keeps no more, and writing megabytes would hold up others."""
    return [
        {**one, "values": one["values"][-_RECORDED:]} if "values" in one else one
        for one in result[:_RECORDED]
    ]


def _series(kind: str, result: Any) -> tuple[Series, ...]:
    def points(one: Any) -> Any:
        return [one["value"]] if kind == "vector" else one["values"]

    return tuple(Series(_labels(one), tuple(map(_number, points(one)))) for one in result)


def _labels(one: Any) -> dict[str, str]:
    labels = one.get("metric")
    return {str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {}


def _number(pair: Any) -> float:
    _, value = pair
    if not isinstance(value, str):
        raise TypeError("a sample value is not text")
    return float(value)


def _answer(reply: Reply, endpoint: Endpoint, now: datetime) -> dict[str, Any]:
    decoded = reply.json_object() or {}
    if reply.is_success and decoded.get("status") == "success":
        return decoded
    reason = _reason(decoded)
    error = refusal(endpoint, reply, now, reason=reason)
    if error.field == "query" and any(words in reason for words in _RANGE_REFUSED):
        error.field = "rangeQuery"
    raise error


def _reason(decoded: Mapping[str, Any]) -> str:
    parts: Iterable[Any] = (decoded.get("errorType"), decoded.get("error"))
    return ": ".join(part for part in parts if isinstance(part, str) and part)


def _warnings(warnings: object) -> dict[str, str]:
    if not isinstance(warnings, list) or not warnings:
        return {}
    told = ", ".join(f'"{one}"' for one in warnings)
    return {"warnings": writable(told[:_LONGEST_WARNINGS])}
