"""Texts that a status can keep and a message can say."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.plugin.texts import MOST_VALUES, excerpt, number_text, numbers_text, writable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (100.0, "100"),
        (7, "7"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e300, "1" + "0" * 300),
        (5e-324, "0." + "0" * 323 + "5"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_numbers_are_printed_as_go_prints_them(value: float, text: str) -> None:
    assert number_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_numbers_are_read_back_and_have_no_exponent(value: float) -> None:
    assert float(number_text(value)) == value
    assert "e" not in number_text(value).lower()


def test_of_very_many_numbers_the_first_are_kept() -> None:
    assert numbers_text([]) == "[]"
    assert numbers_text([0.5, math.nan]) == "[0.5,NaN]"
    assert json.loads(numbers_text([1.0] * 5000)) == [1] * MOST_VALUES


def test_an_excerpt_hides_the_longer_secret_first_and_leaves_letters_alone() -> None:
    told = excerpt("a secret-longer b secret c", ("secret", "secret-longer", "c"))
    assert told == "a ***** b ***** c"


def test_an_excerpt_is_one_line_of_256_characters() -> None:
    assert excerpt(" a\n\t b ") == "a b"
    assert excerpt("x" * 257) == "x" * 255 + "…"
    assert excerpt(" " * 10**6 + "late") == ""


def test_a_secret_at_the_border_of_an_excerpt_is_not_shown_in_part() -> None:
    assert "hunter" not in excerpt("x" * 250 + " hunter22", ("hunter22",))


def test_half_a_surrogate_pair_becomes_writable() -> None:
    assert excerpt("a \ud800") == "a ?"
    assert writable("\ud800é") == "?é"
