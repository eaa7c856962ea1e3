"""Goes in: nothing. Comes out: the parts of which the syntax tree of a condition is made.
Called by the parser, which builds them, and by the checker, the folder and the evaluator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

# Nodes are compared by identity, so that the checker can keep a type for each of them; two nodes
# that mean the same are found with `same_shape`.


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A part of a condition; `pos` is its offset in the text."""

    pos: int


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    """`nil`, `true`, `1`, `1.5`, `"a"`."""

    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    """A variable or a function of the environment."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    """`-x`, `+x`, `!x`, `not x`."""

    op: str
    operand: Node


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Node):
    """`left op right`."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True, eq=False)
class Member(Node):
    """`base.name` (`prop` is a literal then), `base[prop]`, and both with `?.`."""

    base: Node
    prop: Node
    optional: bool = False
    method: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Chain(Node):
    """The stretch that a `?.` inside it may cut short."""

    body: Node


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Node):
    """`base[start:stop]`."""

    base: Node
    start: Node | None
    stop: Node | None


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """A call of a function of the environment or of a method."""

    callee: Node
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Builtin(Node):
    """A call of a function of the language.

    The last three fields are set by the folder only: stop counting at `enough`, give `then`
    instead of the element found, fail (`strict`) when none is found.
    """

    name: str
    args: tuple[Node, ...]
    enough: int | None = None
    then: Node | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Predicate(Node):
    """What is asked of each element: `{# > 1}`."""

    body: Node


@dataclass(frozen=True, slots=True, eq=False)
class Pointer(Node):
    """`#`, `#index`, `#acc`, or the element that a leading `.field` means."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Let(Node):
    """`let name = value; body`."""

    name: str
    value: Node
    body: Node


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Node):
    """`a; b`: the value of the last."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Conditional(Node):
    """`test ? then : other`, `if test { then } else { other }`."""

    test: Node
    then: Node
    other: Node


@dataclass(frozen=True, slots=True, eq=False)
class ListLiteral(Node):
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MapLiteral(Node):
    """`{a: 1}`: keys and values in turn."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class LiteralSet(Node):
    """The right side of `x in ["a", "b"]` or `x in [1, 2]`; only the folder makes it.

    `sort` is what may be asked for: str or int.
    """

    values: frozenset[str | int]
    sort: type


def children(node: Node) -> Iterator[Node]:
    """The parts directly below a node, in the order of the text."""
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from value


def same_shape(left: object, right: object) -> bool:
    """The two parts are written alike, wherever they stand."""
    if type(left) is not type(right):
        return False
    if isinstance(left, Node):
        names = _FIELDS[type(left)]
        return all(same_shape(getattr(left, n), getattr(right, n)) for n in names)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same_shape, left, right))
    return left == right


_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(f.name for f in fields(kind) if f.name != "pos") for kind in Node.__subclasses__()
}


def rebuilt(node: Node, visit: Callable[[Node], Node]) -> Node:
    """The node with each part replaced by what `visit` makes of it; itself if none changes."""
    changes: dict[str, Any] = {}
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, Node):
            found: object = visit(value)
        elif isinstance(value, tuple):
            parts = tuple(map(visit, value))
            found = parts if any(a is not b for a, b in zip(parts, value, strict=True)) else value
        else:
            continue
        if found is not value:
            changes[name] = found
    return replace(node, **changes) if changes else node
