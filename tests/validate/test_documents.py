from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.validate.documents import Document, read_documents
from gradatim.validate.scalars import ScalarError, plain_value, tagged_value
from gradatim.validate.tree import DEEPEST, TextFault, line_of


def values(text: str) -> list[Any]:
    return [found.value for found in read_documents(text) if isinstance(found, Document)]


def faults(text: str) -> list[str]:
    return [
        f"{found.number}:{found.line}:{found.column}: {found.message}"
        for found in read_documents(text)
        if isinstance(found, TextFault)
    ]


def test_documents_are_numbered_and_empty_ones_do_not_count() -> None:
    text = "# a comment\n---\n\n---\na: 1\n--- # another\nb: 2\n...\n---\n"
    found = [(d.number, d.value, d.line) for d in read_documents(text) if isinstance(d, Document)]
    assert found == [(1, {"a": 1}, 4), (2, {"b": 2}, 6)]
    assert values("") == values("---\n---\n") == []
    assert values("%YAML 1.1\n---\na: 1\n") == [{"a": 1}]


def test_a_document_that_cannot_be_read_hides_no_other() -> None:
    text = "a: 1\n---\na: b: c\n---\nc: 3\n"
    assert values(text) == [{"a": 1}, {"c": 3}]
    assert faults(text) == ["2:3:5: is no YAML: mapping values are not allowed in this context"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("Off", False), ("y", True), ("~", None), ("", None), ("5", 5),
        ("0755", 493), ("0o17", 15), ("0x1F", 31), ("0b101", 5), ("1_000", 1000), ("-5", -5),
        ("1.5", 1.5), ("1e3", 1000.0), ("1:30", "1:30"), ("2026-01-01", "2026-01-01"),
        ("5m", "5m"), ("a", "a"), ("9" * 30, 1e30), ("9" * 500, "9" * 500), ("089", 89), ("_", "_"),
        ("1e999", "1e999"),
    ],
)  # fmt: skip
def test_words_mean_what_they_mean_to_kubectl(text: str, value: Any) -> None:
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)


def test_tags_of_json_are_kept_and_others_refused() -> None:
    prefix = "tag:yaml.org,2002:"
    assert tagged_value("5", f"{prefix}str") == "5"
    assert tagged_value("5", f"{prefix}float") == 5.0
    assert tagged_value("5", f"{prefix}int") == 5
    for text, tag in (("a", f"{prefix}int"), ("a", "!secret"), ("yes", f"{prefix}int")):
        with pytest.raises(ScalarError):
            tagged_value(text, tag)
    assert values("a: !!str 5\n") == [{"a": "5"}]
    assert faults("a: !vault x\n") == ["1:1:4: 'x' cannot have the tag !vault"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a: 1\na: 2\n", 'key "a" is set twice', id="a key twice"),
        pytest.param('{"a": 1, "a": 2}', 'key "a" is set twice', id="a key twice in JSON"),
        pytest.param("v: {{args.x}}\n", 'into quotes: "{{args.x}}"', id="a tag without quotes"),
        pytest.param("v: {{args.x}}s\n", 'into quotes: "{{args.x}}"', id="a tag and more"),
        pytest.param("v: {{ .Values.x }}\n", "render it first", id="a chart's template"),
        pytest.param("a: *b\n", "*b refers to nothing", id="an alias of nothing"),
        pytest.param("[a]: 1\n", "where the name of a field must stand", id="a list as a key"),
        pytest.param("a: &x [1]\n*x : 1\n", "as the name of a field", id="an alias of a list as a key"),
        pytest.param("a: .inf\n", "no number that JSON has", id="infinity"),
        pytest.param("<<: 5\n", "merges something other", id="a merge of a number"),
        pytest.param("a: 'b\n", "is no YAML", id="a quote without end"),
        pytest.param("a:\n\t- b\n", "is no YAML", id="a tab"),
        pytest.param("a: \x00\n", "is no YAML", id="a character that no file has"),
        pytest.param("a: " + "[" * (DEEPEST + 1), "levels deep", id="too deep"),
        pytest.param("[" * 100_000, "levels deep", id="much too deep"),
        pytest.param("&a [*a]", "refers to nothing", id="a circle"),
    ],
)  # fmt: skip
def test_text_that_cannot_be_read(text: str, words: str) -> None:
    (fault,) = faults(text)
    assert words in fault
    assert "\n" not in fault


def test_aliases_are_followed_and_merged() -> None:
    text = "base: &b {x: 1, y: 2}\nthis: {<<: *b, y: 3}\nboth: {<<: [*b, {z: 4}]}\nsame: *b\n"
    (value,) = values(text)
    assert value["this"] == {"x": 1, "y": 3}
    assert value["both"] == {"x": 1, "y": 2, "z": 4}
    assert value["same"] == {"x": 1, "y": 2}
    assert values("&k a: *k\n") == [{"a": "a"}]


def test_a_few_lines_of_aliases_do_not_become_a_billion_values() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (fault,) = faults("\n".join(lines))
    assert "its aliases written out" in fault


def test_json_is_read_as_json() -> None:
    assert values('{"a": "2026-01-01", "b": [1.5]}') == [{"a": "2026-01-01", "b": [1.5]}]
    assert (
        values('{"a": 1' + "0" * 400 + "}") != values('{"a": 1' + "0" * 40 + "}") == [{"a": 1e40}]
    )
    assert faults('{"a": NaN}') == []  # as YAML, that is a word
    assert "is no YAML" in faults('{"a": ]')[0]


def test_each_key_knows_its_line() -> None:
    text = "# first\na:\n  b:\n  - c: 1\n  - d: 2\n"
    (document,) = (found for found in read_documents(text) if isinstance(found, Document))
    lines = {
        path: line_of(document.value, document.marks, path)
        for path in ((), ("a",), ("a", "b", 1, "d"), ("a", "b", 9), ("a", "x"))
    }
    assert lines == {(): 0, ("a",): 2, ("a", "b", 1, "d"): 5, ("a", "b", 9): 3, ("a", "x"): 2}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)  # fmt: skip


@given(st.dictionaries(st.text("abc<", max_size=3), JSON, max_size=4))
@settings(max_examples=100, deadline=None)
def test_what_is_written_as_json_is_read_back(value: dict[str, Any]) -> None:
    assert values(json.dumps(value)) == [value]


@given(st.text("abx:{}[]&*-!|>'\"# \n\t,?%<~.0123", max_size=60) | st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str) -> None:
    found = list(read_documents(text))
    assert all("\n" not in f.message for f in found if isinstance(f, TextFault))
    numbers = [d.number for d in found if isinstance(d, Document)]
    assert numbers == sorted(numbers)
