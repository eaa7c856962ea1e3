"""Evaluates a JSONPath of `jsonpath` on a JSON value.

In: the parts of a template, and a document. Out: the first value that they find, or that there is none.
Called by `query`. The work is bounded: a path that fans out over a large answer ends in an error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, Final

from .jsonpath import (
    Constant,
    Field,
    Filter,
    JSONPathError,
    Keyword,
    Node,
    Path,
    Recursive,
    Slice,
    Union,
    Wildcard,
)

#: Values that one template may pass over in all; `{..*..*}` on a large answer would never end.
MAX_VALUES: Final = 200_000

_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def first_value(parts: tuple[Path, ...], document: object) -> tuple[bool, object]:
    """Whether the template finds anything in the document, and the first that it finds.

    All parts are evaluated, as client-go does: a fault in a later one is a fault of the whole.

    Raises:
        JSONPathError: a field is missing, an index is out of bounds, or a value is of the wrong kind.
    """
    walk = _Walk()
    results, _ = walk.block(parts, 0, document)
    return (True, results[0]) if results else (False, None)


class _Walk:
    """One evaluation, with what is left of its allowance."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def block(
        self, parts: tuple[Path, ...], index: int, current: object
    ) -> tuple[list[object], int]:
        """Results of the parts from `index` to the `end` of this block, and the index after it."""
        results: list[object] = []
        while index < len(parts):
            part = parts[index]
            index += 1
            if any(isinstance(node, Keyword) and node.name == "end" for node in part):
                return results, index
            if any(isinstance(node, Keyword) for node in part):
                found, index = self._range(parts, index, self.path(part, [current]))
                results += found
            else:
                results += self.path(part, [current])
        return results, index

    def _range(
        self, parts: tuple[Path, ...], index: int, items: list[object]
    ) -> tuple[list[object], int]:
        results: list[object] = []
        after = index
        # With no item client-go still goes through the block, on nothing, to find its end; what
        # cannot be found there is an error in it, too.
        for item in items or [None]:
            found, after = self.block(parts, index, item)
            results += found if items else []
        return results, after

    def path(self, nodes: Path, values: list[object]) -> list[object]:
        """Results of one path on the values at hand."""
        for node in nodes:
            values = self._step(node, values)
            self._left -= len(values) + 1
            if self._left < 0:
                raise JSONPathError(f"passes over more than {MAX_VALUES} values")
        return values

    def _step(self, node: Node, values: list[object]) -> list[object]:
        match node:
            case Keyword():
                return values
            case Constant(value=str() as text):
                return [text]
            case Constant(value=value):
                return [value] * len(values)
            case Field(name=name):
                return _members(name, values)
            case Wildcard():
                return [child for value in values for child in _children(value)]
            case Recursive():
                return self._descended(values)
            case Slice():
                return _sliced(node, values)
            case Union(paths=paths):
                return [found for path in paths for found in self.path(path, values)]
            case Filter():
                return self._filtered(node, values)

    def _descended(self, values: list[object]) -> list[object]:
        results: list[object] = []
        waiting = list(reversed(values))
        while waiting:
            value = waiting.pop()
            children = _children(value)
            if children:
                results.append(value)
                self._left -= len(children)
                if self._left < 0:
                    raise JSONPathError(f"passes over more than {MAX_VALUES} values")
                if not isinstance(value, str):
                    waiting += reversed(children)
        return results

    def _filtered(self, node: Filter, values: list[object]) -> list[object]:
        results = []
        for value in values:
            if not isinstance(value, list):
                raise JSONPathError(f"{_kind(value)} is not array or slice and cannot be filtered")
            results += [item for item in value if self._holds(node, item)]
        return results

    def _holds(self, node: Filter, item: object) -> bool:
        if node.operator == "exists":
            try:
                return bool(self.path(node.left, [item]))
            except JSONPathError:
                return False
        sides = []
        for path in (node.left, node.right):
            found = self.path(path, [item])
            if len(found) > 1:
                raise JSONPathError("can only compare one element at a time")
            sides += found
        return len(sides) == 2 and _compared(node.operator, *sides)


def _compared(name: str, left: object, right: object) -> bool:
    """A comparison of two scalars of one kind.

    In the reference every number of an answer is a float and a number without a point in a path is an
    integer, and the two do not compare: `?(@.x==5)` can only fail. Here numbers are numbers.
    """
    kinds = {_comparable(left), _comparable(right)}
    if len(kinds) != 1:
        raise JSONPathError("incompatible types for comparison")
    if kinds == {"bool"} and name not in ("==", "!="):
        raise JSONPathError("invalid type for comparison")
    return _COMPARISONS[name](left, right)


def _comparable(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    raise JSONPathError("invalid type for comparison")


def _members(name: str, values: list[object]) -> list[object]:
    found = [value[name] for value in values if isinstance(value, dict) and name in value]
    if values and not found:
        raise JSONPathError(f"{name} is not found")
    return found


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list):
        return value
    # Go ranges over the bytes of a string.
    return list(value.encode(errors="replace")) if isinstance(value, str) else []


def _sliced(node: Slice, values: Iterable[object]) -> list[object]:
    results: list[object] = []
    for value in values:
        if value is None:
            continue
        if not isinstance(value, list):
            raise JSONPathError(f"{_kind(value)} is not array or slice")
        start, stop = _bounds(node, len(value))
        if start == stop:
            return results
        if not 0 <= start < len(value):
            raise JSONPathError(f"array index out of bounds: index {start}, length {len(value)}")
        if not 0 <= stop <= len(value):
            raise JSONPathError(f"array index out of bounds: index {stop - 1}, length {len(value)}")
        if start > stop:
            raise JSONPathError(f"starting index {start} is greater than ending index {stop}")
        results += value[start : stop : node.step or 1]
    return results


def _bounds(node: Slice, length: int) -> tuple[int, int]:
    start = node.start or 0
    stop = length if node.stop is None else node.stop
    if stop < 0 or (stop == 0 and node.single):
        stop += length
    return (start + length if start < 0 else start), stop


def _kind(value: object) -> str:
    """The kind of a JSON value, as its reader would call it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case dict():
            return "an object"
    return "an array"
