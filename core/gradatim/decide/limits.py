"""maxSurge and maxUnavailable, resolved to pods.

In: the strategy's two fields, as numbers or percentages, and the replicas. Out: `Limits`.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

#: What both are when absent. The string without a percent sign is a percentage too, as in the reference.
DEFAULT: Final = "25"

_NUMBER: Final = re.compile(r"(\d{1,9})%?")


class Limits(NamedTuple):
    """Pods above `replicas`, and pods of `replicas` that may be unavailable."""

    surge: int
    unavailable: int


@lru_cache(maxsize=4096)
def limits(
    replicas: int, *, max_surge: int | str | None, max_unavailable: int | str | None
) -> Limits:
    """Surge rounded up, unavailability rounded down; if both come to 0, one pod may be unavailable."""
    surge = _pods(max_surge, replicas, up=True)
    unavailable = _pods(max_unavailable, replicas, up=False)
    if surge == 0 and unavailable == 0:
        # a rolling update could not move at all
        unavailable = 1
    return Limits(surge, min(unavailable, replicas))


def _pods(value: int | str | None, replicas: int, *, up: bool) -> int:
    if isinstance(value, int):
        return max(0, value)
    match = _NUMBER.fullmatch(DEFAULT if value is None else value)
    if match is None:
        return 0
    share = Fraction(replicas * int(match[1]), 100)
    return math.ceil(share) if up else math.floor(share)
