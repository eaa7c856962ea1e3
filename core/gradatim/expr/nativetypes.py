"""Goes in: the name of a function that stands where it is not called. Comes out: its type.
Called by the checker. Facts about expr-lang 1.17, told in messages such as that of `len > 1`.
"""

from __future__ import annotations

from gradatim.expr.operators import PREDICATES
from gradatim.expr.scope import Environment
from gradatim.expr.signatures import SIGNATURES
from gradatim.expr.types import ANY, UNKNOWN, Type, function_of

_LIST = "[]interface {}"
_ANY = "interface {}"
_TEST = f"func({_ANY}) bool"
_EACH = f"func({_ANY}) {_ANY}"
_UNTYPED = function_of([f"...{_ANY}"], f"({_ANY}, error)")
_FALLIBLE = frozenset({"duration", "timezone"})

_PREDICATES = {
    "map": function_of([_LIST, _EACH], _LIST),
    "filter": function_of([_LIST, _TEST], _LIST),
    "find": function_of([_LIST, _TEST], _ANY),
    "findLast": function_of([_LIST, _TEST], _ANY),
    "findIndex": function_of([_LIST, _TEST], "int"),
    "findLastIndex": function_of([_LIST, _TEST], "int"),
    "count": function_of([_LIST, _TEST], "int"),
    "sum": function_of([_LIST, _TEST], "int"),
    "groupBy": function_of([_LIST, _EACH], f"map[{_ANY}]{_LIST}"),
    "sortBy": function_of([_LIST, _TEST, "string"], _LIST),
    "reduce": function_of([_LIST, f"func({_ANY}, {_ANY}) {_ANY}", _ANY], _ANY),
}


def native(name: str, environment: Environment) -> Type:
    """The type of a function of the environment or of the language, as Go prints it."""
    own = environment.functions.get(name)
    if own is not None:
        return function_of(map(_declared, own.params), _declared(own.gives))
    if name in PREDICATES:
        return _PREDICATES.get(name) or function_of([_LIST, _TEST], "bool")
    if name not in SIGNATURES:
        return _UNTYPED
    first = SIGNATURES[name][0]
    gives = _declared(first.gives)
    return function_of(
        map(_declared, first.params), f"({gives}, error)" if name in _FALLIBLE else gives
    )


def _declared(kind: Type) -> str:
    """The name of a parameter's type: one that takes everything is declared as any."""
    return str(ANY if kind == UNKNOWN else kind)
