"""Objects held against the schema of their kind: misspelt fields, wrong types, missing ones.

In: an object and the OpenAPI schema of its CustomResourceDefinition. Out: Problems.
Called by `gradatim validate`, as files have seen no API server yet, which would refuse such an object.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any, Final

from gradatim.plugin import FieldPath, Json, Problem

from .wording import required, unsupported

_METADATA: Final = (
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)
_NAMED: Final = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
}


def shape_problems(value: Any, schema: Json, path: FieldPath | None = None) -> Iterator[Problem]:
    """What the API server would refuse in a value, and fields that it would drop. Never raises.

    A null counts as absent, as kubectl leaves it out.
    """
    where = path or FieldPath()
    if value is None:
        return
    if schema.get("x-kubernetes-int-or-string"):
        # of amounts, which have a pattern, 0.5 is one as well
        number = "number" if "pattern" in schema else "integer"
        if not _is_a(number, value) and not isinstance(value, str):
            yield Problem(where, f"must be an integer or a string, not {_kind(value)}")
        return
    wanted = schema.get("type")
    if isinstance(wanted, str) and not _is_a(wanted, value):
        yield Problem(where, f"must be {_NAMED.get(wanted, wanted)}, not {_kind(value)}")
        return
    if value not in schema.get("enum", [value]):
        yield unsupported(where, value, schema["enum"])
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from shape_problems(item, schema.get("items", {}), where / index)
    if isinstance(value, dict):
        yield from _object_problems(value, schema, where)


def _object_problems(value: Json, schema: Json, path: FieldPath) -> Iterator[Problem]:
    properties: Json = schema.get("properties", {})
    others = schema.get("additionalProperties")
    is_open = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or not (properties or others)
    # of a pod template's metadata more is allowed than is kept
    extra = _METADATA if path.parts[-1:] == ("metadata",) else ()
    for key in schema.get("required", ()):
        if value.get(key) is None:
            yield required(path / key)
    for key, item in value.items():
        if key in properties:
            yield from shape_problems(item, properties[key], path / key)
        elif isinstance(others, dict):
            yield from shape_problems(item, others, path / key)
        elif not is_open and key not in extra and item is not None:
            yield _unknown(key, [*properties, *extra], path)


def manifest_problems(manifest: Json, schema: Json) -> Iterator[Problem]:
    """The same for a whole object. Its status is the controller's, and may come from another version."""
    written = {key: value for key, value in manifest.items() if key != "status"}
    properties = {**schema.get("properties", {}), "metadata": _OBJECT_META}
    yield from shape_problems(written, {**schema, "properties": properties})


_TEXT: Final[Json] = {"type": "string"}
_TEXTS: Final[Json] = {"type": "object", "additionalProperties": _TEXT}
#: A CRD says nothing of an object's metadata: Kubernetes knows them.
_OBJECT_META: Final[Json] = {
    "type": "object",
    "properties": {
        **{key: {} for key in _METADATA},
        **dict.fromkeys(("name", "namespace", "generateName"), _TEXT),
        **dict.fromkeys(("labels", "annotations"), _TEXTS),
    },
}


def _unknown(key: str, known: list[str], path: FieldPath) -> Problem:
    near = difflib.get_close_matches(key[:64], known, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    return Problem(path / key, f"unknown field{hint}")


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ),
}


def _is_a(wanted: str, value: Any) -> bool:
    return _TYPES.get(wanted, lambda _: True)(value)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
