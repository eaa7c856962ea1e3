"""What expr-lang 1.17.8 gave for 1,400 conditions, recorded by running it; ours must agree.

Each line of the table: the sentence it belongs to (`id`), the condition, the measured value, and
true, false or "error" (a value that is no bool counts as an error, as it does in Argo).
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gradatim.expr import ExprError, compile_condition

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
TABLE = Path(__file__).with_name("reference_cases.jsonl")


def _table() -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = defaultdict(list)
    for line in TABLE.read_text(encoding="ascii").splitlines():
        case = json.loads(line)
        found[case["id"]].append(case)
    return found


CASES = _table()


def _outcome(condition: str, result: object) -> bool | str:
    try:
        return compile_condition(condition).evaluate(result, now=NOW)
    except ExprError:
        return "error"


@pytest.mark.parametrize("sentence", sorted(CASES))
def test_agrees_with_the_reference_on(sentence: str):
    differing = [
        (case["condition"], case["result"], case["expect"], given)
        for case in CASES[sentence]
        if (given := _outcome(case["condition"], case["result"])) != case["expect"]
    ]
    assert differing == []


def test_the_table_holds_every_outcome():
    outcomes = [case["expect"] for cases in CASES.values() for case in cases]
    assert outcomes.count(True) > 500
    assert outcomes.count(False) > 200
    assert outcomes.count("error") > 300
