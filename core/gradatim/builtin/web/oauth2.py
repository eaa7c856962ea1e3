"""Client-credential tokens (RFC 6749, section 4.4), kept until shortly before they expire.

In: an `OAuth2` block and a way to post a form. Out: the value of the Authorization header.
Called by `provider` before each request that wants a token. One instance serves the whole controller.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import quote_plus, urlencode

from gradatim.plugin import ProviderError
from gradatim.plugin.http import is_outage

from .config import OAuth2

#: Posts a form: URL, headers and body; status and body of the answer.
Post: TypeAlias = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]

_EARLY: Final = timedelta(seconds=10)
_LONGEST_SECONDS: Final = 86_400
_MOST_TOKENS: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Token:
    authorization: str = field(repr=False)
    good_until: datetime


class Tokens:
    """Tokens by the block that they were asked for with."""

    def __init__(self) -> None:
        self._tokens: dict[OAuth2, _Token] = {}
        self._in_body: set[str] = set()
        self._asking: dict[OAuth2, asyncio.Lock] = {}

    async def authorization(self, block: OAuth2, now: datetime, post: Post) -> str:
        """The header's value.

        Raises:
            ProviderError: the token service did not give one.
        """
        async with self._asking.setdefault(block, asyncio.Lock()):
            held = self._tokens.get(block)
            if held is None or held.good_until <= now:
                held = await self._fetched(block, now, post)
                self._keep(block, held, now)
        return held.authorization

    def forget(self, block: OAuth2) -> None:
        """Ask anew next time: the service refused the token."""
        self._tokens.pop(block, None)

    def _keep(self, block: OAuth2, token: _Token, now: datetime) -> None:
        if len(self._tokens) >= _MOST_TOKENS:
            self._tokens = {key: old for key, old in self._tokens.items() if old.good_until > now}
            self._asking = {key: lock for key, lock in self._asking.items() if lock.locked()}
        self._tokens[block] = token

    async def _fetched(self, block: OAuth2, now: datetime, post: Post) -> _Token:
        """Ask with the credentials in a header; a service that wants them in the body refuses that once."""
        in_body = block.token_url in self._in_body
        status, body = await post(block.token_url, *_form(block, in_body=in_body))
        if 400 <= status < 500 and status != 429 and not in_body:
            status, body = await post(block.token_url, *_form(block, in_body=True))
            if status < 300:
                self._in_body.add(block.token_url)
        if not 200 <= status < 300:
            raise ProviderError(
                f"the OAuth2 token service answered {status}", outage=is_outage(status)
            )
        return _token(body, now)


def _form(block: OAuth2, *, in_body: bool) -> tuple[dict[str, str], bytes]:
    form = {"grant_type": "client_credentials"}
    if block.scopes:
        form["scope"] = " ".join(block.scopes)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if in_body:
        form |= {"client_id": block.client_id, "client_secret": block.client_secret}
    else:
        pair = f"{quote_plus(block.client_id)}:{quote_plus(block.client_secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return headers, urlencode(form).encode()


def _token(body: bytes, now: datetime) -> _Token:
    """What the service gave. The body is never quoted: it holds the token, or echoes the credentials."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderError("the OAuth2 token service did not answer with JSON") from None
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise ProviderError("the OAuth2 token service gave no usable access_token")
    kind = answer.get("token_type")
    scheme = (
        kind if isinstance(kind, str) and kind.isalpha() and kind.lower() != "bearer" else "Bearer"
    )
    return _Token(f"{scheme} {token}", now + _lifetime(answer.get("expires_in")) - _EARLY)


def _lifetime(seconds: object) -> timedelta:
    """How long to keep a token; one without an expiry is used once, as the reference does."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit() and len(seconds) < 10:
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return timedelta()
    return timedelta(seconds=max(0.0, min(seconds, _LONGEST_SECONDS)))
