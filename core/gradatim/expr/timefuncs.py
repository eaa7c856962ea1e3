"""Goes in: texts and the frame's `now`. Comes out: what `now`, `date`, `duration`, `timezone` give.
Called through `functions.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradatim.expr.dates import DEFAULTS, parsed
from gradatim.expr.durations import parsed_duration
from gradatim.expr.errors import ExprError
from gradatim.expr.frame import Frame
from gradatim.expr.quoting import shortened
from gradatim.expr.times import UTC_ZONE, Moment, Span, Zone
from gradatim.expr.values import not_a
from gradatim.expr.zones import named_zone


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise not_a("string", value)


def _now(frame: Frame, zone: object = UTC_ZONE) -> Moment:
    """The time of the measurement: the same wherever it stands in one condition."""
    if isinstance(zone, Zone):
        return frame.now.within(zone)
    raise ExprError("invalid number of arguments (expected 0, got 1)")


def _duration(_frame: Frame, text: object) -> Span:
    return parsed_duration(_text(text))


def _timezone(_frame: Frame, name: object) -> Zone:
    return named_zone(_text(name))


def _date(_frame: Frame, *values: object) -> Moment:
    """A date by the given layout or by the first of the usual ones, in the given zone or UTC."""
    first, *rest = values
    zone = first if isinstance(first, Zone) else UTC_ZONE
    texts = [_text(value) for value in (rest if isinstance(first, Zone) else values)]
    if len(texts) == 1:
        return _guessed(texts[0], zone)
    if len(texts) == 2:
        return parsed(texts[1], texts[0], zone)
    if len(texts) == 3:
        return parsed(texts[1], texts[0], named_zone(texts[2]))
    raise ExprError("date takes a text, perhaps a layout, perhaps a time zone")


def _guessed(text: str, zone: Zone) -> Moment:
    for layout in DEFAULTS:
        try:
            return parsed(layout, text, zone)
        except ExprError:
            continue
    raise ExprError(f"invalid date {shortened(text)}")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "now": _now,
    "duration": _duration,
    "timezone": _timezone,
    "date": _date,
}
"""The functions of time."""
