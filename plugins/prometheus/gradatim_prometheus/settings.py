"""What a sound `prometheus:` block says: the settings of one query.

In: the block as JSON, arguments put in, the controller's environment, and the times of a range. Out: `Settings`. Pure.
Called by the provider before each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from gradatim.plugin import FieldPath, Json, ProviderError, Query
from gradatim.plugin.duration import parse_duration
from gradatim.plugin.fields import is_url, said
from gradatim.plugin.http import Endpoint, shown_address
from gradatim.plugin.texts import excerpt

from .config import END, START, problems, signs

ADDRESS_VARIABLE: Final = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS"
DEFAULT_TIMEOUT: Final = 30


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Where to get a token by client credentials, and with which."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SigV4:
    """How to sign for Amazon; "" leaves it to the usual chain of AWS."""

    region: str = ""
    profile: str = ""
    role_arn: str = ""


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time; `step` in seconds."""

    start: datetime
    end: datetime
    step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One query, ready to be sent.

    Attributes:
        query: the PromQL expression.
        address: URL of the server, with http or https and a host; may hold credentials.
        timeout: seconds for the whole answer.
        insecure: take any TLS certificate.
        ca_cert: certificates in PEM to trust beside the usual ones.
        headers: names and values to send, the last of a name wins.
        basic_auth: user and password.
        oauth2: where to get a bearer token.
        sigv4: how to sign, where it is Amazon's.
        range: of a range query. None: at the moment of asking.
    """

    query: str
    address: str = field(repr=False)
    timeout: float = DEFAULT_TIMEOUT
    insecure: bool = False
    ca_cert: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    basic_auth: tuple[str, str] | None = field(default=None, repr=False)
    oauth2: OAuth2 | None = None
    sigv4: SigV4 | None = None
    range: Range | None = None

    @property
    def login(self) -> str | None:
        """`user:password` for Basic authentication: of the block, else of its address."""
        if self.basic_auth is not None:
            return ":".join(self.basic_auth)
        parts = urlsplit(self.address)
        if "@" not in parts.netloc:
            return None
        return f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"

    @property
    def question(self) -> str:
        """The question as it is asked, for the record."""
        if self.range is None:
            return self.query
        start, end = self.range.start.isoformat(), self.range.end.isoformat()
        return f"{self.query} from {start} to {end} by {self.range.step:g} s"

    @property
    def endpoint(self) -> Endpoint:
        """Whom messages speak of, and what they must not repeat."""
        password = (self.login.partition(":")[2],) if self.login else ()
        oauth2 = (self.oauth2.client_secret,) if self.oauth2 else ()
        headers = (part for _, value in self.headers for part in words_of(value))
        return Endpoint(
            name=f"Prometheus at {shown_address(self.address)}",
            secrets=(*password, *oauth2, *headers),
            query_field="query",
            login_field="authentication",
            address_field="address",
        )


def words_of(header: str) -> tuple[str, ...]:
    """Of `Bearer abc`, both the whole value and `abc`."""
    return (header, *header.split()[-1:])


def settings(query: Query) -> Settings:
    """What the block says, with the address of the environment where it names none.

    Raises:
        ProviderError: it cannot be used, and why; `field` is the field at fault.
    """
    config = query.config
    _check(config)
    if not config.get("address"):
        config = {**config, "address": _from_environment(query.environment)}
        _check(config)
    authentication = config.get("authentication") or {}
    basic = authentication.get("basicAuth") or {}
    return Settings(
        query=config["query"],
        address=config["address"],
        timeout=config.get("timeout") or DEFAULT_TIMEOUT,
        insecure=bool(config.get("insecure")),
        ca_cert=config.get("caCert") or "",
        headers=tuple((one["key"], one["value"].strip()) for one in config.get("headers") or ()),
        basic_auth=(basic["username"], basic["password"]) if said(basic, "username") else None,
        oauth2=_oauth2(authentication.get("oauth2") or {}),
        sigv4=_sigv4(authentication["sigv4"]) if signs(config) else None,
        range=_range(config["rangeQuery"], query.times) if said(config, "rangeQuery") else None,
    )


def _check(config: Json) -> None:
    problem = next(problems(config, FieldPath()), None)
    if problem is not None:
        field = str(next(iter(problem.path.parts), ""))
        raise ProviderError(excerpt(str(problem)), field=field)


def _from_environment(environment: Mapping[str, str]) -> str:
    address = environment.get(ADDRESS_VARIABLE, "")
    if not address:
        raise ProviderError(
            f"no address: neither the field nor the controller's environment variable {ADDRESS_VARIABLE} has one",
            field="address",
        )
    if not is_url(address):
        raise ProviderError(
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


def _sigv4(fields: Json) -> SigV4:
    return SigV4(
        fields.get("region") or "", fields.get("profile") or "", fields.get("roleArn") or ""
    )


def _range(fields: Json, times: Mapping[FieldPath, datetime]) -> Range:
    try:
        step = parse_duration(fields["step"])
    except ValueError as error:  # an argument that was never put in passes validation
        raise ProviderError(f"rangeQuery.step: {error}", field="rangeQuery") from None
    if START not in times or END not in times:
        raise ProviderError("rangeQuery: its start or its end is not known", field="rangeQuery")
    return Range(times[START], times[END], step)
