"""JSON as Go reads and prints it; the printed numbers were taken from Go's encoding/json."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.builtin.web import gojson


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (0.0, "0"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e21, "1.5e+21"),
        (-1e21, "-1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (1e-10, "1e-10"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740993.0, "9007199254740992"),
        (7, "7"),
    ],
)
def test_numbers_are_printed_as_go_prints_them(number: float, text: str) -> None:
    assert gojson.dumps(number) == text


def test_texts_are_escaped_and_keys_sorted_as_in_go() -> None:
    value = {"b": [1.0, '<a>&\u2028\x01é\b\f\n\t"\\\x7f\ud800'], "a": None, "c": [True, False, {}]}
    expected = (
        '{"a":null,"b":[1,"\\u003ca\\u003e\\u0026\\u2028\\u0001é\\b\\f\\n\\t\\"\\\\\x7f\ufffd"]'
        ',"c":[true,false,{}]}'
    )
    assert gojson.dumps(value) == expected


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"1", 1.0),
        (b' {"a": [1, 2.5, null, true]} ', {"a": [1.0, 2.5, None, True]}),
        (b'"\\ud800x"', "\ufffdx"),
        (b'{"\\ud800": ["\\uDC00"]}', {"\ufffd": ["\ufffd"]}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\xff"', "\ufffd"),
        (b'{"a": 1, "a": 2}', {"a": 2.0}),
    ],
)
def test_reads_what_go_reads(body: bytes, value: Any) -> None:
    assert gojson.loads(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5_000,
        b"[" * 100_000,
        b"{'a': 1}",
        b"\xef\xbb\xbf1",
        b"1 2",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_refuses_what_go_refuses(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        gojson.loads(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_what_is_printed_reads_back_the_same(value: Any) -> None:
    assert gojson.loads(gojson.dumps(value).encode()) == value
