"""List, then watch, for ever: the objects of one selection and each change of them.

In: a client and a selection. Out: `Replaced` once a list, then `Put`, `Deleted` and `Bookmark`.
`reflector.py` feeds a cache from it. Faults are answered here, by waiting and starting over.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

from gradatim.kube.client import Client, unreachable
from gradatim.kube.errors import KubeError, Throttled, Unreachable, error_of
from gradatim.kube.ownership import without_others_fields
from gradatim.kube.resources import Selection
from gradatim.kube.transport import Json


@dataclass(frozen=True, slots=True)
class Replaced:
    """These are all objects; what is not among them is gone."""

    items: tuple[Json, ...]
    resource_version: str


@dataclass(frozen=True, slots=True)
class Put:
    """The object appeared or changed, or came to fit the selection."""

    object: Json


@dataclass(frozen=True, slots=True)
class Deleted:
    """The object is gone, or fits the selection no longer. This is how it last was."""

    object: Json


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Everything up to this resource version has been told."""

    resource_version: str


Seen: TypeAlias = Replaced | Put | Deleted | Bookmark


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what. All in seconds.

    `idle`: silence after which a stream counts as dead; servers send a bookmark about once a minute.
    `session`: a stream is asked to end after once to twice this. `first` and `longest`: the pauses
    after faults, which double. `brief`: a stream that ends sooner, having said nothing, is a fault.
    `jitter` gives a number in [0, 1), `clock` seconds that never go back.
    """

    idle: float = 150.0
    session: float = 300.0
    first: float = 0.8
    longest: float = 30.0
    brief: float = 1.0
    page: int = 500
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic

    def pause(self, failures: int, retry_after: float | None) -> float:
        """Seconds to wait after the `failures`th fault in a row."""
        # 2**10 is past every `longest`: the exponent is bounded so that weeks of faults are no overflow
        wait = min(self.longest, self.first * 2.0 ** min(failures - 1, 10))
        return max(wait, min(retry_after or 0.0, self.longest)) * (1 + self.jitter())


class Watch:
    """Follows one selection. Its attributes tell how that goes.

    `last_contact` is the clock's time of the last sign of life, None before the first. `failures` counts the faults
    since a stream was last open, and `fault` is what the last of them said.
    """

    def __init__(
        self, client: Client, selection: Selection, patience: Patience | None = None
    ) -> None:
        self.selection = selection
        self.last_contact: float | None = None
        self.failures = 0
        self.fault = ""
        self._client = client
        self._patience = patience or Patience()
        self._version = ""
        # Faults since a stream last told something. Unlike `failures` it outlives a stream that only opened: where a
        # server lists and opens but always breaks off at once, pauses must go on growing.
        self._strain = 0

    async def changes(self) -> AsyncGenerator[Seen, None]:
        """All objects, then each change. Ends only when it is closed or cancelled."""
        while True:
            try:
                if not self._version:
                    yield await self._list()
                async with aclosing(self._session()) as session:
                    async for seen in session:
                        yield seen
                continue
            except KubeError as error:
                failure = error
            except (OSError, TimeoutError) as error:
                failure = unreachable(f"watch {self.selection}", error)
            if not isinstance(failure, (Unreachable, Throttled)):
                # Too old, too new (a restored etcd), refused: only a list says where to go on from.
                self._version = ""
            self.failures += 1
            self.fault = str(failure)
            self._strain += 1
            await self._patience.sleep(self._patience.pause(self._strain, failure.retry_after))

    async def _list(self) -> Replaced:
        listing = await self._client.list(self.selection, page=self._patience.page)
        self.last_contact = self._patience.clock()
        self._version = listing.resource_version
        return Replaced(listing.items, listing.resource_version)

    async def _session(self) -> AsyncGenerator[Seen, None]:
        """One stream, from where the last one ended to its end."""
        patience = self._patience
        started, told = patience.clock(), False
        opening = self._client.watch(self.selection, self._query(), idle=patience.idle)
        async with opening as lines:
            self._contact()
            async for line in lines:
                seen = self._read(line)
                self._contact()
                self._strain, told = 0, True
                if seen is not None:
                    yield seen
        if not told and patience.clock() - started < patience.brief:
            raise KubeError(f"watch {self.selection}: the server ended it at once")
        self._contact()
        self._strain = 0

    def _query(self) -> Mapping[str, str]:
        session = self._patience.session * (1 + self._patience.jitter())
        return {
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(session)),
        }

    def _read(self, line: Json) -> Seen | None:
        """The change that a line tells; None for a kind of line of a later Kubernetes."""
        kind, value = line.get("type"), line.get("object")
        if not isinstance(value, dict):
            raise KubeError(f"watch {self.selection}: a line without an object")
        if kind == "ERROR":
            raise error_of(f"watch {self.selection}", _code(value), {}, value)
        metadata: Mapping[str, Any] = value.get("metadata") or {}
        self._version = metadata.get("resourceVersion") or self._version
        if kind == "BOOKMARK":
            return Bookmark(self._version)
        if kind in {"ADDED", "MODIFIED"}:
            return Put(without_others_fields(value))
        return Deleted(without_others_fields(value)) if kind == "DELETED" else None

    def _contact(self) -> None:
        self.last_contact = self._patience.clock()
        self.failures = 0
        self.fault = ""


def _code(status: Json) -> int:
    code = status.get("code")
    return code if isinstance(code, int) else 500
