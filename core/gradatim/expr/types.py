"""Goes in: a measured value, or nothing. Comes out: what is known of a type before evaluation.
Called by the checker, and by the evaluator where a known type changes the meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from gradatim.expr.values import FloatList


class Kind(Enum):
    """The families that operators and functions tell apart."""

    UNKNOWN = "unknown"
    NIL = "nil"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    TIME = "time"
    DURATION = "duration"
    ZONE = "time zone"
    LIST = "list"
    MAP = "map"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True)
class Type:
    """A static type.

    `name` tells types of one kind apart. `elem` is what a list is known to hold (None: anything).
    """

    kind: Kind
    name: str
    elem: Type | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def is_unknown(self) -> bool:
        """Nothing is known before evaluation."""
        return self.kind is Kind.UNKNOWN

    @property
    def is_number(self) -> bool:
        """An int or a float."""
        return self.kind is Kind.INT or self.kind is Kind.FLOAT

    def element(self) -> Type:
        """The type of what a list or a map holds."""
        if self.kind is Kind.LIST:
            return self.elem or ANY
        return LIST if self.name == GROUPS.name else ANY

    def key(self) -> Type:
        """The type of a map's keys."""
        return STRING if self.name == MAP.name else ANY


# The names are those that Go prints: messages tell them, and users' tools compare messages.
UNKNOWN = Type(Kind.UNKNOWN, "unknown")
ANY = Type(Kind.UNKNOWN, "interface {}")  # declared so: `c ? 1 : any` counts as an int
NIL = Type(Kind.NIL, "unknown")
BOOL = Type(Kind.BOOL, "bool")
INT = Type(Kind.INT, "int")
LONG = Type(Kind.INT, "int64")  # what asInt gives; mixes freely with int
FLOAT = Type(Kind.FLOAT, "float64")
STRING = Type(Kind.STRING, "string")
TIME = Type(Kind.TIME, "time.Time")
DURATION = Type(Kind.DURATION, "time.Duration")
ZONE = Type(Kind.ZONE, "*time.Location")
LIST = Type(Kind.LIST, "[]interface {}")
STRINGS = Type(Kind.LIST, "[]string", STRING)  # what split gives: a list of its own type
FLOATS = Type(Kind.LIST, "[]float64", FLOAT)  # what Prometheus and others measure
MAP = Type(Kind.MAP, "map[string]interface {}")
ANY_MAP = Type(Kind.MAP, "map[interface {}]interface {}")  # what fromPairs gives
GROUPS = Type(Kind.MAP, "map[interface {}][]interface {}")  # what groupBy gives

_NILABLE = frozenset({Kind.UNKNOWN, Kind.LIST, Kind.MAP, Kind.FUNCTION, Kind.ZONE})


def list_of(elem: Type) -> Type:
    """A list whose elements are of a type."""
    return Type(Kind.LIST, LIST.name, elem)


def function_of(params: Iterable[str], gives: str) -> Type:
    """A function, by the names of what it takes and gives."""
    return Type(Kind.FUNCTION, f"func({', '.join(params)}) {gives}")


def pointed(kind: Type) -> str:
    """The name of a type where the reference looks through a pointer, as operators do."""
    return kind.name.removeprefix("*")


def assignable(source: Type, target: Type) -> bool:
    """A value of the first type may stand where the second is asked for."""
    if source.kind is Kind.NIL:
        return target.kind in _NILABLE and target != UNKNOWN
    if UNKNOWN in (source, target):
        return False
    return target == ANY or source.name == target.name


def comparable(left: Type, right: Type) -> bool:
    """`==` may stand between values of the two types."""
    if left.kind in (Kind.UNKNOWN, Kind.NIL) or right.kind in (Kind.UNKNOWN, Kind.NIL):
        return True
    if left.is_number and right.is_number:
        return True
    if left.kind is right.kind and left.kind in (Kind.TIME, Kind.DURATION, Kind.LIST):
        return True
    return assignable(left, right)


def type_of_result(result: object) -> Type:
    """The static type of a measured value: its top level only, as the reference has it.

    A number is a float whatever Python made of it, since JSON knows no other.
    """
    if result is None:
        return NIL
    if isinstance(result, bool):
        return BOOL
    if isinstance(result, int | float):
        return FLOAT
    if isinstance(result, str):
        return STRING
    if isinstance(result, dict):
        return MAP
    return FLOATS if isinstance(result, FloatList) else LIST
