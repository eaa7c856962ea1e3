"""A small HTTP server on loopback, for providers that ask over real sockets, also in virtual time.

`serving(answer)` gives its address; `answer` is called with each request and says what comes back.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What is sent. `raw`: these bytes and no others, and then the connection is closed."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        lines = [f"HTTP/1.1 {self.status} X", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


Answer = Callable[[Request], Reply | Awaitable[Reply]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """Serve until the block ends; gives the address."""
    open_: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_[writer] = asyncio.current_task()
        try:
            while await _answered(reader, writer, answer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            open_.pop(writer, None)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.close()
        tasks = [task for task in open_.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # transports close in the next round
        await asyncio.sleep(0.01)


async def _answered(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
) -> bool:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    reply = answer(Request(method, path, headers, body))
    if isinstance(reply, Awaitable):
        reply = await reply
    writer.write(reply.encoded())
    await writer.drain()
    return reply.raw is None


def datadog_secret(address: str) -> dict[str, Any]:
    """The Secret with which the Datadog plugin asks at that address."""
    keys = {"api-key": "a" * 32, "app-key": "b" * 40, "address": address}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in keys.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "datadog"}, "data": data}
