"""Any text at all is answered or refused: nothing but a value or an `ExprError` comes out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.expr import ExprError, Limits, check, lint
from gradatim.expr.condition import Condition

NOW = datetime(2024, 5, 6, tzinfo=UTC)
QUICK = settings(max_examples=80, deadline=None, database=None)

TOKENS = [
    "result",
    "#",
    "#index",
    "#acc",
    ".a",
    ".v",
    "1",
    "0",
    "2.5",
    "-1",
    '"a"',
    "'x'",
    "`r`",
    "true",
    "false",
    "nil",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "^",
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "&&",
    "||",
    "!",
    "and",
    "or",
    "not",
    "in",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "?",
    ":",
    "??",
    "?.",
    "..",
    ".",
    ",",
    ";",
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "let",
    "x",
    "=",
    "if",
    "else",
    "len",
    "all",
    "any",
    "map",
    "filter",
    "sum",
    "count",
    "find",
    "reduce",
    "sortBy",
    "groupBy",
    "first",
    "last",
    "max",
    "min",
    "keys",
    "now()",
    "date",
    "duration",
    "split",
    "join",
    "string",
    "int",
    "float",
    "asInt",
    "asFloat",
    "isNil",
    "isNaN",
    "default",
    "toJSON",
    "fromJSON",
    "$env",
    "::",
    "foo",
    "get",
    "type",
    "take",
    "concat",
    "flatten",
    "uniq",
    "sort",
    "trim",
    "repeat",
    "[1,2,3]",
    "{a:1}",
    "1..3",
    '"(a+)+"',
    "//",
    "/*",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text("ab1é", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("av"), inner),
    max_leaves=6,
)
LIMITS = Limits(steps=20_000, elements=20_000, text=100_000)


def _answer(source: str, result: object) -> object:
    """The value or the `ExprError`; anything else that is raised fails the test."""
    try:
        return Condition(source).value(result, now=NOW, limits=LIMITS)
    except ExprError as error:
        return error


def _survives(source: str, result: object) -> None:
    """Whatever the text: an answer or an `ExprError`, nothing else."""
    problem = check(source)
    assert isinstance(lint(source), list)
    answer = _answer(source, result)
    assert problem is None or isinstance(answer, ExprError)
    assert not isinstance(answer, ExprError) or str(answer)


@QUICK
@given(st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join), VALUES)
def test_any_soup_of_tokens_is_answered_or_refused(source: str, result: object):
    _survives(source, result)


@QUICK
@given(st.text(max_size=30), VALUES)
def test_any_text_is_answered_or_refused(source: str, result: object):
    _survives(source, result)


@QUICK
@given(st.binary(max_size=40))
def test_any_bytes_are_answered_or_refused(raw: bytes):
    _survives(raw.decode("utf-8", "surrogateescape"), 1)


FRAMES = ["({})", "[{}]", "!({})", "-({})", "len({})", "all([1], {{{}}})", "{{a: {}}}", "[{}][0]"]
FRAMES += ["true ? {} : 1", "(let y = {}; y)", "if true {{ {} }} else {{ 1 }}", "{} | string()"]
FRAMES += ["string({})", "({}) ?? 1", "({})?.a", "1 + {}", "not {}", "map([1], {})", "({})[0:1]"]


@settings(max_examples=30, deadline=None, database=None)
@given(st.lists(st.sampled_from(FRAMES), min_size=1, max_size=300))
def test_any_nesting_is_answered_or_refused(frames: list[str]):
    source = "result"
    for frame in frames:
        source = frame.format(source)
        if len(source) > 40_000:
            break
    _survives(source, 1)


@pytest.mark.parametrize(
    "piece", "abcdefghijklmnopqrstuvwxyz0189_$.,;:?!+-*/%^&|<>=()[]{}#'\"`\\ \n"
)
def test_any_one_character_is_answered_or_refused(piece: str):
    _survives(piece, 1)
    _survives(piece * 3, 1)
    _survives(f"result {piece} 1", 1)
