"""Goes in: two values. Comes out: their sum, difference, product, quotient, remainder or power.
Called by the evaluator and the folder. Ints are Go's 64 bits and wrap; `/` always gives a float.
"""

from __future__ import annotations

import math

from gradatim.expr.errors import ExprError
from gradatim.expr.limits import Budget
from gradatim.expr.numerals import truncated, wrapped
from gradatim.expr.times import Moment, Span
from gradatim.expr.values import go_type, is_number, mismatch

Number = int | float
_BEYOND = 2**12


def _numbers(left: object, right: object) -> tuple[Number, Number] | None:
    """Both as numbers, alike if one is a float; None unless both are numbers."""
    if type(left) is float:
        if type(right) is float:
            return left, right
        return (left, float(right)) if type(right) is int else None
    if type(left) is int:
        if type(right) is int:
            return left, right
        return (float(left), right) if type(right) is float else None
    return None


def _fitted(value: Number) -> Number:
    return wrapped(value) if type(value) is int else value


def add(left: object, right: object, budget: Budget) -> object:
    """`left + right`: numbers, strings, a time and a duration."""
    numbers = _numbers(left, right)
    if numbers is not None:
        return _fitted(numbers[0] + numbers[1])
    if isinstance(left, str) and isinstance(right, str):
        budget.text(len(left) + len(right))
        return left + right
    if isinstance(right, Span) and isinstance(left, Moment | Span):
        return left.later(right.ns)
    if isinstance(left, Span) and isinstance(right, Moment):
        return right.later(left.ns)
    raise mismatch("+", left, right)


def subtract(left: object, right: object) -> object:
    """`left - right`: numbers, times, durations."""
    numbers = _numbers(left, right)
    if numbers is not None:
        return _fitted(numbers[0] - numbers[1])
    if isinstance(left, Moment) and isinstance(right, Moment):
        return left.since(right)
    if isinstance(right, Span) and isinstance(left, Moment | Span):
        return left.later(-right.ns)
    raise mismatch("-", left, right)


def multiply(left: object, right: object) -> object:
    """`left * right`: numbers, a duration and a number."""
    numbers = _numbers(left, right)
    if numbers is not None:
        return _fitted(numbers[0] * numbers[1])
    if isinstance(left, Span) and isinstance(right, Span):
        return Span(wrapped(left.ns * right.ns))
    if isinstance(left, Span):
        return _scaled(left, right)
    if isinstance(right, Span):
        return _scaled(right, left)
    raise mismatch("*", left, right)


def _scaled(span: Span, factor: object) -> Span:
    if type(factor) is int:
        return Span(wrapped(span.ns * factor))
    if type(factor) is float:
        return Span(truncated(float(span.ns) * factor))
    raise mismatch("*", span, factor)


def divide(left: object, right: object) -> float:
    """`left / right` as a float: `1/0` is +Inf and `0/0` is NaN."""
    numbers = _numbers(left, right)
    if numbers is None:
        raise mismatch("/", left, right)
    above, below = float(numbers[0]), float(numbers[1])
    if below != 0:
        return above / below
    if above == 0 or math.isnan(above):
        return math.nan
    return math.copysign(math.inf, above) * math.copysign(1.0, below)


def remainder(left: object, right: object) -> int:
    """`left % right` of two ints; it has the sign of the left one, as in Go."""
    if type(left) is not int or type(right) is not int:
        raise mismatch("%", left, right)
    if right == 0:
        raise ExprError("runtime error: integer divide by zero")
    return int(math.copysign(1, left)) * (abs(left) % abs(right))


def power(left: object, right: object) -> float:
    """`left ** right` as a float."""
    numbers = _numbers(left, right)
    if numbers is None:
        wrong = next(each for each in (left, right) if not is_number(each))
        raise ExprError(f"invalid operation: float({go_type(wrong)})")
    return _power(float(numbers[0]), float(numbers[1]))


def _power(base: float, exponent: float) -> float:
    """Go's own way to a whole power: a C library's differs from it in the last digit.

    To other powers Go's way depends on the processor; there the C library's is taken.
    """
    usual = math.isfinite(base) and base != 0 and exponent.is_integer() and exponent != 1
    if not usual or abs(exponent) >= 2.0**63:
        return _special_power(base, exponent)
    return _squared(base, int(abs(exponent)), inverse=exponent < 0)


def _squared(base: float, times: int, *, inverse: bool) -> float:
    """A whole power of the base by squaring, the powers of two kept apart."""
    found, power = 1.0, 0
    mantissa, exponent = math.frexp(base)
    while times:
        if abs(exponent) > _BEYOND:  # no float is that large or small, and it only grows
            power += exponent
            break
        if times & 1:
            found *= mantissa
            power += exponent
        mantissa *= mantissa
        exponent *= 2
        if mantissa < 0.5:
            mantissa += mantissa
            exponent -= 1
        times >>= 1
    found, power = (1 / found, -power) if inverse else (found, power)
    try:
        return math.ldexp(found, power)
    except OverflowError:
        return math.copysign(math.inf, found)


def _special_power(base: float, exponent: float) -> float:
    """Roots, zeros, infinities, NaN and powers beyond all floats, as the C standard has them."""
    odd = exponent % 2 in (1, -1) if math.isfinite(exponent) else False
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and odd else math.inf
    except ValueError:
        if base == 0:  # a negative power of zero
            return math.copysign(math.inf, base) if odd else math.inf
        return math.nan


def negate(value: object) -> object:
    """`-value` of a number."""
    if type(value) is int:
        return wrapped(-value)
    if type(value) is float:
        return -value
    raise ExprError(f"invalid operation: - {go_type(value)}")
