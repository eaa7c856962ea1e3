"""JSON documents as plain values.

In: anything a client hands over, or a stored object. Out: a checked copy, or a value found by its path.
Called by every module of this room that reads or takes objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

#: A JSON object. A stored one is shared by all its readers and never mutated.
Json: TypeAlias = dict[str, Any]

#: Deeper documents are refused, as the API server refuses them.
MAX_DEPTH = 200


def checked(value: object, depth: int = 0) -> Any:
    """Return a deep copy of a JSON value.

    A caller in the same process may go on changing what it sent, and may hand over what no JSON encoder would take;
    over a socket neither could happen.

    Raises:
        TypeError: a value that JSON does not know.
        ValueError: nesting deeper than MAX_DEPTH.
    """
    if isinstance(value, str | int | float) or value is None:
        return value
    if depth > MAX_DEPTH:
        raise ValueError("the document is nested too deeply")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a key is not a string")
        return {key: checked(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [checked(item, depth + 1) for item in value]
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def dig(value: object, *path: str) -> Any:
    """Return what stands at `path`, or None where a step is missing or no object."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def named(items: Iterable[Json] | None, key: str, value: str) -> Json | None:
    """Return the first of `items` whose `key` is `value`."""
    return next((item for item in items or () if item.get(key) == value), None)


def planted(value: Json, path: tuple[str, ...], leaf: object) -> Json:
    """Return a copy of `value` with `leaf` at `path`; what lies beside the path is shared."""
    head, *rest = path
    below = value.get(head)
    inner = planted(below if isinstance(below, dict) else {}, tuple(rest), leaf) if rest else leaf
    return {**value, head: inner}


def without_nulls(value: Any) -> Any:
    """Return `value` without keys that hold null, at any depth; unchanged parts are shared."""
    if isinstance(value, dict):
        kept = {key: without_nulls(item) for key, item in value.items() if item is not None}
        same = len(kept) == len(value) and all(kept[key] is value[key] for key in kept)
        return value if same else kept
    if isinstance(value, list):
        items = [without_nulls(item) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else items
    return value
