"""Goes in: a checked and folded tree with its types. Comes out: a function from frame to value.
Called by `condition.py`, once for each type of result; running it costs one call a node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradatim.expr import access, operate
from gradatim.expr.checker import Types
from gradatim.expr.errors import ExprError
from gradatim.expr.frame import Evaluate, Frame
from gradatim.expr.functions import ENVIRONMENT, FUNCTIONS
from gradatim.expr.loops import PREDICATES, Parts, loop
from gradatim.expr.methods import call_method, not_callable
from gradatim.expr.nativetypes import native
from gradatim.expr.operate import located, truth
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
    LiteralSet,
    MapLiteral,
    Member,
    Name,
    Node,
    Pointer,
    Predicate,
    Sequence,
    Slice,
    Unary,
    children,
)
from gradatim.expr.types import UNKNOWN
from gradatim.expr.values import FunctionValue, is_nil, not_a


def lower(tree: Node, types: Types, environment: Environment) -> Evaluate:
    """The tree as a function. Raises `ExprError` at a pattern that is no regular expression."""
    return _Lowering(types, environment).lower(tree)


class _Cut:
    """What `?.` on nil gives, up to the end of its chain."""


_CUT = _Cut()


class _Lowering:
    def __init__(self, types: Types, environment: Environment) -> None:
        self.types = types
        self.environment = environment
        self.variables: set[str] = set()
        self.done: dict[Node, Evaluate] = {}

    def lower(self, node: Node) -> Evaluate:
        found = self.done.get(node)
        if found is None:
            found = self.done[node] = _LOWER[type(node)](self, node)
        return found

    # -- leaves ------------------------------------------------------------------------------

    def literal(self, node: Literal) -> Evaluate:
        value = node.value
        return lambda _frame: value

    def name(self, node: Name) -> Evaluate:
        name = node.name
        if name in self.variables:
            return lambda frame: frame.variables[name]
        if name in self.environment.variables:
            return lambda frame: frame.result
        if name == "$env":
            return self.whole_environment()
        own = name in self.environment.functions
        value = FunctionValue(name, self.sort(name)) if own else None
        return lambda _frame: value  # a function of the language is nil where it is not called

    def whole_environment(self) -> Evaluate:
        functions = {n: FunctionValue(n, self.sort(n)) for n in self.environment.functions}
        has_result = "result" in self.environment.variables

        def run(frame: Frame) -> object:
            return {**functions, "result": frame.result} if has_result else dict(functions)

        return run

    def sort(self, name: str) -> str:
        return native(name, self.environment).name

    def pointer(self, node: Pointer) -> Evaluate:
        if node.name == "index":
            return lambda frame: frame.loop.index
        if node.name == "acc":
            return lambda frame: frame.loop.acc
        return lambda frame: frame.loop.item

    # -- operators ---------------------------------------------------------------------------

    def unary(self, node: Unary) -> Evaluate:
        operand, pos = self.lower(node.operand), node.pos
        if node.op in ("!", "not"):
            return lambda frame: not truth(operand(frame), pos)
        if node.op == "+":
            return operand

        return operate.negation(operand, pos)

    def binary(self, node: Binary) -> Evaluate:
        if node.op in operate.LOGIC:
            stops = node.op in operate.OR
            return operate.logic(stops, [self.lower(each) for each in _operands(node)], node.pos)
        left, right = self.lower(node.left), self.lower(node.right)
        if node.op == "??":
            return lambda frame: right(frame) if is_nil(value := left(frame)) else value
        if node.op == "matches":
            return operate.matches(node, left, right)
        known = [self.types.get(side, UNKNOWN) for side in (node.left, node.right)]
        if node.op in ("==", "!="):
            return operate.equality(node, known, left, right)
        if node.op == "in":
            return operate.membership(node, known[0], left, right)
        return operate.plain(node.op, left, right, node.pos)

    # -- members -----------------------------------------------------------------------------

    def chain(self, node: Chain) -> Evaluate:
        body = self.lower(node.body)

        def run(frame: Frame) -> object:
            value = body(frame)
            return None if value is _CUT or is_nil(value) else value

        return run

    def member(self, node: Member) -> Evaluate:
        base, prop, pos, optional = (
            self.lower(node.base),
            self.lower(node.prop),
            node.pos,
            node.optional,
        )

        def run(frame: Frame) -> object:
            value = base(frame)
            if value is _CUT or (optional and is_nil(value)):
                return _CUT
            try:
                return access.fetch(value, prop(frame))
            except ExprError as error:
                raise error.located(pos) from None

        return run

    def slice(self, node: Slice) -> Evaluate:
        base, pos = self.lower(node.base), node.pos
        start = self.lower(node.start) if node.start is not None else None
        stop = self.lower(node.stop) if node.stop is not None else None

        def run(frame: Frame) -> object:
            value = base(frame)
            try:
                last = access.length(value) if stop is None else stop(frame)
                return access.part(value, start(frame) if start else 0, last, frame.budget)
            except ExprError as error:
                raise error.located(pos) from None

        return run

    # -- calls -------------------------------------------------------------------------------

    def call(self, node: Call) -> Evaluate:
        callee = node.callee
        if isinstance(callee, Member) and callee.method:
            return self.method(node, callee)
        args = [self.lower(arg) for arg in node.args]
        target = self.lower(callee)

        def run(frame: Frame) -> object:
            values = [arg(frame) for arg in args]
            function = target(frame)
            if not isinstance(function, FunctionValue):
                raise not_callable(function).located(node.pos)
            return located(ENVIRONMENT[function.name], frame, values, node.pos)

        return run

    def method(self, node: Call, callee: Member) -> Evaluate:
        base, optional, pos = self.lower(callee.base), callee.optional, node.pos
        name = str(callee.prop.value) if isinstance(callee.prop, Literal) else ""
        args = [self.lower(arg) for arg in node.args]

        def run(frame: Frame) -> object:
            values = [arg(frame) for arg in args]
            value = base(frame)
            if value is _CUT or (optional and is_nil(value)):
                return _CUT
            if isinstance(value, dict):
                value = access.fetch(value, name)
                if isinstance(value, FunctionValue):
                    return located(ENVIRONMENT[value.name], frame, values, pos)
                raise not_callable(value).located(pos)
            try:
                return call_method(value, name, values)
            except ExprError as error:
                raise error.located(pos) from None

        return run

    def builtin(self, node: Builtin) -> Evaluate:
        if node.name in PREDICATES:
            return self.loop(node)
        function, pos = FUNCTIONS[node.name], node.pos
        args = [self.lower(arg) for arg in node.args]

        def run(frame: Frame) -> object:
            return located(function, frame, [arg(frame) for arg in args], pos)

        return run

    def loop(self, node: Builtin) -> Evaluate:
        predicate = node.args[1] if len(node.args) > 1 else None
        body = self.lower(predicate.body) if isinstance(predicate, Predicate) else None
        return loop(
            Parts(
                node,
                self.lower(node.args[0]),
                body,
                self.lower(node.args[2]) if len(node.args) > 2 else None,
                self.lower(node.then) if node.then is not None else None,
            )
        )

    # -- the rest ----------------------------------------------------------------------------

    def let(self, node: Let) -> Evaluate:
        name, value = node.name, self.lower(node.value)
        self.variables.add(name)
        body = self.lower(node.body)
        self.variables.discard(name)

        def run(frame: Frame) -> object:
            frame.variables[name] = value(frame)
            return body(frame)

        return run

    def sequence(self, node: Sequence) -> Evaluate:
        items = [self.lower(item) for item in node.items]
        return lambda frame: [item(frame) for item in items][-1]

    def conditional(self, node: Conditional) -> Evaluate:
        test, then, other = self.lower(node.test), self.lower(node.then), self.lower(node.other)
        pos = node.test.pos
        return lambda frame: then(frame) if truth(test(frame), pos) else other(frame)

    def list_literal(self, node: ListLiteral) -> Evaluate:
        items = [self.lower(item) for item in node.items]

        def run(frame: Frame) -> object:
            frame.budget.elements(len(items))
            return [item(frame) for item in items]

        return run

    def map_literal(self, node: MapLiteral) -> Evaluate:
        items = [self.lower(item) for item in children(node)]

        def run(frame: Frame) -> object:
            frame.budget.elements(len(items) // 2)
            found: dict[str, object] = {}
            values = [item(frame) for item in items]
            # As in the reference: of two entries with one key, the first stays.
            for key, value in zip(values[-2::-2], values[::-2], strict=True):
                if not isinstance(key, str):
                    raise not_a("string", key).located(node.pos)
                found[key] = value
            return found

        return run

    def literal_set(self, _node: LiteralSet) -> Evaluate:
        return lambda _frame: None  # the operator beside it holds the set


def _operands(node: Binary) -> list[Node]:
    """The operands of a chain of `||`, or of `&&`: a long one is no deep one."""
    same = operate.OR if node.op in operate.OR else operate.AND
    found: list[Node] = []
    rest: Node = node
    while isinstance(rest, Binary) and rest.op in same:
        found.append(rest.right)
        rest = rest.left
    return [rest, *reversed(found)]


_LOWER: dict[type, Callable[[_Lowering, Any], Evaluate]] = {
    Literal: _Lowering.literal,
    Name: _Lowering.name,
    Unary: _Lowering.unary,
    Binary: _Lowering.binary,
    Chain: _Lowering.chain,
    Member: _Lowering.member,
    Slice: _Lowering.slice,
    Call: _Lowering.call,
    Builtin: _Lowering.builtin,
    Pointer: _Lowering.pointer,
    Let: _Lowering.let,
    Sequence: _Lowering.sequence,
    Conditional: _Lowering.conditional,
    ListLiteral: _Lowering.list_literal,
    MapLiteral: _Lowering.map_literal,
    LiteralSet: _Lowering.literal_set,
}
