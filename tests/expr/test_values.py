"""What expressions give that are no conditions, in Python's own types."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from gradatim.expr import ExprError, evaluate

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)

TABLE = [
    ("1 + 2", None, 3),
    ("1 / 2", None, 0.5),
    ("result", 3, 3.0),
    ("result", [1, {"a": True}], [1.0, {"a": True}]),
    ("1..3", None, [1, 2, 3]),
    ("{a: 1..2}", None, {"a": [1, 2]}),
    ("groupBy(result, # > 1)", [1, 2, 3], {False: [1.0], True: [2.0, 3.0]}),
    ("toPairs({a: nil})", None, [["a", None]]),
    ("fromPairs([['a', 1]])", None, {"a": 1}),
    ("now()", None, NOW),
    ("date('2024-01-02')", None, datetime(2024, 1, 2, tzinfo=UTC)),
    ("duration('90s')", None, 90.0),
    ("timezone('UTC')", None, "UTC"),
    ("timezone('')", None, "UTC"),
    ("asInt", None, "asInt"),
    ("$env.result", 2, 2.0),
    ("get($env, 'result')", 2, 2.0),
    ("$env.asInt('3')", 2, 3),
    ("$env[result]", "result", "result"),
    ("result | asInt()", "12", 12),
    ("keys(result)", {"b": 1, "a": 2}, ["b", "a"]),
    ("first(result.a)", {"a": "aé"}, 97),
    ("last(result.a)", {"a": {"b": 1}}, None),
    ("map([groupBy([0, 1], #), nil], first(#))", None, [[0], None]),
    ("get(groupBy([0, 1], #), 1)", None, [1]),
    ("get(result.a, 1)", {"a": 1}, None),
    ("get(result.a, -9)", {"a": [1]}, None),
    ("groupBy([1], #)[2]", None, []),
    ("nil in groupBy([1], #)", None, False),
    ("1 in groupBy([1], #)", None, True),
    ("1.0 in groupBy([1], #)", None, False),
    ("groupBy([1], #) == groupBy([1], #)", None, True),
    ("groupBy([1], #) == groupBy([2], #)", None, False),
    ("{a: groupBy([1], #)} == {a: groupBy([1], #)}", None, True),
    ("{a: [1]} == {a: [1.0]}", None, False),
    ("len(groupBy([1, 2], #))", None, 2),
    ("toPairs([1] | groupBy(#))", None, [[1, [1]]]),
    ("string(groupBy([2, 1, 'a'], #))", None, "map[1:[1] 2:[2] a:[a]]"),
    ("string(timezone('UTC'))", None, "UTC"),
    ("toJSON(timezone('UTC'))", None, "{}"),
    ("toJSON(duration('1s'))", None, "1000000000"),
    ("toJSON(concat([]))", None, "null"),
    ("toJSON(true) + toJSON(1)", None, "true1"),
    ("'héllo'[1:2] == 'héllo'[1:2]", None, True),
    ("toJSON('héllo'[1:2])", None, '"\\ufffd"'),
    ("string(1..3)", None, "[1 2 3]"),
    ("all(result.a, # > 96)", {"a": "abc"}, True),
    ("all(result.a, # > 96)", {"a": {}}, True),
    ("sort(result.a)", {"a": "abc"}, []),
    ("type(timezone('UTC'))", None, "unknown"),
    ("2 ** -1074 > 0", None, True),
    ("2 ** 9223372036854775807", None, math.inf),
    ("(-2) ** 9999", None, -math.inf),
    ("0 ** -1", None, math.inf),
    ("(-0.0) ** -1", None, -math.inf),
    ("0.0 ** -2", None, math.inf),
    ("1.5 ** 1e300", None, math.inf),
    ("(-1.5) ** (1e300 + 1)", None, math.inf),
    ("2 ** 0.5", None, math.sqrt(2)),
    ("2 ** 1", None, 2.0),
    ("10 ** 400", None, math.inf),
    ("10 ** -400", None, 0.0),
    ("-1 / 0", None, -math.inf),
    ("1 / -0.0", None, -math.inf),
    ("median([3, 0/0, 1])", None, 1.0),
    ("abs(-9223372036854775807 - 1)", None, -(2**63)),
    ("asInt(1e30)", None, -(2**63)),
    ("asInt(0/0)", None, -(2**63)),
    ("asFloat(len('ab'))", None, 2.0),
    ("asInt(len('ab'))", None, 2),
    ("'a' in $env", None, False),
    ("(true ? [1] : ['a'])[0]", None, 1),
    ("(true ? [1] : [2])[0]", None, 1),
    ("true ? nil : 1", None, None),
    ("true ? 1 : nil", None, 1),
    ("nil ?? nil", None, None),
    ("(true ? [1] : 2) == [1]", None, True),
    ("get(result.a, 'b')", {"a": None}, None),
    ("get(result.a, 'b')", {"a": 1}, None),
    ("result[fromJSON('null')]", {"": 1}, 1.0),
    ("1 in fromJSON('null')", None, False),
    ("'Year' in now()", None, False),
    ("max(fromJSON(result))", '"a"', "a"),
    ("max(fromJSON('null'))", None, None),
    ("sum(result[0]..3)", [1], 6),
    ("sum(1..result[0])", [3], 6),
    ("sum([result, 1])", 2, 3.0),
    ("sum([1, nil ?? 2])", None, 3),
    ("count(result, # > 1) > result[0]", [0, 2], True),
    ("count(result, # > 1) == 1", [0, 2], True),
    ("count(result, # > 1) > 1.5", [0, 2], False),
    ("all(result, # > 0) && all([1], # > 0)", [1], True),
    ("all([1], # > 0) && all([1, 2], # > 0)", None, True),
    ("none(result, # > 5) && none(result, # > 6) && none(result, # > 7)", [1], True),
    ("first(result) == 1 && last(result) == 2", [1, 2], True),
    ("asInt(result) in [1, 2]", 2, True),
    ("len(result) in [1, 2]", "ab", True),
    ("len(result) in 1..result[0]", [3], True),
    ("(findIndex(result, # > 5) ?? 0) in [0]", [1], True),
    ("let f = upper; f", None, None),
]


@pytest.mark.parametrize(("source", "result", "expected"), TABLE)
def test_gives(source: str, result: object, expected: object):
    given = evaluate(source, result, now=NOW)
    assert given == expected
    assert type(given) is type(expected)


def test_a_value_that_holds_itself_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gradatim.expr.jsontext._LARGEST", 1_000)
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ExprError, match="too large"):
        evaluate("len(result) == 1", endless, now=NOW)


def test_nan_is_nan():
    for source in ("0/0", "(-8) ** 0.5", "asFloat('nan')", "(0/0) ** 2", "float('NaN')"):
        assert math.isnan(evaluate(source, None, now=NOW))


def test_a_time_far_away_is_a_value_but_no_datetime():
    assert evaluate("date('0001-01-01').AddDate(-5, 0, 0).Year()", None, now=NOW) == -4
    with pytest.raises(ExprError, match="years 1 to 9999"):
        evaluate("date('0001-01-01').AddDate(-5, 0, 0)", None, now=NOW)


def test_the_zone_of_a_far_time_is_asked_within_pythons_calendar():
    source = "date('0001-01-01').AddDate(-5, 0, 0).In(timezone('Asia/Tokyo')).Year()"
    assert evaluate(source, None, now=NOW) == -4


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1, 2}, "cannot be set"),
        ([object()], "cannot be object"),
        (10**400, "too large"),
        (b"x", "cannot be bytes"),
    ],
)
def test_a_value_that_is_no_json_is_refused(value: object, message: str):
    with pytest.raises(ExprError, match=message):
        evaluate("result", value, now=NOW)


def test_the_measured_value_is_not_changed():
    value = {"a": [1, 2, (3, 4)], 5: "\ud800"}
    assert evaluate("result", value, now=NOW) == {"a": [1.0, 2.0, [3.0, 4.0]], "5": "\ufffd"}
    assert value == {"a": [1, 2, (3, 4)], 5: "\ud800"}


def test_a_float_of_another_class_is_a_float():
    class Celsius(float):
        """A subclass, as numpy's float64 is one."""

    assert evaluate("result > 1", Celsius(3), now=NOW) is True


def test_times_are_the_callers():
    source = "now().Unix()"
    first = evaluate(source, None, now=datetime(2000, 1, 1, tzinfo=UTC))
    second = evaluate(source, None, now=datetime(2000, 1, 2, tzinfo=UTC))
    assert second - first == 86_400
