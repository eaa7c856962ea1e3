"""Structural schemas of custom resources: what in an object does not fit.

In: an object and the openAPIV3Schema of its version. Out: the causes of a 422, and the fields that it does not know.
Called by `verbs.py` before a custom resource is stored. Formats, patterns of keys and CEL rules are not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gradatim.sim.document import Json
from gradatim.sim.failure import Cause
from gradatim.sim.schema import EMBEDDED, ENVELOPE, PRESERVE

_INT_OR_STRING = "x-kubernetes-int-or-string"
_ACCEPTED: dict[str, tuple[str, ...]] = {
    "number": ("number", "integer"),
    "integer": ("integer",),
    "string": ("string",),
    "boolean": ("boolean",),
    "array": ("array",),
    "object": ("object",),
}


def type_name(value: object) -> str:
    """Return the name of a JSON value's type; a number without a fraction is an integer."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def schema_faults(schema: Json, value: Any, path: str = "") -> Iterator[Cause]:
    """Return why `value` does not fit `schema`: types, required fields, bounds, choices."""
    if value is None:
        return  # the server drops a null where none may be
    found = type_name(value)
    expected = ("integer", "string") if schema.get(_INT_OR_STRING) else _types(schema)
    if expected and found not in expected:
        named = ",".join(expected) if schema.get(_INT_OR_STRING) else schema["type"]
        why = f'Invalid value: "{found}": {path} in body must be of type {named}: "{found}"'
        yield Cause(path, "FieldValueTypeInvalid", why)
    elif found == "object":
        yield from _object_faults(schema, value, path)
    elif found == "array":
        yield from _array_faults(schema, value, path)
    else:
        yield from _scalar_faults(schema, value, path)


def _types(schema: Json) -> tuple[str, ...]:
    return _ACCEPTED.get(schema.get("type", ""), ())


def _object_faults(schema: Json, value: Json, path: str) -> Iterator[Cause]:
    properties: Json = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    for name in schema.get("required") or ():
        if name not in value:
            yield Cause(_below(path, name), "FieldValueRequired", "Required value")
    for key, item in value.items():
        inner = properties.get(key, others)
        if isinstance(inner, dict) and not (not path and key in ENVELOPE):
            yield from schema_faults(inner, item, _below(path, key))


def _array_faults(schema: Json, value: list[Any], path: str) -> Iterator[Cause]:
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        why = f"{path} in body should have at least {least} items"
        yield Cause(path, "FieldValueInvalid", f"Invalid value: {len(value)}: {why}")
    if most is not None and len(value) > most:
        why = f"Too many: {len(value)}: must have at most {most} items"
        yield Cause(path, "FieldValueTooMany", why)
    items = schema.get("items")
    if isinstance(items, dict):
        for index, item in enumerate(value):
            yield from schema_faults(items, item, f"{path}[{index}]")


def _scalar_faults(schema: Json, value: Any, path: str) -> Iterator[Cause]:
    choices = schema.get("enum")
    if choices and value not in choices:
        known = ", ".join(f'"{choice}"' for choice in choices)
        why = f'Unsupported value: "{value}": supported values: {known}'
        yield Cause(path, "FieldValueNotSupported", why)
    if isinstance(value, str):
        yield from _text_faults(schema, value, path)
    elif not isinstance(value, bool):
        least, most = schema.get("minimum"), schema.get("maximum")
        if least is not None and value < least:
            yield _out_of_bounds(path, value, f"greater than or equal to {least}")
        if most is not None and value > most:
            yield _out_of_bounds(path, value, f"less than or equal to {most}")


def _out_of_bounds(path: str, value: Any, bound: str) -> Cause:
    why = f"Invalid value: {value}: {path} in body should be {bound}"
    return Cause(path, "FieldValueInvalid", why)


def _text_faults(schema: Json, value: str, path: str) -> Iterator[Cause]:
    most, pattern = schema.get("maxLength"), schema.get("pattern")
    if most is not None and len(value) > most:
        why = f"Too long: may not be more than {most} bytes"
        yield Cause(path, "FieldValueTooLong", why)
    elif pattern is not None and not re.search(pattern, value):
        why = f"Invalid value: \"{value}\": {path} in body should match '{pattern}'"
        yield Cause(path, "FieldValueInvalid", why)


def unknown_fields(schema: Json, value: Any, path: str = "") -> Iterator[str]:
    """Return the paths of the fields that `schema` does not know and that are dropped."""
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        for index, item in enumerate(value):
            yield from unknown_fields(items, item, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    properties: Json = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    envelope = ENVELOPE if not path or schema.get(EMBEDDED) else ()
    for key, item in value.items():
        inner = properties.get(key, others)
        if isinstance(inner, dict):
            if key not in envelope:
                yield from unknown_fields(inner, item, _below(path, key))
        elif key not in envelope and not schema.get(PRESERVE) and inner is not True:
            yield _below(path, key)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
