"""A metric service on loopback, in a process of its own: every request gets one number.

In: nothing. Out: its port on the first line of output; then it serves until its input ends.
Started by `bench_analysis`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

_BODY = b'{"value": 1}'
_REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        *requests, self._seen = self._seen.split(b"\r\n\r\n")
        self._transport.write(_REPLY * len(requests))


async def main() -> None:
    """Serve."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
