"""Durations as Go and the Rollout API write them.

In: text such as `1h30m`, or the value of a `pause` step. Out: nanoseconds, seconds, or text in Go's form.
The model's views, `validate/`, `decide/` and metric providers call it.
"""

from __future__ import annotations

import re
from typing import Final

NANOSECONDS_PER_SECOND: Final = 1_000_000_000

#: What a pause of unreadable length lasts. Argo Rollouts passes this number on, and its validation refuses it.
INVALID_PAUSE: Final = -1

_MAX_TEXT: Final = 128
_LIMIT: Final = 1 << 63
_MAX_INT32: Final = (1 << 31) - 1
_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": NANOSECONDS_PER_SECOND,
    "m": 60 * NANOSECONDS_PER_SECOND,
    "h": 3600 * NANOSECONDS_PER_SECOND,
}
_PART = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]*)")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")


class DurationError(ValueError):
    """The text is no duration; the message says why and is fit for a user."""


def parse_duration(text: str) -> int:
    """Nanoseconds of a Go duration: `90s`, `1h30m`, `1.5h`, `-2s`, `0`.

    Units are ns, us (µs), ms, s, m and h; there is no unit for days. Fractions below a nanosecond are cut.

    Raises:
        DurationError: no number, no unit, an unknown unit, or more than about 292 years.
    """
    if len(text) > _MAX_TEXT:
        raise DurationError(f"a duration of {len(text)} characters is too long")
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    if not rest:
        raise DurationError(f"{text!r} is not a duration: it has no number")
    total = 0
    while rest:
        part = _PART.match(rest)
        nanoseconds, used = _part_nanoseconds(text, part)
        total += nanoseconds
        rest = rest[used:]
        if total > _LIMIT:
            raise DurationError(f"duration {text!r} is too long")
    if sign > 0 and total == _LIMIT:
        raise DurationError(f"duration {text!r} is too long")
    return sign * total


def _part_nanoseconds(text: str, part: re.Match[str] | None) -> tuple[int, int]:
    """One number with its unit: its nanoseconds, and how many characters it took."""
    whole, fraction, unit = part.groups() if part else ("", None, "")
    digits = (fraction or "")[1:]
    if part is None or not (whole or digits):
        raise DurationError(f"{text!r} is not a duration: a number is missing")
    if not unit:
        raise DurationError(f"duration {text!r} has a number without a unit, such as s, m or h")
    if unit not in _UNITS:
        raise DurationError(f"duration {text!r} has the unknown unit {unit!r}")
    scale = _UNITS[unit]
    nanoseconds = int(whole or "0") * scale
    if digits:
        # Go does this step in float64 and cuts; the same float64 gives the same nanoseconds.
        value, power = _leading_fraction(digits)
        nanoseconds += int(value * (scale / power))
    return nanoseconds, part.end()


def _leading_fraction(digits: str) -> tuple[int, float]:
    """The digits after the point as value and power of ten, as many as fit into 63 bits."""
    value, power = 0, 1.0
    for digit in digits:
        grown = value * 10 + int(digit)
        if value > (_LIMIT - 1) // 10 or grown > _LIMIT:
            break
        value, power = grown, power * 10
    return value, power


def duration_seconds(text: str) -> float:
    """Seconds of a Go duration.

    Raises:
        DurationError: as for `parse_duration`.
    """
    return parse_duration(text) / NANOSECONDS_PER_SECOND


def pause_seconds(value: object) -> int | None:
    """Whole seconds of a pause step's `duration`; None where there is none, which pauses for ever.

    An int and a numeric string count seconds; any other string is a Go duration, and parts of a second are cut.
    Whatever cannot be read gives `INVALID_PAUSE`.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _text_seconds(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return INVALID_PAUSE


def _text_seconds(text: str) -> int:
    if len(text) <= _MAX_TEXT and _WHOLE_NUMBER.fullmatch(text):
        seconds = int(text)
    else:
        try:
            nanoseconds = parse_duration(text)
        except DurationError:
            return INVALID_PAUSE
        seconds = abs(nanoseconds) // NANOSECONDS_PER_SECOND
        seconds = seconds if nanoseconds >= 0 else -seconds
    return seconds if -_MAX_INT32 - 1 <= seconds <= _MAX_INT32 else INVALID_PAUSE


def format_duration(nanoseconds: int) -> str:
    """The duration as Go prints it: `1h30m0s`, `1m30s`, `1.5s`, `300ms`, `0s`."""
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if left == 0:
        return "0s"
    for unit, scale in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if left < scale * 1_000:
            return f"{sign}{_decimal(left, scale)}{unit}"
    minutes, left = divmod(left, 60 * NANOSECONDS_PER_SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(left, NANOSECONDS_PER_SECOND)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(value: int, scale: int) -> str:
    """`value / scale` without trailing zeros; `scale` is a power of ten."""
    whole, part = divmod(value, scale)
    digits = f"{part:0{len(str(scale)) - 1}d}".rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)
