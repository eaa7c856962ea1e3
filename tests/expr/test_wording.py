"""What expr-lang 1.17.8 said of conditions that fail, recorded by running it; ours says the same.

Each line of the table: the condition, the measured value, and the message without its place. The
message ends in a measurement's and a Rollout's status, where users' tools read it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gradatim.expr import ExprError, compile_condition, explain_error

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
TABLE = Path(__file__).with_name("wording_cases.jsonl")
CASES = [json.loads(line) for line in TABLE.read_text(encoding="ascii").splitlines()]

SENTENCES = {
    "one value and another do not fit an operator": "invalid operation: ",
    "the text is no condition": "unexpected token ",
    "a name means nothing": "unknown name ",
    "a type has no such field": "type ",
    "a function takes no such argument": "cannot use ",
    "a function takes more or fewer arguments": "invalid number of arguments",
    "what comes out is no bool": "expected bool, but got ",
    "a value turns out to be of another type": "interface conversion: ",
    "an index is out of range": "index out of range: ",
    "nothing can be fetched": "cannot fetch ",
    "a pattern is no regular expression": "error parsing regexp: ",
    "a text is no number": "strconv.Parse",
    "a text is no JSON": "invalid character ",
    "a text is no date": "parsing time ",
    "a text is no duration": "time: ",
}


def _said(condition: str, result: object) -> str:
    with pytest.raises(ExprError) as caught:
        compile_condition(condition).evaluate(result, now=NOW)
    return explain_error(condition, result, caught.value)


def _differing(cases: list[dict]) -> list[tuple[str, object, str, str]]:
    found = []
    for case in cases:
        condition, result = case["condition"], case["result"]
        expected = f'could not evaluate successCondition "{condition}": {case["message"]}'
        said = _said(condition, result)
        if said != expected:
            found.append((condition, result, expected, said))
    return found


@pytest.mark.parametrize("sentence", SENTENCES)
def test_in_the_words_of_the_reference(sentence: str):
    beginning = SENTENCES[sentence]
    cases = [case for case in CASES if case["message"].startswith(beginning)]
    assert len(cases) >= 5
    assert _differing(cases) == []


def test_whatever_else_is_wrong_is_said_in_the_words_of_the_reference():
    known = tuple(SENTENCES.values())
    cases = [case for case in CASES if not case["message"].startswith(known)]
    assert len(cases) >= 50
    assert _differing(cases) == []


def test_the_words_recorded_from_the_reference_at_work():
    mismatch = "invalid operation: < (mismatched types string and int)"
    expected = f'could not evaluate successCondition "result < 2": {mismatch}'
    assert _said("result < 2", "text") == expected
    expected = 'could not evaluate successCondition "result ==": unexpected token EOF'
    assert _said("result ==", "text") == expected


def test_a_message_is_of_bounded_length():
    for condition in ("asInt(result)", "fromJSON(result)", "date(result)", "duration(result)"):
        assert len(_said(condition, "9" * 100_000)) < 1_000
        assert len(_said(condition, "x" * 100_000)) < 1_000


def test_the_place_is_shown_beside_the_message_and_is_no_part_of_it():
    with pytest.raises(ExprError) as caught:
        compile_condition("result <\n 2 +").evaluate(1, now=NOW)
    assert caught.value.message == "unexpected token EOF"
    assert str(caught.value) == "unexpected token EOF (line 2, column 5)\n   2 +\n      ^"
