"""Lines to the embedded cluster that fail in one way, for tests of what the controller does then."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from gradatim.kube.transport import Answer, Transport


class Refusing:
    """Refuses creations that are not carried out (dry runs): with a status, or, for 0, with no answer."""

    def __init__(self, inner: Transport, status: int) -> None:
        self._inner = inner
        self._status = status
        self.refused = 0

    async def send(self, method: str, path: str, **more: Any) -> Answer:
        if method == "POST" and "dryRun" in more["query"]:
            self.refused += 1
            if self._status == 0:
                raise OSError("connection refused")
            body = {"kind": "Status", "code": self._status, "message": "not allowed"}
            return self._status, {}, body
        return await self._inner.send(method, path, **more)

    def stream(
        self, path: str, *, query: Mapping[str, str], idle: float
    ) -> AbstractAsyncContextManager[Any]:
        return self._inner.stream(path, query=query, idle=idle)

    async def aclose(self) -> None:
        await self._inner.aclose()
