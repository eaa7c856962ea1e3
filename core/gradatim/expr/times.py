"""Goes in: nanoseconds. Comes out: Go's Time, Duration and Location as values.
Called by the evaluator, the functions of time and the methods. Any year; no clock is read here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from gradatim.expr.numerals import MAX_INT, MIN_INT, wrapped

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone: what Go calls a Location."""

    name: str
    rules: tzinfo

    def offset(self, ns: int) -> int:
        """Seconds east of Greenwich at a time (nanoseconds since 1970)."""
        seconds = min(max(ns // SECOND, _FIRST), _LAST)
        found = (_EPOCH + timedelta(seconds=seconds)).astimezone(self.rules).utcoffset()
        return int(found.total_seconds()) if found is not None else 0

    def abbreviation(self, ns: int) -> str:
        """The short name of the zone at a time: `CET`, `UTC`."""
        seconds = min(max(ns // SECOND, _FIRST), _LAST)
        return (_EPOCH + timedelta(seconds=seconds)).astimezone(self.rules).tzname() or "UTC"


# A day away from the ends of Python's calendar, so that no offset leads out of it.
_FIRST = -62_135_510_400
_LAST = 253_402_214_400

UTC_ZONE = Zone("UTC", UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in nanoseconds, within 64 bits: what Go calls a Duration."""

    ns: int

    def later(self, ns: int) -> Span:
        """The sum with more nanoseconds; wraps as Go's does."""
        return Span(wrapped(self.ns + ns))


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of time: nanoseconds since 1970, and the zone in which it is shown."""

    ns: int
    zone: Zone = field(default=UTC_ZONE, compare=False)

    def later(self, ns: int) -> Moment:
        """The time so many nanoseconds after."""
        return Moment(self.ns + ns, self.zone)

    def since(self, other: Moment) -> Span:
        """The time between; what is beyond 292 years stops there, as in Go."""
        return Span(min(max(self.ns - other.ns, MIN_INT), MAX_INT))

    def within(self, zone: Zone) -> Moment:
        """The same point of time, shown in a zone."""
        return Moment(self.ns, zone)

    def local(self) -> Civil:
        """Date and time of day in its zone."""
        return civil(self.ns + self.zone.offset(self.ns) * SECOND)


@dataclass(frozen=True, slots=True)
class Civil:
    """A date and a time of day, in some zone."""

    year: int
    month: int
    day: int
    ns: int  # since midnight

    @property
    def days(self) -> int:
        """Days since 1970."""
        return days_of(self.year, self.month, self.day)

    @property
    def weekday(self) -> int:
        """0 for Sunday to 6 for Saturday."""
        return (self.days + 4) % 7

    @property
    def year_day(self) -> int:
        """Day of the year, from 1."""
        return self.days - days_of(self.year, 1, 1) + 1


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970 of a date of the Gregorian calendar, of any year; `day` may overflow."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    shifted = year - 1 if month <= 2 else year  # years begin in March: the leap day is their last
    era, of_era = divmod(shifted, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def civil(ns: int) -> Civil:
    """The date and time of day of so many nanoseconds since 1970, without any zone."""
    days, of_day = divmod(ns, DAY)
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return Civil(year + era * 400 + (month <= 2), month, day, of_day)


def from_datetime(moment: datetime) -> Moment:
    """A Python datetime (aware) as a point of time; it is shown in UTC."""
    delta = moment - _EPOCH
    seconds = delta.days * 86_400 + delta.seconds
    return Moment(seconds * SECOND + delta.microseconds * 1_000)


def to_datetime(moment: Moment) -> datetime | None:
    """As a Python datetime in UTC, cut to microseconds; None outside of the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(microseconds=moment.ns // 1_000)
    except OverflowError:
        return None
