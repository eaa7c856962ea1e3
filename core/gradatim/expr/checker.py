"""Goes in: a syntax tree and the environment. Comes out: the static type of every node.
Called by `condition.py`. Refuses what the reference refuses, even where `||` never gets there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gradatim.expr import rules
from gradatim.expr.calls import CallChecker
from gradatim.expr.errors import ExprError
from gradatim.expr.methods import METHODS
from gradatim.expr.nativetypes import native
from gradatim.expr.operators import FUNCTIONS, PREDICATES
from gradatim.expr.regex import compile_pattern
from gradatim.expr.scope import Environment
from gradatim.expr.syntax import (
    Binary,
    Builtin,
    Call,
    Chain,
    Conditional,
    Let,
    ListLiteral,
    Literal,
    MapLiteral,
    Member,
    Name,
    Node,
    Pointer,
    Sequence,
    Slice,
    Unary,
    children,
)
from gradatim.expr.types import (
    BOOL,
    FLOAT,
    INT,
    LIST,
    MAP,
    NIL,
    STRING,
    UNKNOWN,
    Kind,
    Type,
    assignable,
    function_of,
    list_of,
    pointed,
)

Types = dict[Node, Type]
_VERB = re.compile(r"%[-+# 0]*[0-9]*(?:\.[0-9]*)?(.?)", re.DOTALL | re.ASCII)


def check(tree: Node, environment: Environment) -> Types:
    """The static type of each node of the tree.

    Raises `ExprError` at an unknown name, a wrong number of arguments or types that do not fit.
    """
    checker = _Checker(environment)
    checker.visit(tree)
    return checker.types


class _Checker:
    """One walk over a tree; `calls` handles what stands in front of parentheses."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.types: Types = {}
        self.variables: dict[str, Type] = {}
        self.calls = CallChecker(self.visit, environment)

    def visit(self, node: Node) -> Type:
        found = self.types.get(node)  # a chained comparison stands at two places of the tree
        if found is None:
            found = self.types[node] = _VISITORS[type(node)](self, node)
        return found

    def literal(self, node: Literal) -> Type:
        return _LITERALS[type(node.value)]

    def name(self, node: Name) -> Type:
        if node.name in self.variables:
            return self.variables[node.name]
        if node.name in self.environment.variables:
            return self.environment.variables[node.name]
        if node.name == "$env":
            return UNKNOWN
        if self.environment.knows(node.name) or node.name in FUNCTIONS or node.name in PREDICATES:
            return native(node.name, self.environment)
        raise ExprError(f"unknown name {node.name}", node.pos)

    def unary(self, node: Unary) -> Type:
        operand = self.visit(node.operand)
        if node.op in ("!", "not"):
            if operand.kind in (Kind.BOOL, Kind.UNKNOWN):
                return BOOL
        elif operand.is_number:
            return operand
        elif operand.is_unknown:
            return UNKNOWN
        shown = f"{node.op} (mismatched type {pointed(operand)})"
        raise ExprError(f"invalid operation: {shown}", node.pos)

    def binary(self, node: Binary) -> Type:
        left = self.visit(node.left)
        right = self.visit(node.right)
        if node.op == "matches" and isinstance(node.right, Literal):
            pattern = node.right.value
            if isinstance(pattern, str):
                try:
                    compile_pattern(pattern)
                except ExprError as error:
                    raise ExprError(_formatted(error.message), node.right.pos) from None
        found = rules.binary(node.op, left, right)
        if found is None:
            raise ExprError(_mismatch(node.op, left, right), node.pos)
        return found

    def chain(self, node: Chain) -> Type:
        return self.visit(node.body)

    def member(self, node: Member) -> Type:
        if isinstance(node.base, Name) and node.base.name == "$env":
            return self.environment_member(node)
        base = self.visit(node.base)
        prop = self.visit(node.prop)
        if base.is_unknown:
            return UNKNOWN
        if base.kind is Kind.LIST:
            if prop.kind not in (Kind.INT, Kind.UNKNOWN):
                problem = "array elements can only be selected using an integer"
                raise ExprError(f"{problem} (got {pointed(prop)})", node.prop.pos)
            return base.element()
        if base.kind is Kind.MAP:
            if not prop.is_unknown and not assignable(prop, base.key()):
                problem = f"cannot use {pointed(prop)} to get an element from {base}"
                raise ExprError(problem, node.prop.pos)
            return base.element()
        methods = METHODS.get(base.kind, {})
        name = node.prop.value if isinstance(node.prop, Literal) else None
        if isinstance(name, str) and name in methods:
            signature = methods[name].signature
            return function_of([base.name, *map(str, signature.params)], str(signature.gives))
        raise ExprError(_no_member(base, name, prop, called=node.method), node.pos)

    def environment_member(self, node: Member) -> Type:
        self.visit(node.prop)
        if not (isinstance(node.prop, Literal) and isinstance(node.prop.value, str)):
            return UNKNOWN
        name = node.prop.value
        if name in self.environment.variables:
            return self.environment.variables[name]
        if name in self.environment.functions:
            return native(name, self.environment)
        if node.optional:
            return UNKNOWN
        raise ExprError(f"unknown name {name}", node.pos)

    def slice(self, node: Slice) -> Type:
        base = self.visit(node.base)
        if base.is_unknown:
            for end in children(node):
                if end is not node.base:
                    self.visit(end)
            return UNKNOWN
        if base.kind not in (Kind.STRING, Kind.LIST):
            raise ExprError(f"cannot slice {base}", node.pos)
        for end in children(node):
            if end is not node.base and self.visit(end).kind not in (Kind.INT, Kind.UNKNOWN):
                raise ExprError(f"non-integer slice index {pointed(self.visit(end))}", end.pos)
        return base

    def let(self, node: Let) -> Type:
        name = node.name
        if self.environment.knows(name):
            raise ExprError(f"cannot redeclare {name}", node.pos)
        if name in FUNCTIONS or name in PREDICATES:
            raise ExprError(f"cannot redeclare builtin {name}", node.pos)
        if name in self.variables:
            raise ExprError(f"cannot redeclare variable {name}", node.pos)
        self.variables[name] = self.visit(node.value)
        found = self.visit(node.body)
        del self.variables[name]
        return found

    def sequence(self, node: Sequence) -> Type:
        return [self.visit(item) for item in node.items][-1]

    def conditional(self, node: Conditional) -> Type:
        test = self.visit(node.test)
        if test.kind not in (Kind.BOOL, Kind.UNKNOWN):
            problem = f"non-bool expression (type {pointed(test)}) used as condition"
            raise ExprError(problem, node.test.pos)
        return rules.either(self.visit(node.then), self.visit(node.other))

    def list_literal(self, node: ListLiteral) -> Type:
        kinds = [self.visit(item) for item in node.items]
        if not kinds:
            return list_of(UNKNOWN)
        if all(rules.same_family(kinds[0], each) for each in kinds):
            return list_of(kinds[-1])
        return LIST

    def map_literal(self, node: MapLiteral) -> Type:
        for item in node.items:
            self.visit(item)
        return MAP

    def pointer(self, node: Pointer) -> Type:
        return self.calls.pointer(node)

    def call(self, node: Call) -> Type:
        return self.calls.call(node)

    def builtin(self, node: Builtin) -> Type:
        return self.calls.builtin(node)


def _formatted(message: str) -> str:
    """A message that the reference takes for a format: a `%` in a pattern asks for a value."""
    return _VERB.sub(_verb, message)


def _verb(match: re.Match[str]) -> str:
    letter = match[1]
    if not letter:
        return "%!(NOVERB)"
    return "%" if letter == "%" else f"%!{letter}(MISSING)"


def _mismatch(op: str, left: Type, right: Type) -> str:
    """What the reference says of an operator that does not take these types."""
    first, second = pointed(left), pointed(right)
    if op == "in" and right.kind is Kind.MAP:
        return f"cannot use {first} as type {right.key()} in map key"
    if op == "in" and right.kind is Kind.LIST:
        return f"cannot use {first} as type {right.element()} in array"
    return f"invalid operation: {op} (mismatched types {first} and {second})"


def _no_member(base: Type, name: object, prop: Type, *, called: bool) -> str:
    """What the reference says of a member that a type cannot have."""
    if not isinstance(name, str):
        return f"type {pointed(base)}[{prop}] is undefined"
    if base.kind is Kind.NIL:
        return f"type nil has no field {name}"
    return f"type {pointed(base)} has no {'method' if called else 'field'} {name}"


_LITERALS: dict[type, Type] = {
    type(None): NIL,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: STRING,
}

_VISITORS: dict[type, Callable[[_Checker, Any], Type]] = {
    Literal: _Checker.literal,
    Name: _Checker.name,
    Unary: _Checker.unary,
    Binary: _Checker.binary,
    Chain: _Checker.chain,
    Member: _Checker.member,
    Slice: _Checker.slice,
    Call: _Checker.call,
    Builtin: _Checker.builtin,
    Pointer: _Checker.pointer,
    Let: _Checker.let,
    Sequence: _Checker.sequence,
    Conditional: _Checker.conditional,
    ListLiteral: _Checker.list_literal,
    MapLiteral: _Checker.map_literal,
}
