"""Goes in: nothing. Comes out: the sorts of values that a condition handles, and their names.
Called by the evaluator and by every function of the language. The sorts are Go's.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradatim.expr.errors import ExprError
from gradatim.expr.numerals import truncated
from gradatim.expr.times import Moment, Span, Zone

# At run time a value is None, bool, int, float, str, list, range, dict, AnyMap, Moment, Span, Zone
# or a FunctionValue. Types are told apart by `type(x) is`, since a bool is an int to Python.


class NilList(list[object]):
    """Go's nil slice: an empty list that is also nil."""

    __slots__ = ()


class PairList(list[object]):
    """What toPairs gives, and each pair in it: to Go, arrays of a type that equals no other."""

    __slots__ = ()


class AnyMap:
    """A map whose keys may be of any type, as groupBy and fromPairs make it.

    Go tells 1, 1.0 and true apart as keys; a Python dict does not. `missing` is what an absent
    key has.
    """

    __slots__ = ("entries", "missing")

    def __init__(self, missing: object = None) -> None:
        self.entries: dict[tuple[type, object], tuple[object, object]] = {}
        self.missing = missing

    def __len__(self) -> int:
        return len(self.entries)

    def slot(self, key: object) -> tuple[type, object]:
        """The key as our dict needs it. Raises `ExprError` if it cannot be a key."""
        if isinstance(key, list | range | dict | AnyMap):
            raise ExprError(f"runtime error: hash of unhashable type {go_type(key)}")
        return type(key), key

    def put(self, key: object, value: object) -> None:
        """Add or replace an entry."""
        self.entries[self.slot(key)] = (key, value)

    def get(self, key: object) -> object:
        """The value of a key, or what a missing one has."""
        found = self.entries.get(self.slot(key))
        return self.missing if found is None else found[1]

    def __contains__(self, key: object) -> bool:
        return self.slot(key) in self.entries

    def items(self) -> Iterator[tuple[object, object]]:
        """Keys with their values."""
        return iter(self.entries.values())


class StringList(list[object]):
    """What split gives: to Go, a list of a type of its own."""

    __slots__ = ()


class FloatList(list[float]):
    """A measured list of nothing but floats, and known to be one: to Go, a list of a type of its own.

    A condition is checked against that: `result[0] == "1"` is an error, and not false.
    """

    __slots__ = ()


class FunctionValue:
    """A function of the environment, met where it is not called; `sort` is its type in Go."""

    __slots__ = ("name", "sort")

    def __init__(self, name: str, sort: str) -> None:
        self.name = name
        self.sort = sort


KINDS: dict[type, str] = {
    type(None): "nil",
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    list: "list",
    NilList: "list",
    PairList: "list",
    StringList: "list",
    FloatList: "list",
    range: "list",
    dict: "map",
    AnyMap: "map",
    Moment: "time",
    Span: "duration",
    Zone: "time zone",
    FunctionValue: "function",
}
"""The sort of a value, as `type(x)` and the order of printed keys have it."""

_GO_TYPES: dict[type, str] = {
    type(None): "<nil>",
    bool: "bool",
    int: "int",
    float: "float64",
    str: "string",
    list: "[]interface {}",
    NilList: "[]interface {}",
    StringList: "[]string",
    FloatList: "[]float64",
    range: "[]int",
    dict: "map[string]interface {}",
    Moment: "time.Time",
    Span: "time.Duration",
    Zone: "*time.Location",
}


def kind_of(value: object) -> str:
    """The sort of the value."""
    return KINDS.get(type(value), "value")


def go_type(value: object) -> str:
    """The type of the value as Go's `%T` prints it: what a message calls it.

    An int64 of asInt and a byte of a string are ints here, and are told as such.
    """
    if isinstance(value, AnyMap):
        return "map[interface {}]interface {}" if value.missing is None else _GROUPS
    if isinstance(value, PairList):
        is_pair = len(value) == 2 and type(value[0]) is not PairList
        return "[2]interface {}" if is_pair else "[][2]interface {}"
    if isinstance(value, FunctionValue):
        return value.sort
    return _GO_TYPES.get(type(value), "interface {}")


_GROUPS = "map[interface {}][]interface {}"


def kind_name(value: object) -> str:
    """The kind of the value as Go's reflection prints it: `slice`, `map`, `float64`."""
    if value is None:
        return "invalid"
    if isinstance(value, PairList):
        return "array" if go_type(value).startswith("[2]") else "slice"
    if isinstance(value, FunctionValue):
        return "func"
    return _REFLECTED.get(type(value)) or _GO_TYPES[type(value)]


_REFLECTED: dict[type, str] = {
    list: "slice",
    NilList: "slice",
    StringList: "slice",
    FloatList: "slice",
    range: "slice",
    dict: "map",
    AnyMap: "map",
    Moment: "struct",
    Span: "int64",
    Zone: "struct",
}


def not_a(wanted: str, value: object) -> ExprError:
    """The error of a value of another type than the one asked for."""
    shown = "nil" if value is None else go_type(value)
    return ExprError(f"interface conversion: interface {{}} is {shown}, not {wanted}")


def mismatch(op: str, left: object, right: object) -> ExprError:
    """The error of an operator that does not take the two values."""
    first, second = (go_type(value).removeprefix("*") for value in (left, right))
    return ExprError(f"invalid operation: {first} {op} {second}")


def is_nil(value: object) -> bool:
    """The value is nil to Go."""
    return value is None or type(value) is NilList


def as_bytes(text: str) -> bytes:
    """A string as Go holds it; bytes that are no UTF-8 travel as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")


def as_text(raw: bytes) -> str:
    """The inverse of `as_bytes`."""
    return raw.decode("utf-8", "surrogateescape")


def as_index(value: object) -> int:
    """A number as an int, cut towards zero, where Go asks for one."""
    if type(value) is int:
        return value
    if type(value) is float:
        return truncated(value)
    raise ExprError(f"invalid operation: int({go_type(value)})")


def is_number(value: object) -> bool:
    """The value is an int or a float, and not a bool."""
    return type(value) is float or type(value) is int
