"""The way to the embedded cluster that needs no socket.

In: requests of built-in types. Out: answers of built-in types, in the shape that the controller's client speaks.
Made by `Sim.transport()`. A transport can be made slow or unreliable, as a network is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from gradatim.sim.api import Api, Request
from gradatim.sim.document import Json, checked
from gradatim.sim.failure import ApiError

#: Given method and path: an exception to raise in place of an answer, a refusal to answer with, or None to let it pass.
Disturbance: TypeAlias = Callable[[str, str], OSError | ApiError | None]


@dataclass(frozen=True, slots=True)
class Line:
    """What lies between a client and the cluster: delays in seconds, and what goes wrong.

    `watch_latency` is how long after a change a watch tells of it: so long a cache is stale. `disturb` is asked
    before a request is carried out, `lose` afterwards: then the write happened, and nobody heard.
    """

    latency: float = 0.0
    watch_latency: float = 0.0
    disturb: Disturbance | None = None
    lose: Disturbance | None = None


class InProcessTransport:
    """Sends requests to an Api in the same process."""

    def __init__(self, api: Api, user_agent: str, line: Line) -> None:
        self._api = api
        self._user_agent = user_agent
        self._line = line
        self._closed = False

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: object | None,
        content_type: str,
        timeout: float,
    ) -> tuple[int, Mapping[str, str], Json]:
        """Send one request and return status code, headers and body.

        Raises:
            OSError or TimeoutError: the line is disturbed, or slower than `timeout` seconds.
        """
        request = Request(method, path, dict(query), checked(body), content_type, self._user_agent)
        await self._travel(timeout)
        refused = self._trouble(self._line.disturb, method, path)
        if refused is not None:
            return refused.code, {}, refused.status()
        code, answer = self._api.answer(request)
        self._trouble(self._line.lose, method, path)
        return code, {"content-type": "application/json"}, answer

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], idle: float
    ) -> AsyncIterator[tuple[int, AsyncIterator[Json]]]:
        """Open a watch: its status code and its events; a refusal is one Status object.

        Raises:
            OSError or TimeoutError: the line is disturbed, or nothing was read for `idle` seconds.
        """
        await self._travel(idle)
        try:
            refused = self._trouble(self._line.disturb, "GET", path)
            if refused is not None:
                raise refused
            request = Request("GET", path, {**query, "watch": "true"}, user_agent=self._user_agent)
            watch = self._api.watch(request)
        except ApiError as exc:
            yield exc.code, _once(exc.status())
            return
        watch.delay = self._line.watch_latency
        try:
            yield 200, _paced(aiter(watch), idle)
        finally:
            watch.close()

    async def aclose(self) -> None:
        """Release the transport; requests afterwards fail."""
        self._closed = True

    async def _travel(self, limit: float) -> None:
        if self._closed:
            raise ConnectionError("the transport is closed")
        if self._line.latency > limit:
            await asyncio.sleep(limit)
            raise TimeoutError("no answer in time")
        await asyncio.sleep(self._line.latency)

    def _trouble(self, ask: Disturbance | None, method: str, path: str) -> ApiError | None:
        trouble = ask(method, path) if ask else None
        if isinstance(trouble, OSError):
            raise trouble
        return trouble


async def _once(body: Json) -> AsyncIterator[Json]:
    yield body


async def _paced(events: AsyncIterator[Any], idle: float) -> AsyncIterator[Json]:
    while True:
        try:
            async with asyncio.timeout(idle):
                event: Json = await anext(events)
        except StopAsyncIteration:
            return
        yield event
