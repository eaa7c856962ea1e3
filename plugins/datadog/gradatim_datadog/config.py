"""What is wrong with the block `datadog:` of a metric.

In: the block as it stands in a manifest, any JSON. Out: `Problem`s. Pure; never raises.
Called by the validation hook, and by `settings` before a query is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gradatim.plugin import FieldPath, Json, Problem
from gradatim.plugin.fields import block, duration, flag, is_open, json_type, one_of, said, text

VERSIONS: Final = ("v1", "v2")
AGGREGATORS: Final = ("avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area")

_SECRET_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME: Final = 253


def problems(config: object, path: FieldPath) -> Iterator[Problem]:
    """Every fault of the block that the manifest alone can show."""
    checks = {
        "apiVersion": one_of(VERSIONS),
        # Datadog takes whole seconds; the reference cuts the rest off, and asks for an empty window.
        "interval": duration(least=1),
        "query": _query,
        "queries": _queries,
        "formula": text,
        "aggregator": one_of(AGGREGATORS),
        "secretRef": _secret_ref,
        "requestTimeout": duration(),
    }
    yield from block(config, path, checks)
    if isinstance(config, dict):
        yield from _questions(config, path)
        if config.get("apiVersion") == "v2":
            yield from _v2(config, path)
        elif not said(config, "apiVersion") or config["apiVersion"] == "v1":
            yield from _v1(config, path)


def _questions(config: Json, path: FieldPath) -> Iterator[Problem]:
    if said(config, "query") and said(config, "queries"):
        yield Problem(path / "queries", "excludes query: give one of the two")
    if not said(config, "query") and not said(config, "queries"):
        yield Problem(path / "query", "is missing: give query, or with apiVersion v2 queries")


def _v1(config: Json, path: FieldPath) -> Iterator[Problem]:
    for name in ("queries", "formula", "aggregator"):
        if said(config, name):
            yield Problem(path / name, "needs apiVersion v2; without apiVersion it is v1")


def _v2(config: Json, path: FieldPath) -> Iterator[Problem]:
    queries = config.get("queries")
    if said(config, "formula") and not said(config, "queries"):
        yield Problem(path / "formula", "needs queries, whose names it uses")
    if isinstance(queries, dict) and len(queries) > 1 and not said(config, "formula"):
        # Datadog would answer with several columns in no certain order.
        yield Problem(path / "formula", "is missing: of several queries it says what to measure")


def _query(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if isinstance(value, str) and value and not value.strip():
        yield Problem(path, "must not be blank")


def _queries(value: object, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(path, f"must be an object of name and query, not {json_type(value)}")
        return
    for name, query in value.items():
        yield from text(query, path / name)
        if isinstance(query, str) and not query.strip():
            yield Problem(path / name, "must not be blank")


def _secret_ref(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from block(value, path, {"name": _secret_name, "namespaced": flag})
    if isinstance(value, dict) and value.get("namespaced") is True and not said(value, "name"):
        yield Problem(
            path / "name", "is missing: namespaced says in which namespace that Secret is"
        )


def _secret_name(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if not isinstance(value, str) or not value or is_open(value):
        return
    if len(value) > _LONGEST_NAME or not _SECRET_NAME.fullmatch(value):
        yield Problem(
            path, "must be the name of a Secret: lower-case letters, digits, dashes and dots"
        )
