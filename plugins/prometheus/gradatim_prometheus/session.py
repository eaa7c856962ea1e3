"""HTTP: sends one query and reads the reply, within its time. The only module that imports httpx.

In: `Settings`, an expression and a moment. Out: a `Reply`; httpx's exceptions become `UnansweredError`.
Called by `provider`, which imports it at its first query.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from .errors import UnansweredError, excerpt
from .oauth import Token, basic, token, token_request
from .query import Reply, credentials, endpoint, form, redirection, secrets_of, shown
from .settings import OAuth2, Settings

#: httpx's pool costs the square of the requests that wait in it, so they wait here. Per server: one that
#: hangs must not hold up the queries to others.
_AT_ONCE: Final = 16
_CONNECT: Final = 30.0
_LARGEST_BODY: Final = 8 * 2**20
_REDIRECTS: Final = (301, 302, 307, 308)
_MOST_REDIRECTS: Final = 3
#: How it looks when a connection that was kept open is closed by the server just as it is used again. A query
#: changes nothing, so it is asked once more.
_DROPPED: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
#: Answers to a POST after which a GET is worth a try: some proxies let only that one through.
_NO_POST: Final = (403, 405, 501)


class Session:
    """Connections, and the tokens that are still good. One for the whole controller."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_AT_ONCE)
        )
        self._tokens: dict[OAuth2, Token] = {}

    async def ask(self, settings: Settings, expression: str, now: datetime) -> Reply:
        """Evaluate an expression at `now`.

        Raises:
            UnansweredError: nothing came back in time.
        """
        async with self._slots[shown(settings.address)], _in_time(settings):
            headers = await self._headers(settings, now)
            reply = await self._asked(settings, headers, form(expression, now))
            if reply.status == 401 and settings.oauth2 is not None:
                self._tokens.pop(settings.oauth2, None)
            return reply

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _asked(
        self, settings: Settings, headers: Mapping[bytes, bytes], fields: Mapping[str, str]
    ) -> Reply:
        client, url = self._client(settings), endpoint(settings.address)
        reply = await _sent(client, client.build_request("POST", url, headers=headers, data=fields))
        for _ in range(_MOST_REDIRECTS):
            if reply.status not in _REDIRECTS:
                break
            url = _followed(url, reply, settings)
            request = client.build_request("POST", url, headers=headers, data=fields)
            reply = await _sent(client, request)
        if reply.status in _NO_POST:
            request = client.build_request("GET", url, headers=headers, params=fields)
            reply = await _sent(client, request)
        return reply

    async def _headers(self, settings: Settings, now: datetime) -> dict[bytes, bytes]:
        headers = {"accept": "application/json"}
        pair = credentials(settings)
        if pair is not None:
            headers["authorization"] = basic(pair)
        if settings.oauth2 is not None:
            found = await self._token(settings, settings.oauth2, now)
            headers["authorization"] = found.authorization
        # As in the reference, a header that the author wrote beats one that we made.
        headers.update((name.lower(), value) for name, value in settings.headers)
        return {name.encode(): value.encode() for name, value in headers.items()}

    async def _token(self, settings: Settings, oauth2: OAuth2, now: datetime) -> Token:
        kept = self._tokens.get(oauth2)
        if kept is not None and kept.serves(now):
            return kept
        client = self._client(settings)
        for in_body in (False, True):
            headers, fields = token_request(oauth2, in_body=in_body)
            request = client.build_request("POST", oauth2.token_url, headers=headers, data=fields)
            reply = await _sent(client, request)
            if reply.status not in (400, 401, 403):
                break
        fresh = token(reply, oauth2, now)
        self._tokens = {one: it for one, it in self._tokens.items() if it.serves(now)}
        self._tokens[oauth2] = fresh
        return fresh

    def _client(self, settings: Settings) -> httpx.AsyncClient:
        verify = not settings.insecure
        if verify not in self._clients:
            # The time of the whole answer is bounded in `_in_time`. No cookie is kept: one that a server
            # gave for good credentials must not let a query with bad ones in.
            self._clients[verify] = httpx.AsyncClient(
                verify=verify,
                timeout=httpx.Timeout(None, connect=_CONNECT),
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                transport=self._transport,
            )
        return self._clients[verify]


@asynccontextmanager
async def _in_time(settings: Settings) -> AsyncIterator[None]:
    server = f"Prometheus at {shown(settings.address)}"
    try:
        async with asyncio.timeout(settings.timeout):
            yield
    except TimeoutError as error:
        raise UnansweredError(
            f"{server} did not answer within {settings.timeout:g} s", field="address", outage=True
        ) from error
    # UnicodeError: host names that only the IDNA codec finds to be none.
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        reason = excerpt(f"{type(error).__name__}: {error}", secrets_of(settings))
        raise UnansweredError(
            f"{server} did not answer: {reason}", field="address", outage=True
        ) from error


async def _sent(client: httpx.AsyncClient, request: httpx.Request) -> Reply:
    try:
        response = await client.send(request, stream=True)
    except _DROPPED:
        response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _LARGEST_BODY:
                raise UnansweredError(
                    f"the reply of {shown(str(request.url))} is larger than {_LARGEST_BODY // 2**20} MiB",
                    field="query",
                )
    finally:
        await response.aclose()
    headers = {name.lower(): value for name, value in response.headers.items()}
    authorization = request.headers.get("authorization", "")
    return Reply(response.status_code, headers, bytes(body), authorization)


def _followed(url: str, reply: Reply, settings: Settings) -> str:
    target = redirection(url, reply.headers.get("location", ""))
    if target is None:
        raise UnansweredError(
            f"Prometheus at {shown(settings.address)} redirects to another server, which is not followed:"
            " its headers and passwords are not meant for that one",
            field="address",
        )
    return target
