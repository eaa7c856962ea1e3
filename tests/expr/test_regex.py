"""`matches`: RE2's syntax, in linear time. What Go's regexp says is in the table of the reference."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.expr import ExprError, Limits
from gradatim.expr.charclass import forms_of, inverted
from gradatim.expr.limits import Budget
from gradatim.expr.regex import compile_pattern

REFUSED = [
    ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
    ("(?P=a)", "invalid or unsupported Perl syntax: `(?P`"),
    (r"\1", r"invalid escape sequence: `\1`"),
    (r"\Z", r"invalid escape sequence: `\Z`"),
    ("a**", "invalid nested repetition operator: `**`"),
    ("*a", "missing argument to repetition operator: `*`"),
    ("(*a)", "missing argument to repetition operator: `*`"),
    ("a{2,1}", "invalid repeat count: `{2,1}`"),
    ("a{1001}", "invalid repeat count: `{1001}`"),
    ("(a{100}){100}", "invalid repeat count: `{100}`"),
    ("(a", "missing closing ): `(a`"),
    ("a)", "unexpected ): `a)`"),
    ("[a", "missing closing ]: `[a`"),
    ("[z-a]", "invalid character class range: `z-a`"),
    ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
    (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
    (r"\p", r"invalid character class range: `\p`"),
    ("\\", "trailing backslash at end of expression: ``"),
    (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
    (r"\xg", r"invalid escape sequence: `\xg`"),
    ("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"),
    ("(" * 60 + ")" * 60, f"expression nests too deeply: `{'(' * 60 + ')' * 60}`"),
    ("a" * 1001, "a pattern is not longer than 1000 characters"),
    ("\udce9", "a pattern is not cut within a character"),
]


@pytest.mark.parametrize(("pattern", "message"), REFUSED)
def test_what_re2_does_not_know_is_refused(pattern: str, message: str):
    with pytest.raises(ExprError) as caught:
        compile_pattern(pattern)
    assert caught.value.message.removeprefix("error parsing regexp: ") == message


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\p{Any}", "x", True),
        (r"\P{Any}", "x", False),
        (r"[\P{L}]", "x", False),
        (r"\p{^L}", "1", True),
        (r"\x{1F600}", "😀", True),
        (r"\07", "\x07", True),
        (r"(?m)a$\n^b", "a\nb", True),
        (r"(?m)^$", "a\n\nb", True),
        (r"\b", "", False),
        (r"\B", "", True),
        (r"a.c", "a\udce9c", True),
        (r"�", "\udce9", True),
        (r"x{2,}", "xx", True),
        (r"^x{2,}$", "x", False),
        (r"^(a?){3}$", "aaaa", False),
        (r"^(a*)*$", "aaab", False),
        (r"(|a)+$", "aaa", True),
        (r"^[^\d\s]+$", "abc", True),
        (r"(?s).", "\n", True),
        (r"\Qa+", "a+", True),
        (r"(?P<a>x)(?P<a>y)", "xy", True),
        (r"(?i)^\w$", "ſ", True),
        (r"(?i)^\W$", "ſ", False),
        (r"^\w$", "ſ", False),
        (r"(?i)^[[:lower:]]$", "K", True),
        (r"(?i)^[[:^lower:]]$", "\u212a", False),
    ],
)
def test_finds(pattern: str, text: str, found: bool):
    assert compile_pattern(pattern).search(text, Budget()) is found


PIECES = ["a", "b", ".", "[ab]", "[^a]", "(a|b)", "(?:ab)", "a*", "b+", "a?", "(a*b)*", "^", "$"]
PIECES += [r"\b", r"\B", r"\d", r"\w", "a{2}", "(b{1,2})", "|", "x", r"\s", "(a+)+", "b{0,3}?"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=5).map("".join), st.text("ab1 x", max_size=7))
def test_agrees_with_pythons_re_where_the_two_mean_the_same(pattern: str, text: str):
    try:
        python = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    except re.error:
        return
    try:
        ours = compile_pattern(pattern)
    except ExprError:
        assert re.search(r"[*+?}][*+?]|[|^$bB(][*+?{]|^[*+?{]", pattern)
        return
    if r"\B" in pattern and not text:
        return  # Python's \B never holds in an empty text
    assert ours.search(text, Budget()) is (python.search(text) is not None)


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+$", r"(a|aa)+$", r"(.*)*x", r"(a?){30}a{30}$", r"^(([a-z])+.)+[A-Z]([a-z])+$"],
)
def test_patterns_that_stop_a_backtracker_take_linear_time(pattern: str):
    text = "a" * 5_000 + "b"
    start = time.process_time()
    compile_pattern(pattern).search(text, Budget())
    assert time.process_time() - start < 2


def test_a_search_is_charged_for():
    pattern = compile_pattern("(a|b|c|d)*e")
    with pytest.raises(ExprError, match="too many steps"):
        pattern.search("abcd" * 1_000, Budget(Limits(steps=100)))


def test_many_different_characters_do_not_fill_the_memory():
    pattern = compile_pattern("(?i)[a-z]+[^a-z]+z$")
    text = "".join(chr(0x4E00 + number) for number in range(5_000))
    assert pattern.search("a" + text + "z", Budget()) is True
    assert pattern.search("a" + text, Budget()) is False


def test_too_large_an_automaton_is_refused():
    with pytest.raises(ExprError, match="too large"):
        compile_pattern("(?:" + "a" * 500 + "){900}")


def test_the_cases_of_a_letter_belong_together():
    assert set(forms_of("k")) == set("kK\u212a")
    assert set(forms_of("é")) == set("éÉ")
    assert forms_of("1") == "1"


def test_inverted_ranges_cover_the_rest():
    assert inverted(((0, 9), (20, 0x10FFFF))) == ((10, 19),)
    assert inverted(()) == ((0, 0x10FFFF),)
