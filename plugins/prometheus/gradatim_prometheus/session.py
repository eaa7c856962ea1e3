"""HTTP: sends one query and reads the reply, within its time. The only module that imports httpx.

In: `Settings`, an expression and a moment. Out: a `Reply`; httpx's exceptions become `ProviderError`.
Called by `provider`, which imports it at its first query.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urlencode

import httpx

from gradatim.plugin import ProviderError
from gradatim.plugin.http import Endpoint, Reply, late, shown_address, unreachable

from .oauth import Token, basic, endpoint, token, token_request
from .query import Request, redirection, request
from .settings import OAuth2, Settings, words_of
from .sigv4 import Signer

#: httpx's pool costs the square of the requests that wait in it, so they wait here. Per server: one that
#: hangs must not hold up the queries to others.
_AT_ONCE: Final = 16
_MOST_CLIENTS: Final = 100
_CONNECT: Final = 30.0
_LARGEST_BODY: Final = 8 * 2**20
_FORM: Final = "application/x-www-form-urlencoded"
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
        self._clients: OrderedDict[tuple[bool, str], httpx.AsyncClient] = OrderedDict()
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_AT_ONCE)
        )
        self._tokens: dict[OAuth2, Token] = {}
        self._signer = Signer()

    async def ask(
        self, settings: Settings, expression: str, now: datetime
    ) -> tuple[Reply, Endpoint]:
        """Evaluate an expression at `now`, or over the settings' range.

        Returns:
            The reply, and whom was asked: it knows what of the request no message may repeat.

        Raises:
            ProviderError: nothing came back in time.
        """
        where, whom = shown_address(settings.address), settings.endpoint
        async with self._slots[where], _in_time(whom, settings.timeout):
            headers = await self._headers(settings, now)
            reply, whom = await self._asked(settings, headers, request(settings, expression, now))
            if reply.status == 401 and settings.oauth2 is not None:
                self._tokens.pop(settings.oauth2, None)
            return reply, whom

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _asked(
        self, settings: Settings, headers: Mapping[str, str], what: Request
    ) -> tuple[Reply, Endpoint]:
        reply, whom = await self._sent(settings, headers, "POST", what)
        for _ in range(_MOST_REDIRECTS):
            if reply.status not in _REDIRECTS:
                break
            what = Request(_followed(what.url, reply, settings), what.fields)
            reply, whom = await self._sent(settings, headers, "POST", what)
        if reply.status in _NO_POST:
            reply, whom = await self._sent(settings, headers, "GET", what)
        return reply, whom

    async def _sent(
        self, settings: Settings, headers: Mapping[str, str], method: str, what: Request
    ) -> tuple[Reply, Endpoint]:
        client = await self._client(settings)
        url, content = httpx.URL(what.url), b""
        if method == "GET":
            url = url.copy_merge_params(what.fields)
        else:
            content = urlencode(what.fields).encode()
            headers = {**headers, "content-type": _FORM}
        if settings.sigv4 is not None:
            signed = await self._signer.headers(settings.sigv4, method, str(url), content)
            headers = {**headers, **signed}
        whom = settings.endpoint.hiding(*_hidden(headers))
        # As bytes: values may be other than ASCII, as Go sends them.
        raw = {name.encode(): value.encode() for name, value in headers.items()}
        asked = client.build_request(method, url, content=content, headers=raw)
        return await _sent(client, asked, whom), whom

    async def _headers(self, settings: Settings, now: datetime) -> dict[str, str]:
        headers = {"accept": "application/json"}
        pair = settings.login
        if pair is not None:
            headers["authorization"] = basic(pair)
        if settings.oauth2 is not None:
            found = await self._token(settings, settings.oauth2, now)
            headers["authorization"] = found.authorization
        # As in the reference, a header that the author wrote beats one that we made.
        headers.update((name.lower(), value) for name, value in settings.headers)
        return headers

    async def _token(self, settings: Settings, oauth2: OAuth2, now: datetime) -> Token:
        kept = self._tokens.get(oauth2)
        if kept is not None and kept.serves(now):
            return kept
        client = await self._client(settings)
        whom = endpoint(oauth2)
        for in_body in (False, True):
            headers, fields = token_request(oauth2, in_body=in_body)
            asked = whom.hiding(*words_of(headers.get("authorization", "")))
            post = client.build_request("POST", oauth2.token_url, headers=headers, data=fields)
            reply = await _sent(client, post, asked)
            if reply.status not in (400, 401, 403):
                break
        fresh = token(reply, asked, now)
        self._tokens = {one: it for one, it in self._tokens.items() if it.serves(now)}
        self._tokens[oauth2] = fresh
        return fresh

    async def _client(self, settings: Settings) -> httpx.AsyncClient:
        """The client with these rules of TLS; of very many the one that was unused longest goes."""
        key = settings.insecure, "" if settings.insecure else settings.ca_cert
        if key not in self._clients:
            self._clients[key] = self._made(settings)
        self._clients.move_to_end(key)
        if len(self._clients) > _MOST_CLIENTS:
            await self._clients.popitem(last=False)[1].aclose()
        return self._clients[key]

    def _made(self, settings: Settings) -> httpx.AsyncClient:
        # The time of the whole answer is bounded in `_in_time`. No cookie is kept: one that a server
        # gave for good credentials must not let a query with bad ones in.
        return httpx.AsyncClient(
            verify=_trusted(settings),
            timeout=httpx.Timeout(None, connect=_CONNECT),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            transport=self._transport,
        )


def _trusted(settings: Settings) -> ssl.SSLContext | bool:
    if settings.insecure or not settings.ca_cert:
        return not settings.insecure
    context = httpx.create_ssl_context()
    # Python 3.13 refuses certificates that Go takes, such as an authority without a key identifier.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(cadata=settings.ca_cert)
    except (ssl.SSLError, ValueError):
        raise ProviderError(
            "caCert holds no certificate that can be read", field="caCert"
        ) from None
    return context


def _hidden(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What of a request's headers a careless proxy may put into its error page, and no message may repeat."""
    token = headers.get("x-amz-security-token", "")
    return (*words_of(headers.get("authorization", "")), token)


@asynccontextmanager
async def _in_time(whom: Endpoint, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise late(whom, seconds) from error
    # UnicodeError: host names that only the IDNA codec finds to be none.
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise unreachable(whom, error) from None


async def _sent(client: httpx.AsyncClient, request: httpx.Request, whom: Endpoint) -> Reply:
    try:
        response = await client.send(request, stream=True)
    except _DROPPED:
        response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _LARGEST_BODY:
                raise ProviderError(
                    f"the reply of {whom.name} is larger than {_LARGEST_BODY // 2**20} MiB",
                    field=whom.query_field or whom.address_field,
                )
    finally:
        await response.aclose()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, bytes(body))


def _followed(url: str, reply: Reply, settings: Settings) -> str:
    target = redirection(url, reply.headers.get("location", ""))
    if target is None:
        raise ProviderError(
            f"{settings.endpoint.name} redirects to another server, which is not followed:"
            " its headers and passwords are not meant for that one",
            field="address",
        )
    return target
