"""Goes in: a call and a way to type its arguments. Comes out: the type that the call gives.
Called by the checker: functions of the language, predicates, Argo's functions, methods.
"""

from __future__ import annotations

from collections.abc import Callable

from gradatim.expr.arguments import fit, fitted, miscounted, type_name, wrong_count
from gradatim.expr.errors import ExprError
from gradatim.expr.methods import METHODS
from gradatim.expr.scope import Environment
from gradatim.expr.signatures import AGGREGATES, NUMERIC, SHAPES, SIGNATURES, Shape, Signature
from gradatim.expr.syntax import Builtin, Call, Literal, Member, Name, Node, Pointer, Predicate
from gradatim.expr.types import (
    ANY,
    BOOL,
    GROUPS,
    INT,
    LIST,
    MAP,
    TIME,
    UNKNOWN,
    Kind,
    Type,
    assignable,
    list_of,
    pointed,
)

_BOOLEAN = frozenset(
    [
        "all",
        "none",
        "any",
        "one",
        "filter",
        "count",
        "find",
        "findIndex",
        "findLast",
        "findLastIndex",
    ]
)
_ONE_OUTPUT = "predicate should has one input and one output param"
_WITHOUT_OUTPUT = {
    "reduce": "predicate should has two input and one output param",
    "sum": "cannot use func(interface {}) as argument (type func(interface {}) bool) to call sum ",
}
"""What the reference says of a predicate that is nil."""

_POINTERS = {"map": {"index": INT}, "reduce": {"index": INT, "acc": UNKNOWN}}


class CallChecker:
    """Types calls; `visit` types any other node."""

    def __init__(self, visit: Callable[[Node], Type], environment: Environment) -> None:
        self.visit = visit
        self.environment = environment
        self.loops: list[tuple[Type, dict[str, Type]]] = []

    # -- Argo's functions and methods ---------------------------------------------------------

    def call(self, node: Call) -> Type:
        """The type of a call by name or of a method."""
        name = _name(node.callee)
        if isinstance(node.callee, Name) and name == "$env":
            raise ExprError(f"{MAP} is not callable", node.pos)
        callee = self.visit(node.callee)
        if callee.is_unknown:
            for arg in node.args:
                self.visit(arg)
            return UNKNOWN
        if callee.kind is Kind.NIL:
            raise ExprError(f"{name} is nil; cannot call nil as function", node.pos)
        if callee.kind is not Kind.FUNCTION:
            raise ExprError(f"{callee} is not callable", node.pos)
        if not isinstance(node.callee, Name):
            return self._method(name, node)
        signature = self.environment.functions.get(name)
        if signature is None:
            raise ExprError(f"{name} cannot be called here", node.pos)
        return self._only_way(name, signature, node)

    def _method(self, name: str, node: Call) -> Type:
        callee = node.callee
        if not (isinstance(callee, Member) and isinstance(callee.prop, Literal)):
            return UNKNOWN
        if isinstance(callee.base, Name) and callee.base.name == "$env":
            return self._only_way(name, self.environment.functions[name], node)
        signature = METHODS[self.visit(callee.base).kind][name].signature
        return self._only_way(name, signature, node)

    def _only_way(self, name: str, signature: Signature, node: Call | Builtin) -> Type:
        """What a call gives; an argument that does not fit hides what is wrong in later ones."""
        if len(node.args) != len(signature.params):
            for arg in node.args:
                self.visit(arg)
            raise miscounted(name, signature, node)
        for arg, param in zip(node.args, signature.params, strict=True):
            fit(name, param, self.visit(arg), arg)
        return signature.gives

    # -- functions of the language ------------------------------------------------------------

    def builtin(self, node: Builtin) -> Type:
        """The type of a call of a function of the language."""
        ways = SIGNATURES.get(node.name, ())
        if len(ways) == 1:
            return self._only_way(node.name, ways[0], node)
        if ways:
            return self._overloaded(node, ways)
        if node.name in SHAPES:
            return self._shaped(node, SHAPES[node.name])
        if node.name in AGGREGATES:
            return self._aggregate(node)
        if node.name == "get":
            return self._get(node)
        if node.name == "date":
            return self._date(node)
        if node.name == "now":
            return self._now(node)
        return self._predicate(node)

    def _overloaded(self, node: Builtin, ways: tuple[Signature, ...]) -> Type:
        # The arguments are looked at once: to try each way from the start would take a time
        # exponential in the depth of `join(join(join(…)))`.
        given = [self.visit(arg) for arg in node.args]
        problem = ExprError(f"no matching overload for {node.name}", node.pos)
        for signature in ways:
            try:
                return fitted(node.name, signature, node, given)
            except ExprError as error:
                problem = error
        raise problem

    def _shaped(self, node: Builtin, shape: Shape) -> Type:
        found = [self.visit(arg) for arg in node.args]
        if not shape.least <= len(found) <= shape.most:
            least = "at least " if shape.most > shape.least else ""
            raise wrong_count(f"{least}{shape.least}", node)
        for number, each in enumerate(found):
            kinds = shape.kinds[min(number, len(shape.kinds) - 1)]
            if not each.is_unknown and each.kind not in kinds:
                refusal = shape.refusals[min(number, len(shape.refusals) - 1)]
                message = refusal.format(name=node.name, type=type_name(each))
                raise ExprError(message, node.args[number].pos)
        return _declared(node.name, found[0]) or shape.gives or found[0]

    def _aggregate(self, node: Builtin) -> Type:
        found = [self.visit(arg) for arg in node.args]
        if not found:
            raise ExprError(f"not enough arguments to call {node.name}", node.pos)
        for number, each in enumerate(found):
            if each.is_unknown or each.kind is Kind.LIST:
                return ANY  # what follows is not looked at
            if each.kind not in NUMERIC:
                message = f"invalid argument for {node.name} (type {type_name(each)})"
                raise ExprError(message, node.args[number].pos)
        return found[0]

    def _get(self, node: Builtin) -> Type:
        if len(node.args) != 2:
            raise wrong_count("2", node)
        base, prop = (self.visit(arg) for arg in node.args)
        if base.is_unknown:
            return UNKNOWN
        if base.kind is Kind.LIST:
            if prop.kind not in (Kind.INT, Kind.UNKNOWN):
                raise ExprError(f"non-integer slice index {pointed(prop)}", node.args[1].pos)
            return base.element()
        if base.kind is Kind.MAP:
            if not prop.is_unknown and not assignable(prop, base.key()):
                problem = f"cannot use {pointed(prop)} to get an element from {base}"
                raise ExprError(problem, node.args[1].pos)
            return base.element()
        raise ExprError(f"type {base} does not support indexing", node.args[0].pos)

    def _date(self, node: Builtin) -> Type:
        found = [self.visit(arg) for arg in node.args]
        if not found:
            raise wrong_count("at least 1", node)
        count = len(found) - (found[0].kind is Kind.ZONE)
        if count > 3:
            problem = f"invalid number of arguments (expected at most 3, got {count})"
            raise ExprError(problem, node.pos)
        return TIME

    def _now(self, node: Builtin) -> Type:
        found = [self.visit(arg) for arg in node.args]
        if len(found) > 1 or any(each.kind is not Kind.ZONE for each in found):
            raise wrong_count("0", node)
        return TIME

    # -- predicates ---------------------------------------------------------------------------

    def _predicate(self, node: Builtin) -> Type:
        over = self.visit(node.args[0])
        if over.kind not in (Kind.LIST, Kind.UNKNOWN):
            problem = f"builtin {node.name} takes only array (got {pointed(over)})"
            raise ExprError(problem, node.args[0].pos)
        given = self._asked(node, over) if len(node.args) > 1 else None
        if len(node.args) > 2:
            order = self.visit(node.args[2])
            if node.name == "sortBy" and order.kind not in (Kind.STRING, Kind.UNKNOWN):
                problem = f"sortBy order argument must be a string (got {order})"
                raise ExprError(problem, node.args[2].pos)
        return _gives(node.name, over, given)

    def _asked(self, node: Builtin, over: Type) -> Type:
        """The type of what the predicate gives for each element."""
        predicate = node.args[1]
        if not isinstance(predicate, Predicate):
            raise ExprError(f"{node.name} takes a predicate here", predicate.pos)
        self.loops.append((over, _POINTERS.get(node.name, {})))
        given = self.visit(predicate.body)
        self.loops.pop()
        if given.kind is Kind.NIL:
            raise ExprError(_WITHOUT_OUTPUT.get(node.name, _ONE_OUTPUT), predicate.pos)
        if node.name in _BOOLEAN and given.kind not in (Kind.BOOL, Kind.UNKNOWN):
            problem = f"predicate should return boolean (got {given})"
            raise ExprError(problem, predicate.pos)
        return given

    def pointer(self, node: Pointer) -> Type:
        """The type of `#`, `#index` or `#acc`."""
        if not self.loops:
            raise ExprError("cannot use pointer accessor outside predicate", node.pos)
        over, named = self.loops[-1]
        if not node.name:
            return _element(over)
        if node.name not in named:
            raise ExprError(f"unknown pointer #{node.name}", node.pos)
        return named[node.name]


def _declared(name: str, first: Type) -> Type | None:
    """What a function gives that passes on its argument, or a part of it, as Go declares it.

    What is known of a list's elements beyond the declaration is forgotten here.
    """
    is_declared = first.kind is Kind.LIST and first.name != LIST.name
    if name in ("first", "last"):
        return first.element() if is_declared else ANY
    if name == "take" and first.kind is Kind.LIST:
        return first if is_declared else LIST
    return ANY if name in ("take", "abs") and first.is_unknown else None


def _name(callee: Node) -> str:
    """What a message calls that which is called."""
    if isinstance(callee, Name):
        return callee.name
    if isinstance(callee, Member) and isinstance(callee.prop, Literal):
        return str(callee.prop.value)
    return "function"


def _gives(name: str, over: Type, given: Type | None) -> Type:
    if name in ("all", "none", "any", "one"):
        return BOOL
    if name in ("count", "findIndex", "findLastIndex"):
        return INT
    if name in ("find", "findLast"):
        return _element(over)
    if name == "filter":
        return LIST if over.is_unknown else list_of(over.element())
    if name == "map":
        return list_of(given or UNKNOWN)
    if name == "sum" and given is not None and given.is_unknown:
        return ANY
    if name == "groupBy":
        return GROUPS
    if name == "sortBy":
        return over
    return given if given is not None else _element(over)  # sum, reduce


def _element(over: Type) -> Type:
    return UNKNOWN if over.is_unknown else over.element()
