"""Goes in: a checked tree with its types. Comes out: a tree with constants worked out.
Called by `condition.py`. Does what the reference's optimiser does where a result depends on it.
"""

# This is no optimisation for us. The reference rewrites a condition before it runs it, and the
# rewritten one answers where the written one would fail: `result[9] > 1 || true` is true for an
# empty list, `filter(result, # > 1)[0]` stops at the first hit, `1 % 0` is an error even where
# nothing would get there. A measurement must come out the same here.

from __future__ import annotations

from dataclasses import replace

from gradatim.expr import arithmetic
from gradatim.expr.checker import Types
from gradatim.expr.errors import ExprError
from gradatim.expr.limits import DEFAULT, Budget
from gradatim.expr.rewrites import REWRITES, Rewrite
from gradatim.expr.syntax import (
    Binary,
    Call,
    ListLiteral,
    Literal,
    LiteralSet,
    Name,
    Node,
    Unary,
    rebuilt,
)
from gradatim.expr.types import BOOL, FLOAT, INT, STRING, Kind, Type

_TYPES: dict[type, Type] = {bool: BOOL, int: INT, float: FLOAT, str: STRING}
_OR = ("||", "or")
_AND = ("&&", "and")


def fold(tree: Node, types: Types) -> Node:
    """The tree with constants worked out; new nodes get their types in `types`.

    Raises `ExprError` where the reference finds a division by zero before running.
    """
    for rewrite in (_float_arguments, _literal_set, _constant, *REWRITES):
        tree = _Walk(types, rewrite).visit(tree)
    return tree


class _Walk:
    """Rewrites a tree from its leaves up."""

    def __init__(self, types: Types, rewrite: Rewrite) -> None:
        self.types = types
        self.rewrite = rewrite
        self.done: dict[Node, Node] = {}

    def visit(self, node: Node) -> Node:
        found = self.done.get(node)
        if found is None:
            inner = self._known(node, rebuilt(node, self.visit))
            found = self.done[node] = self._known(inner, self.rewrite(inner, self.types))
        return found

    def _known(self, old: Node, new: Node) -> Node:
        """The new node, with the type of a constant or else that of the old node."""
        if new is not old and new not in self.types:
            value = new.value if isinstance(new, Literal) else None
            known = _TYPES.get(type(value)) or self.types.get(old)
            if known is not None:
                self.types[new] = known
        return new


def _float_arguments(node: Node, types: Types) -> Node:
    """`isNaN(1)`: an integer written where a float is asked for is a float."""
    if not (isinstance(node, Call) and isinstance(node.callee, Name)):
        return node
    if node.callee.name not in ("isNaN", "isInf") or types[node.args[0]].kind is not Kind.INT:
        return node
    return replace(node, args=(_with_floats(node.args[0], types),))


def _with_floats(node: Node, types: Types) -> Node:
    if isinstance(node, Literal) and type(node.value) is int:
        return Literal(node.pos, float(node.value))
    if isinstance(node, Unary) or (isinstance(node, Binary) and node.op in ("+", "-", "*")):
        found = rebuilt(node, lambda part: _with_floats(part, types))
        types[found] = FLOAT
        return found
    return node


def _literal_set(node: Node, types: Types) -> Node:
    """`x in ["a", "b"]`: the reference asks a set, and fails when x is no string.

    So it does with `x in [1, 2]` where x is known to be an int, which it may not be in the end.
    """
    if not (isinstance(node, Binary) and node.op == "in" and isinstance(node.right, ListLiteral)):
        return node
    items = [item.value if isinstance(item, Literal) else None for item in node.right.items]
    strings = [item for item in items if type(item) is str]
    integers = [item for item in items if type(item) is int]
    if items and len(strings) == len(items):
        return replace(node, right=LiteralSet(node.right.pos, frozenset(strings), str))
    if items and len(integers) == len(items) and types[node.left] == INT:
        return replace(node, right=LiteralSet(node.right.pos, frozenset(integers), int))
    return node


def _constant(node: Node, _types: Types) -> Node:
    if isinstance(node, Unary) and isinstance(node.operand, Literal):
        return _unary(node, node.operand.value)
    if isinstance(node, Binary):
        if node.op in _OR or node.op in _AND:
            return _logic(node)
        if isinstance(node.left, Literal) and isinstance(node.right, Literal):
            return _binary(node, node.left.value, node.right.value)
    return node


def _unary(node: Unary, value: object) -> Node:
    if isinstance(value, bool):
        return Literal(node.pos, not value) if node.op in ("!", "not") else node
    if isinstance(value, int | float) and node.op in ("-", "+"):
        found = arithmetic.negate(value) if node.op == "-" else value
        return _literal(node, found)
    return node


def _logic(node: Binary) -> Node:
    """`x || true` is true and `x || false` is x, whatever x is."""
    stops = node.op in _OR
    left = node.left.value if isinstance(node.left, Literal) else None
    right = node.right.value if isinstance(node.right, Literal) else None
    if left is (not stops):
        return node.right
    if right is (not stops):
        return node.left
    return Literal(node.pos, stops) if left is stops or right is stops else node


def _binary(node: Binary, left: object, right: object) -> Node:
    if node.op == "==":
        alike = type(left) is type(right) and isinstance(left, bool | int | str)
        return Literal(node.pos, left == right) if alike else node
    if node.op == "+" and isinstance(left, str) and isinstance(right, str):
        return Literal(node.pos, left + right)
    if node.op not in _ARITHMETIC or not (_is_number(left) and _is_number(right)):
        return node
    try:
        return _literal(node, _ARITHMETIC[node.op](left, right))
    except ExprError as error:
        if node.op == "%" and type(left) is int and type(right) is int:
            # Found before running, the reference words it without the runtime's prefix.
            message = error.message.removeprefix("runtime error: ")
            raise ExprError(message, node.pos) from None
        return node


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _literal(node: Node, value: object) -> Node:
    return Literal(node.pos, value) if isinstance(value, int | float) else node


_ARITHMETIC = {
    "+": lambda left, right: arithmetic.add(left, right, Budget(DEFAULT)),
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "%": arithmetic.remainder,
    "**": arithmetic.power,
    "^": arithmetic.power,
}
