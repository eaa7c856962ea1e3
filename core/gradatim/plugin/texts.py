"""Texts of a measurement or a message: what a status can keep, and what people may read.

In: numbers, or what somebody else wrote. Out: text in bounds, in one line, without secrets. Pure.
Called by plugins for `Measurement.text`, its metadata, and the messages of `ProviderError`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

#: Of longer lists of values this many are kept: thousands would make an AnalysisRun too big for the API server.
MOST_VALUES: Final = 1000

_LONGEST_EXCERPT: Final = 256
_LOOKED_AT: Final = 65_536
#: Shorter texts are no secrets, and would be found in the middle of other words.
_SHORTEST_SECRET: Final = 4


def number_text(value: float) -> str:
    """A float as Argo Rollouts keeps it (Go's FormatFloat with 'f' and -1): no exponent; NaN, +Inf and -Inf."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(float(value))), "f").removesuffix(".0")


def numbers_text(values: Sequence[float]) -> str:
    """A list of floats, as `[0.5,1]`; of more than `MOST_VALUES` the first ones."""
    return f"[{','.join(map(number_text, values[:MOST_VALUES]))}]"


def writable(text: str) -> str:
    """Text that can be encoded: JSON may hold half a surrogate pair, and the status could not be written."""
    return text.encode(errors="replace").decode()


def excerpt(text: str, secrets: Iterable[str] = ()) -> str:
    """One line of at most 256 characters of what somebody else wrote, without these secrets."""
    for secret in sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(secret, "*****")
    line = " ".join(writable(text[:_LOOKED_AT]).split())
    return line if len(line) <= _LONGEST_EXCERPT else line[: _LONGEST_EXCERPT - 1] + "…"
