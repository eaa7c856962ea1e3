"""An error says what and where."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from gradatim.expr import ExprError, check, compile_condition

NOW = datetime(2024, 5, 6, tzinfo=UTC)

UNREADABLE = [
    ("result >", "unexpected end of the condition", 8),
    ("result = 1", "unexpected operator '='", 7),
    ("result @ 1", "unexpected character '@'", 7),
    ("foo > 1", "unknown name foo", 0),
    ("foo(1)", "unknown name foo", 0),
    ("1 + 'abc", "string is not closed", 4),
    ("`abc", "string is not closed", 0),
    ("'\\q'", "unknown escape", 1),
    ("'\\x4'", "lacks hexadecimal digits", 1),
    ("'\\u{}'", "in braces", 1),
    ("'\\u{110000}'", "beyond the last Unicode character", 1),
    ("1 /* open", "a comment is not closed", 2),
    ("12abc", "a number runs into a name", 2),
    ("99999999999999999999", "is not a number that fits", 0),
    ("b'x'", "byte strings", 0),
    ("1 ?? 2 + 3", "may not stand beside '??'", 7),
    ("result.", "expected the name of a member", 7),
    ("{1 + 2: 3}", "unexpected operator '+'", 3),
    ("{[1]: 3}", "a key", 1),
    ("{a 3}", "expected ':'", 3),
    ("(1", "expected ')'", 2),
    ("let 1 = 2; 3", "expected a name", 4),
    ("all(result)", "not enough arguments to call all", 10),
    ("all(result, let x = 1; x)", "gives a bool", 12),
    ("map(result, 1; 2)", "into braces", 13),
    ("len()", "len takes 1 arguments, not 0", 0),
    ("asInt()", "not enough arguments to call asInt", 0),
    ("asInt(1, 2)", "too many arguments to call asInt", 0),
    ("trim(1, 2, 3)", "arguments to call trim", 0),
    ("date()", "date takes 1 to 3 arguments", 0),
    ("get([1])", "get takes 2 arguments", 0),
    ("get([1], 'a')", "indexed by an integer", 9),
    ("get({}, 1)", "no key", 8),
    ("get(1, 1)", "get does not take", 4),
    ("max()", "not enough arguments to call max", 0),
    ("max('a')", "max does not take string", 4),
    ("len(1)", "len does not take int", 4),
    ("upper(1)", "upper takes string here, not int", 6),
    ("isNaN(nil)", "isNaN takes float here, not nil", 6),
    ("# > 1", "unexpected operator '#'", 0),
    ("filter([1], #index > 0)", "unknown pointer #index", 12),
    ("map([1], nil)", "a predicate cannot be nil", 9),
    ("all([1], 1)", "gives a bool", 9),
    ("all({}, true)", "all takes a list", 4),
    ("sortBy([1], #, 1)", "the order of sortBy", 15),
    ("let len = 1; len", "len is taken", 4),
    ("let x = 1; let x = 2; x", "declared already", 15),
    ("'a' matches '('", "missing ')'", 12),
    ("1 % 0 == 0", "division by zero", 2),
    ("!1", "'!' does not take int", 0),
    ("-'a'", "'-' does not take string", 0),
    ("1 + 'a'", "'+' does not take int and string", 2),
    ("1 ? 2 : 3", "the test of a choice", 0),
    ("[1]['a']", "list is indexed by an integer", 4),
    ("{}[1]", "has no key", 3),
    ("1[1:2]", "unexpected bracket", 1),
    ("'a'['x':]", "a slice goes from integer", 4),
    ("'a'.b", "string has no members", 4),
    ("now().Nope()", "time has no members", 6),
    ("(1)(2)", "unexpected bracket", 3),
    ("let f = asInt; f(1)", "f cannot be called here", 15),
    ("#acc == 1", "unexpected operator '#'", 0),
    ("[" + "1," * 10_050 + "] == []", "too many parts", None),
    ("if true {1} else " * 90 + "{1}", "nests too deeply", 1346),
    ("len == 1", "'==' does not take function and int", 4),
    ("$env.foo", "unknown name foo", 5),
    ("$env.asInt()", "not enough arguments", 5),
    ("[1][0](2)", "unexpected bracket", 6),
    ("result.asInt.b(1).c[", "unexpected end", 20),
    ("[1].a()", "indexed by an integer", 4),
    ("'a'.b()", "string has no members", 4),
    ("upper.x", "function has no members", 6),
    ("all(result, true, true)", "expected ')'", 18),
    ("if true { 1 } else 2", "expected '{'", 19),
]


@pytest.mark.parametrize(("source", "message", "position"), UNREADABLE)
def test_an_unsound_condition_is_refused_before_anything_is_measured(
    source: str, message: str, position: int | None
):
    found = check(source)
    assert found is not None
    assert message in found.message
    assert found.position == position


FAILING = [
    ("let f = result[0]; f(1) == 1", [1], "float cannot be called", 19),
    ("now().Sub(result[0]) > duration('1s')", [1], "Sub takes time, not float", 6),
    ("asFloat(result) > 1", "0x1p99999", "out of range", 0),
    ("asFloat(result) > 1", "1__0", "is not a number", 0),
    ("asFloat(result) > 1", "_1", "is not a number", 0),
    ("filter(result, # > 1)[0]", [], "nothing was found", 21),
    ("date(timezone('UTC')) > now()", None, "date takes a text", 0),
    ("date(result[0], 'a', 'b', 'c') > now()", ["a"], "date takes 1 to 3 arguments", 0),
    ("$env.result()", 1, "float cannot be called", 5),
    ("result[0] && true && result[0] && 1 > 0", [1], "expected a bool, not float", 31),
    ("result[3] > 1", [1], "index out of range: 3", 6),
    ("result[-2] > 1", [1], "index out of range: -2", 6),
    ("result.a.b == 1", {}, "nil has no member 'b'", 9),
    ("result.a()", {}, "nil cannot be called", 7),
    ("result.a.b()", {"a": 1}, "float has no method b", 9),
    ("result[0] > 'a'", [1], "'>' does not take float and string", 10),
    ("result[0] + nil == 1", [1], "does not take unknown and nil", 10),
    ("result[0] + result[1] == 1", [1, None], "'+' does not take float and nil", 10),
    ("result[0] - result[1] == 1", [1, "a"], "'-' does not take float and string", 10),
    ("result[0] * result[1] == 1", [1, "a"], "'*' does not take float and string", 10),
    ("result[0] / result[1] == 1", [1, "a"], "'/' does not take float and string", 10),
    ("result[0] ** result[1] == 1", [1, "a"], "'**' does not take float and string", 10),
    ("result[0] * duration('1s') == 1", ["a"], "'*' does not take", 10),
    ("result[0] % 2 == 1", [5], "'%' does not take float and int", 10),
    ("-result[0] > 1", ["a"], "'-' does not take string", 0),
    ("!result[0]", [1], "expected a bool, not float", 0),
    ("result[0] contains 'a'", [1], "'contains' does not take float and string", 10),
    ("result[0] matches 'a'", [1], "'matches' does not look into float", 10),
    ("'a' matches result[0]", [1], "float is no pattern", 4),
    ("'a' in result[0]", ["abc"], "'in' does not look into string", 4),
    ("result[0] in {}", [1], "no key that is float", 10),
    ("result[0][1:]", [1], "has no length", 9),
    ("result[0][1:2]", [1], "cannot be sliced", 9),
    ("result[0]['a']", [[1]], "string is not an integer", 9),
    ("{(result[0]): 1}", [1], "the key of a map is a string", 0),
    ("all(result[0], true)", [1], "all takes a list", 0),
    ("all(result[0], true)", [{"a": 1}], "all takes a list, not map", 0),
    ("len(result[0])", [1], "len does not take float", 0),
    ("keys(result[0])", [1], "keys takes a map", 0),
    ("reverse(result[0])", [1], "reverse takes a list", 0),
    ("take([1], result[0])", [1], "take takes a number of elements", 0),
    ("take([1], -1)", None, "take cannot take", 0),
    ("fromPairs(result)", [1], "a pair is a list", 0),
    ("fromPairs([[result, 1]])", {}, "map cannot be the key", 0),
    ("abs(result[0])", ["a"], "abs does not take string", 0),
    ("int(result[0])", ["a"], "is not an integer", 0),
    ("float(result[0])", [True], "float does not take bool", 0),
    ("isNaN(result[0])", ["a"], "isNaN takes a float", 0),
    ("isNaN(len('a'))", None, "isNaN takes a float", 0),
    ("asInt(result[0])", [True], "asInt does not take bool", 0),
    ("asFloat(result[0])", [[]], "asFloat does not take list", 0),
    ("upper(result[0])", [1], "expected a string, not float", 0),
    ("join(result)", [1], "expected a string", 0),
    ("join(result[0])", ["a"], "join takes a list", 0),
    ("repeat('a', result[0])", [-1], "cannot be repeated", 0),
    ("repeat('a', result[0])", ["x"], "string is not an integer", 0),
    ("bitand(result[0], 1)", [1], "bitand takes integers", 0),
    ("bitnot(result[0])", [1], "bitnot takes an integer", 0),
    ("bitshl(1, -1)", None, "a shift by -1", 0),
    ("sort(result, 'up')", [1], "an order is 'asc' or 'desc', not 'up'", 0),
    ("sortBy(result, #, result[0])", [1], "an order is 'asc' or 'desc', not float", 0),
    ("max(result)", [1, "a"], "max does not take string", 0),
    ("reduce(result, # + #acc)", [], "empty list", 0),
    ("fromJSON(result)", "{", "is not JSON", 0),
    ("fromJSON(result)", "[" * 100_000, "is not JSON", 0),
    ("fromBase64(result)", "a", "not base64", 0),
    ("toJSON(0/0)", None, "no NaN", 0),
    ("toJSON(asInt)", None, "cannot be written", 0),
    ("toJSON(groupBy([1], #))", None, "map cannot be written", 0),
    ("string(asInt)", None, "has no text", 0),
    ("duration(result)", "1x", "is not a duration", 0),
    ("duration(result)", "1h" * 101, "is not a duration", 0),
    ("duration(result[0])", [1], "duration takes a string", 0),
    ("now(result[0])", [1], "now takes a time zone", 0),
    ("timezone(result)", "../../etc/passwd", "unknown time zone", 0),
    ("timezone(result)", "No/Where", "unknown time zone", 0),
    ("date(result)", "1.2.2024", "is not a date", 0),
    ("date(result, 'x' + result)", "2024", "is not a date of the form", 0),
    ("date(result, '2006')", "1" * 300, "a date is not that long", 0),
    ("now().Add(result[0])", [1], "Add takes duration, not float", 6),
    ("result[0].Year()", [1], "float has no method Year", 10),
    ("now().Format(repeat('2006', 100))", None, "a layout is not that long", 6),
    ("now().AddDate(9999999, 0, 0)", None, "cannot be moved that far", 6),
    ("find([1], # > 5) == 1", None, "stands where only int may", 17),
    ("result[0] in ['a']", [1], "cannot be among constants", 10),
    ("get(result[0], 'a')", [[1]], "string is not an integer", 0),
    ("result[0].Add(1, 2)", [1], "no method Add", 10),
]


@pytest.mark.parametrize(("source", "result", "message", "position"), FAILING)
def test_a_failing_condition_says_what_and_where(
    source: str, result: object, message: str, position: int
):
    with pytest.raises(ExprError) as caught:
        compile_condition(source).evaluate(result, now=NOW)
    assert message in caught.value.message
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
