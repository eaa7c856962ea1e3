"""Goes in: a node with its parts rewritten already. Comes out: what the reference runs in its place.
Called by `fold.py`, one rewrite after the other over the whole tree, in the reference's order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias, TypeGuard

from gradatim.expr.checker import Types
from gradatim.expr.numerals import wrapped
from gradatim.expr.syntax import (
    Binary,
    Builtin,
    ListLiteral,
    Literal,
    Member,
    Node,
    Pointer,
    Predicate,
    children,
    same_shape,
)
from gradatim.expr.types import UNKNOWN

Rewrite: TypeAlias = Callable[[Node, Types], Node]


def _filter_of_filter(node: Node, _types: Types) -> Node:
    """Two filters become one with `&&`."""
    inner = _argument(node, "filter", "filter")
    if isinstance(node, Builtin) and inner is not None:
        first, second = inner.args[1], node.args[1]
        if isinstance(first, Predicate) and isinstance(second, Predicate):
            both = Binary(node.pos, "&&", first.body, second.body)
            return replace(node, args=(inner.args[0], Predicate(second.pos, both)))
    return node


def _map_of_filter(node: Node, _types: Types) -> Node:
    """`map(filter(…), …)` maps each element as it is found."""
    inner = _argument(node, "map", "filter")
    if isinstance(node, Builtin) and inner is not None and inner.then is None:
        predicate = node.args[1]
        if isinstance(predicate, Predicate) and not _names_index(predicate):
            return replace(inner, pos=node.pos, then=predicate.body)
    return node


def _names_index(node: Node) -> bool:
    if isinstance(node, Pointer) and node.name == "index":
        return True
    return any(map(_names_index, children(node)))


def _length_of_filter(node: Node, _types: Types) -> Node:
    inner = _argument(node, "len", "filter")
    if isinstance(node, Builtin) and inner is not None and len(node.args) == 1:
        return Builtin(node.pos, "count", inner.args)
    return node


def _end_of_filter(node: Node, _types: Types) -> Node:
    """`filter(…)[0]`, `first(filter(…))` and the same at the other end stop at the first hit."""
    if isinstance(node, Member) and not node.optional and isinstance(node.prop, Literal):
        index, base = node.prop.value, node.base
        if type(index) is int and index in (0, -1) and _is_filter(base):
            return _found(node.pos, base, backwards=index == -1, strict=True)
    for name in ("first", "last"):
        inner = _argument(node, name, "filter")
        if inner is not None:
            return _found(node.pos, inner, backwards=name == "last", strict=False)
    return node


def _is_filter(node: Node) -> TypeGuard[Builtin]:
    return isinstance(node, Builtin) and node.name == "filter"


def _found(pos: int, inner: Builtin, *, backwards: bool, strict: bool) -> Node:
    name = "findLast" if backwards else "find"
    return Builtin(pos, name, inner.args, then=inner.then, strict=strict)


_COMBINED = {
    ("all", "&&"): "&&",
    ("all", "and"): "and",
    ("any", "||"): "||",
    ("any", "or"): "or",
    ("none", "&&"): "||",
    ("none", "and"): "or",
}


def _two_questions(node: Node, types: Types) -> Node:
    """`all(x, p) && all(x, q)` asks both of each element in turn."""
    if not (isinstance(node, Binary) and isinstance(node.left, Builtin)):
        return node
    left, right = node.left, node.right
    op = _COMBINED.get((left.name, node.op))
    if op is None or not (isinstance(right, Builtin) and right.name == left.name):
        return node
    first, second = left.args[1], right.args[1]
    if not (isinstance(first, Predicate) and isinstance(second, Predicate)):
        return node
    if not same_shape(left.args[0], right.args[0]):
        return node
    both = _two_questions(Binary(node.pos, op, first.body, second.body), types)
    return replace(left, args=(left.args[0], Predicate(first.pos, both)))


def _sum_of_range(node: Node, _types: Types) -> Node:
    """`sum(1..n)` is worked out, and so does not count as a list of n elements."""
    span = _summed(node)
    if not (isinstance(span, Binary) and span.op == ".."):
        return node
    if isinstance(span.left, Literal) and isinstance(span.right, Literal):
        low, high = span.left.value, span.right.value
        if type(low) is int and type(high) is int and high >= low:
            return Literal(node.pos, _series(low, high))
    return node


def _summed(node: Node) -> Node | None:
    """What a `sum` without a predicate sums up."""
    if isinstance(node, Builtin) and node.name == "sum" and len(node.args) == 1:
        return node.args[0]
    return None


def _series(low: int, high: int) -> int:
    total = wrapped(wrapped(high - low + 1) * wrapped(low + high))
    return -(-total // 2) if total < 0 else total // 2


def _sum_of_list(node: Node, types: Types) -> Node:
    """`sum([a, b, c])` is `a + (b + c)`, which also joins strings; not if all are constants."""
    listed = _summed(node)
    if not isinstance(listed, ListLiteral) or len(listed.items) < 2:
        return node
    if all(map(_is_constant, listed.items)):
        return node
    *firsts, total = listed.items
    for item in reversed(firsts):
        total = Binary(node.pos, "+", item, total)
        types[total] = UNKNOWN
    return total


def _is_constant(node: Node) -> bool:
    return isinstance(node, Literal) and node.value is not None


def _count_compared(node: Node, _types: Types) -> Node:
    """`count(…) > n` stops counting when the answer is known."""
    if not (isinstance(node, Binary) and isinstance(node.left, Builtin)):
        return node
    count, number = node.left, node.right
    if count.name != "count" or len(count.args) != 2 or not isinstance(number, Literal):
        return node
    if type(number.value) is not int or node.op not in (">", ">=", "<", "<="):
        return node
    enough = number.value + 1 if node.op in (">", "<=") else number.value
    if enough == 1 and node.op in (">", ">="):
        return replace(count, name="any")
    return replace(node, left=replace(count, enough=enough)) if enough > 1 else node


def _argument(node: Node, outer: str, inner: str) -> Builtin | None:
    """The first argument of a call of `outer`, if it is itself a call of `inner`."""
    if isinstance(node, Builtin) and node.name == outer and node.args:
        first = node.args[0]
        if isinstance(first, Builtin) and first.name == inner:
            return first
    return None


REWRITES: tuple[Rewrite, ...] = (
    _filter_of_filter,
    _map_of_filter,
    _length_of_filter,
    _end_of_filter,
    _two_questions,
    _sum_of_range,
    _sum_of_list,
    _count_compared,
)
"""In the reference's order."""
