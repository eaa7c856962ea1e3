"""No condition may crash the controller, hang it or fill its memory."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradatim.expr import DEFAULT, ExprError, Limits, check, compile_condition, evaluate, lint
from gradatim.expr.condition import Condition

NOW = datetime(2024, 5, 6, tzinfo=UTC)
QUICK = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

GREEDY = [
    "(" * 5_000,
    "[" * 20_000,
    "(" * 200 + "1" + ")" * 200,
    "-" * 9_000 + "1",
    "!" * 5_000 + "true",
    "1" + "+1" * 9_000,
    "1" + " || true" * 9_000,
    "1" + " < 2" * 9_000,
    "1 < (" * 70 + "1" + ") < 2" * 70,
    "true ?: " * 5_000 + "true",
    "a ? " * 5_000,
    "result" + ".a" * 5_000,
    "result" + "[0]" * 5_000,
    "result | len()" * 5_000,
    "{a:" * 500,
    "if true {" * 500,
    "if true {1} else " * 500 + "{1}",
    "let a = 1;" * 500 + "a",
    "all(" * 500,
    "join(" * 70 + "[]" + ")" * 70,
    "now()" + ".UTC()" * 100,
    "x" * 40_000,
    "'" + "a" * 40_000 + "'",
    "repeat(repeat(repeat('aaaaaaaaaa', 1000), 1000), 1000) == 'a'",
    "reduce(1..40, #acc + #acc, 'xxxxxxxxxx') == ''",
    "reduce(1..40, concat(#acc, #acc), [1]) == []",
    "reduce(1..400, [#acc, #acc], 1) == []",
    "string(reduce(1..40, [#acc, #acc], 1)) == ''",
    "toJSON(reduce(1..40, [#acc, #acc], 1)) == ''",
    "string(reduce(1..4000, [#acc], 1)) == ''",
    "toJSON(reduce(1..4000, [#acc], 1)) == ''",
    "reduce(1..4000, [#acc], 1) == reduce(1..4000, [#acc], 1)",
    "flatten(reduce(1..40, [#acc, #acc], 1)) == []",
    "max(reduce(1..40, [#acc, #acc], 1)) == 1",
    "reduce(1..40, [#acc, #acc], 1) == reduce(1..40, [#acc, #acc], 1)",
    "{a: reduce(1..40, [#acc, #acc], 1)} == {a: reduce(1..40, [#acc, #acc], 1)}",
    "all(1..900, all(1..900, all(1..900, true)))",
    "all(1..5000, 1..5000 == 1..5000)",
    "all(1..5000, # in 1..5000)",
    "all(1..5000, len(reverse(1..5000)) > 0)",
    "all(1..5000, len((1..5000)[1:]) > 0)",
    "all(1..5000, len(take(1..5000, 4000)) > 0)",
    "uniq(1..20000) == []",
    "sort(1..300000) == []",
    "sortBy(1..300000, -#) == []",
    "toJSON(1..900000) == ''",
    "string(1..900000) == ''",
    "let s = repeat('a', 100000); all(1..1000, s contains 'ab')",
    "let s = repeat('a', 100000); all(1..1000, s matches '(a|b)*c')",
    "let s = repeat('a', 100000); all(1..1000, upper(s) != '')",
    "let s = repeat('a', 1000); replace(replace(s, 'a', s), 'a', s) == ''",
    "let s = repeat('a', 1000); join(map(1..100000, s), s) == ''",
    "let s = repeat('a,', 100000); all(1..1000, len(split(s, ',')) > 0)",
    "fromJSON(repeat('[', 100000)) == nil",
    "len(-9223372036854775807..9223372036854775807) > 0",
    "bitshl(1, 9223372036854775807) == 0",
    "2 ** 9007199254740993 > 0",
    "asInt(repeat('9', 100000)) == 0",
    "asFloat(repeat('9', 100000)) == 0",
    "date(repeat('2', 100000)) > now()",
    "duration(repeat('1h', 100000)) > duration('1s')",
    "'a' matches repeat('(', 100000)",
    "'a' matches repeat('a?', 500) + repeat('a', 500)",
    "fromBase64(repeat('a', 900001)) == ''",
]


def _answer(source: str, result: object, limits: Limits = DEFAULT) -> object:
    """The value or the `ExprError`; anything else that is raised fails the test."""
    try:
        return Condition(source).value(result, now=NOW, limits=limits)
    except ExprError as error:
        return error


@pytest.mark.parametrize("source", GREEDY, ids=range(len(GREEDY)))
def test_a_greedy_condition_ends_soon_with_an_answer_or_an_error(source: str):
    start = time.process_time()
    found = _answer(source, [1, 2, 3])
    assert isinstance(found, ExprError | bool | int | float | str)
    assert len(str(found)) < 1_000
    assert time.process_time() - start < 10  # a tenth of it, when no coverage is measured


def test_a_deep_value_is_an_error_and_no_crash():
    value: object = 1
    for _ in range(100_000):
        value = [value]
    assert compile_condition("len(result) == 1").evaluate(value, now=NOW) is True
    for source in ("result == result", "string(result) == ''", "toJSON(result) == ''"):
        with pytest.raises(ExprError, match="nest"):
            compile_condition(source).evaluate(value, now=NOW)
    with pytest.raises(ExprError, match="nest"):
        evaluate("result", value, now=NOW)


def test_what_is_common_stays_far_from_the_limits():
    source = " || ".join(f"result[{number}] > {number}" for number in range(150))
    assert compile_condition(source).evaluate([0.0] * 149 + [1e9], now=NOW) is True
    nested = "(" * 15 + "result" + ")" * 15 + " > 0"
    assert compile_condition(nested).evaluate(1, now=NOW) is True
    values = [float(number) for number in range(10_000)]
    assert compile_condition("all(result, # >= 0 && # < 1e6)").evaluate(values, now=NOW) is True


def test_the_caller_can_set_tighter_limits():
    condition = compile_condition("all(result, # > 0)")
    assert condition.evaluate([1] * 50, now=NOW) is True
    with pytest.raises(ExprError, match="too many steps"):
        condition.evaluate([1] * 50, now=NOW, limits=Limits(steps=50))
    with pytest.raises(ExprError, match="memory budget exceeded"):
        compile_condition("len(map(result, #)) > 0").evaluate(
            [1] * 50, now=NOW, limits=Limits(elements=50)
        )
    with pytest.raises(ExprError, match="too much text"):
        compile_condition("result + result == ''").evaluate(
            "a" * 50, now=NOW, limits=Limits(text=50)
        )


def test_an_endless_recursion_of_the_host_is_an_error(monkeypatch: pytest.MonkeyPatch):
    def fail(_source: str) -> None:
        raise MemoryError

    monkeypatch.setattr("gradatim.expr.condition.parse", fail)
    with pytest.raises(ExprError, match="memory"):
        Condition("1 == 1")


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


def _survives(source: str, result: object) -> None:
    """Whatever the text: an answer or an `ExprError`, nothing else."""
    problem = check(source)
    assert isinstance(lint(source), list)
    answer = _answer(source, result, LIMITS)
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


@settings(max_examples=150, deadline=None, database=None)
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
