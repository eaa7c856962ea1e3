"""The `web` block of a metric: what may stand in it, and the request that it describes.

In: the block as JSON, with or without its arguments put in. Out: Problems, or a frozen `WebConfig`.
Called by the validating hook (arguments still open) and by the provider (arguments put in). Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from gradatim.plugin import FieldPath, Json, Problem
from gradatim.plugin.fields import (
    block,
    flag,
    headers,
    is_open,
    missing,
    one_of,
    said,
    text,
    texts,
    url,
    whole_number,
)

from .jsonpath import JSONPathError, Path, parse

#: As in the reference: where nothing is said, or nothing positive.
DEFAULT_TIMEOUT_SECONDS: Final = 10
_LONGEST_TIMEOUT_SECONDS: Final = 86_400

_METHODS: Final = ("GET", "POST", "PUT")

#: Header values shorter than this are no secrets, and striking them out would garble messages.
_SHORTEST_SECRET: Final = 6


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Client credentials; `client_secret` is never shown."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """One request, and where in its answer the value is.

    Attributes:
        url: absolute, http or https.
        method: GET, POST or PUT.
        headers: names and values; each name once.
        body: None where none is sent.
        json_path: parts of the parsed template.
        timeout: seconds for the whole request.
        insecure: do not verify the server's certificate.
        oauth2: where to get a token, if any is wanted.
    """

    url: str = field(repr=False)
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    json_path: tuple[Path, ...] = ()
    timeout: float = DEFAULT_TIMEOUT_SECONDS
    insecure: bool = False
    oauth2: OAuth2 | None = None

    def shown_url(self) -> str:
        """The URL for messages: without user, query and fragment, where secrets stand."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def secrets(self) -> tuple[str, ...]:
        """Texts that no message may hold: header values, the password of the URL, the client secret."""
        found = [value.strip() for _, value in self.headers]
        found += [word for value in found for word in value.split()]
        found.append(urlsplit(self.url).password or "")
        if self.oauth2:
            found.append(self.oauth2.client_secret)
        return tuple(text for text in found if len(text) >= _SHORTEST_SECRET)

    def digest(self) -> str:
        """Equal for equal requests, and gives nothing of them away."""
        auth = self.oauth2 and (
            self.oauth2.token_url,
            self.oauth2.client_id,
            self.oauth2.client_secret,
            self.oauth2.scopes,
        )
        whole = (self.url, self.method, self.headers, repr(self.body), repr(self.json_path), auth)
        return hashlib.sha256(json.dumps([*whole, self.insecure]).encode()).hexdigest()


def problems(config: object, path: FieldPath) -> Iterator[Problem]:
    """What is wrong with the block. A text with an argument still open (`{{args.…}}`) is not judged."""
    checks = {
        "url": url,
        "headers": _headers,
        "method": one_of(_METHODS),
        "body": text,
        "jsonBody": _anything,
        "jsonPath": _json_path,
        "timeoutSeconds": whole_number(-(2**63), 2**63 - 1, "seconds"),
        "insecure": flag,
        "authentication": _authentication,
    }
    yield from block(config, path, checks)
    if isinstance(config, dict):
        yield from missing(config, path, iter(("url",)))
        yield from _body_problems(config, path)


def read(config: Json) -> WebConfig:
    """The request of a block that has no `problems`."""
    # The last of equal names wins, as with Go's Header.Set.
    headers = {
        item["key"].lower(): (item["key"], item.get("value") or "")
        for item in config.get("headers") or ()
    }
    body = (config.get("body") or "").encode("utf-8", "replace") or None
    if config.get("jsonBody") is not None:
        body = json.dumps(config["jsonBody"], separators=(",", ":")).encode()
        headers["content-type"] = ("Content-Type", "application/json")
    timeout = config.get("timeoutSeconds") or 0
    return WebConfig(
        url=config["url"],
        method=config.get("method") or "GET",
        headers=tuple(headers.values()),
        body=body,
        json_path=parse(config.get("jsonPath") or "{$}"),
        timeout=min(timeout if timeout > 0 else DEFAULT_TIMEOUT_SECONDS, _LONGEST_TIMEOUT_SECONDS),
        insecure=bool(config.get("insecure")),
        oauth2=_oauth2(config),
    )


def _oauth2(config: Json) -> OAuth2 | None:
    block = (config.get("authentication") or {}).get("oauth2") or {}
    if not block.get("tokenUrl"):
        return None
    return OAuth2(
        token_url=block["tokenUrl"],
        client_id=block["clientId"],
        client_secret=block["clientSecret"],
        scopes=tuple(block.get("scopes") or ()),
    )


def _anything(_value: object, _path: FieldPath) -> Iterator[Problem]:
    yield from ()


def _headers(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from headers(value, path)
    for index, item in enumerate(value if isinstance(value, list) else ()):
        shown = item.get("value") if isinstance(item, dict) else None
        if isinstance(shown, str) and not is_open(shown) and shown != shown.strip("\r\n"):
            where = path / index / "value"
            yield Problem(where, "ends in a line break: so does the Secret, perhaps")


def _body_problems(config: Json, path: FieldPath) -> Iterator[Problem]:
    body, json_body = said(config, "body"), config.get("jsonBody") is not None
    if body and json_body:
        yield Problem(path / "jsonBody", "stands beside body: use either of the two")
    elif (body or json_body) and (config.get("method") or "GET") == "GET":
        name = "body" if body else "jsonBody"
        yield Problem(path / name, "can only be sent with the method POST or PUT")


def _json_path(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if not isinstance(value, str) or not value or is_open(value):
        return
    try:
        parse(value)
    except JSONPathError as error:
        yield Problem(path, f"is no JSONPath: {_one_line(str(error))}")
        return
    if "{" not in value:
        # Without braces the template is a constant, and every answer would have the same value.
        yield Problem(path, "must stand in braces, as in {$.value}")


def _authentication(value: object, path: FieldPath) -> Iterator[Problem]:
    """basicAuth and sigv4 stand in the CRD for all providers; the reference passes over them here."""
    checks = {"oauth2": _oauth2_problems, "basicAuth": _anything, "sigv4": _anything}
    yield from block(value, path, checks)


def _oauth2_problems(value: object, path: FieldPath) -> Iterator[Problem]:
    checks = {"tokenUrl": url, "clientId": text, "clientSecret": text, "scopes": texts}
    yield from block(value, path, checks)
    if said(value, "tokenUrl"):
        yield from missing(value, path, iter(("clientId", "clientSecret")))


def _one_line(text: str) -> str:
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())[:200]
