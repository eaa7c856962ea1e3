"""As much of HTTP/1.1 as requests without bodies need: a connection that asks again and again.

In: a port on loopback, a path and headers. Out: status, headers and body. Called by `visitors.py` and `program.py`.
A client library would take ten times as long for a request, and the load is to be Envoy's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gradatim.sim.document import Json

#: No answer that is asked for here is larger, in bytes.
_MOST: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in lower case, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, host: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask once. After an error the next request opens a new connection.

        Raises:
            OSError: there is nobody, or the connection was cut.
            ValueError: the answer is no HTTP.
            asyncio.IncompleteReadError: the connection ended in the middle of an answer.
        """
        lines = [f"GET {path} HTTP/1.1", f"host: {host}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        try:
            reader, writer = self._streams or await self._open()
            writer.write("\r\n".join([*lines, "", ""]).encode())
            answer = await _read(reader)
        except BaseException:
            self.close()
            raise
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        """End the connection; another request opens one again."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=_MOST)
        return self._streams


async def fetched_text(port: int, path: str) -> str:
    """The body of one answer, as text. Raises as `Connection.get` does."""
    connection = Connection(port)
    try:
        return (await connection.get("127.0.0.1", path)).body.decode("utf-8", "replace")
    finally:
        connection.close()


async def fetched_json(port: int, path: str) -> Json:
    """The body of one answer, a JSON object. Raises as `Connection.get` does."""
    found = json.loads(await fetched_text(port, path))
    return found if isinstance(found, dict) else {}


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    status = int(head[0].split(" ", 2)[1])
    if headers.get("transfer-encoding") == "chunked":
        return Answer(status, headers, await _chunks(reader))
    return Answer(status, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while True:
        size = int((await reader.readuntil(b"\r\n")).strip(), 16)
        part = await reader.readexactly(size + 2)
        if not size:
            return b"".join(parts)
        parts.append(part[:-2])
