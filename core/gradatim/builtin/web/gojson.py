"""JSON as Go's `encoding/json` reads and prints it: a measurement's value in the status is compared by users' tools.

In: bytes of an answer, or a JSON value. Out: the value with every number a float, or its text as Go prints it.
Called by `query`. Nothing here does I/O.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Final, NoReturn

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ESCAPED: Final = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029]')
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def loads(body: bytes) -> Any:
    """The value of a JSON text, as `json.Unmarshal` makes it: numbers are floats, broken characters replaced.

    Raises:
        ValueError: it is no JSON, or holds a number that no float64 can hold.
    """
    try:
        value = json.loads(
            body.decode("utf-8", "replace"),
            parse_int=_number,
            parse_float=_number,
            parse_constant=_no_constant,
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    # Only an escape can smuggle half of a surrogate pair in; Go writes U+FFFD for it.
    return _repaired(value) if b"\\ud" in body.lower() else value


def dumps(value: Any) -> str:
    """The text of a JSON value, as `json.Marshal` prints it: keys sorted, `<`, `>` and `&` escaped."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _printed(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    members = (f"{_quoted(key)}:{dumps(value[key])}" for key in sorted(value))
    return "{" + ",".join(members) + "}"


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text:.40} is out of range")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _printed(number: float) -> str:
    """The shortest digits that give the number back; an exponent below 1e-6 and from 1e21."""
    size = abs(number)
    if size and (size < 1e-6 or size >= 1e21):
        mantissa, _, exponent = f"{Decimal(repr(number)):e}".partition("e")
        digits = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{digits}e{'-' if exponent[0] == '-' else '+'}{int(exponent[1:]):02d}".replace(
            "e-0", "e-"
        )
    return f"{Decimal(repr(number)):f}".removesuffix(".0")


def _quoted(text: str) -> str:
    return '"' + _ESCAPED.sub(_escape, _SURROGATE.sub("\ufffd", text)) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if char in '"\\':
        return "\\" + char
    return _SHORT.get(char) or f"\\u{ord(char):04x}"


def _repaired(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    if isinstance(value, dict):
        return {_repaired(key): _repaired(item) for key, item in value.items()}
    return value
