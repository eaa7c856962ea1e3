"""Goes in: text such as `1h30m`, or nanoseconds. Comes out: the one from the other, as Go does it.
Called by `timefuncs.py`, by the methods of durations and where a duration is printed.
"""

from __future__ import annotations

import re

from gradatim.expr.errors import ExprError
from gradatim.expr.numerals import MAX_INT, MIN_INT
from gradatim.expr.quoting import bytes_quoted
from gradatim.expr.times import SECOND, Span

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,  # the Greek letter
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)", re.ASCII)
_NUMBER = re.compile(r"(?=\.?[0-9])([0-9]{0,19})(?![0-9])(?:\.[0-9]*)?", re.ASCII)
_UNIT = re.compile(r"[^0-9.]+", re.ASCII)
_INVALID = "invalid duration"
_LONGEST = 200


def parsed_duration(text: str) -> Span:
    """A duration as Go reads it. Raises `ExprError`."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    if unsigned == "0":
        return Span(0)
    ns, index = 0, 0
    while index < len(unsigned) and len(unsigned) <= _LONGEST:
        part = _PART.match(unsigned, index)
        if part is None or part[3] not in _UNITS or not (part[1] or part[2]):
            break
        ns += _nanoseconds(part[1], part[2] or "", _UNITS[part[3]])
        index = part.end()
    ns = -ns if text.startswith("-") else ns
    if not unsigned or index < len(unsigned) or not MIN_INT <= ns <= MAX_INT:
        raise ExprError(f"time: {_fault(unsigned)} {bytes_quoted(text)}")
    return Span(ns)


def _fault(unsigned: str) -> str:
    """What is wrong with the text of a duration, its sign left out."""
    index = 0
    while index < len(unsigned):
        number = _NUMBER.match(unsigned, index)
        if number is None:
            return _INVALID
        unit = _UNIT.match(unsigned, number.end())
        if unit is None:
            return "missing unit in duration"
        if unit[0] not in _UNITS:
            return f"unknown unit {bytes_quoted(unit[0])} in duration"
        if int(number[1] or "0") > MAX_INT // _UNITS[unit[0]]:
            return _INVALID
        index = unit.end()
    return _INVALID


def _nanoseconds(whole: str, fraction: str, unit: int) -> int:
    """The fraction by way of a float, as Go has it: 0.333…h is a round 20 minutes."""
    digits, scale = 0, 1.0
    for digit in fraction:
        if digits > MAX_INT // 10:
            break
        digits, scale = digits * 10 + int(digit), scale * 10
    return int(whole or "0") * unit + int(float(digits) * (float(unit) / scale))


def duration_text(span: Span) -> str:
    """A duration as Go prints it: `1h0m0.5s`, `20ms`, `0s`."""
    sign, ns = ("-", -span.ns) if span.ns < 0 else ("", span.ns)
    if ns == 0:
        return "0s"
    for unit, size in (("ns", 1_000), ("µs", 1_000_000), ("ms", SECOND)):
        if ns < size:
            return f"{sign}{_decimal(ns, size // 1_000)}{unit}"
    minutes, rest = divmod(ns, 60 * SECOND)
    seconds = f"{_decimal(rest, SECOND)}s"
    if minutes == 0:
        return sign + seconds
    if minutes < 60:
        return f"{sign}{minutes}m{seconds}"
    return f"{sign}{minutes // 60}h{minutes % 60}m{seconds}"


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    if rest == 0:
        return str(whole)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}"
