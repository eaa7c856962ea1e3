"""The HTTP face of the embedded cluster.

In: HTTP requests on loopback, as kubectl and other clients send them. Out: JSON, Tables and chunked watches.
Started by `Sim.serve`; all that a request means is decided by `api.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import yaml
from aiohttp import web

from gradatim.sim import openapi
from gradatim.sim.api import Api, Request
from gradatim.sim.document import Json, checked
from gradatim.sim.failure import ApiError, bad_request
from gradatim.sim.manifests import documents
from gradatim.sim.routing import Route, route
from gradatim.sim.table import formed, wanted_form
from gradatim.sim.verbs import APPLY_PATCH

#: The API server's own limit for a request body, in bytes.
MAX_BODY = 3 * 1024 * 1024

_PROTOBUF_ASKED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
#: what clients ask for is no valid media type, and they refuse to be answered with it
_PROTOBUF_ANSWERED = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_READY = frozenset({"/healthz", "/livez", "/readyz"})


class HttpFace:
    """Serves an Api on 127.0.0.1."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._runner: web.AppRunner | None = None
        self._streams: set[asyncio.Task[object]] = set()

    async def start(self, port: int = 0) -> str:
        """Listen on `port` (0: any free one) and return the server's URL.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        address = self._runner.addresses[0]
        return f"http://127.0.0.1:{address[1]}"

    async def aclose(self) -> None:
        """Stop listening and end all streams."""
        for stream in list(self._streams):
            stream.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, incoming: web.Request) -> web.StreamResponse:
        document = self._document(incoming)
        if document is not None:
            return document
        try:
            request = await _read(incoming)
            found = route(self._api.verbs.catalogue, request.path)
            if request.is_watch:
                return await self._stream(incoming, request, found)
            code, body = self._api.answer(request)
        except ApiError as refused:
            return _json(refused.status(), refused.code)
        if found is not None:
            body = self._form(incoming, found)(body)
        return _json(body, code)

    def _document(self, incoming: web.Request) -> web.Response | None:
        """Return what is no part of the API proper: health and OpenAPI."""
        path = incoming.path
        if path in _READY:
            return web.Response(text="ok")
        if path == "/openapi/v2":
            if _PROTOBUF_ASKED in incoming.headers.get("Accept", ""):
                body = openapi.version_2_protobuf()
                return web.Response(body=body, headers={"Content-Type": _PROTOBUF_ANSWERED})
            return _json(openapi.version_2())
        if path == "/openapi/v3":
            return _json(openapi.index(self._api.verbs.catalogue))
        if path.startswith("/openapi/v3/"):
            name = path.removeprefix("/openapi/v3/")
            found = openapi.group_document(self._api.verbs.catalogue, name)
            return _json(found or {}, 200 if found else 404)
        return None

    def _form(self, incoming: web.Request, found: Route) -> Callable[[Json], Json]:
        """Return how this client wants objects to look."""
        form = wanted_form(incoming.headers.get("Accept", ""))
        resource, clock = found.target.resource, self._api.verbs.clock
        return lambda body: formed(form, resource, found.version, body, clock.now())

    async def _stream(
        self, incoming: web.Request, request: Request, found: Route | None
    ) -> web.StreamResponse:
        watch = self._api.watch(request)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        form = self._form(incoming, found) if found else _unchanged
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
        try:
            await response.prepare(incoming)
            async for event in watch:
                shown = event["object"]
                if event["type"] != "BOOKMARK" or wanted_form(incoming.headers.get("Accept", "")):
                    shown = form(shown)
                line = json.dumps({"type": event["type"], "object": shown}, separators=(",", ":"))
                await response.write(line.encode() + b"\n")
            await response.write_eof()
        except ConnectionError:
            pass  # the client has gone
        finally:
            watch.close()
            if task is not None:
                self._streams.discard(task)
        return response


def _unchanged(body: Json) -> Json:
    return body


def _json(body: Json, code: int = 200) -> web.Response:
    text = json.dumps(body, separators=(",", ":"))
    return web.Response(text=text, status=code, content_type="application/json")


async def _read(incoming: web.Request) -> Request:
    try:
        raw = await incoming.read()
    except web.HTTPRequestEntityTooLarge as exc:
        raise ApiError(413, "RequestEntityTooLarge", "Request entity too large") from exc
    content_type = incoming.headers.get("Content-Type", "application/json")
    return Request(
        method=incoming.method,
        path=incoming.path,
        query=dict(incoming.query),
        body=_decoded(raw, content_type) if raw else None,
        content_type=content_type,
        user_agent=incoming.headers.get("User-Agent", ""),
    )


def _decoded(raw: bytes, content_type: str) -> object:
    media_type = content_type.partition(";")[0].strip()
    try:
        if media_type in (APPLY_PATCH, "application/yaml"):
            return checked(documents(raw)[0])
        if "json" in media_type:
            return json.loads(raw)
    except (ValueError, TypeError, IndexError, RecursionError, yaml.YAMLError) as exc:
        raise bad_request(f"the body of the request cannot be read: {type(exc).__name__}") from exc
    text = "the body of the request was in an unknown format - accepted media types include: application/json"
    raise ApiError(415, "UnsupportedMediaType", text)
