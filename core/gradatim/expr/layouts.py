"""Goes in: a time and a Go layout (`2006-01-02`). Comes out: the time as text.
Called by the methods of times and where a time is printed; `dates.py` reads by the same layouts.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gradatim.expr.times import SECOND, Civil, Moment

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
RFC3339 = "2006-01-02T15:04:05Z07:00"
_RFC3339_NANO = "2006-01-02T15:04:05.999999999Z07:00"
_PRINTED = "2006-01-02 15:04:05.999999999 -0700 MST"

# The pieces that mean something in a layout, the longer before the shorter.
_PIECES = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|002|01|02|03|04|05|06|15|__2|_2(?!006)"
    r"|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07|PM|pm"
    r"|[.,](?:0+|9+)(?![0-9])|1|2|3|4|5"
)


def split_layout(layout: str) -> list[tuple[str, str]]:
    """The layout as pairs of plain text and the piece after it (the last piece is empty)."""
    found, index = [], 0
    for match in _PIECES.finditer(layout):
        found.append((layout[index : match.start()], match[0]))
        index = match.end()
    found.append((layout[index:], ""))
    return found


def time_text(moment: Moment) -> str:
    """A time as Go prints it."""
    return formatted(moment, _PRINTED)


def rfc3339(moment: Moment) -> str:
    """A time as Go writes it into JSON."""
    return formatted(moment, _RFC3339_NANO)


def formatted(moment: Moment, layout: str) -> str:
    """A time written by a layout, in its own zone."""
    local = moment.local()
    offset = moment.zone.offset(moment.ns)
    parts: list[str] = []
    for plain, piece in split_layout(layout):
        parts.append(plain)
        if piece == "MST":
            parts.append(moment.zone.abbreviation(moment.ns))
        elif piece in _WRITERS:
            parts.append(_WRITERS[piece](local))
        elif piece[:1] in (".", ","):
            parts.append(_fraction(local.ns % SECOND, piece))
        elif piece:
            parts.append(_offset_text(offset, piece))
    return "".join(parts)


def _hour(local: Civil) -> int:
    return local.ns // (3_600 * SECOND)


def _minute(local: Civil) -> int:
    return local.ns // (60 * SECOND) % 60


def _second(local: Civil) -> int:
    return local.ns // SECOND % 60


def _hour12(local: Civil) -> int:
    return (_hour(local) + 11) % 12 + 1


def _year(local: Civil) -> str:
    return f"-{-local.year:04d}" if local.year < 0 else f"{local.year:04d}"


_WRITERS: dict[str, Callable[[Civil], str]] = {
    "January": lambda local: MONTHS[local.month - 1],
    "Jan": lambda local: MONTHS[local.month - 1][:3],
    "Monday": lambda local: WEEKDAYS[local.weekday],
    "Mon": lambda local: WEEKDAYS[local.weekday][:3],
    "2006": _year,
    "06": lambda local: f"{local.year % 100:02d}",
    "01": lambda local: f"{local.month:02d}",
    "1": lambda local: str(local.month),
    "02": lambda local: f"{local.day:02d}",
    "_2": lambda local: f"{local.day:2d}",
    "2": lambda local: str(local.day),
    "002": lambda local: f"{local.year_day:03d}",
    "__2": lambda local: f"{local.year_day:3d}",
    "15": lambda local: f"{_hour(local):02d}",
    "03": lambda local: f"{_hour12(local):02d}",
    "3": lambda local: str(_hour12(local)),
    "04": lambda local: f"{_minute(local):02d}",
    "4": lambda local: str(_minute(local)),
    "05": lambda local: f"{_second(local):02d}",
    "5": lambda local: str(_second(local)),
    "PM": lambda local: "PM" if _hour(local) >= 12 else "AM",
    "pm": lambda local: "pm" if _hour(local) >= 12 else "am",
}


def _fraction(ns: int, piece: str) -> str:
    digits = f"{ns:09d}"[: len(piece) - 1].ljust(len(piece) - 1, "0")
    if piece[1] == "9":
        digits = digits.rstrip("0")
    return piece[0] + digits if digits else ""


def _offset_text(offset: int, piece: str) -> str:
    if piece[0] == "Z" and offset == 0:
        return "Z"
    sign, seconds = ("-", -offset) if offset < 0 else ("+", offset)
    parts = [f"{seconds // 3_600:02d}", f"{seconds // 60 % 60:02d}", f"{seconds % 60:02d}"]
    colon = ":" if ":" in piece else ""
    wanted = len(piece.replace(":", "")) // 2
    return sign + colon.join(parts[:wanted])
