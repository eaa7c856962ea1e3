"""Goes in: a text, a Go layout (`2006-01-02`) and a zone. Comes out: the time that the text says.
Called by `date(…)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gradatim.expr.errors import ExprError
from gradatim.expr.layouts import MONTHS, RFC3339, WEEKDAYS, split_layout
from gradatim.expr.quoting import bytes_quoted
from gradatim.expr.times import DAY, SECOND, UTC_ZONE, Moment, Zone, civil, days_of
from gradatim.expr.zones import fixed_zone

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

_OFFSET_PARTS = ("hour", "minute", "second")
_RANGES: dict[str, tuple[str, int, int]] = {
    **dict.fromkeys(("01", "1"), ("month", 1, 12)),
    "15": ("hour", 0, 23),
    **dict.fromkeys(("03", "3"), ("hour", 0, 12)),
    **dict.fromkeys(("04", "4"), ("minute", 0, 59)),
    **dict.fromkeys(("05", "5"), ("second", 0, 59)),
}
_LONGEST = 200  # characters of a date or a layout


@dataclass(slots=True)
class _Reading:
    """What a text has said so far."""

    year: int = 0
    month: int | None = None
    day: int | None = None
    year_day: int | None = None
    hour: int = 0
    minute: int = 0
    second: int = 0
    ns: int = 0
    afternoon: bool | None = None
    offset: int | None = None
    zone: str = ""


class _MismatchError(Exception):
    """The text does not follow the layout; what is said of it, or else what cannot be read."""

    def __init__(self, said: str = "", rest: str = "", piece: str = "") -> None:
        super().__init__(said)
        self.said = said
        self.rest = rest
        self.piece = piece

    def tell(self, layout: str, text: str) -> str:
        """The message of Go for the whole."""
        if self.said:
            return f"parsing time {bytes_quoted(text)}: {self.said}"
        rest, piece = bytes_quoted(self.rest), bytes_quoted(self.piece)
        whole = f"{bytes_quoted(text)} as {bytes_quoted(layout)}"
        return f"parsing time {whole}: cannot parse {rest} as {piece}"


class _UnreadError(Exception):
    """The text does not begin with what the piece at hand stands for."""


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
    except _MismatchError as mismatch:
        raise ExprError(mismatch.tell(layout, text)) from None


def _read_all(layout: str, text: str, reading: _Reading) -> None:
    pieces = split_layout(layout)
    for number, (plain, piece) in enumerate(pieces):
        text = _skip(text, plain)
        try:
            text = _read_next(text, piece, reading)
        except _UnreadError:
            raise _MismatchError("", text, piece) from None
        if piece in ("05", "5") and pieces[number + 1][1][:1] not in (".", ","):
            text = _read_fraction(text, reading)  # taken even where the layout has none
    if text:
        raise _MismatchError(f"extra text: {bytes_quoted(text)}")


def _read_next(text: str, piece: str, reading: _Reading) -> str:
    if piece in _READERS:
        return _read_piece(text, piece, reading)
    if piece[:1] in (".", ","):
        return _read_exact_fraction(text, piece, reading)
    return _read_offset(text, piece, reading) if piece else text


def _read_piece(text: str, piece: str, reading: _Reading) -> str:
    pattern, store = _READERS[piece]
    cases = 0 if piece in ("PM", "pm") else re.IGNORECASE
    match = re.match(pattern, text, re.ASCII | cases)
    if match is None:
        raise _UnreadError
    store(reading, match[0])
    name, least, most = _RANGES.get(piece, ("", 0, 0))
    if name and not least <= int(match[0]) <= most:
        raise _MismatchError(f"{name} out of range")
    return text[match.end() :]


def _skip(text: str, plain: str) -> str:
    """Take the plain text of the layout; spaces stand for any number of them."""
    for index, char in enumerate(plain):
        if char == " ":
            if text and not text.startswith(" "):
                raise _MismatchError("", text, plain[index:])
            text = text.lstrip(" ")
        elif not text.startswith(char):
            raise _MismatchError("", text, plain[index:])
        else:
            text = text[1:]
    return text


def _read_fraction(text: str, reading: _Reading) -> str:
    match = re.match(r"[.,]([0-9]+)", text, re.ASCII)
    if match is None:
        return text
    reading.ns = int(match[1][:9].ljust(9, "0"))
    return text[match.end() :]


def _read_exact_fraction(text: str, piece: str, reading: _Reading) -> str:
    """`.000` takes three digits, no more and no less; `.999` takes what there is."""
    if piece[1] == "0" and not re.match(rf"[.,][0-9]{{{len(piece) - 1}}}", text, re.ASCII):
        raise _UnreadError
    if piece[1] == "9":
        return _read_fraction(text, reading)
    return _read_fraction(text[: len(piece)], reading) + text[len(piece) :]


def _read_offset(text: str, piece: str, reading: _Reading) -> str:
    if piece[0] == "Z" and text.startswith("Z"):
        reading.offset = 0
        return text[1:]
    colon = ":" if ":" in piece else ""
    pairs = len(piece.replace(":", "")) // 2
    match = re.match(r"([+-])" + colon.join(["([0-9][0-9])"] * pairs), text, re.ASCII)
    if match is None:
        raise _UnreadError
    values = [int(group) for group in match.groups()[1:]]
    for value, most, name in zip(values, (24, 60, 60), _OFFSET_PARTS, strict=False):
        if value > most:
            raise _MismatchError(f"time zone offset {name} out of range")
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


def _hour_of_half(reading: _Reading, text: str) -> None:
    reading.hour = int(text)


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
    "03": ("[0-9]{2}", _hour_of_half),
    "3": ("[0-9]{1,2}", _hour_of_half),
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
    days = _days(reading)
    seconds = hour * 3_600 + reading.minute * 60 + reading.second
    return _placed(days * DAY + seconds * SECOND + reading.ns, reading, zone)


def _days(reading: _Reading) -> int:
    month = 1 if reading.month is None else reading.month
    day = 1 if reading.day is None else reading.day
    if reading.year_day is not None:
        return _day_of_year(reading, reading.year_day)
    length = days_of(reading.year, month + 1, 1) - days_of(reading.year, month, 1)
    if not 1 <= day <= length:
        raise _MismatchError("day out of range")
    return days_of(reading.year, month, day)


def _day_of_year(reading: _Reading, number: int) -> int:
    """The day of that number, which the month and the day must not contradict."""
    days = days_of(reading.year, 1, number)
    if not days_of(reading.year, 1, 1) <= days < days_of(reading.year + 1, 1, 1):
        raise _MismatchError("day-of-year out of range")
    found = civil(days * DAY)
    for name, said, is_so in (
        ("month", reading.month, found.month),
        ("day", reading.day, found.day),
    ):
        if said not in (None, is_so):
            raise _MismatchError(f"day-of-year does not match {name}")
    return days


def _placed(ns: int, reading: _Reading, zone: Zone) -> Moment:
    """The time that a clock in the text's own zone shows, or else in the given one."""
    if reading.offset is not None:
        place = UTC_ZONE if reading.offset == 0 else fixed_zone("", reading.offset)
        return Moment(ns - reading.offset * SECOND, place)
    if reading.zone and reading.zone != "UTC":
        # Go knows no offset of a name that is not its own zone's, and takes 0.
        if zone.abbreviation(ns) == reading.zone:
            return Moment(ns - zone.offset(ns) * SECOND, zone)
        hours = reading.zone.removeprefix("GMT") if reading.zone != "GMT" else "0"
        offset = int(hours) * 3_600 if hours != reading.zone else 0  # shown, and not reckoned with
        return Moment(ns, fixed_zone(reading.zone, offset))
    first = ns - zone.offset(ns) * SECOND
    return Moment(ns - zone.offset(first) * SECOND, zone)
