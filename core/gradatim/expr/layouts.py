"""Goes in: a Go layout (`2006-01-02`) with a text or a time. Comes out: the other one of the two.
Called by `date(…)`, by the methods of times and where a time is printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gradatim.expr.errors import ExprError
from gradatim.expr.times import DAY, SECOND, UTC_ZONE, Civil, Moment, Zone, days_of
from gradatim.expr.zones import fixed_zone

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

DEFAULTS = (
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    RFC3339,
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
)
"""What `date(text)` tries, in turn."""

# The pieces that mean something in a layout, the longer before the shorter.
_PIECES = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|002|01|02|03|04|05|06|15|__2|_2(?!006)"
    r"|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07|PM|pm"
    r"|[.,](?:0+|9+)(?![0-9])|1|2|3|4|5"
)


def _split(layout: str) -> list[tuple[str, str]]:
    """The layout as pairs of plain text and the piece after it (the last piece is empty)."""
    found, index = [], 0
    for match in _PIECES.finditer(layout):
        found.append((layout[index : match.start()], match[0]))
        index = match.end()
    found.append((layout[index:], ""))
    return found


# -- writing ---------------------------------------------------------------------------------


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
    for plain, piece in _split(layout):
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


# -- reading ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reading:
    """What a text has said so far."""

    year: int = 0
    month: int = 0
    day: int = 0
    year_day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    ns: int = 0
    afternoon: bool | None = None
    offset: int | None = None
    zone: str = ""


class _MismatchError(Exception):
    """The text does not follow the layout."""


def parsed(layout: str, text: str, zone: Zone) -> Moment:
    """The time that a text says by a layout; where it names no zone, in `zone`.

    Raises `ExprError` when the text does not follow the layout.
    """
    if len(layout) > _LONGEST or len(text) > _LONGEST:
        raise ExprError("a date is not that long")
    reading = _Reading()
    try:
        _read_all(layout, text, reading)
        return _moment(reading, zone)
    except _MismatchError:
        raise ExprError(f"{text[:40]!r} is not a date of the form {layout[:40]!r}") from None


_LONGEST = 200


def _read_all(layout: str, text: str, reading: _Reading) -> None:
    for plain, piece in _split(layout):
        text = _skip(text, plain)
        if piece in _READERS:
            pattern, store = _READERS[piece]
            match = re.match(pattern, text, re.ASCII | re.IGNORECASE)
            if match is None:
                raise _MismatchError
            store(reading, match[0])
            text = text[match.end() :]
            if piece in ("05", "5"):
                text = _read_fraction(text, reading)
        elif piece[:1] in (".", ","):
            text = _read_exact_fraction(text, piece, reading)
        elif piece:
            text = _read_offset(text, piece, reading)
    if text:
        raise _MismatchError


def _skip(text: str, plain: str) -> str:
    """Take the plain text of the layout; spaces stand for any number of them."""
    for char in plain:
        if char == " ":
            if text and not text.startswith(" "):
                raise _MismatchError
            text = text.lstrip(" ")
        elif not text.startswith(char):
            raise _MismatchError
        else:
            text = text[1:]
    return text


def _read_fraction(text: str, reading: _Reading) -> str:
    """A fraction of the seconds is taken even where the layout has none."""
    match = re.match(r"[.,]([0-9]+)", text, re.ASCII)
    if match is None:
        return text
    reading.ns = int(match[1][:9].ljust(9, "0"))
    return text[match.end() :]


def _read_exact_fraction(text: str, piece: str, reading: _Reading) -> str:
    if piece[1] == "9" or reading.ns:  # already taken with the seconds
        return text if reading.ns else _read_fraction(text, reading)
    match = re.match(rf"[.,]([0-9]{{{len(piece) - 1}}})", text, re.ASCII)
    if match is None:
        raise _MismatchError
    reading.ns = int(match[1][:9].ljust(9, "0"))
    return text[match.end() :]


def _read_offset(text: str, piece: str, reading: _Reading) -> str:
    if piece[0] == "Z" and text.startswith("Z"):
        reading.offset = 0
        return text[1:]
    colon = ":" if ":" in piece else ""
    pairs = len(piece.replace(":", "")) // 2
    match = re.match(r"([+-])" + colon.join(["([0-9][0-9])"] * pairs), text, re.ASCII)
    if match is None:
        raise _MismatchError
    values = [int(group) for group in match.groups()[1:]]
    if values[0] > 24 or max(values[1:], default=0) >= 60:
        raise _MismatchError
    seconds = sum(value * size for value, size in zip(values, (3_600, 60, 1), strict=False))
    reading.offset = -seconds if match[1] == "-" else seconds
    return text[match.end() :]


def _number(name: str) -> Callable[[_Reading, str], None]:
    def store(reading: _Reading, text: str) -> None:
        setattr(reading, name, int(text))

    return store


def _short_year(reading: _Reading, text: str) -> None:
    year = int(text)
    reading.year = year + (1900 if year >= 69 else 2000)


def _named_month(reading: _Reading, text: str) -> None:
    reading.month = [name[:3].lower() for name in MONTHS].index(text[:3].lower()) + 1


def _half(reading: _Reading, text: str) -> None:
    reading.afternoon = text.lower() == "pm"


def _zone_name(reading: _Reading, text: str) -> None:
    reading.zone = text.upper()


def _ignored(_reading: _Reading, _text: str) -> None:
    """A weekday is read and not compared with the date, as in Go."""


def _names(names: list[str]) -> str:
    return "|".join(names)


_READERS: dict[str, tuple[str, Callable[[_Reading, str], None]]] = {
    "January": (_names(MONTHS), _named_month),
    "Jan": (_names([name[:3] for name in MONTHS]), _named_month),
    "Monday": (_names(WEEKDAYS), _ignored),
    "Mon": (_names([name[:3] for name in WEEKDAYS]), _ignored),
    "2006": ("[0-9]{4}", _number("year")),
    "06": ("[0-9]{2}", _short_year),
    "01": ("[0-9]{2}", _number("month")),
    "1": ("[0-9]{1,2}", _number("month")),
    "02": ("[0-9]{2}", _number("day")),
    "_2": (" ?[0-9]{1,2}", _number("day")),
    "2": ("[0-9]{1,2}", _number("day")),
    "002": ("[0-9]{3}", _number("year_day")),
    "__2": (" {0,2}[0-9]{1,3}", _number("year_day")),
    "15": ("[0-9]{2}", _number("hour")),
    "03": ("[0-9]{2}", _number("hour")),
    "3": ("[0-9]{1,2}", _number("hour")),
    "04": ("[0-9]{2}", _number("minute")),
    "4": ("[0-9]{1,2}", _number("minute")),
    "05": ("[0-9]{2}", _number("second")),
    "5": ("[0-9]{1,2}", _number("second")),
    "PM": ("PM|AM", _half),
    "pm": ("pm|am", _half),
    "MST": ("(?-i:UTC|GMT(?:[+-][0-9]{1,2})?|[A-Z]{3,4}|[+-][0-9]{2})", _zone_name),
}


def _moment(reading: _Reading, zone: Zone) -> Moment:
    hour = reading.hour
    if reading.afternoon is True and hour < 12:
        hour += 12
    elif reading.afternoon is False and hour == 12:
        hour = 0
    if hour > 23 or reading.minute > 59 or reading.second > 59:
        raise _MismatchError
    days = _days(reading)
    seconds = hour * 3_600 + reading.minute * 60 + reading.second
    return _placed(days * DAY + seconds * SECOND + reading.ns, reading, zone)


def _days(reading: _Reading) -> int:
    if reading.year_day:
        days = days_of(reading.year, 1, reading.year_day)
        if days >= days_of(reading.year + 1, 1, 1):
            raise _MismatchError
        return days
    month, day = reading.month or 1, reading.day or 1
    if month > 12 or day > days_of(reading.year, month + 1, 1) - days_of(reading.year, month, 1):
        raise _MismatchError
    return days_of(reading.year, month, day)


def _placed(ns: int, reading: _Reading, zone: Zone) -> Moment:
    """The time that a clock in the text's own zone shows, or else in the given one."""
    if reading.offset is not None:
        place = UTC_ZONE if reading.offset == 0 else fixed_zone("", reading.offset)
        return Moment(ns - reading.offset * SECOND, place)
    if reading.zone and reading.zone != "UTC":
        # Go knows no offset of a name that is not its own zone's, and takes 0.
        if zone.abbreviation(ns) == reading.zone:
            return Moment(ns - zone.offset(ns) * SECOND, zone)
        return Moment(ns, fixed_zone(reading.zone, 0))
    first = ns - zone.offset(ns) * SECOND
    return Moment(ns - zone.offset(first) * SECOND, zone)
