"""An error says what and where."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from gradatim.expr import ExprError, check, compile_condition

NOW = datetime(2024, 5, 6, tzinfo=UTC)

UNREADABLE = [
    ("result >", "unexpected token EOF", 8),
    ("result = 1", 'unexpected token Operator("=")', 7),
    ("result @ 1", "unrecognized character: U+0040 '@'", 7),
    ("foo > 1", "unknown name foo", 0),
    ("foo(1)", "unknown name foo", 0),
    ("1 + 'abc", "literal not terminated", 4),
    ("`abc", "literal not terminated", 0),
    ("'\\q'", "invalid char escape", 1),
    ("'\\x4'", "invalid char escape", 1),
    ("'\\u{}'", "invalid char escape", 1),
    ("'\\u{110000}'", "unable to unescape string", 1),
    ("1 /* open", "unclosed comment", 2),
    ("12abc", 'bad number syntax: "12a"', 2),
    (
        "99999999999999999999",
        'invalid integer literal: strconv.ParseInt: parsing "99999999999999999999": value out of range',
        0,
    ),
    ("b'x'", "byte strings have no use on JSON data", 0),
    (
        "1 ?? 2 + 3",
        "Operator (+) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses.",
        7,
    ),
    ("result.", "unexpected end of expression", 7),
    ("{1 + 2: 3}", 'unexpected token Operator("+")', 3),
    (
        "{[1]: 3}",
        'a map key must be a quoted string, a number, a identifier, or an expression enclosed in parentheses (unexpected token Bracket("["))',
        1,
    ),
    ("{a 3}", 'unexpected token Number("3")', 3),
    ("(1", "unexpected token EOF", 2),
    ("let 1 = 2; 3", 'unexpected token Number("1")', 4),
    ("all(result)", "expected at least 2 arguments", 10),
    ("all(result, let x = 1; x)", "predicate should return boolean (got int)", 12),
    ("map(result, 1; 2)", "wrap predicate with brackets { and }", 13),
    ("len()", "invalid number of arguments (expected 1, got 0)", 0),
    ("asInt()", "not enough arguments to call asInt", 0),
    ("asInt(1, 2)", "too many arguments to call asInt", 0),
    ("trim(1, 2, 3)", "too many arguments to call trim", 0),
    ("date()", "invalid number of arguments (expected at least 1, got 0)", 0),
    ("get([1])", "invalid number of arguments (expected 2, got 1)", 0),
    ("get([1], 'a')", "non-integer slice index string", 9),
    ("get({}, 1)", "cannot use int to get an element from map[string]interface {}", 8),
    ("get(1, 1)", "type int does not support indexing", 4),
    ("max()", "not enough arguments to call max", 0),
    ("max('a')", "invalid argument for max (type string)", 4),
    ("len(1)", "invalid argument for len (type int)", 4),
    ("upper(1)", "cannot use int as argument (type string) to call upper ", 6),
    ("isNaN(nil)", "cannot use nil as argument (type float64) to call isNaN", 6),
    ("# > 1", 'unexpected token Operator("#")', 0),
    ("filter([1], #index > 0)", "unknown pointer #index", 12),
    ("map([1], nil)", "predicate should has one input and one output param", 9),
    ("all([1], 1)", "predicate should return boolean (got int)", 9),
    ("all({}, true)", "builtin all takes only array (got map[string]interface {})", 4),
    ("sortBy([1], #, 1)", "sortBy order argument must be a string (got int)", 15),
    ("let len = 1; len", "cannot redeclare builtin len", 4),
    ("let x = 1; let x = 2; x", "cannot redeclare variable x", 15),
    ("'a' matches '('", "error parsing regexp: missing closing ): `(`", 12),
    ("1 % 0 == 0", "integer divide by zero", 2),
    ("!1", "invalid operation: ! (mismatched type int)", 0),
    ("-'a'", "invalid operation: - (mismatched type string)", 0),
    ("1 + 'a'", "invalid operation: + (mismatched types int and string)", 2),
    ("1 ? 2 : 3", "non-bool expression (type int) used as condition", 0),
    ("[1]['a']", "array elements can only be selected using an integer (got string)", 4),
    ("{}[1]", "cannot use int to get an element from map[string]interface {}", 3),
    ("1[1:2]", 'unexpected token Bracket("[")', 1),
    ("'a'['x':]", "non-integer slice index string", 4),
    ("'a'.b", "type string has no field b", 4),
    ("now().Nope()", "type time.Time has no method Nope", 6),
    ("(1)(2)", 'unexpected token Bracket("(")', 3),
    ("let f = asInt; f(1)", "f cannot be called here", 15),
    ("#acc == 1", 'unexpected token Operator("#")', 0),
    (
        "[" + "1," * 10_050 + "] == []",
        "compilation failed: expression exceeds maximum allowed nodes",
        None,
    ),
    ("if true {1} else " * 90 + "{1}", "the condition nests too deeply", 1346),
    (
        "len == 1",
        "invalid operation: == (mismatched types func(...interface {}) (interface {}, error) and int)",
        4,
    ),
    ("$env.foo", "unknown name foo", 5),
    ("$env.asInt()", "not enough arguments to call asInt", 5),
    ("[1][0](2)", 'unexpected token Bracket("(")', 6),
    ("result.asInt.b(1).c[", "unexpected token EOF", 20),
    ("[1].a()", "array elements can only be selected using an integer (got string)", 4),
    ("'a'.b()", "type string has no method b", 4),
    ("upper.x", "type func(string) string has no field x", 6),
    ("all(result, true, true)", 'unexpected token Identifier("true")', 18),
    ("if true { 1 } else 2", 'unexpected token Number("2")', 19),
]


@pytest.mark.parametrize(("source", "message", "position"), UNREADABLE)
def test_an_unsound_condition_is_refused_before_anything_is_measured(
    source: str, message: str, position: int | None
):
    found = check(source)
    assert found is not None
    assert found.message == message
    assert found.position == position


FAILING = [
    (
        "let f = result[0]; f(1) == 1",
        [1],
        "invalid operation: cannot call non-function of type float64",
        19,
    ),
    (
        "now().Sub(result[0]) > duration('1s')",
        [1],
        "interface conversion: interface {} is float64, not time.Time",
        6,
    ),
    (
        "asFloat(result) > 1",
        "0x1p99999",
        'strconv.ParseFloat: parsing "0x1p99999": value out of range',
        0,
    ),
    ("asFloat(result) > 1", "1__0", 'strconv.ParseFloat: parsing "1__0": invalid syntax', 0),
    ("asFloat(result) > 1", "_1", 'strconv.ParseFloat: parsing "_1": invalid syntax', 0),
    ("filter(result, # > 1)[0]", [], "reflect: slice index out of range", 21),
    (
        "date(timezone('UTC')) > now()",
        None,
        "date takes a text, perhaps a layout, perhaps a time zone",
        0,
    ),
    (
        "date(result[0], 'a', 'b', 'c') > now()",
        ["a"],
        "invalid number of arguments (expected at most 3, got 4)",
        0,
    ),
    ("$env.result()", 1, "float64 is not callable", 5),
    (
        "result[0] && true && result[0] && 1 > 0",
        [1],
        "interface conversion: interface {} is float64, not bool",
        31,
    ),
    ("result[3] > 1", [1], "index out of range: 3 (array length is 1)", 6),
    ("result[-2] > 1", [1], "index out of range: -1 (array length is 1)", 6),
    ("result.a.b == 1", {}, "cannot fetch b from <nil>", 9),
    ("result.a()", {}, "invalid operation: cannot call nil", 7),
    ("result.a.b()", {"a": 1}, "cannot fetch b from float64", 9),
    ("result[0] > 'a'", [1], "invalid operation: float64 > string", 10),
    (
        "result[0] + nil == 1",
        [1],
        "invalid operation: + (mismatched types unknown and unknown)",
        10,
    ),
    ("result[0] + result[1] == 1", [1, None], "invalid operation: float64 + <nil>", 10),
    ("result[0] - result[1] == 1", [1, "a"], "invalid operation: float64 - string", 10),
    ("result[0] * result[1] == 1", [1, "a"], "invalid operation: float64 * string", 10),
    ("result[0] / result[1] == 1", [1, "a"], "invalid operation: float64 / string", 10),
    ("result[0] ** result[1] == 1", [1, "a"], "invalid operation: float(string)", 10),
    ("result[0] * duration('1s') == 1", ["a"], "invalid operation: time.Duration * string", 10),
    ("result[0] % 2 == 1", [5], "invalid operation: float64 % int", 10),
    ("-result[0] > 1", ["a"], "invalid operation: - string", 0),
    ("!result[0]", [1], "interface conversion: interface {} is float64, not bool", 0),
    (
        "result[0] contains 'a'",
        [1],
        "interface conversion: interface {} is float64, not string",
        10,
    ),
    (
        "result[0] matches 'a'",
        [1],
        "interface conversion: interface {} is float64, not []uint8",
        10,
    ),
    ("'a' matches result[0]", [1], "interface conversion: interface {} is float64, not string", 4),
    ("'a' in result[0]", ["abc"], 'operator "in" not defined on string', 4),
    (
        "result[0] in {}",
        [1],
        "reflect.Value.MapIndex: value of type float64 is not assignable to type string",
        10,
    ),
    ("result[0][1:]", [1], "invalid argument for len (type float64)", 9),
    ("result[0][1:2]", [1], "cannot slice 1", 9),
    ("result[0]['a']", [[1]], "invalid operation: int(string)", 9),
    ("{(result[0]): 1}", [1], "interface conversion: interface {} is float64, not string", 0),
    ("all(result[0], true)", [1], "reflect: call of reflect.Value.Len on float64 Value", 0),
    ("all(result[0], true)", [{"a": 1}], "reflect: call of reflect.Value.Index on map Value", 0),
    ("len(result[0])", [1], "invalid argument for len (type float64)", 0),
    ("keys(result[0])", [1], "cannot get keys from float64", 0),
    ("reverse(result[0])", [1], "cannot reverse float64", 0),
    ("take([1], result[0])", [1], "cannot take float64 elements", 0),
    ("take([1], -1)", None, "reflect.Value.Slice: slice index out of bounds", 0),
    ("fromPairs(result)", [1], "invalid pair 1", 0),
    (
        "fromPairs([[result, 1]])",
        {},
        "runtime error: hash of unhashable type map[string]interface {}",
        0,
    ),
    ("abs(result[0])", ["a"], "invalid argument for abs (type string)", 0),
    ("int(result[0])", ["a"], "invalid operation: int(a)", 0),
    ("float(result[0])", [True], "invalid operation: float(bool)", 0),
    ("isNaN(result[0])", ["a"], "interface conversion: interface {} is string, not float64", 0),
    ("isNaN(len('a'))", None, "interface conversion: interface {} is int, not float64", 0),
    ("asInt(result[0])", [True], "asInt() not supported on bool true", 0),
    ("asFloat(result[0])", [[]], "asFloat() not supported on []interface {} []", 0),
    ("upper(result[0])", [1], "interface conversion: interface {} is float64, not string", 0),
    ("join(result)", [1], "interface conversion: interface {} is float64, not string", 0),
    ("join(result[0])", ["a"], "invalid argument for join (type string)", 0),
    (
        "repeat('a', result[0])",
        [-1],
        "invalid argument for repeat (expected positive integer, got -1)",
        0,
    ),
    ("repeat('a', result[0])", ["x"], "invalid operation: int(string)", 0),
    ("bitand(result[0], 1)", [1], "cannot use float64 as argument (type int) to call bitand", 0),
    ("bitnot(result[0])", [1], "cannot use float64 as argument (type int) to call bitnot", 0),
    ("bitshl(1, -1)", None, "invalid operation: negative shift count -1 (type int)", 0),
    ("sort(result, 'up')", [1], "invalid order up, expected asc or desc", 0),
    ("sortBy(result, #, result[0])", [1], "sortBy order argument must be a string", 0),
    ("max(result)", [1, "a"], "invalid argument for max (type string)", 0),
    ("reduce(result, # + #acc)", [], "reduce of empty array with no initial value", 0),
    ("fromJSON(result)", "{", "unexpected end of JSON input", 0),
    ("fromJSON(result)", "[" * 100_000, "exceeded max depth", 0),
    ("fromBase64(result)", "a", "illegal base64 data at input byte 0", 0),
    ("toJSON(0/0)", None, "json: unsupported value: NaN", 0),
    ("toJSON(asInt)", None, "json: unsupported type: func(interface {}) int64", 0),
    ("toJSON(groupBy([1], #))", None, "json: unsupported type: map[interface {}][]interface {}", 0),
    ("string(asInt)", None, "function has no text", 0),
    ("duration(result)", "1x", 'time: unknown unit "x" in duration "1x"', 0),
    (
        "duration(result)",
        "1h" * 101,
        'time: invalid duration "1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h1h"',
        0,
    ),
    ("duration(result[0])", [1], "interface conversion: interface {} is float64, not string", 0),
    ("now(result[0])", [1], "invalid number of arguments (expected 0, got 1)", 0),
    ("timezone(result)", "../../etc/passwd", "time: invalid location name", 0),
    ("timezone(result)", "No/Where", "unknown time zone No/Where", 0),
    ("date(result)", "1.2.2024", "invalid date 1.2.2024", 0),
    (
        "date(result, 'x' + result)",
        "2024",
        'parsing time "2024" as "x2024": cannot parse "2024" as "x"',
        0,
    ),
    ("date(result, '2006')", "1" * 300, "a date is not that long", 0),
    (
        "now().Add(result[0])",
        [1],
        "interface conversion: interface {} is float64, not time.Duration",
        6,
    ),
    ("result[0].Year()", [1], "cannot fetch Year from float64", 10),
    ("now().Format(repeat('2006', 100))", None, "a layout is not that long", 6),
    ("now().AddDate(9999999, 0, 0)", None, "a date cannot be moved that far", 6),
    ("find([1], # > 5) == 1", None, "interface conversion: interface {} is nil, not int", 17),
    (
        "result[0] in ['a']",
        [1],
        "reflect.Value.MapIndex: value of type float64 is not assignable to type string",
        10,
    ),
    ("get(result[0], 'a')", [[1]], "invalid operation: int(string)", 0),
    ("result[0].Add(1, 2)", [1], "cannot fetch Add from float64", 10),
]


@pytest.mark.parametrize(("source", "result", "message", "position"), FAILING)
def test_a_failing_condition_says_what_and_where(
    source: str, result: object, message: str, position: int
):
    with pytest.raises(ExprError) as caught:
        compile_condition(source).evaluate(result, now=NOW)
    assert caught.value.message == message
    assert caught.value.position == position


def test_the_text_of_an_error_points_at_the_place():
    found = check("result > 1 &&\n\tfoo < 2")
    assert found is not None
    assert (found.line, found.column) == (2, 2)
    assert str(found) == "unknown name foo (line 2, column 2)\n   foo < 2\n   ^"


def test_a_long_line_is_cut_around_the_place():
    found = check("1 + " * 100 + "foo")
    assert found is not None
    what, line, caret = str(found).split("\n")
    assert what == "unknown name foo (line 1, column 401)"
    assert len(line) < 110
    assert line[len(caret) - 1 :] == "foo"


def test_an_error_without_a_place_is_its_message():
    assert str(ExprError("no")) == "no"
    assert str(ExprError("no", 3)) == "no"


def test_an_error_survives_pickling():
    error = pickle.loads(pickle.dumps(ExprError("no", 3, "result")))
    assert (error.message, error.position, error.source) == ("no", 3, "result")


def test_an_error_that_is_raised_twice_is_two_errors():
    condition = compile_condition("result contains 'a'")
    errors = []
    for _ in range(2):
        with pytest.raises(ExprError) as caught:
            condition.evaluate(1, now=NOW)
        errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert str(errors[0]) == str(errors[1])


@pytest.mark.parametrize("source", ["$env[len(1, 2, 3)]", "$env[1 | len('a')]", "$env[foo]"])
def test_what_stands_in_the_brackets_of_env_is_checked_as_everywhere(source: str):
    assert check(source) is not None
