"""Times and durations: Go's reading and printing, with `now` given by the caller."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.expr import ExprError, check_time, evaluate, evaluate_time
from gradatim.expr.durations import duration_text, parsed_duration
from gradatim.expr.times import Moment, Span, civil, days_of, from_datetime, to_datetime

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("now()", NOW),
        ("now() - duration('1h')", NOW - timedelta(hours=1)),
        ("now().Add(duration('-5m'))", NOW - timedelta(minutes=5)),
        ("duration('1h') + now()", NOW + timedelta(hours=1)),
        ("date('2024-01-02')", datetime(2024, 1, 2, tzinfo=UTC)),
        ("date('2024-01-02 10:00', '2006-01-02 15:04', 'Europe/Zurich')", datetime(2024, 1, 2, 9, tzinfo=UTC)),
        ("isNaN(1) ? now() : date('2024-01-02')", datetime(2024, 1, 2, tzinfo=UTC)),
        ("let hour = duration('1h'); now() - 2 * hour", NOW - timedelta(hours=2)),
    ],
)  # fmt: skip
def test_the_ends_of_a_prometheus_range(source: str, expected: datetime):
    assert check_time(source) is None
    assert evaluate_time(source, now=NOW) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("result", "unknown name result"),
        ("asInt('1')", "unknown name asInt"),
        ("default(now(), 1)", "unknown name default"),
        ("1", "expected time.Time, but got int"),
        ("duration('1h')", "expected time.Time, but got time.Duration"),
        ("now() -", "unexpected token EOF"),
    ],
)
def test_what_is_no_time_is_refused_before_anything_is_measured(source: str, message: str):
    found = check_time(source)
    assert found is not None
    assert message in str(found)
    with pytest.raises(ExprError, match=message):
        evaluate_time(source, now=NOW)


def test_what_turns_out_to_be_no_time_is_refused_when_it_is_asked():
    source = "fromJSON('1')"
    assert check_time(source) is None
    with pytest.raises(ExprError, match=r"^expected time\.Time, but got float64$"):
        evaluate_time(source, now=NOW)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("-0", 0),
        ("0s", 0),
        ("1h2m3.5s", 3_723_500_000_000),
        ("-1.5h", -5_400_000_000_000),
        ("+5m", 300_000_000_000),
        ("1ns1us1µs1μs1ms", 1_003_001),
        ("1.s", 1_000_000_000),
        (".5s", 500_000_000),
        ("9223372036854775807ns", 2**63 - 1),
        ("-9223372036854775808ns", -(2**63)),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, ns: int):
    assert parsed_duration(text) == Span(ns)


@pytest.mark.parametrize(
    "text", ["", "1", "s", ".s", "1x", "1 h", "h1", "--1s", "9223372036854775808ns", "1h ", "١s"]
)
def test_what_go_does_not_read_is_no_duration(text: str):
    with pytest.raises(ExprError):
        parsed_duration(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (245_000_000_000, "4m5s"),
        (245_001_000_000, "4m5.001s"),
        (18_367_000_000_000, "5h6m7s"),
        (-3_600_000_000_000, "-1h0m0s"),
        (480_000_000_001, "8m0.000000001s"),
        (2**63 - 1, "2562047h47m16.854775807s"),
        (-(2**63), "-2562047h47m16.854775808s"),
    ],
)
def test_a_duration_is_printed_as_go_prints_it(ns: int, text: str):
    assert duration_text(Span(ns)) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_printed_duration_reads_back(ns: int):
    assert parsed_duration(duration_text(Span(ns))) == Span(ns)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_datetime_goes_there_and_back(moment: datetime):
    inside = from_datetime(moment)
    assert to_datetime(inside) == moment
    local = inside.local()
    assert (local.year, local.month, local.day) == (moment.year, moment.month, moment.day)
    assert local.year_day == moment.timetuple().tm_yday
    assert local.weekday == moment.isoweekday() % 7


@given(st.integers(-(10**7), 10**7))
def test_days_and_dates_agree_in_any_year(days: int):
    found = civil(days * 86_400_000_000_000)
    assert days_of(found.year, found.month, found.day) == days


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # as Hypothesis wants it
def test_a_time_written_by_a_layout_reads_back(moment: datetime):
    layout = "Monday, 2 January 2006 15:04:05.000000 -07:00"
    source = f"date(now().Format('{layout}'), '{layout}') == now()"
    assert evaluate(source, None, now=moment) is True


LAYOUTS = [
    ("2006-01-02T15:04:05Z07:00", "2024-05-06T07:08:09Z"),
    ("Mon Jan _2 15:04:05 2006", "Mon May  6 07:08:09 2024"),
    ("3:04PM 3:04pm 03", "7:08AM 7:08am 07"),
    ("06 1 2 002 __2 4 5", "24 5 6 127 127 8 9"),
    ("Month Monday Jan Janet", "Month Monday May Janet"),
    (".000 .999 ,000000", ".000  ,000000"),
    ("_2006 Z0700 Z07 -0700 -07 -07:00:00 -070000 Z070000 Z07:00:00", "_2024 Z Z +0000 +00 +00:00:00 +000000 Z Z"),
    ("MST", "UTC"),
    ("plain", "plain"),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("layout", "text"), LAYOUTS)
def test_a_layout_writes(layout: str, text: str):
    assert evaluate(f"now().Format('{layout}')", None, now=NOW) == text


@pytest.mark.parametrize(
    ("text", "layout", "unix"),
    [
        ("2024-05-06 07:08:09", "2006-01-02 15:04:05", 1714979289),
        ("24-5-6", "06-1-2", 1714953600),
        ("69-5-6", "06-1-2", -20736000),
        ("6 may 2024", "2 Jan 2006", 1714953600),
        ("Mon, May  6 2024", "Mon, Jan _2 2006", 1714953600),
        ("12AM 2024", "3PM 2006", 1704067200),
        ("12PM 2024", "3PM 2006", 1704110400),
        ("2024 127", "2006 002", 1714953600),
        ("2024 29 060", "2006 2 002", 1709164800),
        ("2024 GMT+3", "2006 MST", 1704067200),
        ("2024 +0130", "2006 -0700", 1704061800),
        ("2024 -01:30:30", "2006 -07:00:00", 1704072630),
        ("2024 Z", "2006 Z0700", 1704067200),
        ("2024 +01", "2006 Z07", 1704063600),
        ("2024 CET", "2006 MST", 1704067200),
        ("2024 05.25", "2006 05", 1704067205),
        ("2024 05.25", "2006 05.00", 1704067205),
        ("2024 05", "2006 05.999", 1704067205),
        ("2024 05,5 Z", "2006 05.9 Z07", 1704067205),
        ("2024 05.000 Z", "2006 05.000 Z07", 1704067205),
    ],
)
def test_a_layout_reads(text: str, layout: str, unix: int):
    assert evaluate(f"date('{text}', '{layout}').Unix()", None, now=NOW) == unix


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("2024-13-01", "2006-01-02"),
        ("2024-00-01x", "2006-01-02"),
        ("2023-02-29", "2006-01-02"),
        ("2023 366", "2006 002"),
        ("24:00", "15:04"),
        ("2024-00-01", "2006-01-02"),
        ("2024-01-00", "2006-01-02"),
        ("2024 000", "2006 002"),
        ("2024 2 061", "2006 1 002"),
        ("13PM", "3PM"),
        ("12AM", "3pm"),
        ("23:60", "15:04"),
        ("23:59:60", "15:04:05"),
        ("x", "15"),
        ("5", "05.00"),
        ("05.2", "05.00"),
        ("05.234", "05.00"),
        ("05.2", "05.00x"),
        ("2024 +25:00", "2006 -07:00"),
        ("2024 +01:61", "2006 -07:00"),
        ("2024 x", "2006 -07:00"),
        ("2024x", "2006 x"),
        ("2024-01", "2006/01"),
    ],
)
def test_what_does_not_follow_its_layout_is_no_date(text: str, layout: str):
    with pytest.raises(ExprError, match=f"^parsing time {re.escape(json.dumps(text))}"):
        evaluate(f"date('{text}', '{layout}')", None, now=NOW)


def test_the_name_of_a_zone_counts_where_it_is_that_zones_own():
    source = "date('2024-01-02 10:00 CET', '2006-01-02 15:04 MST', 'Europe/Zurich').Hour()"
    assert evaluate(source, None, now=NOW) == 10
    source = "date('2024-01-02 10:00 CET', '2006-01-02 15:04 MST', 'Europe/Zurich').UTC().Hour()"
    assert evaluate(source, None, now=NOW) == 9


def test_an_offset_is_kept_for_printing():
    source = "string(date('2024-01-02T10:00:00-03:30'))"
    assert evaluate(source, None, now=NOW) == "2024-01-02 10:00:00 -0330 -0330"


METHODS = [
    ("now().Unix()", 1714979289),
    ("now().UnixMilli()", 1714979289000),
    ("now().UnixMicro()", 1714979289000000),
    ("now().UnixNano()", 1714979289000000000),
    ("now().Year()", 2024),
    ("now().Day()", 6),
    ("now().YearDay()", 127),
    ("now().Hour() * 3600 + now().Minute() * 60 + now().Second()", 25689),
    ("now().Nanosecond()", 0),
    ("now().IsZero()", False),
    ("now().Equal(now())", True),
    ("now().Before(now())", False),
    ("now().After(date('2020-01-01'))", True),
    ("now().Compare(date('2020-01-01'))", 1),
    ("now().Sub(date('2024-05-06')).String()", "7h8m9s"),
    ("now().String()", "2024-05-06 07:08:09 +0000 UTC"),
    ("now().Truncate(duration('1h')).Unix()", 1714978800),
    ("now().Truncate(duration('0s')).Unix()", 1714979289),
    ("now().AddDate(1, -5, 25).Format('2006-01-02')", "2024-12-31"),
    ("now().In(timezone('Asia/Tokyo')).Hour()", 16),
    ("now(timezone('Asia/Tokyo')).Format('15 MST -07')", "16 JST +09"),
    ("duration('90m').Hours()", 1.5),
    ("duration('90s').Minutes()", 1.5),
    ("duration('90ms').Seconds()", 0.09),
    ("duration('-1500us').Milliseconds()", -1),
    ("duration('-1500ns').Microseconds()", -1),
    ("duration('1us').Nanoseconds()", 1000),
    ("duration('-1us').Abs().Nanoseconds()", 1000),
    ("duration('1s') * 1.5 == duration('1500ms')", True),
    ("duration('1ns') * duration('5ns') == duration('5ns')", True),
    ("duration('1h') - duration('1m') == duration('59m')", True),
    ("duration('1h') >= duration('1h')", True),
    ("(now() - date('0001-01-01')).String()", "2562047h47m16.854775807s"),
    ("sort([now(), date('2020-01-01')])[0].Year()", 2020),
    ("toJSON(now())", '"2024-05-06T07:08:09Z"'),
    ("{a: now()}.a.Year()", 2024),
    ("{a: now()}?.a?.Year()", 2024),
    ("{b: now()}?.a?.Year()", None),
    ("{a: now()}.a?.UTC().Year()", 2024),
]


@pytest.mark.parametrize(("source", "expected"), METHODS)
def test_methods(source: str, expected: object):
    assert evaluate(source, None, now=NOW) == expected


def test_moments_are_equal_wherever_they_are_shown():
    first, second = "date('2024-01-02T10:00:00+01:00')", "date('2024-01-02T09:00:00Z')"
    assert evaluate(f"{first} == {second}", None, now=NOW) is True
    assert Moment(5) == Moment(5)
