"""The request for one query, and the reading of the reply.

In: `Settings` and a moment, or a `Reply`. Out: a `Request`, or a `Measurement`. Pure.
Called by `session`, which sends, and by `provider`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from gradatim.plugin import Json, Measurement, ProviderError
from gradatim.plugin.http import Reply, rate_limit, refusal

from .credentials import Credentials
from .reasons import reason_of
from .scalar import scalar_measurement
from .series import series_measurement
from .settings import Settings
from .values import UnreadableError

#: Datadog documents X-RateLimit-Reset, the seconds until its next period; a proxy sends Retry-After.
_WAIT_HEADERS: Final = ("retry-after", "x-ratelimit-reset", "x-ratelimit-period")


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
        ProviderError: Datadog refused the keys or the query, or gave no answer that can be read.
    """
    answer = decoded(reply, credentials, now, question=settings.question)
    read = series_measurement if settings.version == "v1" else scalar_measurement
    try:
        measured = read(answer)
    except UnreadableError as error:
        endpoint = credentials.endpoint()
        raise ProviderError(
            f"{endpoint.name}: {endpoint.excerpt(str(error))}", field=settings.question
        ) from None
    return replace(measured, query=settings.asked, rate_limit=rate_limit(reply))


def check_validation(reply: Reply, credentials: Credentials, now: datetime) -> None:
    """Read the answer to `VALIDATE`.

    Raises:
        ProviderError: the API key is not good, or nobody could say.
    """
    refused = reply.status in (401, 403)
    if refused or decoded(reply, credentials, now).get("valid") is not True:
        raise ProviderError(
            f"Datadog at {credentials.site} does not know the API key of {credentials.source}"
            f" ({reply.status}; is it for this site?)",
            field="secretRef",
        )


def decoded(
    reply: Reply, credentials: Credentials, now: datetime, *, question: str = ""
) -> dict[str, Any]:
    """The JSON object of a good reply.

    Raises:
        ProviderError: the reply is not good; `question` is the field to blame for a refused query.
    """
    endpoint, answer = credentials.endpoint(question), reply.json_object()
    if not reply.is_success:
        reason = reason_of(answer or {})
        raise refusal(endpoint, reply, now, reason=reason, wait_headers=_WAIT_HEADERS)
    if answer is None:
        said = reply.excerpt(endpoint)
        raise ProviderError(f"{endpoint.name} sent something else than a JSON object: {said}")
    return answer
