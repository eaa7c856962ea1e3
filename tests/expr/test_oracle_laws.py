"""Expressions made by a grammar, against a second, much simpler evaluator written for this test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.expr import compile_condition, evaluate

NOW = datetime(2024, 5, 6, tzinfo=UTC)


@dataclass(frozen=True)
class Made:
    """An expression as text, and what it must give."""

    text: str
    value: object


def _wrap(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def _sum(left: Made, op: str, right: Made) -> Made:
    a, b = left.value, right.value
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
    value = a + b if op == "+" else a - b if op == "-" else a * b
    return Made(
        f"({left.text} {op} {right.text})", _wrap(value) if isinstance(value, int) else value
    )


def _quotient(left: Made, right: Made) -> Made:
    a, b = float(left.value), float(right.value)
    if b == 0:
        sign = math.copysign(1, a) * math.copysign(1, b)
        value = math.nan if a == 0 or math.isnan(a) else sign * math.inf
    else:
        value = a / b
    return Made(f"({left.text} / {right.text})", value)


def _comparison(left: Made, op: str, right: Made) -> Made:
    a, b = left.value, right.value
    if isinstance(a, float) or isinstance(b, float):
        a, b = float(a), float(b)
    value = {"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b, "==": a == b, "!=": a != b}[op]
    return Made(f"{left.text} {op} {right.text}", value)


def _logic(left: Made, op: str, right: Made) -> Made:
    value = left.value and right.value if op in ("&&", "and") else left.value or right.value
    return Made(f"({left.text} {op} {right.text})", value)


def _choice(test: Made, then: Made, other: Made) -> Made:
    text = f"({test.text} ? {then.text} : {other.text})"
    return Made(text, then.value if test.value else other.value)


INTS = st.integers(0, 10**6).map(lambda n: Made(str(n), n))
FLOATS = st.floats(0, 1e6, allow_nan=False).map(lambda f: Made(f"{f:.6f}", float(f"{f:.6f}")))
RESULT = st.just(Made("result", 0.75))
NUMBERS = st.recursive(
    INTS | FLOATS | RESULT,
    lambda inner: (
        st.builds(_sum, inner, st.sampled_from("+-*"), inner)
        | st.builds(_quotient, inner, inner)
        | inner.map(lambda made: Made(f"(-{made.text})", _negated(made.value)))
    ),
    max_leaves=6,
)


def _negated(value: object) -> object:
    return _wrap(-value) if isinstance(value, int) else -value


COMPARISONS = st.builds(
    _comparison, NUMBERS, st.sampled_from(["<", ">", "<=", ">=", "==", "!="]), NUMBERS
)
BOOLEANS = st.recursive(
    COMPARISONS | st.booleans().map(lambda b: Made(str(b).lower(), b)),
    lambda inner: (
        st.builds(_logic, inner, st.sampled_from(["&&", "||", "and", "or"]), inner)
        | inner.map(lambda made: Made(f"!({made.text})", not made.value))
        | inner.map(lambda made: Made(f"not ({made.text})", not made.value))
        | st.builds(_choice, inner, inner, inner)
    ),
    max_leaves=6,
)


def _same(ours: object, oracle: object) -> bool:
    if isinstance(ours, float) and isinstance(oracle, float) and math.isnan(oracle):
        return math.isnan(ours)
    return type(ours) is type(oracle) and ours == oracle


@settings(max_examples=60, deadline=None, database=None)
@given(NUMBERS)
def test_arithmetic(made: Made):
    assert _same(evaluate(made.text, 0.75, now=NOW), made.value), made


@settings(max_examples=60, deadline=None, database=None)
@given(BOOLEANS)
def test_logic(made: Made):
    assert compile_condition(made.text).evaluate(0.75, now=NOW) is made.value, made


@settings(max_examples=30, deadline=None, database=None)
@given(st.lists(st.integers(-5, 5) | st.floats(-5, 5), max_size=8), st.integers(-5, 5))
def test_lists(values: list[float], bound: int):
    numbers = [float(value) for value in values]
    above = [value for value in numbers if value > bound]
    table = {
        f"filter(result, # > {bound})": above,
        f"count(result, # > {bound})": len(above),
        f"any(result, # > {bound})": bool(above),
        f"all(result, # > {bound})": len(above) == len(numbers),
        f"none(result, # > {bound})": not above,
        f"one(result, # > {bound})": len(above) == 1,
        f"find(result, # > {bound})": above[0] if above else None,
        f"findLast(result, # > {bound})": above[-1] if above else None,
        "sort(result)": sorted(numbers),
        "sortBy(result, -#)": sorted(numbers, key=lambda value: -value),
        "reverse(result)": numbers[::-1],
        "map(result, # * 2)": [value * 2 for value in numbers],
        "len(result)": len(numbers),
        "max(result)": max(numbers, default=None),
        "min(result)": min(numbers, default=None),
        f"{bound} in result": bound in numbers,
        f"result[{bound}:]": numbers[bound:],
        f"result[:{bound}]": numbers[:bound],
        "uniq(result)": list(dict.fromkeys(numbers)),
        "concat(result, result)": numbers + numbers,
        "first(result)": numbers[0] if numbers else None,
    }
    for source, expected in table.items():
        assert evaluate(source, values, now=NOW) == expected, source


@settings(max_examples=30, deadline=None, database=None)
@given(st.text("aéß,. X", max_size=10), st.text("a,é", max_size=2))
def test_strings(text: str, piece: str):
    raw, part = text.encode(), piece.encode()
    table = {
        "result contains P": piece in text,
        "result startsWith P": text.startswith(piece),
        "result endsWith P": text.endswith(piece),
        "split(result, P)": text.split(piece) if piece else list(text),
        "replace(result, P, 'z')": text.replace(piece, "z"),
        "indexOf(result, P)": raw.find(part),
        "lastIndexOf(result, P)": raw.rfind(part),
        "len(result)": len(text),
        "trim(result)": text.strip(" "),
        "fromBase64(toBase64(result))": text,
        "fromJSON(toJSON(result))": text,
        "join(split(result, P), P)": text,
        "result + P": text + piece,
        "result < P": raw < part,
    }
    for source, expected in table.items():
        assert evaluate(source.replace("P", f"'{piece}'"), text, now=NOW) == expected, source
