"""Go durations and the lengths of pauses."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.model.duration import (
    INVALID_PAUSE,
    DurationError,
    duration_seconds,
    format_duration,
    parse_duration,
    pause_seconds,
)

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        pytest.param("0", 0, id="zero needs no unit"),
        pytest.param("-0", 0, id="nor does zero with a sign"),
        pytest.param("1h30m", 90 * 60 * SECOND, id="parts add up"),
        pytest.param("30m1h", 90 * 60 * SECOND, id="in any order"),
        pytest.param("1.5h", 90 * 60 * SECOND, id="a fraction of an hour"),
        pytest.param(".5s", SECOND // 2, id="nothing before the point"),
        pytest.param("2.s", 2 * SECOND, id="nothing after the point"),
        pytest.param("-2s", -2 * SECOND, id="negative"),
        pytest.param("+2s", 2 * SECOND, id="a plus sign"),
        pytest.param("500ms", SECOND // 2, id="milliseconds"),
        pytest.param("1us", 1_000, id="microseconds in ASCII"),
        pytest.param("1µs", 1_000, id="microseconds with the micro sign"),
        pytest.param("1μs", 1_000, id="microseconds with the Greek letter"),
        pytest.param("7ns", 7, id="nanoseconds"),
        pytest.param("1.9ns", 1, id="below a nanosecond is cut"),
        pytest.param(
            "0.3333333333333333333333h", 1_200 * SECOND, id="digits beyond 63 bits are left"
        ),
        pytest.param("2562047h47m16.854775807s", (1 << 63) - 1, id="the longest"),
        pytest.param("-2562047h47m16.854775808s", -(1 << 63), id="the longest backwards"),
    ],
)
def test_a_go_duration_is_read(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "no number", id="empty"),
        pytest.param("-", "no number", id="only a sign"),
        pytest.param("10", "without a unit", id="no unit"),
        pytest.param("1d", "unknown unit 'd'", id="days are unknown"),
        pytest.param("1 s", "unknown unit ' s'", id="a space"),
        pytest.param("s", "a number is missing", id="only a unit"),
        pytest.param(".s", "a number is missing", id="a point without digits"),
        pytest.param("1s-1s", "unknown unit 's-'", id="a sign in the middle"),
        pytest.param("2562047h47m16.854775808s", "too long", id="one nanosecond too long"),
        pytest.param("9999999999h", "too long", id="far too long"),
        pytest.param("1" * 200 + "s", "200|201", id="a text beyond measure"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(DurationError, match=said):
        parse_duration(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (300_000_000, "300ms"),
        (SECOND, "1s"),
        (1_500_000_000, "1.5s"),
        (90 * SECOND, "1m30s"),
        (HOUR, "1h0m0s"),
        (90 * 60 * SECOND, "1h30m0s"),
        (-2 * SECOND, "-2s"),
        (HOUR + 1, "1h0m0.000000001s"),
    ],
)
def test_a_duration_prints_as_in_go(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


@given(st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1))
def test_what_is_printed_is_read_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.text(alphabet="0123456789.hmsnuµ+-d ", max_size=20))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(DurationError):
        assert isinstance(parse_duration(text), int)


def test_seconds_keep_their_fraction() -> None:
    assert duration_seconds("1500ms") == 1.5


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param(None, None, id="no duration pauses for ever"),
        pytest.param(10, 10, id="a number counts seconds"),
        pytest.param(0, 0, id="zero is a duration"),
        pytest.param("10", 10, id="so does a numeric string"),
        pytest.param("-10", -10, id="a negative one too"),
        pytest.param("90s", 90, id="a Go duration"),
        pytest.param("1h30m", 5400, id="of several parts"),
        pytest.param("1.9s", 1, id="parts of a second are cut"),
        pytest.param("-1.9s", -1, id="towards zero"),
        pytest.param("500ms", 0, id="less than a second is none"),
        pytest.param("soon", INVALID_PAUSE, id="a word"),
        pytest.param("", INVALID_PAUSE, id="an empty text"),
        pytest.param("1d", INVALID_PAUSE, id="days"),
        pytest.param("9999999999", INVALID_PAUSE, id="more seconds than 32 bits hold"),
        pytest.param("2000000h", INVALID_PAUSE, id="more hours than 32 bits of seconds hold"),
        pytest.param(" 10", INVALID_PAUSE, id="a space"),
        pytest.param("1_0", INVALID_PAUSE, id="a Python number"),
        pytest.param(True, INVALID_PAUSE, id="a truth value"),
        pytest.param(1.5, INVALID_PAUSE, id="a fraction"),
        pytest.param({}, INVALID_PAUSE, id="an object"),
    ],
)
def test_a_pause_lasts_whole_seconds(value: object, seconds: int | None) -> None:
    assert pause_seconds(value) == seconds
