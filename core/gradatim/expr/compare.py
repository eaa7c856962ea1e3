"""Goes in: two values. Comes out: whether they are equal, or which is less.
Called by the evaluator, and by `sort`, `min`, `max`, `uniq` and their like.
"""

from __future__ import annotations

from collections.abc import Callable

from gradatim.expr.limits import Budget
from gradatim.expr.times import Moment, Span
from gradatim.expr.values import AnyMap, PairList, as_bytes, is_nil, mismatch

_PLAIN = frozenset({type(None), bool, int, float, str, Moment, Span})
_Comparison = Callable[[object, object, Budget], bool]


def equal(left: object, right: object, budget: Budget) -> bool:
    """`left == right`: numbers by value, lists element by element, maps by exact type."""
    if type(left) in _PLAIN and type(right) in _PLAIN:
        return _plain_equal(left, right)
    if isinstance(left, list | range) and isinstance(right, list | range):
        return _lists_equal(left, right, budget, equal)
    if is_nil(left) and is_nil(right):
        return True
    return _identical(left, right, budget)


def _plain_equal(left: object, right: object) -> bool:
    if type(left) is type(right):
        return left == right
    if type(left) is int and type(right) is float:
        return float(left) == right
    if type(left) is float and type(right) is int:
        return left == float(right)
    return False


def _lists_equal(
    left: list[object] | range, right: list[object] | range, budget: Budget, same: _Comparison
) -> bool:
    if len(left) != len(right) or (type(left) is PairList) is not (type(right) is PairList):
        return False
    budget.steps(len(left))
    return all(same(a, b, budget) for a, b in zip(left, right, strict=True))


def _identical(left: object, right: object, budget: Budget) -> bool:
    """Equal as Go's reflection has it: inside a map, 1 and 1.0 differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        budget.steps(len(left))
        return left.keys() == right.keys() and all(
            _identical(value, right[key], budget) for key, value in left.items()
        )
    if isinstance(left, AnyMap) and isinstance(right, AnyMap):
        budget.steps(len(left))
        return left.entries.keys() == right.entries.keys() and all(
            _identical(value, right.get(key), budget) for key, value in left.items()
        )
    if isinstance(left, list | range) and isinstance(right, list | range):
        return _lists_equal(left, right, budget, _identical)
    return type(left) is type(right) and left == right


def _order(left: object, right: object, op: str) -> int | None:
    """-1, 0 or 1 as left is less, equal or more; None when NaN has no order.

    Raises `ExprError` unless both are numbers, strings, times or durations.
    """
    if isinstance(left, int | float) and isinstance(right, int | float):
        if type(left) is not bool and type(right) is not bool:
            return _number_order(left, right)
    elif isinstance(left, str) and isinstance(right, str):
        return _sign(as_bytes(left), as_bytes(right))
    elif (isinstance(left, Moment) and isinstance(right, Moment)) or (
        isinstance(left, Span) and isinstance(right, Span)
    ):
        return _number_order(left.ns, right.ns)
    raise mismatch(op, left, right)


def _number_order(left: int | float, right: int | float) -> int | None:
    if type(left) is not type(right):
        left, right = float(left), float(right)  # as Go: a large int loses its last digits
    if left < right:
        return -1
    if left > right:
        return 1
    return 0 if left == right else None


def _sign(left: bytes, right: bytes) -> int:
    return (left > right) - (left < right)


def less(left: object, right: object) -> bool:
    """`left < right`."""
    return _order(left, right, "<") == -1


def more(left: object, right: object) -> bool:
    """`left > right`."""
    return _order(left, right, ">") == 1


def at_most(left: object, right: object) -> bool:
    """`left <= right`."""
    return _order(left, right, "<=") in (-1, 0)


def at_least(left: object, right: object) -> bool:
    """`left >= right`."""
    return _order(left, right, ">=") in (0, 1)
