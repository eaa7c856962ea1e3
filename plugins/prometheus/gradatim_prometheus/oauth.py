"""Tokens by OAuth2 client credentials (RFC 6749, section 4.4).

In: `OAuth2` settings, or the token endpoint's reply. Out: request headers and form fields, or a `Token`. Pure.
Called by `session`, which sends and keeps the tokens.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus

from .errors import UnansweredError
from .query import Reply, retry_after, shown
from .settings import OAuth2

#: A token is not used in its last seconds: the query would arrive after its end.
_MARGIN: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and when it ends. None: it serves for one request."""

    authorization: str = field(repr=False)
    ends: datetime | None = None

    def serves(self, now: datetime) -> bool:
        """May it still be used at `now`?"""
        return self.ends is not None and now < self.ends - _MARGIN


def token_request(oauth2: OAuth2, *, in_body: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and form fields. The client's id and secret go as Basic authentication, or into the body.

    Servers differ in which of the two they take, so one is tried after the other.
    """
    fields = {"grant_type": "client_credentials"}
    if oauth2.scopes:
        fields["scope"] = " ".join(oauth2.scopes)
    if in_body:
        return {}, {**fields, "client_id": oauth2.client_id, "client_secret": oauth2.client_secret}
    pair = f"{quote_plus(oauth2.client_id)}:{quote_plus(oauth2.client_secret)}"
    return {"authorization": basic(pair)}, fields


def basic(pair: str) -> str:
    """Value of an Authorization header for `user:password`."""
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def token(reply: Reply, oauth2: OAuth2, now: datetime) -> Token:
    """The token that the reply brings.

    Raises:
        UnansweredError: it brings none.
    """
    if not 200 <= reply.status < 300:
        text = reply.shown((oauth2.client_secret, quote_plus(oauth2.client_secret)))
        raise UnansweredError(
            f"the token endpoint at {shown(oauth2.token_url)} answered {reply.status}: {text or 'nothing'}",
            field="authentication",
            retry_after=retry_after(reply.headers, now),
            outage=reply.status == 429 or reply.status >= 500,
        )
    fields = _fields(reply.body)
    access_token = fields.get("access_token")
    if (
        not isinstance(access_token, str)
        or not access_token.isascii()
        or not access_token.isprintable()
    ):
        raise UnansweredError(
            f"the token endpoint at {shown(oauth2.token_url)} sent no access_token",
            field="authentication",
        )
    seconds = _seconds(fields.get("expires_in"))
    ends = now + timedelta(seconds=seconds) if seconds else None
    return Token(authorization=f"Bearer {access_token}", ends=ends)


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _seconds(value: object) -> float:
    """Some servers send expires_in as text. More than a day is not believed."""
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return min(seconds, 86400.0) if seconds > 0 else 0.0
