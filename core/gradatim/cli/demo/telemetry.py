"""Prometheus' face: what visitors count, as answers to instant queries.

In: visitors. Out: an HTTP API on loopback that answers the demo's one query. `stage.py` starts it.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final

from aiohttp import web

from .visitors import Visitors

_HASH: Final = re.compile(r'hash="([^"]*)"')


class PrometheusFace:
    """Answers instant queries in Prometheus' own format, on loopback."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Serve, and give the URL."""
        app = web.Application()
        app.router.add_route("*", "/api/v1/query", self._query)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def aclose(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _query(self, request: web.Request) -> web.Response:
        fields = {**request.query, **await request.post()}
        match = _HASH.search(str(fields.get("query", "")))
        rate = self._visitors.success_rate(match[1]) if match else None
        now = asyncio.get_running_loop().time()
        result = [] if rate is None else [{"metric": {}, "value": [now, f"{rate:.4f}"]}]
        data = {"resultType": "vector", "result": result}
        return web.json_response({"status": "success", "data": data})
