"""HTTP: sends one request and reads the reply, within its time. The only module that imports httpx.

In: a `Request`, `Credentials` and the seconds it may take. Out: a `Reply`; httpx's exceptions become `ProviderError`.
Called by `provider`, which imports it at its first query.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from gradatim.plugin import ProviderError
from gradatim.plugin.http import Endpoint, Reply, late, unreachable

from .credentials import Credentials
from .query import Request

#: httpx's pool costs the square of the requests that wait in it, so they wait here. Per site: one that
#: hangs must not hold up the queries to others.
_AT_ONCE: Final = 16
_CONNECT: Final = 30.0
_LARGEST_BODY: Final = 8 * 2**20
#: How it looks when a connection that was kept open is closed by the server just as it is used again. A query
#: changes nothing, so it is asked once more.
_DROPPED: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class Session:
    """Connections. One for the whole controller.

    Redirections are not followed: the keys are in headers, and would go wherever a reply says.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        # The time of the whole answer is bounded in `_in_time`. Cookies are not kept: one that was given
        # for good keys must not let bad ones in.
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=_CONNECT),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            transport=transport,
        )
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_AT_ONCE)
        )

    async def ask(self, request: Request, credentials: Credentials, seconds: float) -> Reply:
        """Send a request.

        Raises:
            ProviderError: nothing came back in time.
        """
        whom = credentials.endpoint()
        async with self._slots[credentials.address], _in_time(whom, seconds):
            built = self._built(request, credentials)
            try:
                response = await self._client.send(built, stream=True)
            except _DROPPED:
                response = await self._client.send(built, stream=True)
            try:
                body = await _body(response, whom)
            finally:
                await response.aclose()
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, headers, body)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def _built(self, request: Request, credentials: Credentials) -> httpx.Request:
        return self._client.build_request(
            "GET" if request.body is None else "POST",
            credentials.address + request.path,
            params=dict(request.params) or None,
            json=request.body,
            headers={
                "accept": "application/json",
                "content-type": "application/json",
                "dd-api-key": credentials.api_key,
                "dd-application-key": credentials.app_key,
            },
        )


async def _body(response: httpx.Response, whom: Endpoint) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise ProviderError(
                f"the reply of {whom.name} is larger than {_LARGEST_BODY // 2**20} MiB"
            )
    return bytes(body)


@asynccontextmanager
async def _in_time(whom: Endpoint, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise late(replace(whom, address_field="requestTimeout"), seconds) from error
    # UnicodeError: host names that only the IDNA codec finds to be none.
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise unreachable(whom, error) from None
