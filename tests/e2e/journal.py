"""All that happens in a namespace, as the API server tells those who watch it: what waiting and claims are made of.

In: an API server and a namespace. Out: changes in the order in which the server made them. `scene.py` waits by it,
`moments.py` makes the world of each moment from it. It works in a thread of its own until it is closed.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import aiohttp
from apiserver import ApiServer, Json, path

#: The kinds that tests ask about.
FOLLOWED = (
    "rollouts",
    "replicasets",
    "pods",
    "services",
    "deployments",
    "analysisruns",
    "virtualservices",
    "destinationrules",
    "events",
)
BEGUN_WITHIN = 20.0
PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Change:
    """An object as it was written, `at` seconds of the monotonic clock. `what` is ADDED, MODIFIED or DELETED."""

    kind: str
    what: str
    object: Json
    at: float

    @property
    def version(self) -> int:
        """Its place in the order of all writes."""
        return int(self.object["metadata"]["resourceVersion"])


class Journal:
    """The changes of one namespace since it was made."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server, self._namespace = server, namespace
        self._changes: list[Change] = []
        self._changed = threading.Condition()
        self._begun = threading.Semaphore(0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for _ in FOLLOWED:
            assert self._begun.acquire(timeout=BEGUN_WITHIN), "the server lets nobody watch"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(BEGUN_WITHIN)

    def __len__(self) -> int:
        return len(self._changes)

    def grows(self, beyond: int, within: float) -> None:
        """Wait until there are more changes than `beyond`, but no longer than that many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._changes) > beyond, within)

    def changes(self) -> list[Change]:
        """All changes up to now, as the server has them now, in order."""
        newest = {
            each["metadata"]["uid"]: int(each["metadata"]["resourceVersion"])
            for kind in FOLLOWED
            for each in self._server.list(kind, self._namespace)
        }
        with self._changed:
            complete = self._changed.wait_for(lambda: self._has(newest), BEGUN_WITHIN)
            assert complete, "the watches lag behind"
            return sorted(self._changes, key=lambda change: change.version)

    def _has(self, newest: dict[str, int]) -> bool:
        seen: dict[str, int] = {}
        for change in self._changes:
            uid = change.object["metadata"]["uid"]
            seen[uid] = max(change.version, seen.get(uid, 0))
        return all(seen.get(uid, 0) >= version for uid, version in newest.items())

    def _run(self) -> None:
        self._task = self._loop.create_task(self._follow_all())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        # the transports that were aborted are told so in the next turns of the loop
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _follow_all(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._server.tls, limit=0)
        async with aiohttp.ClientSession(
            connector=connector,
            headers=self._server.headers,
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=2**22,
        ) as session:
            await asyncio.gather(*(self._follow(session, kind) for kind in FOLLOWED))

    async def _follow(self, session: aiohttp.ClientSession, kind: str) -> None:
        url = f"{self._server.url}{path(kind, self._namespace)}?watch=1"
        begun = False
        while True:
            # a server that is away is what some of the stories are about
            with suppress(aiohttp.ClientError, OSError):
                async with session.get(url) as reply:
                    if reply.status == 200:
                        if not begun:
                            self._begun.release()
                            begun = True
                        await self._listen(kind, reply)
            await asyncio.sleep(PAUSE)

    async def _listen(self, kind: str, reply: aiohttp.ClientResponse) -> None:
        try:
            async for line in reply.content:
                self._note(kind, json.loads(line))
        finally:
            _abort(reply)

    def _note(self, kind: str, told: Json) -> None:
        if told["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            return
        with self._changed:
            change = Change(kind, told["type"], told["object"], time.monotonic())
            self._changes.append(change)
            self._changed.notify_all()


def _abort(reply: aiohttp.ClientResponse) -> None:
    """Hang up without the farewells of TLS, for which nobody waits."""
    if reply.connection is not None and reply.connection.transport is not None:
        reply.connection.transport.abort()
