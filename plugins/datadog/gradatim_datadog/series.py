"""The answer of Datadog's v1 query: series of points, of which the newest counts.

In: the decoded JSON. Out: a `Measurement`. Pure.
Called by `query`.
"""

from __future__ import annotations

from typing import Any

from gradatim.plugin import Measurement

from .values import UnreadableError, go_number, number


def series_measurement(answer: dict[str, Any]) -> Measurement:
    """The newest point with a value, of the first series.

    The reference reads a point without a value as 0, which makes a release without traffic look
    like one without errors. It is passed over here.

    Raises:
        UnreadableError: the answer says that the query failed, or cannot be read.
    """
    if answer.get("status") == "error" or answer.get("error"):
        raise UnreadableError(f"the query failed: {answer.get('error') or 'without a reason'}")
    series = answer.get("series")
    if series is None:
        return Measurement(text="null", no_data=True)
    if not isinstance(series, list):
        raise UnreadableError("series is not a list")
    for point in reversed(_points(series)):
        if not isinstance(point, list) or len(point) != 2:
            raise UnreadableError("a point is not a pair of time and value")
        if point[1] is not None:
            value = number(point[1], "pointlist")
            return Measurement(value=value, text=go_number(value))
    return Measurement(text="[]", no_data=True)


def _points(series: list[Any]) -> list[Any]:
    if not series:
        return []
    points = series[0].get("pointlist") if isinstance(series[0], dict) else None
    if points is None:
        return []
    if not isinstance(points, list):
        raise UnreadableError("pointlist is not a list")
    return points
