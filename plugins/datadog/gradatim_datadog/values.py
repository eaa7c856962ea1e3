"""Numbers in Datadog's JSON.

In: a JSON value, and where it stands. Out: a float, or an error that names the place. Pure.
Called by `series` and `scalar`.
"""

from __future__ import annotations

import math


class UnreadableError(ValueError):
    """An answer that says that the query failed, or that is not what Datadog documents."""


def number(value: object, where: str) -> float:
    """A JSON number as a float.

    Raises:
        UnreadableError: it is something else, or too big.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnreadableError(f"a value in {where} is not a number")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise UnreadableError(f"a value in {where} is too big for a number")
    return result
