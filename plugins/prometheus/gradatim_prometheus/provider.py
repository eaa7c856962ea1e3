"""The provider `prometheus`: instant and range queries, measured and probed.

In: a `Query`. Out: a `Measurement`, or Problems of a probe; thin, the work is in `settings`, `query` and `session`.
Called by the core through the hook in `__init__`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from gradatim.plugin import (
    FieldPath,
    Json,
    Measurement,
    MetricProvider,
    Problem,
    ProviderError,
    Query,
)
from gradatim.plugin.fields import has_open_text, is_open
from gradatim.plugin.http import rate_limit, shown_address

from .config import problems, range_times
from .query import measurement
from .settings import ADDRESS_VARIABLE, settings

if TYPE_CHECKING:
    import httpx

    from .session import Session

#: A key of this process for `identity`, so that a hash there tells nothing about a password.
_KEY: Final = os.urandom(16)
#: What a probe asks when the query has an argument still to be put in.
_ANY_EXPRESSION: Final = "vector(1)"


class PrometheusProvider(MetricProvider):
    """Evaluates PromQL at the moment of the measurement, or over a range of time before it.

    Args:
        transport: what carries the requests, for tests. None: the network.
    """

    key: ClassVar[str] = "prometheus"

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._session: Session | None = None

    async def measure(self, query: Query) -> Measurement:
        """A list of floats for a vector or matrix, a float for a scalar.

        Raises:
            ProviderError: the block cannot be used, or there was no answer.
        """
        wanted = settings(query)
        reply, whom = await self._connected().ask(wanted, wanted.query, query.now)
        measured = measurement(reply, whom, query.now)
        return replace(measured, query=wanted.question, rate_limit=rate_limit(reply))

    def times(self, config: Json) -> Mapping[FieldPath, str]:
        """Start and end of a range query."""
        return range_times(config)

    def environment(self) -> Iterable[str]:
        """The variable that names the server where a block does not."""
        return (ADDRESS_VARIABLE,)

    def result_metadata(self, query: Query) -> Mapping[str, str]:
        """The query with its arguments put in, under the reference's name for it."""
        expression = query.config.get("query")
        if not isinstance(expression, str) or not expression:
            return {}
        return {"ResolvedPrometheusQuery": expression}

    async def probe(self, query: Query, path: FieldPath) -> list[Problem]:
        """Ask once: does the server answer, take the credentials and understand the query?

        An answer without data is none of its business. Where an argument is still to be put in, only
        what does not depend on it is asked.
        """
        if found := list(problems(query.config, path)):
            return found
        if has_open_text({**query.config, "query": ""}):
            return []
        try:
            wanted = settings(query)
            expression = _ANY_EXPRESSION if is_open(wanted.query) else wanted.query
            reply, whom = await self._connected().ask(wanted, expression, query.now)
            measurement(reply, whom, query.now)
        except ProviderError as error:
            return [Problem(path / error.field if error.field else path, str(error))]
        return []

    def identity(self, query: Query) -> Hashable | None:
        """The same for blocks that ask the same of the same server with the same credentials."""
        address = query.environment.get(ADDRESS_VARIABLE, "")
        told = json.dumps([query.config, address], sort_keys=True).encode()
        return ("prometheus", hashlib.blake2b(told, key=_KEY, digest_size=16).hexdigest())

    def account(self, query: Query) -> Hashable | None:
        """The server, also where the environment names it."""
        try:
            return ("prometheus", shown_address(settings(query).address))
        except ProviderError:
            return None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.aclose()
            self._session = None

    def _connected(self) -> Session:
        if self._session is None:
            # httpx takes longer to import than everything else here: not before it is needed.
            from .session import Session

            self._session = Session(self._transport)
        return self._session
