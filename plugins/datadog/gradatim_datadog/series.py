"""The answer of Datadog's v1 query: series of points, of which the newest counts.

In: the decoded JSON. Out: a `Measurement`. Pure.
Called by `query`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gradatim.plugin import Measurement, Series
from gradatim.plugin.texts import number_text

from .reasons import reason_of
from .values import UnreadableError, number

_RECORDED: Final = 50


def series_measurement(answer: dict[str, Any]) -> Measurement:
    """The newest point with a value, of the first series.

    The reference reads a point without a value as 0, which makes a release without traffic look
    like one without errors. It is passed over here.

    Raises:
        UnreadableError: the answer says that the query failed, or cannot be read.
    """
    if answer.get("status") == "error" or answer.get("error") or answer.get("errors"):
        raise UnreadableError(f"the query failed: {reason_of(answer) or 'without a reason'}")
    series = answer.get("series")
    if series is None:
        return Measurement(text="null", no_data=True)
    if not isinstance(series, list):
        raise UnreadableError("series is not a list")
    read = tuple(Series(_tags(one), tuple(_values(one))) for one in series)
    first = read[0].samples if read else ()
    if not first:
        return Measurement(text="[]", no_data=True, samples=_recorded(series), series=read)
    return Measurement(
        value=first[-1], text=number_text(first[-1]), samples=_recorded(series), series=read
    )


def _recorded(series: list[Any]) -> list[Any]:
    """The newest points of the first series: the record keeps no more, and writing megabytes would hold up others."""
    told = [one for one in series[:_RECORDED] if isinstance(one, dict)]
    return [(one.get("pointlist") or [])[-_RECORDED:] for one in told]


def _values(series: object) -> Iterator[float]:
    """The values of one series, oldest first, without the points that have none."""
    points = series.get("pointlist") if isinstance(series, dict) else None
    if points is None:
        return
    if not isinstance(points, list):
        raise UnreadableError("pointlist is not a list")
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise UnreadableError("a point is not a pair of time and value")
        if point[1] is not None:
            yield number(point[1], "pointlist")


def _tags(series: object) -> dict[str, str]:
    """The tags that tell this series from the others: `host:a` is the label host."""
    tags = series.get("tag_set") if isinstance(series, dict) else None
    pairs = (
        [tag.partition(":") for tag in tags or () if isinstance(tag, str)]
        if isinstance(tags, list)
        else []
    )
    return {key: value for key, _, value in pairs}
