"""Watches: the changes of one resource, from a revision on.

In: a WatchRequest. Out: an asynchronous iterator of watch events, as they stand in the stream's lines.
Opened by `api.py`; ended by its deadline, by the client, or by the cluster.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeAlias

from gradatim.sim import failure
from gradatim.sim.document import Json
from gradatim.sim.resources import Resource
from gradatim.sim.selectors import ObjectMatch
from gradatim.sim.store import Event, Store

#: A reader that falls behind by more than this is cut off, and lists again.
BACKLOG = 50_000

#: Turns a stored object into what the client asked for.
View: TypeAlias = Callable[[Json], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """What a client watches. `revision` None or 0: begin with what is there. Times are in seconds."""

    resource: Resource
    namespace: str | None
    version: str
    revision: int | None
    selects: ObjectMatch | None
    lasts: float
    bookmarks: float | None


class Watch:
    """One open watch. It remembers changes from the moment it is made; iterate over it once, then close it."""

    def __init__(self, store: Store, request: WatchRequest) -> None:
        revision = request.revision or 0
        if revision and revision < store.horizon:
            raise failure.expired(f"too old resource version: {revision} ({store.horizon})")
        self._store = store
        self._request = request
        self._loop = asyncio.get_running_loop()
        #: seconds from a change until this reader hears of it
        self.delay = 0.0
        self._pending: deque[tuple[float, Json]] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._ended = False
        self._begin(revision)
        store.subscribe([request.resource.name], self._changed)
        self._timers = [self._loop.call_later(request.lasts, self.close)]
        if request.bookmarks:
            self._timers.append(self._loop.call_later(request.bookmarks, self._bookmark))

    def close(self) -> None:
        """End the stream; what was not read yet is still read."""
        if not self._ended:
            self._ended = True
            self._store.unsubscribe([self._request.resource.name], self._changed)
            for timer in self._timers:
                timer.cancel()
            self._stir()

    async def __aiter__(self) -> AsyncIterator[Json]:
        while True:
            while self._pending:
                at, event = self._pending.popleft()
                wait = at + self.delay - self._loop.time()
                if wait > 0:
                    await asyncio.sleep(wait)
                yield event
            if self._ended:
                return
            self._wake = self._loop.create_future()
            await self._wake

    def _begin(self, revision: int) -> None:
        request = self._request
        if revision:
            for event in self._store.since(revision, request.resource.name):
                self._changed(event)
            return
        objects = self._store.listed(request.resource.name, request.namespace)
        for obj in sorted(objects, key=lambda o: int(o["metadata"]["resourceVersion"])):
            if request.selects is None or request.selects(obj):
                self._push("ADDED", obj)

    def _changed(self, event: Event) -> None:
        request = self._request
        namespace = event.new["metadata"].get("namespace")
        if request.namespace is not None and namespace != request.namespace:
            return
        kind = event.type
        if request.selects is not None:
            # an object that stops being selected is deleted for this reader, one that begins to be is added
            was = event.old is not None and request.selects(event.old)
            is_now = kind != "DELETED" and request.selects(event.new)
            if not was and not is_now:
                return
            kind = "DELETED" if not is_now else "MODIFIED" if was else "ADDED"
        self._push(kind, event.new)

    def _push(self, kind: str, obj: Json) -> None:
        if obj["apiVersion"] != self._request.version:
            obj = {**obj, "apiVersion": self._request.version}
        self._queue(kind, obj)
        if len(self._pending) > BACKLOG:
            self._pending.clear()
            self.close()
        self._stir()

    def _bookmark(self) -> None:
        request = self._request
        bookmark = {
            "kind": request.resource.kind,
            "apiVersion": request.version,
            "metadata": {"resourceVersion": str(self._store.revision), "creationTimestamp": None},
        }
        self._queue("BOOKMARK", bookmark)
        self._stir()
        self._timers[1] = self._loop.call_later(request.bookmarks or 0, self._bookmark)

    def _queue(self, kind: str, obj: Json) -> None:
        self._pending.append((self._loop.time(), {"type": kind, "object": obj}))

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
