"""Goes in: keys with what belongs to them. Comes out: the same in the order of the keys.
Called by `sort` and `sortBy`. Stable, where Go's sorting promises nothing for equal keys.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import TypeVar

from gradatim.expr.compare import less
from gradatim.expr.errors import ExprError
from gradatim.expr.limits import Budget

T = TypeVar("T")
_COMPARISON = 4  # what one comparison costs, in steps


def is_descending(order: str, refusal: str) -> bool:
    """The order named `asc` or `desc`. Raises `ExprError` with the refusal at any other."""
    if order not in ("asc", "desc"):
        raise ExprError(refusal)
    return order == "desc"


def in_order(
    pairs: list[tuple[object, T]], budget: Budget, *, descending: bool
) -> list[tuple[object, T]]:
    """Pairs of key and anything, by key. Raises `ExprError` at keys that have no order."""

    def compare(left: tuple[object, T], right: tuple[object, T]) -> int:
        budget.steps(_COMPARISON)
        if less(left[0], right[0]):
            return 1 if descending else -1
        if less(right[0], left[0]):
            return -1 if descending else 1
        return 0

    return sorted(pairs, key=cmp_to_key(compare))
