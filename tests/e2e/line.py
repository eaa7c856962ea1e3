"""A line to the API server that fails as the test says: throttled, cut, late, or with a history that has expired.

In: an API server. Out: a kubeconfig whose server is on loopback and hands everything on, but for what is to fail.
A thread of its own, until the block is left.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Self

import aiohttp
import yaml
from aiohttp import web
from apiserver import ApiServer

WRITES = ("POST", "PUT", "PATCH", "DELETE")
#: Headers that belong to one connection, and are not handed on.
OF_A_CONNECTION = {"host", "content-length", "connection", "transfer-encoding", "authorization"}
STARTED_WITHIN = 20.0


class Line:
    """What may be set at any time: how many writes to throttle, how late watches tell, and how many expire."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self._server = server
        self.kubeconfig = folder / "line.kubeconfig"
        self.throttled = 0
        self.expired = 0
        self.late = 0.0
        #: what was answered otherwise than by the API server, by kind of fault
        self.faults: Counter[str] = Counter()
        #: what the API server answered to writes, by status
        self.answers: Counter[int] = Counter()
        self._watches: set[asyncio.Task[object]] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(STARTED_WITHIN)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STARTED_WITHIN)

    def cut(self) -> None:
        """End every watch in the middle of whatever it tells."""

        def end() -> None:
            for watch in self._watches:
                watch.cancel()
                self.faults["cut"] += 1

        self._loop.call_soon_threadsafe(end)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _serve(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._server.tls, limit=0)
        async with aiohttp.ClientSession(
            connector=connector,
            headers=self._server.headers,
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        ) as self._session:
            app = web.Application(client_max_size=2**24)
            app.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self._write_kubeconfig(runner.addresses[0][1])
            self._started.set()
            await self._stop.wait()
            await runner.cleanup()

    def _write_kubeconfig(self, port: int) -> None:
        config = yaml.safe_load(self._server.kubeconfig.read_text())
        config["clusters"] = [
            {"name": each["name"], "cluster": {"server": f"http://127.0.0.1:{port}"}}
            for each in config["clusters"]
        ]
        self.kubeconfig.write_text(yaml.safe_dump(config))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        is_watch = request.query.get("watch") in ("1", "true", "True")
        if self.throttled and request.method in WRITES and "/events" not in request.path:
            self.throttled -= 1
            return self._refused("throttled", 429, "TooManyRequests", {"Retry-After": "1"})
        if self.expired and is_watch and "resourceVersion" in request.query:
            self.expired -= 1
            said = self._refused("expired", 410, "Expired", {})
            # the API server says it in both ways: at once, or as the first event of a watch
            return said if self.expired % 2 else await self._first_event(request, said)
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k.lower() not in OF_A_CONNECTION}
        url = f"{self._server.url}{request.path_qs}"
        async with self._session.request(request.method, url, data=body, headers=headers) as reply:
            if is_watch:
                return await self._watch(request, reply)
            text = await reply.read()
        if request.method in WRITES:
            self.answers[reply.status] += 1
        kept = {k: v for k, v in reply.headers.items() if k.lower() not in OF_A_CONNECTION}
        return web.Response(status=reply.status, body=text, headers=kept)

    def _refused(
        self, fault: str, status: int, reason: str, headers: dict[str, str]
    ) -> web.Response:
        self.faults[fault] += 1
        said = {"kind": "Status", "status": "Failure", "code": status, "reason": reason}
        said["message"] = f"{fault} by the line"
        return web.json_response(said, status=status, headers=headers)

    async def _first_event(self, request: web.Request, said: web.Response) -> web.StreamResponse:
        told = web.StreamResponse()
        told.content_type = "application/json"
        await told.prepare(request)
        await told.write(f'{{"type":"ERROR","object":{said.text}}}\n'.encode())
        return told

    async def _watch(
        self, request: web.Request, reply: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        told = web.StreamResponse(status=reply.status)
        told.content_type = "application/json"
        await told.prepare(request)
        telling = asyncio.ensure_future(self._tell(reply, told))
        self._watches.add(telling)
        try:
            with suppress(asyncio.CancelledError, OSError, aiohttp.ClientError):
                await telling
        finally:
            telling.cancel()
            self._watches.discard(telling)
            if reply.connection is not None and reply.connection.transport is not None:
                reply.connection.transport.abort()
            if request.transport is not None:
                request.transport.abort()
        return told

    async def _tell(self, reply: aiohttp.ClientResponse, told: web.StreamResponse) -> None:
        """Hand on what the server tells, each piece `late` seconds after it came, in order."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def receive() -> None:
            async for piece in reply.content.iter_any():
                waiting.put_nowait((self._loop.time() + self.late, piece))

        receiving = asyncio.ensure_future(receive())
        try:
            while True:
                due, piece = await waiting.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await told.write(piece)
        finally:
            receiving.cancel()
