"""Goes in: lists and maps. Comes out: what `len`, `keys`, `flatten`, `uniq`, `sort` and others give.
Called through `functions.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gradatim.expr import access
from gradatim.expr.compare import equal
from gradatim.expr.errors import ExprError
from gradatim.expr.frame import Frame
from gradatim.expr.gotext import told
from gradatim.expr.ordering import in_order, is_descending
from gradatim.expr.quoting import shortened
from gradatim.expr.values import AnyMap, NilList, PairList, go_type, kind_name, kind_of

_TYPES: dict[str, str] = {
    "list": "array",
    "function": "func",
    "time": "time.Time",
    "duration": "time.Duration",
    "time zone": "unknown",
}


def _list(value: object, refusal: str) -> list[object] | range:
    if isinstance(value, list | range):
        return value
    raise ExprError(refusal.format(kind_name(value)))


def _pairs_of(value: object, refusal: str) -> list[tuple[object, object]]:
    if isinstance(value, dict | AnyMap):
        return list(value.items())
    raise ExprError(refusal.format(kind_name(value)))


def _len(_frame: Frame, value: object) -> int:
    """Characters of a string, elements of a list, entries of a map."""
    if isinstance(value, str | list | range | dict | AnyMap):
        return len(value)
    raise ExprError(f"invalid argument for len (type {go_type(value)})")


def _type(_frame: Frame, value: object) -> str:
    kind = kind_of(value)
    return _TYPES.get(kind, kind)


def _get(_frame: Frame, base: object, key: object) -> object:
    return access.get(base, key)


def _first(_frame: Frame, value: object) -> object:
    return access.get(value, 0) if isinstance(value, list | range | str) else _entry(value, 0)


def _last(_frame: Frame, value: object) -> object:
    return access.get(value, -1) if isinstance(value, list | range | str) else _entry(value, -1)


def _entry(value: object, key: int) -> object:
    """What Go finds at 0 or -1 of a map, if such a key can be there at all."""
    return value.get(key) if isinstance(value, AnyMap) else None


def _take(frame: Frame, value: object, count: object) -> object:
    items = _list(value, "cannot take from {}")
    if type(count) is not int:
        raise ExprError(f"cannot take {kind_name(count)} elements")
    if count < 0:
        raise ExprError("reflect.Value.Slice: slice index out of bounds")
    frame.budget.steps(min(count, len(items)))
    return items[:count]


def _keys(frame: Frame, value: object) -> list[object]:
    return _made(frame, [key for key, _value in _pairs_of(value, "cannot get keys from {}")])


def _values(frame: Frame, value: object) -> list[object]:
    return _made(frame, [value for _key, value in _pairs_of(value, "cannot get values from {}")])


def _to_pairs(frame: Frame, value: object) -> list[object]:
    pairs = _pairs_of(value, "cannot transform {} to pairs")
    return PairList(_made(frame, [PairList(pair) for pair in pairs]))


def _from_pairs(frame: Frame, value: object) -> AnyMap:
    found = AnyMap()
    items = _list(value, f"cannot transform {_reflected(value)} from pairs")
    frame.budget.elements(len(items))
    for pair in items:
        if not isinstance(pair, list | range):
            raise ExprError(f"invalid pair {told(pair)}")
        if len(pair) != 2:
            raise ExprError(f"invalid pair length {_reflected(pair)}")
        found.put(pair[0], pair[1])
    return found


def _reflected(value: object) -> str:
    """A value as Go's reflection prints it: nil has another name there."""
    return "<invalid reflect.Value>" if value is None else told(value)


def _reverse(frame: Frame, value: object) -> list[object]:
    return _made(frame, _list(value, "cannot reverse {}")[::-1])


def _uniq(frame: Frame, value: object) -> list[object]:
    found: list[object] = []
    for item in _list(value, "cannot uniq {}"):
        frame.budget.steps(len(found) + 1)
        if not any(equal(item, other, frame.budget) for other in found):
            found.append(item)
    return _made(frame, found)


def _concat(frame: Frame, *values: object) -> list[object]:
    lists = [_list(value, "cannot concat {}") for value in values]
    found = _made(frame, (item for each in lists for item in each), sum(map(len, lists)))
    return found or NilList()


def _flatten(frame: Frame, value: object) -> list[object]:
    found: list[object] = []
    rest: list[object] = [_list(value, "cannot flatten {}")]
    while rest:
        frame.budget.steps(1)
        item = rest.pop()
        if isinstance(item, list | range):
            frame.budget.steps(len(item))
            rest.extend(reversed(item))
        else:
            found.append(item)
    return _made(frame, found)


def _sort(frame: Frame, value: object, order: object = "asc") -> list[object]:
    if not isinstance(order, str):
        raise ExprError(f"sort order argument must be a string (got {go_type(order)})")
    refusal = f"invalid order {shortened(order)}, expected asc or desc"
    descending = is_descending(order, refusal)
    if not isinstance(value, list | range):
        return NilList()  # as Go: what is no list that it knows has no elements
    pairs = in_order([(item, None) for item in value], frame.budget, descending=descending)
    return _made(frame, [item for item, _nothing in pairs])


def _made(frame: Frame, items: Iterable[object], count: int | None = None) -> list[object]:
    """A new list, charged for."""
    if count is not None:
        frame.budget.elements(count)
        return list(items)
    found = list(items)
    frame.budget.elements(len(found))
    return found


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": _len,
    "type": _type,
    "get": _get,
    "first": _first,
    "last": _last,
    "take": _take,
    "keys": _keys,
    "values": _values,
    "toPairs": _to_pairs,
    "fromPairs": _from_pairs,
    "reverse": _reverse,
    "uniq": _uniq,
    "concat": _concat,
    "flatten": _flatten,
    "sort": _sort,
}
"""The functions of lists and maps."""
