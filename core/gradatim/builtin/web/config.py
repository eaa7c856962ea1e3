"""The `web` block of a metric: what may stand in it, and the request that it describes.

In: the block as JSON, with or without its arguments put in. Out: Problems, or a frozen `WebConfig`.
Called by the validating hook (arguments still open) and by the provider (arguments put in). Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from gradatim.plugin import FieldPath, Json, Problem

from .jsonpath import JSONPathError, Path, parse

#: As in the reference: where nothing is said, or nothing positive.
DEFAULT_TIMEOUT_SECONDS: Final = 10
_LONGEST_TIMEOUT_SECONDS: Final = 86_400

_METHODS: Final = ("GET", "POST", "PUT")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ARGUMENT: Final = re.compile(r"\{\{.*\}\}", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_INT64: Final = range(-(2**63), 2**63)

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
    if not isinstance(config, dict):
        yield Problem(path, "must be an object")
        return
    if not config.get("url"):
        yield Problem(path / "url", "is required")
    yield from _url_problems(config.get("url"), path / "url")
    yield from _header_problems(config.get("headers"), path / "headers")
    yield from _body_problems(config, path)
    yield from _json_path_problems(config.get("jsonPath"), path / "jsonPath")
    timeout = config.get("timeoutSeconds")
    if timeout is not None and (type(timeout) is not int or timeout not in _INT64):
        yield Problem(path / "timeoutSeconds", "must be a whole number of seconds")
    if not isinstance(config.get("insecure") or False, bool):
        yield Problem(path / "insecure", "must be true or false")
    yield from _authentication_problems(config.get("authentication"), path / "authentication")


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


def _is_open(text: str) -> bool:
    return _ARGUMENT.search(text) is not None


def _url_problems(url: object, path: FieldPath) -> Iterator[Problem]:
    if url is None or url == "":
        return
    if not isinstance(url, str):
        yield Problem(path, "must be a text")
        return
    if _is_open(url):
        return
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        url.encode()
    except ValueError:
        sound = False
    if not sound or _CONTROL.search(url) or " " in url:
        yield Problem(path, "must be an absolute URL: http://host/path or https://host/path")


def _header_problems(headers: object, path: FieldPath) -> Iterator[Problem]:
    if headers is None:
        return
    if not isinstance(headers, list):
        yield Problem(path, "must be a list of objects with key and value")
        return
    for index, item in enumerate(headers):
        if not isinstance(item, dict):
            yield Problem(path / index, "must be an object with key and value")
            continue
        key, value = item.get("key"), item.get("value")
        if not isinstance(key, str) or not (_is_open(key) or _HEADER_NAME.fullmatch(key)):
            yield Problem(path / index / "key", "must be the name of a header")
        if value is not None and not isinstance(value, str):
            yield Problem(path / index / "value", "must be a text")
        elif value and not _is_open(value) and _CONTROL.search(value.strip("\r\n")):
            yield Problem(path / index / "value", "holds a line break or a control character")
        elif value and not _is_open(value) and value != value.strip("\r\n"):
            yield Problem(
                path / index / "value", "ends in a line break: so does the Secret, perhaps"
            )


def _body_problems(config: Json, path: FieldPath) -> Iterator[Problem]:
    method = config.get("method") or "GET"
    if method not in _METHODS:
        yield Problem(path / "method", f"must be one of {', '.join(_METHODS)}")
    body, json_body = config.get("body"), config.get("jsonBody")
    if body is not None and not isinstance(body, str):
        yield Problem(path / "body", "must be a text; for an object there is jsonBody")
    if body and json_body is not None:
        yield Problem(path / "jsonBody", "stands beside body: use either of the two")
    elif method == "GET" and body:
        yield Problem(path / "body", "can only be sent with the method POST or PUT")
    elif method == "GET" and json_body is not None:
        yield Problem(path / "jsonBody", "can only be sent with the method POST or PUT")


def _json_path_problems(template: object, path: FieldPath) -> Iterator[Problem]:
    if template is None or template == "":
        return
    if not isinstance(template, str):
        yield Problem(path, "must be a text")
        return
    if _is_open(template):
        return
    try:
        parse(template)
    except JSONPathError as error:
        yield Problem(path, f"is no JSONPath: {_one_line(str(error))}")
        return
    if "{" not in template:
        # Without braces the template is a constant, and every answer would have the same value.
        yield Problem(path, "must stand in braces, as in {$.value}")


def _authentication_problems(block: object, path: FieldPath) -> Iterator[Problem]:
    """basicAuth and sigv4 stand in the CRD for all providers; the reference passes over them here."""
    if block is None:
        return
    if not isinstance(block, dict):
        yield Problem(path, "must be an object")
        return
    oauth2, path = block.get("oauth2"), path / "oauth2"
    if oauth2 is None:
        return
    if not isinstance(oauth2, dict):
        yield Problem(path, "must be an object")
        return
    for name in ("tokenUrl", "clientId", "clientSecret"):
        value = oauth2.get(name)
        if value is not None and not isinstance(value, str):
            yield Problem(path / name, "must be a text")
        elif not value and oauth2.get("tokenUrl"):
            yield Problem(path / name, "is required beside tokenUrl")
    yield from _scopes_problems(oauth2.get("scopes"), path / "scopes")
    if isinstance(oauth2.get("tokenUrl"), str):
        yield from _url_problems(oauth2["tokenUrl"], path / "tokenUrl")


def _scopes_problems(scopes: object, path: FieldPath) -> Iterator[Problem]:
    if scopes is None:
        return
    if not isinstance(scopes, list):
        yield Problem(path, "must be a list of texts")
        return
    for index, scope in enumerate(scopes):
        if not isinstance(scope, str):
            yield Problem(path / index, "must be a text")


def _one_line(text: str) -> str:
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())[:200]
