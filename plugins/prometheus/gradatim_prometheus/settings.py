"""What a sound `prometheus:` block says: the settings of one query.

In: the block as JSON, arguments put in, and the controller's environment. Out: `Settings`. Pure.
Called by the provider before each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gradatim.plugin import FieldPath, Json

from .config import is_url, problems
from .errors import UnansweredError, excerpt
from .fields import said

ADDRESS_VARIABLE: Final = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS"
DEFAULT_TIMEOUT: Final = 30


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Where to get a token by client credentials, and with which."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One query, ready to be sent.

    Attributes:
        query: the PromQL expression.
        address: URL of the server, with http or https and a host; may hold credentials.
        timeout: seconds for the whole answer.
        insecure: take any TLS certificate.
        headers: names and values to send, the last of a name wins.
        basic_auth: user and password.
        oauth2: where to get a bearer token.
    """

    query: str
    address: str = field(repr=False)
    timeout: float = DEFAULT_TIMEOUT
    insecure: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    basic_auth: tuple[str, str] | None = field(default=None, repr=False)
    oauth2: OAuth2 | None = None


def settings(config: Json, environment: Mapping[str, str]) -> Settings:
    """What the block says, with the address of the environment where it names none.

    Raises:
        UnansweredError: it cannot be used, and why; `field` is the field at fault.
    """
    problem = next(problems(config, FieldPath()), None)
    if problem is not None:
        raise UnansweredError(excerpt(str(problem)), field=str(next(iter(problem.path.parts), "")))
    address = config.get("address") or _from_environment(environment)
    authentication = config.get("authentication") or {}
    basic = authentication.get("basicAuth") or {}
    timeout = config.get("timeout")
    return Settings(
        query=config["query"],
        address=address,
        timeout=DEFAULT_TIMEOUT if timeout is None else timeout,
        insecure=bool(config.get("insecure")),
        headers=tuple((one["key"], one["value"].strip()) for one in config.get("headers") or ()),
        basic_auth=(basic["username"], basic["password"]) if said(basic, "username") else None,
        oauth2=_oauth2(authentication.get("oauth2") or {}),
    )


def _from_environment(environment: Mapping[str, str]) -> str:
    address = environment.get(ADDRESS_VARIABLE, "")
    if not address:
        raise UnansweredError(
            f"no address: neither the field nor the controller's environment variable {ADDRESS_VARIABLE} has one",
            field="address",
        )
    if not is_url(address):
        raise UnansweredError(
            f"the controller's environment variable {ADDRESS_VARIABLE}"
            " must be a URL with http:// or https:// and a host",
            field="address",
        )
    return address


def _oauth2(fields: Json) -> OAuth2 | None:
    if not said(fields, "tokenUrl"):
        return None
    return OAuth2(
        token_url=fields["tokenUrl"],
        client_id=fields["clientId"],
        client_secret=fields["clientSecret"],
        scopes=tuple(fields.get("scopes") or ()),
    )
