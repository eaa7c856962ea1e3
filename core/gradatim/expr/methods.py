"""Goes in: a time or a duration and the name of a method. Comes out: what the method gives.
Called by the checker for signatures and by the evaluator. JSON has no other value with methods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradatim.expr.durations import duration_text
from gradatim.expr.errors import ExprError
from gradatim.expr.layouts import formatted, time_text
from gradatim.expr.numerals import MAX_INT, wrapped
from gradatim.expr.quoting import shortened
from gradatim.expr.signatures import Signature
from gradatim.expr.times import SECOND, UTC_ZONE, Moment, Span, Zone, days_of
from gradatim.expr.types import BOOL, DURATION, FLOAT, INT, LONG, STRING, TIME, ZONE, Kind, Type
from gradatim.expr.values import as_index, go_type, not_a

_HOUR = 3_600 * SECOND
_ZERO = days_of(1, 1, 1) * 86_400 * SECOND  # Go's zero time is the first day of the year 1
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what it takes and gives, and how."""

    signature: Signature
    run: Callable[..., Any]


def _method(gives: Type, run: Callable[..., Any], *params: Type) -> Method:
    return Method(Signature(params, gives), run)


def _format(moment: Moment, layout: str) -> str:
    if len(layout) > _LONGEST:
        raise ExprError("a layout is not that long")
    return formatted(moment, layout)


def _truncated(moment: Moment, span: Span) -> Moment:
    if span.ns <= 0:
        return moment
    return Moment(moment.ns - (moment.ns - _ZERO) % span.ns, moment.zone)


def _moved(moment: Moment, years: int, months: int, days: int) -> Moment:
    local = moment.local()
    if max(abs(years), abs(months), abs(days)) > 1_000_000:
        raise ExprError("a date cannot be moved that far")
    moved = days_of(local.year + years, local.month + months, 1) + local.day - 1 + days
    return moment.later((moved - local.days) * 86_400 * SECOND)


def _sign(span: Span) -> int:
    return -1 if span.ns < 0 else 1


def _units(span: Span, unit: int) -> float:
    """Whole units and the rest added as floats: Go's way, to the last digit."""
    whole, rest = divmod(abs(span.ns), unit)
    return _sign(span) * (float(whole) + rest / unit)


_TIME: dict[str, Method] = {
    "Unix": _method(LONG, lambda t: t.ns // SECOND),
    "UnixMilli": _method(LONG, lambda t: t.ns // 1_000_000),
    "UnixMicro": _method(LONG, lambda t: t.ns // 1_000),
    "UnixNano": _method(LONG, lambda t: wrapped(t.ns)),
    "Year": _method(INT, lambda t: t.local().year),
    "Day": _method(INT, lambda t: t.local().day),
    "YearDay": _method(INT, lambda t: t.local().year_day),
    "Hour": _method(INT, lambda t: t.local().ns // _HOUR),
    "Minute": _method(INT, lambda t: t.local().ns // (60 * SECOND) % 60),
    "Second": _method(INT, lambda t: t.local().ns // SECOND % 60),
    "Nanosecond": _method(INT, lambda t: t.ns % SECOND),
    "IsZero": _method(BOOL, lambda t: t.ns == _ZERO),
    "Add": _method(TIME, lambda t, d: t.later(d.ns), DURATION),
    "Sub": _method(DURATION, lambda t, u: t.since(u), TIME),
    "Before": _method(BOOL, lambda t, u: t.ns < u.ns, TIME),
    "After": _method(BOOL, lambda t, u: t.ns > u.ns, TIME),
    "Equal": _method(BOOL, lambda t, u: t.ns == u.ns, TIME),
    "Compare": _method(INT, lambda t, u: (t.ns > u.ns) - (t.ns < u.ns), TIME),
    "AddDate": _method(TIME, _moved, INT, INT, INT),
    "Truncate": _method(TIME, _truncated, DURATION),
    "UTC": _method(TIME, lambda t: t.within(UTC_ZONE)),
    "In": _method(TIME, lambda t, z: t.within(z), ZONE),
    "Format": _method(STRING, _format, STRING),
    "String": _method(STRING, time_text),
}

_DURATION: dict[str, Method] = {
    "Hours": _method(FLOAT, lambda d: _units(d, _HOUR)),
    "Minutes": _method(FLOAT, lambda d: _units(d, 60 * SECOND)),
    "Seconds": _method(FLOAT, lambda d: _units(d, SECOND)),
    "Milliseconds": _method(LONG, lambda d: _sign(d) * (abs(d.ns) // 1_000_000)),
    "Microseconds": _method(LONG, lambda d: _sign(d) * (abs(d.ns) // 1_000)),
    "Nanoseconds": _method(LONG, lambda d: d.ns),
    "Abs": _method(DURATION, lambda d: Span(min(abs(d.ns), MAX_INT))),
    "String": _method(STRING, duration_text),
}

METHODS: dict[Kind, dict[str, Method]] = {Kind.TIME: _TIME, Kind.DURATION: _DURATION}
"""The methods of each kind of value that has any."""

_SORTS: dict[Kind, type] = {
    Kind.INT: int,
    Kind.STRING: str,
    Kind.TIME: Moment,
    Kind.DURATION: Span,
    Kind.ZONE: Zone,
}


def not_callable(value: object) -> ExprError:
    """The error of a call of something that is no function."""
    if value is None:
        return ExprError("invalid operation: cannot call nil")
    return ExprError(f"invalid operation: cannot call non-function of type {go_type(value)}")


# The reference calls functions of these shapes directly, and others by reflection.
_DIRECT = ((TIME,), (DURATION,), (STRING,))


def _unfit(params: tuple[Type, ...], param: Type, arg: object) -> ExprError:
    if params in _DIRECT:
        return not_a(param.name, arg)
    return ExprError(f"reflect: Call using {go_type(arg)} as type {param}")


def call_method(value: object, name: str, args: list[object]) -> object:
    """`value.name(args)`. Raises `ExprError` if there is no such method or it takes no such args."""
    methods = _TIME if isinstance(value, Moment) else _DURATION if isinstance(value, Span) else {}
    method = methods.get(name)
    if method is None:
        if isinstance(value, str | list | range):  # a name is no index: as fetching any member
            as_index(name)
        raise ExprError(f"cannot fetch {shortened(name)} from {go_type(value)}")
    params = method.signature.params
    if len(params) != len(args):
        counts = f"expected {len(params)}, got {len(args)}"
        raise ExprError(f"invalid number of arguments: {counts}")
    for param, arg in zip(params, args, strict=True):
        if type(arg) is not _SORTS[param.kind]:
            raise _unfit(params, param, arg)
    found: object = method.run(value, *args)
    return found
