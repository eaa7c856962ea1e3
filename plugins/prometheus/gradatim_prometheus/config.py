"""What is wrong with the block `prometheus:` of a metric.

In: the block as it stands in a manifest, any JSON. Out: `Problem`s. Pure; never raises.
Called by the validation hook, and by `settings` before a query is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from gradatim.plugin import FieldPath, Json, Problem
from gradatim.plugin.duration import parse_duration

from .fields import Check, block, flag, holds_placeholder, json_type, said, text

_AMAZON: Final = "aps-workspaces"
_NO_SIGV4: Final = "signing requests for Amazon Managed Prometheus (sigv4) is not supported yet"

_NO_RANGES: Final = (
    "range queries are not supported yet; use query with a range in it, as max_over_time(…[5m])"
)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LONGEST_TIMEOUT: Final = 24 * 3600


def problems(config: object, path: FieldPath) -> Iterator[Problem]:
    """Every fault of the block that the manifest alone can show."""
    checks = {
        "address": url,
        "query": _query,
        "timeout": _timeout,
        "insecure": flag,
        "headers": _headers,
        "authentication": _authentication,
        "rangeQuery": _range_query,
    }
    yield from block(config, path, checks)
    if isinstance(config, dict):
        if config.get("query") is None:
            yield Problem(path / "query", "is missing: the PromQL expression to evaluate")
        yield from _sigv4(config, path)


def url(value: object, path: FieldPath) -> Iterator[Problem]:
    """An http or https URL with a host; "" says nothing. The message never repeats it: it may hold a password."""
    yield from text(value, path)
    if not isinstance(value, str) or not value or holds_placeholder(value):
        return
    if not is_url(value):
        yield Problem(path, "must be a URL with http:// or https:// and a host")


def is_url(value: str) -> bool:
    """Is it something that HTTP can be spoken to?"""
    if any(char.isspace() or not char.isprintable() for char in value):
        return False
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def _query(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if isinstance(value, str) and not value.strip():
        yield Problem(path, "must not be empty: the PromQL expression to evaluate")


def _timeout(value: object, path: FieldPath) -> Iterator[Problem]:
    # The reference takes 0 as well, and then no query is ever in time.
    if isinstance(value, bool) or not isinstance(value, int):
        yield Problem(path, f"must be a whole number of seconds, not {json_type(value)}")
    elif not 1 <= value <= _LONGEST_TIMEOUT:
        yield Problem(path, f"must be from 1 to {_LONGEST_TIMEOUT} seconds")


def _headers(value: object, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, f"must be a list of objects with key and value, not {json_type(value)}")
        return
    for index, header in enumerate(value):
        where = path / index
        yield from block(header, where, {"key": _header_name, "value": _header_value})
        if isinstance(header, dict):
            for name in ("key", "value"):
                if header.get(name) is None:
                    yield Problem(where / name, "is missing")


def _header_name(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if (
        isinstance(value, str)
        and not holds_placeholder(value)
        and not _HEADER_NAME.fullmatch(value)
    ):
        yield Problem(path, "must be the name of an HTTP header: letters, digits and dashes")


def _header_value(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if isinstance(value, str) and _CONTROL.search(value.strip()):
        yield Problem(path, "must not have line breaks or other control characters")


def _authentication(value: object, path: FieldPath) -> Iterator[Problem]:
    basic_fields = {"username": text, "password": text}
    oauth2_fields = {"tokenUrl": url, "clientId": text, "clientSecret": text, "scopes": _scopes}
    sigv4_fields = {"region": text, "profile": text, "roleArn": text}
    yield from block(
        value,
        path,
        {
            "basicAuth": lambda it, where: _all_or_none(it, where, basic_fields),
            "oauth2": lambda it, where: _all_or_none(
                it, where, oauth2_fields, optional=("scopes",)
            ),
            "sigv4": lambda it, where: block(it, where, sigv4_fields),
        },
    )
    if said(value, "basicAuth") and said(value, "oauth2"):
        yield Problem(path, "basicAuth and oauth2 exclude each other")


def _all_or_none(
    value: object, path: FieldPath, checks: Mapping[str, Check], *, optional: tuple[str, ...] = ()
) -> Iterator[Problem]:
    yield from block(value, path, checks)
    if not any(said(value, name) for name in checks):
        return
    for name in checks:
        if name not in optional and not said(value, name):
            yield Problem(path / name, "is missing")


def _scopes(value: object, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, f"must be a list of texts, not {json_type(value)}")
        return
    for index, scope in enumerate(value):
        yield from text(scope, path / index)


def _range_query(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from block(value, path, {"start": text, "end": text, "step": _step})
    if not isinstance(value, dict):
        return
    for name in ("start", "end", "step"):
        if not said(value, name):
            yield Problem(path / name, "is missing")
    yield Problem(path, _NO_RANGES)


def _step(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if not isinstance(value, str) or not value or holds_placeholder(value):
        return
    try:
        positive = parse_duration(value) > 0
    except ValueError as error:
        yield Problem(path, str(error))
    else:
        if not positive:
            yield Problem(path, "must be longer than 0")


def _sigv4(config: Json, path: FieldPath) -> Iterator[Problem]:
    """The reference signs for Amazon's addresses only, and ignores the fields with any other address.

    An address that the block does not say is taken for Amazon's: for which other would the fields be there?
    """
    address = config.get("address")
    elsewhere = isinstance(address, str) and address and _AMAZON not in address
    if elsewhere and not holds_placeholder(address):
        return
    authentication = config.get("authentication")
    if isinstance(authentication, dict) and said(authentication, "sigv4"):
        yield Problem(path / "authentication" / "sigv4", _NO_SIGV4)
