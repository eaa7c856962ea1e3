"""Goes in: a value, or JSON. Comes out: JSON as Go writes it, or the value that Go reads.
Called by `textfuncs.py` for `toJSON` and `fromJSON`.
"""

from __future__ import annotations

import json
import math
from typing import NoReturn

from gradatim.expr.errors import ExprError
from gradatim.expr.gotext import float_text, plain_float, scientific_float, shortest
from gradatim.expr.jsonfault import TOO_DEEP, json_fault
from gradatim.expr.layouts import rfc3339
from gradatim.expr.limits import Budget
from gradatim.expr.quoting import shortened
from gradatim.expr.times import Moment, Span, Zone
from gradatim.expr.values import FloatList, NilList, go_type

_DEEPEST = 100
_LARGEST = 5_000_000  # parts of a measured value
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    # Go makes JSON safe to stand in HTML.
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def from_json(text: str, budget: Budget) -> object:
    """The value of JSON text; every number is a float. Raises `ExprError` if it is no JSON."""
    budget.steps(len(text) // 4)
    try:
        found: object = json.loads(
            text, parse_int=_number, parse_float=_number, parse_constant=_refuse
        )
    except _TooLargeError as error:
        number = shortened(str(error))
        problem = f"cannot unmarshal number {number} into Go value of type float64"
        raise ExprError(_earlier(text) or f"json: {problem}") from None
    except (ValueError, RecursionError):
        raise ExprError(json_fault(text)) from None
    return sanitized(found)


class _TooLargeError(ValueError):
    """A number that no float holds."""


def _earlier(text: str) -> str:
    """What is wrong with the form of the text: Go looks at all of it before any number."""
    fault = json_fault(text)
    return "" if fault == TOO_DEEP else fault


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _TooLargeError(text)
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def sanitized(value: object) -> object:
    """A JSON value as the language has it: numbers are floats, strings are sound Unicode.

    Raises `ExprError` at anything that is no JSON.
    """
    found = _clean(value)
    rest, count = [found], 0
    while rest:
        holder = rest.pop()
        count += 1
        if count > _LARGEST:  # or a value that holds itself
            raise ExprError("the measured value is too large")
        if isinstance(holder, dict):
            for key, each in holder.items():
                holder[key] = _clean(each)
            rest.extend(holder.values())
        elif isinstance(holder, list):
            holder[:] = map(_clean, holder)
            rest.extend(holder)
    return found


def _clean(value: object) -> object:
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, int):
        return _as_float(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return {sound(str(key)): each for key, each in value.items()}
    if isinstance(value, list | tuple):
        return FloatList(value) if kind is FloatList else list(value)
    raise ExprError(f"a measured value cannot be {kind.__name__}")


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ExprError("a measured number is too large") from None


def sound(text: str) -> str:
    """The text with every lone surrogate replaced, as Go's JSON reader does."""
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


def to_json(value: object, budget: Budget, depth: int = 0) -> str:
    """The value as Go's indented JSON: two spaces, keys in order. Raises `ExprError`."""
    if depth > _DEEPEST:
        raise ExprError("the value is nested too deeply")
    if isinstance(value, list | range) and type(value) is not NilList:
        text = _block("[", [to_json(each, budget, depth + 1) for each in value], "]", depth)
    elif isinstance(value, dict):
        entries = [f"{_quoted(k)}: {to_json(value[k], budget, depth + 1)}" for k in sorted(value)]
        text = _block("{", entries, "}", depth)
    else:
        text = _scalar(value)
    budget.text(len(text))
    return text


def _block(opening: str, entries: list[str], closing: str, depth: int) -> str:
    if not entries:
        return opening + closing
    inner = "\n" + "  " * (depth + 1)
    return f"{opening}{inner}{f',{inner}'.join(entries)}\n{'  ' * depth}{closing}"


def _scalar(value: object) -> str:
    if value is None or type(value) is NilList:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, Moment):
        return _quoted(rfc3339(value))
    if isinstance(value, Span):
        return str(value.ns)
    if isinstance(value, Zone):
        return "{}"
    raise ExprError(f"json: unsupported type: {go_type(value)}")


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        raise ExprError(f"json: unsupported value: {float_text(value)}")
    sign, digits, power = shortest(value)
    if -7 < power < 21:
        return plain_float(sign, digits, power)
    text = scientific_float(sign, digits, power)
    return text.replace("e-0", "e-")  # Go's JSON shortens the exponent


def _quoted(text: str) -> str:
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if "\ud800" <= char <= "\udfff":  # a byte that is no UTF-8
        return "\\ufffd"
    return f"\\u{ord(char):04x}" if char < " " else char
