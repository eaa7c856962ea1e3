"""What clients see of objects: Tables for `kubectl get`, metadata alone for those that want no more.

In: an answer and the Accept header of its request. Out: the answer in the form that was asked for.
Called by `http.py` for lists, objects and watch events.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

from gradatim.sim.columns import AGE, COLUMNS, NAME, Column, since
from gradatim.sim.document import Json, dig
from gradatim.sim.resources import Resource

#: Turns one object of a resource into what goes over the wire.
View: TypeAlias = Callable[[Json], Json]

_STEP = re.compile(
    r"\.?([\w$-]+)|\[(\d+)\]|\[\?\(@\.([\w.]+)==['\"]([^'\"]*)['\"]\)\]|\['([^']+)'\]"
)


def wanted_form(accept: str) -> str:
    """Return `Table`, `PartialObjectMetadata`, or an empty string for plain objects: the first that is known."""
    for choice in accept.split(","):
        media, *parameters = (part.strip() for part in choice.split(";"))
        form = next((p[3:] for p in parameters if p.startswith("as=")), "")
        if media == "application/json" and form in ("", "Table"):
            return form
        if form in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return "PartialObjectMetadata"
    return ""


def json_path(obj: Json, path: str) -> Any:
    """Return what a column's JSON path finds: members, indexes and filters by equality. None where there is nothing."""
    values: list[Any] = [obj]
    for member, index, key, wanted, quoted in _STEP.findall(path):
        if member or quoted:
            values = [dig(value, member or quoted) for value in values]
        elif index:
            lists = [value for value in values if isinstance(value, list)]
            values = [value[int(index)] for value in lists if len(value) > int(index)]
        else:
            items = [item for value in values if isinstance(value, list) for item in value]
            values = [item for item in items if str(dig(item, *key.split("."))) == wanted]
    return next((value for value in values if value is not None), None)


def _custom_columns(resource: Resource, version: str) -> tuple[Column, ...]:
    printed = resource.columns.get(version)
    if printed is None:
        return (NAME, AGE)
    columns = [NAME]
    for column in printed:
        cell = _custom_cell(column["jsonPath"], column["type"])
        kind, priority = column["type"], int(column.get("priority") or 0)
        columns.append(Column(column["name"], cell, kind, priority))
    return tuple(columns)


def _custom_cell(path: str, kind: str) -> Callable[[Json, datetime], Any]:
    def cell(obj: Json, now: datetime) -> Any:
        value = json_path(obj, path)
        if kind == "date":
            return since(value, now)
        return str(value) if kind == "string" and value is not None else value

    return cell


def table(resource: Resource, version: str, objects: list[Json], now: datetime) -> Json:
    """Return a Table with a row for each object, each row with the metadata of its object."""
    known = COLUMNS.get(resource.name)
    columns = known if known and not resource.custom else _custom_columns(resource, version)
    rows = [
        {
            "cells": [column.cell(obj, now) for column in columns],
            "object": metadata_only(obj),
        }
        for obj in objects
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {},
        "columnDefinitions": [column.definition() for column in columns],
        "rows": rows,
    }


def metadata_only(obj: Json) -> Json:
    """Return the object's metadata as an object of its own."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def formed(form: str, resource: Resource, version: str, body: Json, now: datetime) -> Json:
    """Return an object or a List of a resource in the wanted form; a Status, or what has no form, as it is."""
    is_list = "items" in body and str(body.get("kind", "")).endswith("List")
    if not form or (not is_list and body.get("kind") != resource.kind):
        return body
    if form == "Table":
        objects = body["items"] if is_list else [body]
        shown = table(resource, version, objects, now)
        version_of_all = (
            body["metadata"]
            if is_list
            else {"resourceVersion": body["metadata"].get("resourceVersion", "")}
        )
        return {**shown, "metadata": version_of_all}
    if not is_list:
        return metadata_only(body)
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": body["metadata"],
        "items": [metadata_only(obj) for obj in body["items"]],
    }
