"""Goes in: a number as text. Comes out: an int of 64 bits or a float.
Called by the parser for literals, and by the conversions `int`, `float`, `asInt` and `asFloat`.
"""

from __future__ import annotations

import math
import re

from gradatim.expr.errors import ExprError
from gradatim.expr.quoting import quoted

MAX_INT = 2**63 - 1
MIN_INT = -(2**63)
_WORD = 2**64
_LONGEST = 400  # characters of a number worth reading: no quadratic conversion of a huge text

_RANGE = "value out of range"
_BASES = {"0x": ("hex", 16), "0b": ("binary", 2), "0o": ("octal", 8)}
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
    digits = text.replace("_", "")
    lower = digits.lower()
    sort, base = _BASES.get(lower[:2], ("integer", 10))
    if sort != "hex" and ("." in lower or "e" in lower):
        sort, base = "float", 0
    try:
        return _based_int(digits, base) if base else parsed_float(digits)
    except ExprError as error:
        raise ExprError(f"invalid {sort} literal: {error.message}", pos) from None


def _based_int(digits: str, base: int) -> int:
    if base == 10:
        return parsed_int(digits)
    try:
        value = int(digits[2:], base)
    except ValueError:
        raise _unread("ParseInt", digits) from None
    return _fitting(value, digits)


def parsed_int(text: str) -> int:
    """Decimal text as an int, as Go reads it: a sign, digits, nothing else."""
    if not _INTEGER.match(text):
        raise _unread("ParseInt", text)
    if len(text) > _LONGEST:
        raise _unread("ParseInt", text, _RANGE)
    return _fitting(int(text), text)


def parsed_float(text: str) -> float:
    """Text as a float, as Go reads it: decimal, hexadecimal with `p`, `inf` or `nan`."""
    if len(text) <= _LONGEST and _SPECIAL.match(text):
        return float(text)
    digits = _without_underscores(text) if "_" in text else text
    if len(digits) <= _LONGEST and _DECIMAL.match(digits):
        return _finite(float(digits), text)
    if len(digits) <= _LONGEST and _HEXADECIMAL.match(digits):
        return _finite(_from_hex(digits), text)
    raise _unread("ParseFloat", text)


def _unread(reader: str, text: str, what: str = "invalid syntax") -> ExprError:
    return ExprError(f"strconv.{reader}: parsing {quoted(text)}: {what}")


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
        raise _unread("ParseFloat", text, _RANGE)
    return value


def _fitting(value: int, text: str) -> int:
    if not MIN_INT <= value <= MAX_INT:
        raise _unread("ParseInt", text, _RANGE)
    return value
