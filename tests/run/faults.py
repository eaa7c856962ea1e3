"""A way to the cluster that fails as a schedule says: for histories with refusals, lost answers and broken watches.

`Faulty` is a Transport around the embedded cluster's. What it does to a request is decided by `Fault`s, each of which
fits some requests and has a number of times left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from gradatim.kube.transport import Answer, Json, Transport

Kind = Literal["conflict", "500", "503", "timeout", "refused", "lost", "lost-500"]


def status_of(code: int, reason: str) -> Json:
    return {"kind": "Status", "code": code, "reason": reason, "message": f"by the test: {reason}"}


@dataclass
class Fault:
    """What happens to writes number `at` … `at + times - 1`, counted from the first (0)."""

    kind: Kind
    at: int
    times: int = 1


@dataclass
class Faulty:
    """Carries requests, but for those that a fault fits.

    Attributes:
        away: until this loop time nobody answers and no watch tells anything.
        stale: seconds by which watches are late.
        before_write: called with the number of each write before it is carried out, and may raise.
    """

    inner: Transport
    faults: list[Fault] = field(default_factory=list)
    away: tuple[float, float] = (0.0, 0.0)
    stale: float = 0.0
    before_write: Callable[[int], None] = lambda _: None
    writes: int = 0
    seen: list[str] = field(default_factory=list)
    streams: dict[int, asyncio.Event] = field(default_factory=dict)
    gone: int = 0

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: object | None,
        content_type: str,
        timeout: float,
    ) -> Answer:
        given: dict[str, Any] = {"query": query, "body": body, "content_type": content_type}
        await self._reach(timeout)
        is_write = method != "GET" and not path.endswith("/events") and "/events/" not in path
        fault = None
        if is_write:
            number, self.writes = self.writes, self.writes + 1
            self.seen.append(f"{method} {path}")
            self.before_write(number)
            fault = next((f for f in self.faults if f.at <= number < f.at + f.times), None)
        match fault and fault.kind:
            case "conflict":
                return 409, {}, status_of(409, "Conflict")
            case "500":
                return 500, {}, status_of(500, "InternalError")
            case "503":
                return 503, {}, status_of(503, "ServiceUnavailable")
            case "timeout":
                await asyncio.sleep(timeout)
                raise TimeoutError("by the test")
            case "refused":
                raise ConnectionRefusedError("by the test")
        answer = await self.inner.send(method, path, timeout=timeout, **given)
        match fault and fault.kind:
            case "lost":
                raise ConnectionResetError("by the test, afterwards")
            case "lost-500":
                return 500, {}, status_of(500, "InternalError")
        return answer

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], idle: float
    ) -> AsyncIterator[tuple[int, AsyncIterator[Json]]]:
        await self._reach(idle)
        if self.gone:
            self.gone -= 1
            yield 410, _once(status_of(410, "Expired"))
            return
        reset = asyncio.Event()
        self.streams[id(reset)] = reset
        try:
            async with self.inner.stream(path, query=query, idle=idle) as (status, lines):
                yield status, self._told(lines, reset)
        finally:
            del self.streams[id(reset)]

    async def aclose(self) -> None:
        await self.inner.aclose()

    def reset_watches(self, gone: int = 0) -> None:
        """Break all watches off; the next `gone` that are opened are told that their version is too old."""
        self.gone = gone
        for reset in self.streams.values():
            reset.set()

    async def _reach(self, timeout: float) -> None:
        begin, end = self.away
        now = asyncio.get_running_loop().time()
        if begin <= now < end:
            await asyncio.sleep(min(timeout, end - now))
            raise ConnectionResetError("away, by the test")

    async def _told(self, lines: AsyncIterator[Json], reset: asyncio.Event) -> AsyncIterator[Json]:
        loop = asyncio.get_running_loop()
        broken = asyncio.ensure_future(reset.wait())
        try:
            while True:
                line = asyncio.ensure_future(anext(lines, None))
                try:
                    await asyncio.wait({line, broken}, return_when=asyncio.FIRST_COMPLETED)
                except asyncio.CancelledError:
                    line.cancel()
                    raise
                begin, end = self.away
                if reset.is_set() or begin <= loop.time() < end:
                    line.cancel()
                    await asyncio.gather(line, return_exceptions=True)
                    raise ConnectionResetError("the watch broke, by the test")
                event = line.result()
                if event is None:
                    return
                if self.stale:
                    await asyncio.sleep(self.stale)
                yield event
        finally:
            broken.cancel()


async def _once(body: Json) -> AsyncIterator[Json]:
    yield body
