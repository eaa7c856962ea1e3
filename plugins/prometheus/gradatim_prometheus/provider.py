"""The provider `prometheus`: instant queries, measured and probed.

In: a `Query`. Out: a `Measurement`, or Problems of a probe; thin, the work is in `settings`, `query` and `session`.
Called by the core through the hook in `__init__`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from gradatim.plugin import FieldPath, Json, Measurement, MetricProvider, Problem, Query

from .config import problems
from .errors import UnansweredError
from .fields import holds_placeholder
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
    """Evaluates PromQL at the moment of the measurement.

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
            UnansweredError: a ProviderError; the block cannot be used, or there was no answer.
        """
        wanted = settings(query.config, query.environment)
        reply = await self._connected().ask(wanted, wanted.query, query.now)
        return measurement(reply, wanted, query.now)

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
        if _holds_placeholders({**query.config, "query": ""}):
            return []
        try:
            wanted = settings(query.config, query.environment)
            open_query = holds_placeholder(wanted.query)
            expression = _ANY_EXPRESSION if open_query else wanted.query
            reply = await self._connected().ask(wanted, expression, query.now)
            measurement(reply, wanted, query.now)
        except UnansweredError as unanswered:
            return [Problem(path / unanswered.field if unanswered.field else path, str(unanswered))]
        return []

    def identity(self, query: Query) -> Hashable | None:
        """The same for blocks that ask the same of the same server with the same credentials."""
        address = query.environment.get(ADDRESS_VARIABLE, "")
        told = json.dumps([query.config, address], sort_keys=True).encode()
        return ("prometheus", hashlib.blake2b(told, key=_KEY, digest_size=16).hexdigest())

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


def _holds_placeholders(config: Json) -> bool:
    """Does any text in the block still wait for an argument?"""
    waiting: list[object] = [config]
    while waiting:
        value = waiting.pop()
        if holds_placeholder(value):
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False
