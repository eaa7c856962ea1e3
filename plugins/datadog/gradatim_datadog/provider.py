"""The provider `datadog`: queries of metrics over Datadog's v1 and v2 API, measured and probed.

In: a `Query`. Out: a `Measurement`, or Problems of a probe; thin, the work is in the other modules.
Called by the core through the hook in `__init__`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import asdict, dataclass
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
from gradatim.plugin.fields import has_open_text, is_open

from .config import problems
from .credentials import VARIABLES, Credentials, credentials
from .patience import Patience
from .query import VALIDATE, check_validation, measurement, request
from .settings import DEFAULT_SECRET, Settings, named_secret, settings

if TYPE_CHECKING:
    import httpx

    from .session import Session

#: A key of this process for `identity`, so that a hash there tells nothing about Datadog's keys.
_KEY: Final = os.urandom(16)
_PROBE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How time passes between two tries: a clock of seconds that only grow, a way to sleep, and chance (0 to 1)."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


class DatadogProvider(MetricProvider):
    """Asks Datadog about a window of time that ends at the moment of the measurement.

    Args:
        transport: what carries the requests, for tests. None: the network.
        waiting: how time passes, for tests.
    """

    key: ClassVar[str] = "datadog"

    def __init__(
        self, transport: httpx.AsyncBaseTransport | None = None, waiting: Waiting | None = None
    ) -> None:
        self._transport = transport
        self._waiting = waiting or Waiting()
        self._patience = Patience()
        self._session: Session | None = None

    async def measure(self, query: Query) -> Measurement:
        """A float; a list of floats for a v2 query grouped by tags; None where there is no data.

        An outage is asked about again, as far as `Patience` goes. A rate limit is told to the core at once, which holds
        back all who share it until the period is over, and asks again then.

        Raises:
            ProviderError: the block cannot be used, there are no keys, or there was no answer.
        """
        wanted = settings(query.config)
        keys = credentials(wanted.secret, query)
        began, tried = self._waiting.clock(), 0
        while True:
            try:
                return await self._asked_once(wanted, keys, query)
            except ProviderError as error:
                tried += 1
                spent = self._waiting.clock() - began
                wait = self._patience.wait(error, tried, spent, self._waiting.chance())
                if wait is None:
                    raise
            await self._waiting.sleep(wait)

    async def _asked_once(self, wanted: Settings, keys: Credentials, query: Query) -> Measurement:
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
        if secret is not None and is_open(secret.name):
            return []
        try:
            keys = credentials(secret, query)
            reply = await self._connected().ask(VALIDATE, keys, _PROBE_SECONDS)
            check_validation(reply, keys, query.now)
            if not has_open_text(query.config):
                await self._asked_once(settings(query.config), keys, query)
        except ProviderError as error:
            if error.throttled:
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
        return ("datadog", _digest([asked, keys.address, keys.api_key, keys.app_key]))

    def account(self, query: Query) -> Hashable | None:
        """The organisation that the API key is of: Datadog counts its requests together."""
        try:
            keys = credentials(named_secret(query.config), query)
        except ProviderError:
            return None
        return ("datadog", _digest([keys.address, keys.api_key]))

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


def _digest(told: object) -> str:
    text = json.dumps(told, sort_keys=True).encode()
    return hashlib.blake2b(text, key=_KEY, digest_size=16).hexdigest()
