"""Goes in: a number as text. Comes out: an int of 64 bits or a float.
Called by the parser for literals, and by the conversions `int`, `float`, `asInt` and `asFloat`.
"""

from __future__ import annotations

import math
import re

from gradatim.expr.errors import ExprError

MAX_INT = 2**63 - 1
MIN_INT = -(2**63)
_WORD = 2**64
_LONGEST = 400  # characters of a number worth reading: no quadratic conversion of a huge text

_INTEGER = re.compile(r"[+-]?[0-9]+\Z", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z", re.ASCII)
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+\Z", re.ASCII
)
_SPECIAL = re.compile(r"[+-]?(inf|infinity)\Z|[+-]?nan\Z", re.ASCII | re.IGNORECASE)
_UNDERSCORED = re.compile(r"[+-]?(0[xX]_?)?[0-9a-fA-F]+(_[0-9a-fA-F]+)*[^_]*\Z", re.ASCII)


def wrapped(value: int) -> int:
    """The value as Go's 64-bit int has it: an overflow wraps around."""
    if MIN_INT <= value <= MAX_INT:
        return value
    return (value - MIN_INT) % _WORD + MIN_INT


def truncated(value: float) -> int:
    """A float as an int, cut towards zero.

    What does not fit gives the smallest int: that is what the reference does on amd64.
    """
    if math.isfinite(value) and MIN_INT <= value < -MIN_INT:
        return int(value)
    return MIN_INT


def literal(text: str, pos: int) -> int | float:
    """The value of a number in a condition: decimal, `0x`, `0o`, `0b`, with fraction, exponent."""
    digits = text.replace("_", "").lower()
    try:
        if digits.startswith("0x"):
            return _fitting(int(digits[2:], 16))
        if "." in digits or "e" in digits:
            return parsed_float(digits)
        if digits.startswith("0b"):
            return _fitting(int(digits[2:], 2))
        if digits.startswith("0o"):
            return _fitting(int(digits[2:], 8))
        return parsed_int(digits)
    except (ValueError, ExprError):
        raise ExprError(f"{text[:40]!r} is not a number that fits", pos) from None


def parsed_int(text: str) -> int:
    """Decimal text as an int, as Go reads it: a sign, digits, nothing else."""
    if len(text) > _LONGEST or not _INTEGER.match(text):
        raise ExprError(f"{text[:40]!r} is not an integer")
    return _fitting(int(text))


def parsed_float(text: str) -> float:
    """Text as a float, as Go reads it: decimal, hexadecimal with `p`, `inf` or `nan`."""
    if len(text) <= _LONGEST and _SPECIAL.match(text):
        return float(text)
    if "_" in text:
        text = _without_underscores(text)
    if len(text) <= _LONGEST and _DECIMAL.match(text):
        return _finite(float(text), text)
    if len(text) <= _LONGEST and _HEXADECIMAL.match(text):
        return _finite(_from_hex(text), text)
    raise ExprError(f"{text[:40]!r} is not a number")


def _without_underscores(text: str) -> str:
    if len(text) <= _LONGEST and _UNDERSCORED.match(text):
        return text.replace("_", "")
    return ""


def _from_hex(text: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError:
        return math.inf


def _finite(value: float, text: str) -> float:
    if math.isinf(value):
        raise ExprError(f"{text[:40]!r} is out of range")
    return value


def _fitting(value: int) -> int:
    if not MIN_INT <= value <= MAX_INT:
        raise ExprError("the integer is out of range")
    return value
