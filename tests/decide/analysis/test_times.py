"""Points of time in a provider's block."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gradatim.decide.analysis.times import resolve_times
from gradatim.plugin import FieldPath, ProviderError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
START = FieldPath("rangeQuery", "start")


@pytest.mark.parametrize(
    ("source", "moment"),
    [
        ("now()", NOW),
        ('now() - duration("1h30m")', NOW - timedelta(minutes=90)),
        ('isNaN(1.0) ? now() : now() - duration("5m")', NOW - timedelta(minutes=5)),
        ('isInf(1/0) ? now() : date("2020-01-01")', NOW),
        ('date("2026-01-01")', datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_expression_gives_a_time(source: str, moment: datetime) -> None:
    assert resolve_times({START: source}, NOW) == {START: moment}


def test_no_expressions_give_no_times() -> None:
    assert resolve_times({}, NOW) == {}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("5", "rangeQuery.start: expected time.Time, but got int"),
        ("result", "unknown name result"),
        ("now(", "unexpected token"),
        ('duration("5m")', "expected time.Time, but got time.Duration"),
    ],
)
def test_what_gives_no_time_names_its_field(source: str, message: str) -> None:
    with pytest.raises(ProviderError, match=r"^could not evaluate rangeQuery\.start: ") as caught:
        resolve_times({START: source}, NOW)
    assert message in str(caught.value)
    assert (caught.value.field, caught.value.outage) == ("rangeQuery", False)
