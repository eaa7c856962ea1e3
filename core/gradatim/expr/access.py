"""Goes in: a list, a map or a string, and where to look. Comes out: the member, part or presence.
Called by the evaluator and by `get`, `first` and `last`.
"""

from __future__ import annotations

from gradatim.expr.compare import equal
from gradatim.expr.errors import ExprError
from gradatim.expr.gotext import told
from gradatim.expr.limits import Budget
from gradatim.expr.times import Moment
from gradatim.expr.values import AnyMap, as_bytes, as_index, as_text, go_type


def fetch(base: object, key: object) -> object:
    """`base[key]`: an absent key of a map is nil, an index outside of a list is an error."""
    if isinstance(base, dict):
        return base.get(_string_key(key))
    if isinstance(base, list | range):
        return base[_within(key, len(base))]
    if isinstance(base, AnyMap):
        return base.get(key)
    if isinstance(base, str):
        raw = as_bytes(base)  # Go's strings are indexed by the byte
        return raw[_within(key, len(raw))]
    raise ExprError(f"cannot fetch {told(key)} from {go_type(base)}")


def get(base: object, key: object) -> object:
    """`get(base, key)`: like `fetch`, but nil wherever there is nothing."""
    if base is None:
        return None
    if isinstance(base, dict | AnyMap):
        return None if isinstance(base, AnyMap) and key not in base else fetch(base, key)
    if isinstance(base, list | range | str):
        raw = as_bytes(base) if isinstance(base, str) else base
        index = as_index(key)
        index = index + len(raw) if index < 0 else index
        return raw[index] if 0 <= index < len(raw) else None
    return None


def _string_key(key: object) -> str:
    if isinstance(key, str):
        return key
    if key is None:
        return ""  # Go looks up the empty string
    raise _no_key(key, "string")


def _within(key: object, length: int) -> int:
    index = as_index(key)
    place = index + length if index < 0 else index
    if not 0 <= place < length:
        raise ExprError(f"index out of range: {place} (array length is {length})")
    return place


def _no_key(key: object, sort: str) -> ExprError:
    """The error of a key of another type than the map's; the words are those of Go's reflection."""
    problem = f"value of type {go_type(key)} is not assignable to type {sort}"
    return ExprError(f"reflect.Value.MapIndex: {problem}")


def part(base: object, start: object, stop: object, budget: Budget) -> object:
    """`base[start:stop]`; an end outside is moved to the nearest one inside. None: the end."""
    if isinstance(base, str):
        raw = as_bytes(base)
        budget.text(len(raw))
        first, last = _ends(start, stop, len(raw))
        return as_text(raw[first:last])
    if isinstance(base, list | range):
        first, last = _ends(start, stop, len(base))
        budget.steps(last - first)
        return base[first:last]
    raise ExprError(f"cannot slice {told(start)}")


def _ends(start: object, stop: object, length: int) -> tuple[int, int]:
    first, last = as_index(start), as_index(stop)
    first = max(0, first + length if first < 0 else first)
    last = min(length, max(0, last + length if last < 0 else last))
    return min(first, last), last


def length(base: object) -> int:
    """How long a slice may be: elements of a list or a map, bytes of a string."""
    if isinstance(base, str):
        return len(as_bytes(base))
    if isinstance(base, list | range | dict | AnyMap):
        return len(base)
    raise ExprError(f"invalid argument for len (type {go_type(base)})")


def contains(needle: object, holder: object, budget: Budget) -> bool:
    """`needle in holder`: an element of a list, a key of a map."""
    if holder is None:
        return False
    if isinstance(holder, list | range):
        budget.steps(len(holder))
        return any(equal(element, needle, budget) for element in holder)
    if isinstance(holder, dict):
        return _string_key(needle) in holder
    if isinstance(holder, AnyMap):
        return needle in holder
    if isinstance(holder, Moment) and isinstance(needle, str):
        return False  # a struct without fields of that name
    if isinstance(holder, Moment):
        raise ExprError(f"cannot use {go_type(needle)} as field name of {go_type(holder)}")
    raise ExprError(f'operator "in" not defined on {go_type(holder)}')


def in_set(needle: object, values: frozenset[str | int], sort: type) -> bool:
    """`needle in ["a", "b"]`, which the reference turns into a set of strings (or of ints).

    Raises `ExprError` at a needle of another sort; nil stands for the sort's zero.
    """
    if needle is None:
        return sort() in values
    if type(needle) is sort:
        return needle in values
    raise _no_key(needle, "string" if sort is str else "int")
