"""What the callers of the room see: conditions kept ready, warnings, messages of measurements."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from gradatim.expr import ExprError, check, compile_condition, explain_error, lint

NOW = datetime(2024, 5, 6, tzinfo=UTC)


def test_a_condition_is_read_once():
    assert compile_condition("result > 41") is compile_condition("result > 41")


def test_an_evaluation_costs_little_after_the_first():
    condition = compile_condition("result[0] < 0.95 || isNaN(result[0])")
    condition.evaluate([0.5], now=NOW)
    start = time.process_time()
    for _ in range(1_000):
        condition.evaluate([0.5], now=NOW)
    assert time.process_time() - start < 1


def test_one_condition_serves_results_of_every_type():
    condition = compile_condition("len(result) == 1")
    assert condition.evaluate([1], now=NOW) is True
    assert condition.evaluate({"a": 1}, now=NOW) is True
    assert condition.evaluate("é", now=NOW) is True
    for wrong in (1, 1.5, True, None):
        with pytest.raises(ExprError):
            condition.evaluate(wrong, now=NOW)


def test_what_is_no_bool_is_an_error():
    with pytest.raises(ExprError, match=r"^expected bool, but got float64$"):
        compile_condition("result + 1").evaluate(1, now=NOW)
    with pytest.raises(ExprError, match=r"^expected bool, but got <nil>$"):
        compile_condition("result").evaluate(None, now=NOW)


def test_a_sound_condition_has_nothing_to_complain_of():
    assert check("result[0] < 0.95") is None
    assert lint("result[0] < 0.95") == []


@pytest.mark.parametrize(
    "source", ["result == nil", "default(result, 0) < 1", "isNil(result) || result < 1"]
)
def test_the_usual_guards_are_not_warned_of(source: str):
    assert lint(source) == []


def test_the_traps_of_isnil_and_default_are_warned_of():
    assert lint("isNil(result.a) || default(result.b, 1) > 0 || isNil(result.c)") == [
        "isNil ignores its argument: it is true when the whole result is nil",
        "default ignores its first argument: it gives the whole result, or the second argument "
        "when the whole result is nil",
    ]


def test_the_traps_are_traps():
    trap = compile_condition("default(result.errors, 0) == 0")
    with pytest.raises(ExprError):
        trap.evaluate(None, now=NOW)  # a member of nil, before default is even asked
    assert trap.evaluate({"errors": None}, now=NOW) is False  # the whole map, which is not 0
    assert compile_condition("isNil(result.a)").evaluate({"a": None}, now=NOW) is False


def test_an_unsound_condition_has_no_warnings_but_an_error():
    assert lint("isNil(result.a) &&") == []


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        (None, "metric result is nil or empty: no data returned from the metric provider"),
        ([], "metric result is nil or empty: no data returned from the metric provider"),
        ([1], "boom"),
        ({}, "cannot use int to get an element from map[string]interface {}"),
        (0, "type float64[int] is undefined"),
        ("", "type string[int] is undefined"),
    ],
)
def test_the_message_of_a_failed_measurement(result: object, cause: str):
    error = ExprError("boom", 3, "result[0] > 1")
    expected = f'could not evaluate successCondition "result[0] > 1": {cause}'
    assert explain_error("result[0] > 1", result, error) == expected


def test_the_message_names_the_field():
    message = explain_error("result", 1, ExprError("boom"), field="failureCondition")
    assert message == 'could not evaluate failureCondition "result": boom'


def test_the_message_tells_what_is_met_first_by_one_who_knows_the_result():
    source = "result < 2 && foo"
    error = check(source)
    assert error is not None
    assert error.message == "unknown name foo"
    cause = "invalid operation: < (mismatched types string and int)"
    expected = f'could not evaluate successCondition "{source}": {cause}'
    assert explain_error(source, "text", error) == expected


def test_the_room_imports_nothing_but_python():
    code = (
        "import sys; before = set(sys.modules); import gradatim.expr;"
        "print([m for m in sys.modules if m.startswith('gradatim.') and '.expr' not in m],"
        "[m for m in ('asyncio', 'logging', 'random', 'kubernetes', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"
