"""JSONPath against what client-go's `util/jsonpath` 0.37 answered to the same templates and documents.

`jsonpath_vectors.json`: documents, and cases of template, document's index, kind of outcome and the JSON of the first
value found. Left out are results that follow Go's random map order, and a bare null, on which client-go panics.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.builtin.web import gojson
from gradatim.builtin.web.jsonpath import MAX_LENGTH, JSONPathError, parse
from gradatim.builtin.web.jsonwalk import MAX_VALUES, first_value

VECTORS = json.loads((Path(__file__).parent / "jsonpath_vectors.json").read_text("utf-8"))


def outcome(template: str, document: Any) -> tuple[str, str]:
    try:
        found, value = first_value(parse(template), gojson.loads(json.dumps(document).encode()))
    except JSONPathError:
        return "error", ""
    return ("value", gojson.dumps(value)) if found else ("none", "")


@pytest.mark.parametrize("template", dict.fromkeys(case[0] for case in VECTORS["cases"]))
def test_finds_what_client_go_finds(template: str) -> None:
    cases = [case for case in VECTORS["cases"] if case[0] == template]
    found = {index: outcome(template, VECTORS["documents"][index]) for _, index, _, _ in cases}
    assert found == {index: (kind, value) for _, index, kind, value in cases}


@pytest.mark.parametrize(
    ("template", "document", "value"),
    [
        pytest.param("{[?(@.x==5)].y}", [{"x": 5, "y": 1}], 1.0, id="integers compare with floats"),
        pytest.param("{[?(@.x<=5)].y}", [{"x": 5, "y": 1}], 1.0, id="at most"),
        pytest.param("{.b.*}", {"b": {"z": 1, "a": 2}}, 1.0, id="members in the answer's order"),
        pytest.param("{..b}", {"b": 1, "a": {"b": 2}}, 1.0, id="outer parts before inner ones"),
        pytest.param('{"\\x41\\101\\t"}', {}, "AA\t", id="escapes of a quoted text"),
    ],
)
def test_where_go_is_random_or_fails(template: str, document: Any, value: Any) -> None:
    assert first_value(parse(template), gojson.loads(json.dumps(document).encode())) == (
        True,
        value,
    )


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.a[0}", "unterminated array"),
        ("{.a", "unclosed action"),
        ("{hello}", "unrecognized identifier hello"),
        ("{range .a}", "a range without its end"),
        ("{end}", "not in range, nothing to end"),
        ("{[?(@.a<>1)]}", "unrecognized filter operator <>"),
        ("{[?(range)]}", "a range cannot stand in 'range'"),
        ("{[?(@.a)}", "unclosed array expect ]"),
        ("{[?(@.a", "unterminated filter"),
        ("{[::0]}", "step must be > 0"),
        ("{[-]}", "array index - is not a number"),
        ('{"\\ud800"}', "no such character"),
        ("{" + "." * MAX_LENGTH + "}", "longer than"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused(template: str, message: str) -> None:
    with pytest.raises(JSONPathError, match=message.replace("[", "\\[")):
        parse(template)


@pytest.mark.parametrize(
    ("template", "document", "message"),
    [
        ("{.a}", {"b": 1}, "a is not found"),
        ("{.a[3]}", {"a": [1]}, "array index out of bounds: index 3, length 1"),
        ("{[0]}", {}, "an object is not array or slice"),
        ("{[0]}", "x", "a string is not array or slice"),
        ("{[0]}", True, "a boolean is not array or slice"),
        ("{[0]}", 1, "a number is not array or slice"),
        ("{[?(@.a)]}", None, "null is not array or slice and cannot be filtered"),
        ('{[?(@=="x")]}', [1], "incompatible types for comparison"),
        ("{[?(@<true)]}", [True], "invalid type for comparison"),
        ("{[?(@==1.0)]}", [{}], "invalid type for comparison"),
        ("{[?(@.*==1.0)]}", [[1, 2]], "can only compare one element at a time"),
    ],
)
def test_what_does_not_fit_the_answer_says_why(template: str, document: Any, message: str) -> None:
    with pytest.raises(JSONPathError) as caught:
        first_value(parse(template), gojson.loads(json.dumps(document).encode()))
    assert str(caught.value) == message


def test_a_path_that_fans_out_ends_in_an_error() -> None:
    document = [[[0] * 100] * 100] * 100
    with pytest.raises(JSONPathError, match=f"more than {MAX_VALUES} values"):
        first_value(parse("{..[*]..[*]}"), document)
    with pytest.raises(JSONPathError, match=f"more than {MAX_VALUES} values"):
        first_value(parse("{..}"), document)


@given(st.text(alphabet="{}[]().,:*?@$'\"\\=<>-019 \nabxé\ud800", max_size=40))
def test_any_text_is_a_template_or_refused(text: str) -> None:
    for template in (text, "{" + text + "}"):
        try:
            parts = parse(template)
        except JSONPathError:
            continue
        for document in VECTORS["documents"]:
            with contextlib.suppress(JSONPathError):
                first_value(parts, document)
