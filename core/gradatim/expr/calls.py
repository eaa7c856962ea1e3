"""Goes in: a call and a way to type its arguments. Comes out: the type that the call gives.
Called by the checker: functions of the language, predicates, Argo's functions, methods.
"""

from __future__ import annotations

from collections.abc import Callable

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
    STRING,
    STRINGS,
    TIME,
    UNKNOWN,
    Kind,
    Type,
    assignable,
    list_of,
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
        callee = self.visit(node.callee)
        given = [self.visit(arg) for arg in node.args]
        if callee.is_unknown:
            return UNKNOWN
        if callee.kind is not Kind.FUNCTION:
            raise ExprError(f"{callee} cannot be called", node.pos)
        if isinstance(node.callee, Name):
            signature = self.environment.functions.get(node.callee.name)
            if signature is None:
                raise ExprError(f"{node.callee.name} cannot be called here", node.pos)
            return _fitted(node.callee.name, signature, node, given)
        return self._method(node, given)

    def _method(self, node: Call, given: list[Type]) -> Type:
        callee = node.callee
        if not (isinstance(callee, Member) and isinstance(callee.prop, Literal)):
            return UNKNOWN
        name = str(callee.prop.value)
        if isinstance(callee.base, Name) and callee.base.name == "$env":
            return _fitted(name, self.environment.functions[name], node, given)
        return _fitted(name, METHODS[self.visit(callee.base).kind][name].signature, node, given)

    # -- functions of the language ------------------------------------------------------------

    def builtin(self, node: Builtin) -> Type:
        """The type of a call of a function of the language."""
        if node.name in SIGNATURES:
            return self._overloaded(node)
        if node.name in SHAPES:
            return self._shaped(node, SHAPES[node.name])
        if node.name in AGGREGATES:
            return self._aggregate(node)
        if node.name == "get":
            return self._get(node)
        if node.name == "date":
            return self._date(node)
        return self._predicate(node)

    def _overloaded(self, node: Builtin) -> Type:
        # The arguments are looked at once: to try each way from the start would take a time
        # exponential in the depth of `join(join(join(…)))`.
        given = [self.visit(arg) for arg in node.args]
        problem: ExprError | None = None
        for signature in SIGNATURES[node.name]:
            try:
                return _fitted(node.name, signature, node, given)
            except ExprError as error:
                problem = problem or error
        raise problem or ExprError(f"{node.name} cannot be called", node.pos)

    def _shaped(self, node: Builtin, shape: Shape) -> Type:
        found = [self.visit(arg) for arg in node.args]
        if not shape.least <= len(found) <= shape.most:
            message = f"{node.name} takes {shape.least} arguments, not {len(found)}"
            raise ExprError(message, node.pos)
        for number, each in enumerate(found):
            kinds = shape.kinds[min(number, len(shape.kinds) - 1)]
            if not each.is_unknown and each.kind not in kinds:
                raise ExprError(f"{node.name} does not take {each}", node.args[number].pos)
        return _declared(node.name, found[0]) or shape.gives or found[0]

    def _aggregate(self, node: Builtin) -> Type:
        found = [self.visit(arg) for arg in node.args]
        if not found:
            raise ExprError(f"not enough arguments to call {node.name}", node.pos)
        for number, each in enumerate(found):
            if each.is_unknown or each.kind is Kind.LIST:
                return ANY  # what follows is not looked at
            if each.kind not in NUMERIC:
                raise ExprError(f"{node.name} does not take {each}", node.args[number].pos)
        return found[0]

    def _get(self, node: Builtin) -> Type:
        if len(node.args) != 2:
            raise ExprError(f"get takes 2 arguments, not {len(node.args)}", node.pos)
        base, prop = (self.visit(arg) for arg in node.args)
        if base.is_unknown:
            return UNKNOWN
        if base.kind is Kind.LIST:
            if prop.kind not in (Kind.INT, Kind.UNKNOWN):
                raise ExprError("a list is indexed by an integer", node.args[1].pos)
            return base.element()
        if base.kind is Kind.MAP:
            if not prop.is_unknown and not assignable(prop, base.key()):
                raise ExprError(f"{base} has no key that is {prop}", node.args[1].pos)
            return base.element()
        raise ExprError(f"get does not take {base}", node.args[0].pos)

    def _date(self, node: Builtin) -> Type:
        found = [self.visit(arg) for arg in node.args]
        most = 4 if found and found[0].kind is Kind.ZONE else 3
        if not 1 <= len(found) <= most:
            raise ExprError(f"date takes 1 to {most} arguments, not {len(found)}", node.pos)
        return TIME

    # -- predicates ---------------------------------------------------------------------------

    def _predicate(self, node: Builtin) -> Type:
        over = self.visit(node.args[0])
        if over.kind not in (Kind.LIST, Kind.UNKNOWN):
            raise ExprError(f"{node.name} takes a list, not {over}", node.args[0].pos)
        given = self._asked(node, over) if len(node.args) > 1 else None
        if len(node.args) > 2:
            order = self.visit(node.args[2])
            if node.name == "sortBy" and order.kind not in (Kind.STRING, Kind.UNKNOWN):
                raise ExprError("the order of sortBy is a string", node.args[2].pos)
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
            raise ExprError("a predicate cannot be nil", predicate.pos)
        if node.name in _BOOLEAN and given.kind not in (Kind.BOOL, Kind.UNKNOWN):
            raise ExprError(
                f"the predicate of {node.name} gives a bool, not {given}", predicate.pos
            )
        return given

    def pointer(self, node: Pointer) -> Type:
        """The type of `#`, `#index` or `#acc`."""
        if not self.loops:
            raise ExprError("'#' has a meaning in a predicate only", node.pos)
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
    if name in ("first", "last"):
        return STRING if first.name == STRINGS.name else ANY
    if name == "take" and first.kind is Kind.LIST:
        return STRINGS if first.name == STRINGS.name else LIST
    return ANY if name in ("take", "abs") and first.is_unknown else None


def _fitted(name: str, signature: Signature, node: Call | Builtin, given: list[Type]) -> Type:
    """What a call gives, if its arguments fit the signature."""
    if len(given) != len(signature.params):
        few = len(given) < len(signature.params)
        raise ExprError(f"{'not enough' if few else 'too many'} arguments to call {name}", node.pos)
    for arg, found, param in zip(node.args, given, signature.params, strict=True):
        if not _accepts(param, found):
            raise ExprError(f"{name} takes {param} here, not {found}", arg.pos)
    return signature.gives


def _accepts(param: Type, found: Type) -> bool:
    if param.is_unknown:
        return True
    if found.kind is Kind.INT and param.is_number:
        return True
    return found.is_unknown or (found.kind is not Kind.NIL and assignable(found, param))


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
