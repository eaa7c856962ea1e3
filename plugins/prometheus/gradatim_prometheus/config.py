"""What is wrong with the block `prometheus:` of a metric.

In: the block as it stands in a manifest, any JSON. Out: `Problem`s. Pure; never raises.
Called by the validation hook, and by `settings` before a query is sent.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from typing import Final

from gradatim.plugin import FieldPath, Json, Problem
from gradatim.plugin.fields import (
    all_or_none,
    block,
    duration,
    flag,
    headers,
    is_open,
    missing,
    said,
    text,
    texts,
    url,
    whole_number,
)

START, END = FieldPath("rangeQuery", "start"), FieldPath("rangeQuery", "end")

_AMAZON: Final = "aps-workspaces"
_LONGEST_TIMEOUT: Final = 24 * 3600
_CERTIFICATE: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
)
_NO_BOTOCORE: Final = "needs botocore beside the controller, to sign requests: pip install 'gradatim-prometheus[sigv4]'"


def problems(config: object, path: FieldPath) -> Iterator[Problem]:
    """Every fault of the block that the manifest alone can show."""
    checks = {
        "address": url,
        "query": _query,
        # The reference takes 0 as well, and then no query is ever in time.
        "timeout": whole_number(1, _LONGEST_TIMEOUT, "seconds"),
        "insecure": flag,
        "caCert": _certificates,
        "headers": headers,
        "authentication": _authentication,
        "rangeQuery": _range_query,
    }
    yield from block(config, path, checks)
    if isinstance(config, dict):
        if config.get("query") is None:
            yield Problem(path / "query", "is missing: the PromQL expression to evaluate")
        if signs(config) and importlib.util.find_spec("botocore") is None:
            yield Problem(path / "authentication" / "sigv4", _NO_BOTOCORE)


def signs(config: Json) -> bool:
    """Are requests signed for Amazon? As in the reference, for its addresses only, and if any field says how.

    An address that the block does not say is judged once it is known, in `settings`.
    """
    address = config.get("address")
    authentication = config.get("authentication")
    return (
        isinstance(address, str)
        and _AMAZON in address
        and isinstance(authentication, dict)
        and isinstance(authentication.get("sigv4"), dict)
        and any(said(authentication["sigv4"], name) for name in ("region", "profile", "roleArn"))
    )


def range_times(config: Json) -> dict[FieldPath, str]:
    """The expressions of `rangeQuery`, by the path of their field; none where there is no such block."""
    fields = config.get("rangeQuery")
    if not isinstance(fields, dict):
        return {}
    told = {START: fields.get("start"), END: fields.get("end")}
    return {path: source for path, source in told.items() if isinstance(source, str) and source}


def _query(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if isinstance(value, str) and not value.strip():
        yield Problem(path, "must not be empty: the PromQL expression to evaluate")


def _certificates(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if isinstance(value, str) and value and not is_open(value) and not _CERTIFICATE.search(value):
        yield Problem(path, "must be certificates in PEM: -----BEGIN CERTIFICATE----- and so on")


def _authentication(value: object, path: FieldPath) -> Iterator[Problem]:
    basic = {"username": text, "password": text}
    oauth2 = {"tokenUrl": url, "clientId": text, "clientSecret": text, "scopes": texts}
    sigv4 = {"region": text, "profile": text, "roleArn": text}
    yield from block(
        value,
        path,
        {
            "basicAuth": lambda it, where: all_or_none(it, where, basic),
            "oauth2": lambda it, where: all_or_none(it, where, oauth2, optional=("scopes",)),
            "sigv4": lambda it, where: block(it, where, sigv4),
        },
    )
    if said(value, "basicAuth") and said(value, "oauth2"):
        yield Problem(path, "basicAuth and oauth2 exclude each other")


def _range_query(value: object, path: FieldPath) -> Iterator[Problem]:
    # What start and end say is checked by the controller, which knows the language: see `MetricProvider.times`.
    yield from block(value, path, {"start": text, "end": text, "step": duration()})
    if isinstance(value, dict):
        yield from missing(value, path, iter(("start", "end", "step")))
