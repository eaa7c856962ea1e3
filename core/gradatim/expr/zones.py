"""Goes in: the name of a time zone, or an offset. Comes out: the zone.
Called by `timefuncs.py` and where a date is read. Rules come from the tz database of the system.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gradatim.expr.errors import ExprError
from gradatim.expr.quoting import shortened
from gradatim.expr.times import UTC_ZONE, Zone

_NAME = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+){0,3}\Z", re.ASCII)
_LONGEST = 64


def named_zone(name: str) -> Zone:
    """A zone by its name in the tz database. Raises `ExprError` at an unknown one."""
    if name in ("", "UTC"):
        return UTC_ZONE
    if len(name) <= _LONGEST and _NAME.match(name):  # a name is part of a file's path
        try:
            return Zone(name, ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    if ".." in name or name[0] in "/\\":
        raise ExprError("time: invalid location name")
    raise ExprError(f"unknown time zone {shortened(name)}")


def fixed_zone(name: str, offset: int) -> Zone:
    """A zone that is always so many seconds east of Greenwich."""
    shown = name or _offset_name(offset)
    limited = min(max(offset, -86_399), 86_399)
    return Zone(shown, timezone(timedelta(seconds=limited), shown))


def _offset_name(offset: int) -> str:
    sign = "-" if offset < 0 else "+"
    return f"{sign}{abs(offset) // 3_600:02d}{abs(offset) // 60 % 60:02d}"
