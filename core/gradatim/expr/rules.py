"""Goes in: an operator and the static types beside it. Comes out: the type it gives, or None.
Called by the checker: the table of what each operator takes, as expr-lang has it.
"""

from __future__ import annotations

from collections.abc import Callable

from gradatim.expr.types import (
    ANY,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    LIST,
    LONG,
    NIL,
    STRING,
    TIME,
    UNKNOWN,
    Kind,
    Type,
    assignable,
    comparable,
    list_of,
)

_NUMBERS = frozenset({Kind.INT, Kind.FLOAT})
_ORDERED = _NUMBERS | {Kind.STRING, Kind.TIME, Kind.DURATION}
_TIMES = {
    ("+", Kind.TIME, Kind.DURATION): TIME,
    ("+", Kind.DURATION, Kind.TIME): TIME,
    ("+", Kind.DURATION, Kind.DURATION): DURATION,
    ("-", Kind.TIME, Kind.TIME): DURATION,
    ("-", Kind.TIME, Kind.DURATION): TIME,
    ("-", Kind.DURATION, Kind.DURATION): DURATION,
    ("*", Kind.DURATION, Kind.DURATION): DURATION,
    ("*", Kind.DURATION, Kind.INT): DURATION,
    ("*", Kind.DURATION, Kind.FLOAT): DURATION,
    ("*", Kind.INT, Kind.DURATION): DURATION,
    ("*", Kind.FLOAT, Kind.DURATION): DURATION,
}
_ARITHMETIC: dict[str, frozenset[Kind]] = {
    "+": _ORDERED,
    "-": _NUMBERS | {Kind.TIME, Kind.DURATION},
    "*": _NUMBERS | {Kind.DURATION},
}


def binary(op: str, left: Type, right: Type) -> Type | None:
    """What `left op right` gives; None when the operator does not take these types."""
    return _RULES[op](op, left, right)


def either(then: Type, other: Type) -> Type:
    """What a choice between two types gives."""
    if then.kind is Kind.NIL:
        return other
    if other.kind is Kind.NIL:
        return then
    if not assignable(then, other):
        return UNKNOWN
    if then.kind is Kind.LIST:
        first, second = then.element(), other.element()
        if not (assignable(first, second) and assignable(second, first)):
            return LIST
    return then


def same_family(left: Type, right: Type) -> bool:
    """A list that holds both types still has elements of one type: that of the last."""
    return _FAMILIES.get(left, left.kind) == _FAMILIES.get(right, right.kind)


# What Go's reflection makes one kind of, or two.
_FAMILIES: dict[Type, Kind | str] = {
    NIL: "invalid",
    UNKNOWN: "invalid",
    ANY: "interface",
    LONG: "int64",
    DURATION: "int64",
}


def _unknown_with(left: Type, right: Type, kinds: frozenset[Kind]) -> bool:
    """At least one side is unknown, and the other is unknown too or of these kinds."""
    if left.is_unknown:
        return right.is_unknown or right.kind in kinds
    return right.is_unknown and left.kind in kinds


def _equality(_op: str, left: Type, right: Type) -> Type | None:
    return BOOL if comparable(left, right) else None


def _logic(_op: str, left: Type, right: Type) -> Type | None:
    bools = left.kind is Kind.BOOL and right.kind is Kind.BOOL
    return BOOL if bools or _unknown_with(left, right, frozenset({Kind.BOOL})) else None


def _order(_op: str, left: Type, right: Type) -> Type | None:
    alike = left.kind is right.kind and left.kind in _ORDERED
    numbers = left.is_number and right.is_number
    return BOOL if alike or numbers or _unknown_with(left, right, _ORDERED) else None


def _arithmetic(op: str, left: Type, right: Type) -> Type | None:
    if left.is_number and right.is_number:
        return INT if left.kind is Kind.INT and right.kind is Kind.INT else FLOAT
    if op == "+" and left.kind is Kind.STRING and right.kind is Kind.STRING:
        return STRING
    found = _TIMES.get((op, left.kind, right.kind))
    if found is None and _unknown_with(left, right, _ARITHMETIC[op]):
        return UNKNOWN
    return found


def _quotient(_op: str, left: Type, right: Type) -> Type | None:
    numbers = left.is_number and right.is_number
    return FLOAT if numbers or _unknown_with(left, right, _NUMBERS) else None


def _integers(left: Type, right: Type) -> bool:
    both = left.kind is Kind.INT and right.kind is Kind.INT
    return both or _unknown_with(left, right, frozenset({Kind.INT}))


def _remainder(_op: str, left: Type, right: Type) -> Type | None:
    return INT if _integers(left, right) else None


def _range(_op: str, left: Type, right: Type) -> Type | None:
    return list_of(INT) if _integers(left, right) else None


def _text(_op: str, left: Type, right: Type) -> Type | None:
    strings = left.kind is Kind.STRING and right.kind is Kind.STRING
    return BOOL if strings or _unknown_with(left, right, frozenset({Kind.STRING})) else None


def _membership(_op: str, left: Type, right: Type) -> Type | None:
    if right.kind is Kind.MAP:
        return BOOL if left.is_unknown or assignable(left, right.key()) else None
    if right.kind is Kind.LIST:
        return BOOL if comparable(left, right.element()) else None
    if right.kind is Kind.TIME:  # a struct to Go: it may be asked for a field, and has none
        return BOOL if left.kind in (Kind.STRING, Kind.UNKNOWN) else None
    if right.is_unknown or (left.is_unknown and right.kind is Kind.STRING):
        return BOOL
    return None


def _coalescing(_op: str, left: Type, right: Type) -> Type:
    if left.kind is Kind.NIL:
        return NIL if right.kind is Kind.NIL else right
    if right.kind is Kind.NIL or assignable(right, left):
        return left
    return UNKNOWN


_RULES: dict[str, Callable[[str, Type, Type], Type | None]] = {
    "==": _equality,
    "!=": _equality,
    **dict.fromkeys(("||", "or", "&&", "and"), _logic),
    **dict.fromkeys(("<", ">", "<=", ">="), _order),
    **dict.fromkeys(("+", "-", "*"), _arithmetic),
    **dict.fromkeys(("/", "**", "^"), _quotient),
    "%": _remainder,
    "..": _range,
    "in": _membership,
    **dict.fromkeys(("matches", "contains", "startsWith", "endsWith"), _text),
    "??": _coalescing,
}
