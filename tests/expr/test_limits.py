"""No condition may crash the controller, hang it or fill its memory."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gradatim.expr import DEFAULT, ExprError, Limits, compile_condition, evaluate
from gradatim.expr.condition import Condition

NOW = datetime(2024, 5, 6, tzinfo=UTC)

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


# A tenth of what a controller allows, so that the tests are quick; all of it where many examples
# are asked for.
ALLOWED = (
    DEFAULT
    if int(os.environ.get("GRADATIM_EXAMPLES", "0"))
    else replace(DEFAULT, steps=100_000, elements=100_000, text=800_000)
)


def _answer(source: str, result: object) -> object:
    """The value or the `ExprError`; anything else that is raised fails the test."""
    try:
        return Condition(source).value(result, now=NOW, limits=ALLOWED)
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
