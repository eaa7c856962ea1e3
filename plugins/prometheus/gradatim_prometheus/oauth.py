"""Tokens by OAuth2 client credentials (RFC 6749, section 4.4).

In: `OAuth2` settings, or the token endpoint's reply. Out: request headers and form fields, or a `Token`. Pure.
Called by `session`, which sends and keeps the tokens.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote_plus

from gradatim.plugin import ProviderError
from gradatim.plugin.http import Endpoint, Reply, shown_address, waiting

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


def endpoint(oauth2: OAuth2) -> Endpoint:
    """The token endpoint, for messages."""
    return Endpoint(
        name=f"the token endpoint at {shown_address(oauth2.token_url)}",
        secrets=(oauth2.client_secret, quote_plus(oauth2.client_secret)),
        address_field="authentication",
    )


def token(reply: Reply, asked: Endpoint, now: datetime) -> Token:
    """The token that the reply brings.

    Raises:
        ProviderError: it brings none.
    """
    if not reply.is_success:
        raise ProviderError(
            f"{asked.name} answered {reply.status}: {reply.excerpt(asked)}",
            field=asked.address_field,
            **waiting(reply, now),
        )
    fields = reply.json_object() or {}
    access_token = fields.get("access_token")
    if (
        not isinstance(access_token, str)
        or not access_token.isascii()
        or not access_token.isprintable()
    ):
        raise ProviderError(f"{asked.name} sent no access_token", field=asked.address_field)
    seconds = _seconds(fields.get("expires_in"))
    ends = now + timedelta(seconds=seconds) if seconds else None
    return Token(authorization=f"Bearer {access_token}", ends=ends)


def _seconds(value: object) -> float:
    """Some servers send expires_in as text. More than a day is not believed."""
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return min(seconds, 86400.0) if seconds > 0 else 0.0
