"""Goes in: a value. Comes out: how Go's `%v` prints it, which is what `string(x)` gives.
Called by `textfuncs.py`, and by the JSON writer for floats.
"""

from __future__ import annotations

import math

from gradatim.expr.durations import duration_text
from gradatim.expr.errors import ExprError
from gradatim.expr.layouts import time_text
from gradatim.expr.limits import Budget
from gradatim.expr.quoting import shortened
from gradatim.expr.times import Moment, Span, Zone
from gradatim.expr.values import AnyMap, go_type, kind_of

_DEEPEST = 100
_PLAIN = 6  # digits before the point that are written without an exponent


def shortest(value: float) -> tuple[str, str, int]:
    """Sign, digits and decimal exponent (d.ddd × 10^e) of the shortest text that is this float."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) + len(whole) - 1 - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return sign, digits or "0", power if digits else 0


def plain_float(sign: str, digits: str, power: int) -> str:
    """Without an exponent."""
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    if len(digits) <= power + 1:
        return sign + digits.ljust(power + 1, "0")
    return f"{sign}{digits[: power + 1]}.{digits[power + 1 :]}"


def scientific_float(sign: str, digits: str, power: int) -> str:
    """With an exponent of at least two digits."""
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"


def float_text(value: float) -> str:
    """A float as Go prints it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, power = shortest(value)
    if -4 <= power < _PLAIN:
        return plain_float(sign, digits, power)
    return scientific_float(sign, digits, power)


def go_string(value: object, budget: Budget, depth: int = 0) -> str:
    """The value as Go prints it. Raises `ExprError` beyond the limits."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list | range):
        text = f"[{' '.join(_nested(value, budget, depth))}]"
    elif isinstance(value, dict):
        pairs = [(key, value[key]) for key in sorted(value)]
        text = f"map[{' '.join(_entries(pairs, budget, depth))}]"
    elif isinstance(value, AnyMap):
        ordered = sorted(value.items(), key=_rank)
        text = f"map[{' '.join(_entries(ordered, budget, depth))}]"
    else:
        text = _scalar(value)
    budget.text(len(text))
    return text


def told(value: object) -> str:
    """The value as a message tells it: as Go prints it, a very long one cut."""
    try:
        return shortened(go_string(value, Budget()))
    except ExprError:
        return go_type(value)


def _nested(values: list[object] | range, budget: Budget, depth: int) -> list[str]:
    if depth > _DEEPEST:
        raise ExprError("the value is nested too deeply")
    return [go_string(each, budget, depth + 1) for each in values]


def _rank(entry: tuple[object, object]) -> tuple[str, float, str]:
    """Where an entry of a map stands when printed: numbers by size, strings by letters."""
    key = entry[0]
    number = float(key) if isinstance(key, int | float) else 0.0
    return kind_of(key), number, key if isinstance(key, str) else ""


def _entries(pairs: list[tuple[object, object]], budget: Budget, depth: int) -> list[str]:
    keys = _nested([key for key, _value in pairs], budget, depth)
    values = _nested([value for _key, value in pairs], budget, depth)
    return [f"{key}:{value}" for key, value in zip(keys, values, strict=True)]


def _scalar(value: object) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, Moment):
        return time_text(value)
    if isinstance(value, Span):
        return duration_text(value)
    if isinstance(value, Zone):
        return value.name
    raise ExprError(f"{kind_of(value)} has no text")
