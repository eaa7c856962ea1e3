"""What expr-lang 1.17.8 gave where the result is known to hold floats only, recorded by running it; ours must agree.

Each line of the table: the condition, the list, true, false or "error", and the message of an error.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gradatim.expr import ExprError, FloatList, compile_condition

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
TABLE = Path(__file__).with_name("numbers_cases.jsonl")
CASES = [json.loads(line) for line in TABLE.read_text(encoding="ascii").splitlines()]


def _given(condition: str, result: list[float]) -> bool | str:
    try:
        return compile_condition(condition).evaluate(FloatList(result), now=NOW)
    except ExprError as error:
        return error.message


@pytest.mark.parametrize("case", CASES, ids=[case["condition"] for case in CASES])
def test_a_list_of_floats(case: dict):
    assert _given(case["condition"], case["result"]) == case.get("message", case["expect"])


def test_of_any_other_list_nothing_is_known():
    condition = compile_condition("len(result) == 0 || result[0] == '1'")
    assert condition.evaluate([], now=NOW) is True
    assert condition.evaluate([1.0], now=NOW) is False
    with pytest.raises(ExprError):
        condition.evaluate(FloatList(), now=NOW)
