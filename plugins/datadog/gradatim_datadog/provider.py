"""The provider `datadog`: queries of metrics over Datadog's v1 and v2 API, measured and probed.

In: a `Query`. Out: a `Measurement`, or Problems of a probe; thin, the work is in the other modules.
Called by the core through the hook in `__init__`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Hashable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar, Final

from gradatim.plugin import (
    FieldPath,
    Json,
    Measurement,
    MetricProvider,
    Problem,
    ProviderError,
    Query,
    SecretRef,
)

from .config import problems
from .credentials import VARIABLES, credentials
from .errors import UnansweredError
from .fields import holds_placeholder
from .query import VALIDATE, check_validation, measurement, request
from .settings import DEFAULT_SECRET, named_secret, settings

if TYPE_CHECKING:
    import httpx

    from .session import Session

#: A key of this process for `identity`, so that a hash there tells nothing about Datadog's keys.
_KEY: Final = os.urandom(16)
_PROBE_SECONDS: Final = 10.0


class DatadogProvider(MetricProvider):
    """Asks Datadog about a window of time that ends at the moment of the measurement.

    Args:
        transport: what carries the requests, for tests. None: the network.
    """

    key: ClassVar[str] = "datadog"

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._session: Session | None = None

    async def measure(self, query: Query) -> Measurement:
        """A float; a list of floats for a v2 query grouped by tags; None where there is no data.

        Raises:
            UnansweredError: a ProviderError; the block cannot be used, there are no keys, or there
                was no answer.
        """
        wanted = settings(query.config)
        keys = credentials(wanted.secret, query)
        reply = await self._connected().ask(request(wanted, query.now), keys, wanted.timeout)
        return measurement(reply, wanted, keys, query.now)

    def secrets(self, config: Json) -> Iterable[SecretRef]:
        """The Secret that the block names, else `datadog` in the controller's namespace."""
        return (named_secret(config) or DEFAULT_SECRET,)

    def environment(self) -> Iterable[str]:
        """The three variables that may hold the keys and the address."""
        return VARIABLES

    async def probe(self, query: Query, path: FieldPath) -> list[Problem]:
        """Are the keys there, does Datadog take them, does it understand the query?

        An answer without data is none of its business, nor is a rate limit. The query itself is left
        out while an argument is still to be put into the block.
        """
        if found := list(problems(query.config, path)):
            return found
        secret = named_secret(query.config)
        if secret is not None and holds_placeholder(secret.name):
            return []
        try:
            keys = credentials(secret, query)
            reply = await self._connected().ask(VALIDATE, keys, _PROBE_SECONDS)
            check_validation(reply, keys, query.now)
            if not _holds_placeholders(query.config):
                await self.measure(query)
        except UnansweredError as error:
            if error.busy:
                return []
            # Where the block names no Secret, there is no such field to point at.
            known = error.field and (error.field != "secretRef" or secret is not None)
            return [Problem(path / error.field if known else path, str(error))]
        return []

    def identity(self, query: Query) -> Hashable | None:
        """The same for blocks that ask the same of the same site with the same keys."""
        try:
            wanted = settings(query.config)
            keys = credentials(wanted.secret, query)
        except ProviderError:
            return None
        asked = {**asdict(wanted), "queries": dict(wanted.queries), "secret": None}
        told = json.dumps([asked, keys.address, keys.api_key, keys.app_key], sort_keys=True)
        return ("datadog", hashlib.blake2b(told.encode(), key=_KEY, digest_size=16).hexdigest())

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
    return False
