"""Durations are read as Go reads them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.plugin.duration import parse_duration

_TOO_LONG = "too long for a duration"
_NO_DURATION = "is not a duration"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("0", 0.0, id="zero needs no unit"),
        pytest.param("-0", 0.0, id="nor does minus zero"),
        pytest.param("30s", 30.0, id="seconds"),
        pytest.param("1h30m", 5400.0, id="units add up"),
        pytest.param("1m1m", 120.0, id="a unit may come twice"),
        pytest.param("1.5h", 5400.0, id="fractions"),
        pytest.param(".5s", 0.5, id="a fraction without its zero"),
        pytest.param("5.s", 5.0, id="a point without a fraction"),
        pytest.param("500ms", 0.5, id="milliseconds are not minutes"),
        pytest.param("1us", 1e-6, id="us is a microsecond"),
        pytest.param("1µs", 1e-6, id="so is the micro sign"),
        pytest.param("1μs", 1e-6, id="so is the Greek letter"),
        pytest.param("7ns", 7e-9, id="nanoseconds"),
        pytest.param("0.9ns", 0.0, id="below a nanosecond is cut off"),
        pytest.param("-1m", -60.0, id="negative ones parse"),
        pytest.param("+1m", 60.0, id="so do those with a plus"),
        pytest.param("0." + "3" * 200 + "s", 0.333333333, id="digits nobody needs are cut off"),
        pytest.param("0" * 5000 + "1s", 1.0, id="leading zeros do not count"),
        pytest.param("9223372036854775807ns", 9223372036.854775807, id="the longest"),
        pytest.param("-9223372036854775808ns", -9223372036.854775808, id="the most negative"),
    ],
)
def test_reads(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", _NO_DURATION, id="nothing"),
        pytest.param("5", _NO_DURATION, id="a number without a unit"),
        pytest.param("1d", _NO_DURATION, id="Go has no days"),
        pytest.param("1h 30m", _NO_DURATION, id="a space between"),
        pytest.param(" 1h", _NO_DURATION, id="a space before"),
        pytest.param("1h\n", _NO_DURATION, id="a newline after"),
        pytest.param(".s", _NO_DURATION, id="a point alone"),
        pytest.param("--1s", _NO_DURATION, id="two signs"),
        pytest.param("1H", _NO_DURATION, id="a capital unit"),
        pytest.param("١s", _NO_DURATION, id="digits of another script"),
        pytest.param("{{args.window}}", _NO_DURATION, id="a placeholder"),
        pytest.param("9223372036854775808ns", _TOO_LONG, id="one nanosecond too long"),
        pytest.param("-9223372036854775809ns", _TOO_LONG, id="one nanosecond too negative"),
        pytest.param("9" * 5000 + "h", _TOO_LONG, id="absurdly long"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_duration(text), float)


@given(st.integers(0, 10_000), st.integers(0, 59), st.integers(0, 59))
def test_what_go_prints_is_read_back(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds
