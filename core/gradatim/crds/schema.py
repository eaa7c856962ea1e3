"""From the structure of Go structs to the schema that a CRD carries.

In: a `Table` and the name of a struct. Out: a structural OpenAPI v3 schema, with the markers by which server-side apply
merges lists and maps. `definitions.py` calls it.
"""

from __future__ import annotations

import copy
from typing import Any, Final, TypeAlias

from gradatim.model.podspec import Field, Kind, Shape, Table

Json: TypeAlias = dict[str, Any]

_INT_OR_STRING: Final[Json] = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
}
_QUANTITY_PATTERN: Final = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
_PRESERVE: Final[Json] = {"x-kubernetes-preserve-unknown-fields": True}
_SCALARS: Final[dict[Kind, Json]] = {
    Kind.STRING: {"type": "string"},
    Kind.BOOL: {"type": "boolean"},
    Kind.INT32: {"type": "integer", "format": "int32"},
    Kind.INT64: {"type": "integer", "format": "int64"},
    Kind.QUANTITY: {"pattern": _QUANTITY_PATTERN, **_INT_OR_STRING},
    Kind.INT_OR_STRING: _INT_OR_STRING,
    Kind.TIME: {"type": "string", "format": "date-time"},
    Kind.ANY: _PRESERVE,
    Kind.OBJECT: {"type": "object", **_PRESERVE},
}


def struct_schema(table: Table, name: str) -> Json:
    """The schema of one struct and of all below it, its fields in the table's order.

    Raises:
        KeyError: the table has no such struct.
    """
    struct = table[name]
    schema: Json = {"type": "object"}
    if struct.doc:
        schema = {"description": struct.doc, **schema}
    required = [field.name for field in struct.fields if field.required]
    if required:
        schema["required"] = required
    if struct.atomic:
        schema["x-kubernetes-map-type"] = "atomic"
    if struct.fields:
        schema["properties"] = {field.name: _field_schema(table, field) for field in struct.fields}
    return schema


def _field_schema(table: Table, field: Field) -> Json:
    inner = _shape_schema(table, field.shape)
    described = field.doc or inner.pop("description", "")
    schema: Json = {"description": described} if described else {}
    if field.enum:
        schema["enum"] = list(field.enum)
    if field.default is not None:
        schema["default"] = field.default
    schema |= _merge_markers(field)
    return schema | inner


def _merge_markers(field: Field) -> Json:
    if not field.list_type:
        return {}
    if field.shape.kind is Kind.MAP:
        return {"x-kubernetes-map-type": field.list_type}
    markers: Json = {"x-kubernetes-list-type": field.list_type}
    if field.list_keys:
        markers["x-kubernetes-list-map-keys"] = list(field.list_keys)
    return markers


def _shape_schema(table: Table, shape: Shape) -> Json:
    if shape.kind is Kind.STRUCT:
        return struct_schema(table, shape.struct)
    if shape.item and shape.kind is Kind.LIST:
        return {"type": "array", "items": _shape_schema(table, shape.item)}
    if shape.item:
        return {"type": "object", "additionalProperties": _shape_schema(table, shape.item)}
    return copy.deepcopy(_SCALARS[shape.kind])
