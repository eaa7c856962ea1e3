"""The provider `web`: one HTTP request for each measurement.

In: a query. Out: a measurement, or a `ProviderError` that says whether the service was out.
Called by the controller through `gradatim.plugin.MetricProvider`; httpx is imported at the first request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gradatim.plugin import (
    FieldPath,
    Json,
    Measurement,
    MetricProvider,
    Problem,
    ProviderError,
    Query,
)
from gradatim.plugin.http import Reply, rate_limit, waiting

from .config import WebConfig, problems, read
from .oauth2 import Tokens
from .query import MAX_BODY, PlainText, measurement, redacted

if TYPE_CHECKING:
    import httpx

#: Variable of the controller that says what a body which is no JSON means: `error` or `result`.
PLAIN_TEXT_VARIABLE: Final = "GRADATIM_WEB_PLAIN_TEXT"

#: Requests at once to one host, so that one that hangs holds up nobody but itself; and httpx's pool
#: searches all waiting requests at each turn, so that the rest waits here instead.
_AT_ONCE: Final = 16
#: Under which a request knows the URL that it was meant for, and its headers, also after a redirection.
_HOME: Final = "gradatim.home"
_MOST_HOSTS: Final = 1_000


class WebProvider(MetricProvider):
    """Asks a URL, and takes the value at a JSONPath of its answer."""

    key = "web"

    def __init__(self, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._tokens = Tokens()
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def measure(self, query: Query) -> Measurement:
        """Ask once; see `gradatim.builtin.web.query` for what becomes of the answer."""
        config = _config(query.config)
        async with self._turn(config.shown_url()):
            reply, secrets = await self._answer(config, query)
        if not reply.is_success:
            raise ProviderError(
                f"received non 2xx response code: {reply.status}", **waiting(reply, query.now)
            )
        plain_text = _plain_text(query.environment)
        measured = measurement(reply.body, config.json_path, plain_text, secrets)
        asked = f"{config.method} {config.shown_url()}"
        return replace(measured, query=asked, rate_limit=rate_limit(reply))

    def environment(self) -> Iterable[str]:
        """The one variable: what plain text means."""
        return (PLAIN_TEXT_VARIABLE,)

    def identity(self, query: Query) -> Hashable | None:
        """A digest for GET; None for the other methods, which may set something going."""
        faults = list(problems(query.config, FieldPath()))
        if faults:
            return None
        config = read(query.config)
        return (self.key, config.digest()) if config.method == "GET" else None

    async def probe(self, query: Query, path: FieldPath) -> list[Problem]:
        """Ask now, when asking changes nothing (GET); with another method only for the token."""
        faults = list(problems(query.config, path))
        if faults:
            return faults
        config = read(query.config)
        try:
            if config.method == "GET":
                await self.measure(query)
            elif config.oauth2:
                async with asyncio.timeout(config.timeout):
                    await self._authorized(config, query)
        except ProviderError as error:
            return [Problem(path / "url", f"{config.shown_url()}: {error}")]
        except TimeoutError:
            return [Problem(path / "url", f"no token within {config.timeout} s")]
        return []

    async def aclose(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.aclose()

    async def _answer(self, config: WebConfig, query: Query) -> tuple[Reply, tuple[str, ...]]:
        """The reply, and what of the request no message may hold. The body of a refusal is not read."""
        try:
            async with asyncio.timeout(config.timeout):
                sent = await self._authorized(config, query)
                async with self._responding(sent) as response:
                    body = await _bounded(response) if response.is_success else b""
        except TimeoutError:
            raise ProviderError(
                f"{config.shown_url()} did not answer within {config.timeout} s", outage=True
            ) from None
        if response.status_code == 401 and config.oauth2:
            self._tokens.forget(config.oauth2)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, body), sent.secrets()

    async def _authorized(self, config: WebConfig, query: Query) -> WebConfig:
        """The request with its token, where it wants one; the token is then one of its secrets."""
        if config.oauth2 is None:
            return config

        async def post(url: str, headers: Mapping[str, str], form: bytes) -> tuple[int, bytes]:
            request = replace(
                config, url=url, method="POST", headers=tuple(headers.items()), body=form
            )
            async with self._responding(request) as response:
                return response.status_code, await _bounded(response)

        value = await self._tokens.authorization(config.oauth2, query.now, post)
        others = tuple(pair for pair in config.headers if pair[0].lower() != "authorization")
        return replace(config, headers=(*others, ("Authorization", value)))

    @asynccontextmanager
    async def _responding(self, config: WebConfig) -> AsyncIterator[httpx.Response]:
        """The response, its body still unread; every failure of httpx is translated here."""
        import httpx

        headers = [
            (name.encode(), value.encode("utf-8", "replace")) for name, value in config.headers
        ]
        try:
            async with self._client(insecure=config.insecure).stream(
                config.method,
                config.url,
                headers=headers,
                content=config.body,
                timeout=config.timeout,
                extensions={_HOME: (httpx.URL(config.url), [name for name, _ in headers])},
            ) as response:
                yield response
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            ours = httpx.LocalProtocolError | httpx.UnsupportedProtocol
            outage = isinstance(error, httpx.TransportError) and not isinstance(error, ours)
            raise ProviderError(_failure(config, error), outage=outage) from None

    def _turn(self, url: str) -> asyncio.Semaphore:
        """The queue of one host; queues in which nobody stands are forgotten when there are many."""
        host = urlsplit(url).netloc
        if host not in self._turns and len(self._turns) >= _MOST_HOSTS:
            self._turns = {name: turn for name, turn in self._turns.items() if turn.locked()}
        return self._turns.setdefault(host, asyncio.Semaphore(_AT_ONCE))

    def _client(self, *, insecure: bool) -> httpx.AsyncClient:
        import httpx

        if insecure not in self._clients:
            self._clients[insecure] = httpx.AsyncClient(
                verify=not insecure,
                transport=self._transport,
                follow_redirects=True,
                max_redirects=10,
                event_hooks={"request": [_kept_at_home]},
                # One client serves every namespace: a session of one must not reach another.
                cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=_AT_ONCE),
                headers={"User-Agent": "gradatim", "Accept-Encoding": "identity"},
            )
        return self._clients[insecure]


async def _kept_at_home(request: httpx.Request) -> None:
    """What the author wrote is meant for one host: a redirection takes no header and no body to another one."""
    home, headers = request.extensions[_HOME]
    is_safe = request.url.scheme == "https" or home.scheme == "http"
    if request.url.host == home.host and is_safe:
        return
    if request.method != "GET":
        raise ProviderError(
            "redirected to another host or to one without TLS: it is not sent the body"
        )
    for name in headers:
        request.headers.pop(name.decode(), None)


def _config(block: Json) -> WebConfig:
    for problem in problems(block, FieldPath("web")):
        raise ProviderError(str(problem))
    return read(block)


def _plain_text(environment: Mapping[str, str]) -> PlainText:
    result = environment.get(PLAIN_TEXT_VARIABLE, "").strip().lower() == PlainText.RESULT
    return PlainText.RESULT if result else PlainText.ERROR


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            raise ProviderError(f"the answer is larger than {MAX_BODY} bytes")
    return bytes(body)


def _failure(config: WebConfig, error: Exception) -> str:
    """What went wrong, by the name of the failure: its text may quote a header that could not be sent."""
    reason = " ".join(redacted(str(error), config.secrets()).split())[:200]
    return f"{config.shown_url()}: {type(error).__name__}" + (f": {reason}" if reason else "")
