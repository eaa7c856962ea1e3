"""JSON exactly as Go's encoder writes it.

In: plain JSON values, the keys of each object already in the order wanted. Out: text or UTF-8 bytes.
Hashes and quantities call it: both are made of the bytes that Go would have written.
"""

from __future__ import annotations

import math
import re
from json.encoder import encode_basestring
from typing import Any, Final

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
#: What Go escapes and Python does not. These signs stand only inside strings, so the whole text can be searched.
_ESCAPED: Final = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)
_NEEDS_ESCAPE = re.compile("[<>&\u2028\u2029]")


def go_json(value: object) -> bytes:
    """The value as Go's `json.Marshal` writes it, without spaces, `<`, `>` and `&` escaped.

    Objects keep the order of their keys. A value of no JSON type is written as `null`.
    """
    parts: list[str] = []
    _write(value, parts.append)
    text = "".join(parts)
    if _NEEDS_ESCAPE.search(text):
        text = text.translate(_ESCAPED)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub("\ufffd", text).encode()


def _write(value: object, put: Any) -> None:
    if isinstance(value, str):
        put(encode_basestring(value))
    elif isinstance(value, dict):
        _write_object(value, put)
    elif value is None:
        put("null")
    elif isinstance(value, bool):
        put("true" if value else "false")
    elif isinstance(value, (int, float)):
        put(go_number(value))
    elif isinstance(value, list):
        before = "["
        for item in value:
            put(before)
            _write(item, put)
            before = ","
        put("]" if value else "[]")
    else:
        put("null")


def _write_object(value: dict[str, Any], put: Any) -> None:
    if not value:
        put("{}")
        return
    before = "{"
    for name, item in value.items():
        put(before)
        put(encode_basestring(name))
        put(":")
        _write(item, put)
        before = ","
    put("}")


def go_number(number: int | float) -> str:
    """The number as Go writes it: `1.0` is `1`, `1e16` has all its digits, `1e-7` has no padded exponent."""
    if isinstance(number, int):
        return str(number)
    if not math.isfinite(number):
        return "null"
    if number == 0:
        return "-0" if math.copysign(1, number) < 0 else "0"
    sign, digits, point = _shortest_digits(number)
    if 1e-6 <= abs(number) < 1e21:
        return sign + _plain(digits, point)
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def _shortest_digits(number: float) -> tuple[str, str, int]:
    """Sign, significant digits and the place of the decimal point: 12.5 gives ("", "125", 2)."""
    mantissa, _, exponent = f"{number!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, part = mantissa.lstrip("-").partition(".")
    digits = whole + (part if part != "0" else "")
    point = len(whole) + int(exponent or "0")
    stripped = digits.lstrip("0")
    return sign, stripped.rstrip("0"), point - (len(digits) - len(stripped))


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"
