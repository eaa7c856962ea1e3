"""The transport of a real API server: raw requests through the session of a `kubernetes.aio` client.

In: a logged-in `ApiClient` and how fast one may ask. Out: a `Transport`, and a second one without the pace.
`login.py` makes it, `client.py` sends through it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from gradatim.kube.errors import short
from gradatim.kube.lines import json_lines
from gradatim.kube.ratelimit import TokenBucket
from gradatim.kube.transport import Answer, Json

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient


class Credentials(Protocol):
    """Keeps what identifies us valid."""

    async def headers(self) -> dict[str, str]:
        """The header lines of a request, `authorization` among them.

        Raises:
            OSError: there are none just now.
        """
        ...

    async def renew(self, used: Mapping[str, str]) -> bool:
        """After a 401 with the header lines `used`: are there newer ones?"""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one may ask: requests a second, how many at once after a pause, how many in flight.

    `qps` of 0 is no limit. `clock` gives seconds that never go back.
    """

    qps: float = 40.0
    burst: int = 80
    in_flight: int = 50
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


class Gate:
    """Lets requests through at a pace, each for as long as it is in flight."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._bucket = TokenBucket(pace.qps, pace.burst)
        self._places = asyncio.Semaphore(pace.in_flight)

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Wait for the turn of one request, and hold a place while it is in flight."""
        await self.turn()
        async with self._places:
            yield

    async def turn(self) -> None:
        """Wait for a turn without taking a place: for a watch, which stays open."""
        delay = self._bucket.reserve(self._pace.clock())
        if delay > 0:
            await self._pace.sleep(delay)


class ClusterTransport:
    """Carries requests to one API server over HTTP/1.1, with TLS, proxy and credentials as logged in.

    Its session is that of the `ApiClient`, which has made it at its first request. `unpaced` is for the
    lease: a renewal that waits behind a thousand patches loses the leadership.
    """

    def __init__(self, api: ApiClient, credentials: Credentials, gate: Gate | None) -> None:
        rest = api.rest_client
        if rest.pool_manager is None:
            raise ValueError("the client has not sent its first request, so it has no session yet")
        self._api = api
        self._credentials = credentials
        self._gate = gate
        self._session: aiohttp.ClientSession = rest.pool_manager
        self._host = str(api.configuration.host).rstrip("/")
        self._options: dict[str, Any] = {"allow_redirects": False}
        if rest.proxy:
            self._options["proxy"] = rest.proxy
        if rest.proxy_headers:
            self._options["proxy_headers"] = rest.proxy_headers
        if api.configuration.tls_server_name:
            self._options["server_hostname"] = api.configuration.tls_server_name

    @property
    def unpaced(self) -> ClusterTransport:
        """The same connections without pace and without waiting for a place."""
        return ClusterTransport(self._api, self._credentials, None)

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
        """See `Transport.send`. After a 401 it renews the credentials and asks once more."""
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {} if data is None else {"Content-Type": content_type}
        limit = aiohttp.ClientTimeout(total=timeout)
        url = self._url(path, query)
        for last in (False, True):
            own = await self._credentials.headers()
            more = {"data": data, "headers": {**own, **headers}, "timeout": limit}
            answer = await self._once(method, url, more)
            if last or answer[0] != 401 or not await self._credentials.renew(own):
                break
        return answer

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], idle: float
    ) -> AsyncIterator[tuple[int, AsyncIterator[Json]]]:
        """See `Transport.stream`."""
        if self._gate is not None:
            await self._gate.turn()
        # no limit in all, but on making the connection and on each silence
        limit = aiohttp.ClientTimeout(total=None, sock_connect=idle, sock_read=idle)
        request: dict[str, Any] = {**self._options, "timeout": limit}
        request["headers"] = await self._credentials.headers()
        async with AsyncExitStack() as stack:
            with _translated():
                opening = self._session.get(self._url(path, query), **request)
                response = await stack.enter_async_context(opening)
            if response.status == 401:
                await self._credentials.renew(request["headers"])
            lines = _lines(response)
            stack.push_async_callback(lines.aclose)
            yield response.status, lines

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        await self._api.close()

    async def _once(self, method: str, url: URL, more: Mapping[str, Any]) -> Answer:
        async with AsyncExitStack() as stack:
            if self._gate is not None:
                await stack.enter_async_context(self._gate.request())
            with _translated():
                request = self._session.request(method, url, **more, **self._options)
                response = await stack.enter_async_context(request)
                return response.status, _lower(response), _document(await response.read())

    def _url(self, path: str, query: Mapping[str, str]) -> URL:
        # `encoded`: our paths are quoted already, and yarl's normalising costs more than the rest
        tail = f"?{urlencode(query)}" if query else ""
        return URL(f"{self._host}{path}{tail}", encoded=True)


@contextmanager
def _translated() -> Iterator[None]:
    """aiohttp's exceptions as the built-in ones that cross the seam."""
    try:
        yield
    except TimeoutError:
        raise
    except aiohttp.ClientConnectorError as error:
        # no connection was made, so nothing was sent: the client may repeat even a write
        raise ConnectionRefusedError(short(str(error))) from error
    except aiohttp.ClientError as error:
        raise ConnectionResetError(short(str(error)) or type(error).__name__) from error


async def _lines(response: aiohttp.ClientResponse) -> AsyncGenerator[Json, None]:
    with _translated():
        if response.status != 200:
            yield _document(await response.read())
            return
        async for line in json_lines(response.content.iter_any()):
            yield line


def _lower(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _document(body: bytes) -> Json:
    """The body as a dict; of one that is no JSON object (a proxy's page), the text as a message."""
    try:
        value = json.loads(body) if body else {}
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    return {"message": short(body[:1024].decode(errors="replace"))}
