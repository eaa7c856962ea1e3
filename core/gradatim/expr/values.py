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
            raise ExprError(f"{kind_of(key)} cannot be the key of a map")
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


class FunctionValue:
    """A function of the environment, met where it is not called."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


KINDS: dict[type, str] = {
    type(None): "nil",
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    list: "list",
    NilList: "list",
    PairList: "list",
    range: "list",
    dict: "map",
    AnyMap: "map",
    Moment: "time",
    Span: "duration",
    Zone: "time zone",
    FunctionValue: "function",
}
"""What a message calls each sort."""


def kind_of(value: object) -> str:
    """What a message calls the value."""
    return KINDS.get(type(value), "value")


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
    raise ExprError(f"{kind_of(value)} is not an integer")


def is_number(value: object) -> bool:
    """The value is an int or a float, and not a bool."""
    return type(value) is float or type(value) is int
