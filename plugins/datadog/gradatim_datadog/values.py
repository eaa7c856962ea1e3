"""Numbers in Datadog's JSON, and as Go prints them.

In: a JSON value, or floats. Out: a float, or the text that is kept in the status. Pure.
Called by `series` and `scalar`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

#: Thousands of values in each measurement would make the AnalysisRun too big for the API server.
KEPT: Final = 1000


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


def go_number(value: float) -> str:
    """A finite float as Go's FormatFloat(…, 'f', -1, 64) prints it: that is how the reference keeps values."""
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def go_numbers(values: Sequence[float]) -> str:
    """A list of them; of very many, the first."""
    return f"[{','.join(go_number(value) for value in values[:KEPT])}]"
