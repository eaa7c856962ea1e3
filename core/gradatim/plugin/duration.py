"""Durations as manifests write them: Go's notation, which every object of Argo Rollouts uses.

In: text such as `1h30m`, `1.5h` or `500ms`. Out: seconds. Pure.
Called by plugins for the fields of their blocks that hold a duration.
"""

from __future__ import annotations

import re
from typing import Final

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # U+00B5, the micro sign
    "μs": 10**3,  # U+03BC, the Greek letter: Go takes both
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_LONGEST: Final = 2**63  # nanoseconds in an int64, which is what a duration is in Go
_DIGITS: Final = 19  # more significant ones than this are beyond _LONGEST, or below a nanosecond


def parse_duration(text: str) -> float:
    """Seconds of a Go duration; may be negative.

    >>> parse_duration("1h30m")
    5400.0

    Raises:
        ValueError: it is none; the message says what one looks like.
    """
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    if unsigned == "0":
        return 0.0
    negative = text.startswith("-")
    nanoseconds = _nanoseconds(unsigned, text)
    if nanoseconds > _LONGEST - (0 if negative else 1):
        raise ValueError(f"{_shown(text)} is too long for a duration: 292 years is the most")
    return (-nanoseconds if negative else nanoseconds) / 10**9


def _nanoseconds(unsigned: str, text: str) -> int:
    position, total = 0, 0
    while match := _PART.match(unsigned, position):
        whole, fraction, unit = match[1], match[2] or "", match[3]
        if not whole and not fraction:
            break
        total += _whole(whole) * _NANOSECONDS[unit]
        digits = fraction[:_DIGITS]
        total += int(digits or "0") * _NANOSECONDS[unit] // 10 ** len(digits)
        position = match.end()
    if position == 0 or position != len(unsigned):
        raise ValueError(
            f"{_shown(text)} is not a duration: numbers with a unit (ns, us, ms, s, m or h) are, as in 1h30m"
        )
    return total


def _whole(digits: str) -> int:
    significant = digits.lstrip("0")
    return _LONGEST + 1 if len(significant) > _DIGITS else int(significant or "0")


def _shown(text: str) -> str:
    """The text for a message of one line: cut, and without line breaks."""
    line = "".join(char if char.isprintable() else "?" for char in text[:40])
    return f'"{line}"' if len(text) <= 40 else f'"{line}…"'
