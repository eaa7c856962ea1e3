"""Those who visit: steady load on a host of the mesh, and every answer kept.

In: Envoy's port, a host and a rate. Out: a Reply for each request. Used by the lab and by the demo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gradatim.sim.envoy.http1 import Answer, Connection

#: Seconds after which nobody waits for an answer any more.
PATIENCE: Final = 5.0
#: Who is late by more seconds than this does not catch up: the machine was busy, and a flood is no steady load.
_LATE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request.

    Attributes:
        at: when it was sent, in seconds of the loop's time.
        seconds: how long it took.
        status: of HTTP; 0 without an answer.
        pod_hash: of the pod that answered; "" where none did.
        version: the pod's image.
        why: what Envoy or the connection said, where no pod answered.
    """

    at: float
    seconds: float
    status: int
    pod_hash: str = ""
    version: str = ""
    why: str = ""

    @property
    def is_lost(self) -> bool:
        """No pod has answered."""
        return not self.version


@dataclass(slots=True)
class Visitors:
    """Some connections to one host. `replies` has every answer, in the order of their coming."""

    port: int
    host: str
    connections: int = 8
    headers: Mapping[str, str] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)

    async def visit(self, rate: float) -> None:
        """Send `rate` requests a second, evenly, until cancelled."""
        period = self.connections / rate
        async with asyncio.TaskGroup() as group:
            for number in range(self.connections):
                group.create_task(self._steadily(number / rate, period))

    async def crowd(self, count: int, rate: float = 2500.0) -> list[Reply]:
        """Send `count` requests, as quickly as they are answered but for `rate` a second: their replies."""
        first = len(self.replies)
        period = self.connections / rate
        async with asyncio.TaskGroup() as group:
            for number in range(self.connections):
                share = count // self.connections + (number < count % self.connections)
                group.create_task(self._steadily(number / rate, period, share))
        return self.replies[first:]

    async def _steadily(self, first: float, period: float, count: int | None = None) -> None:
        loop = asyncio.get_running_loop()
        connection = Connection(self.port)
        due = loop.time() + first
        try:
            while count is None or count > 0:
                await asyncio.sleep(max(0.0, due - loop.time()))
                self.replies.append(await self._ask(connection))
                due = max(due + period, loop.time() - _LATE)
                count = None if count is None else count - 1
        finally:
            connection.close()

    async def _ask(self, connection: Connection) -> Reply:
        loop = asyncio.get_running_loop()
        at = loop.time()
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await connection.get(self.host, "/", self.headers)
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            return Reply(at, loop.time() - at, 0, why=f"{type(error).__name__}: {error}")
        return _reply(answer, at, loop.time() - at)


def _reply(answer: Answer, at: float, seconds: float) -> Reply:
    version = answer.headers.get("x-version", "")
    why = "" if version else answer.body.decode("utf-8", "replace")[:200]
    pod_hash = answer.headers.get("x-pod-hash", "")
    return Reply(at, seconds, answer.status, pod_hash, version, why)
