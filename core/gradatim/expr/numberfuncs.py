"""Goes in: numbers, or lists of them. Comes out: what `abs`, `round`, `max`, `mean` and others give.
Called through `functions.py`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, TypeVar

from gradatim.expr import compare
from gradatim.expr.errors import ExprError
from gradatim.expr.frame import Frame
from gradatim.expr.numerals import parsed_float, parsed_int, truncated, wrapped
from gradatim.expr.quoting import shortened
from gradatim.expr.times import Span
from gradatim.expr.values import go_type, is_number

_WORD = 2**64
T = TypeVar("T", int, float)


def _number(value: object, name: str) -> int | float:
    if type(value) is float or type(value) is int:
        return value
    raise ExprError(f"invalid argument for {name} (type {go_type(value)})")


def _converted(value: object, name: str) -> int | float:
    """A number to be turned into another."""
    if type(value) is float or type(value) is int:
        return value
    raise ExprError(f"invalid operation: {name}({go_type(value)})")


def _abs(_frame: Frame, value: object) -> int | float:
    number = _number(value, "abs")
    return wrapped(abs(number)) if isinstance(number, int) else abs(number)


def _rounding(name: str, rounded: Callable[[float], float]) -> Callable[[Frame, object], float]:
    def run(_frame: Frame, value: object) -> float:
        number = float(_number(value, name))
        return math.copysign(rounded(number), number) if math.isfinite(number) else number

    return run


def _half_away(value: float) -> float:
    """Go rounds halves away from zero, where Python rounds to even."""
    whole = math.trunc(value)
    return float(whole + (math.copysign(1, value) if abs(value - whole) >= 0.5 else 0))


def _int(_frame: Frame, value: object) -> int:
    if isinstance(value, str):
        return _read(parsed_int, value, "int")
    if isinstance(value, Span):
        return value.ns
    if value is None:
        raise ExprError("reflect: call of reflect.Value.Type on zero Value")
    number = _converted(value, "int")
    return truncated(number) if isinstance(number, float) else number


def _float(_frame: Frame, value: object) -> float:
    if isinstance(value, str):
        return _read(parsed_float, value, "float")
    return float(_converted(value, "float"))


def _read(reader: Callable[[str], T], text: str, name: str) -> T:
    try:
        return reader(text)
    except ExprError:
        raise ExprError(f"invalid operation: {name}({shortened(text)})") from None


def _extreme(name: str, better: Callable[[object, object], bool]) -> Callable[..., object]:
    """max and min: the first of the best, through lists in lists; nil when there is none."""

    def run(frame: Frame, *values: object) -> object:
        if (
            len(values) == 1
            and not is_number(values[0])
            and not isinstance(values[0], list | range)
        ):
            return values[0]
        best: object = None
        for value in _flat(frame, name, values):
            if best is None or better(value, best):
                best = value
        return best

    return run


def _flat(frame: Frame, name: str, values: tuple[object, ...]) -> list[int | float]:
    """All numbers in the values, through lists in lists, from left to right."""
    found: list[int | float] = []
    rest: list[object] = list(reversed(values))
    while rest:
        frame.budget.steps(1)
        value = rest.pop()
        if isinstance(value, list | range):
            frame.budget.steps(len(value))
            rest.extend(reversed(value))
        else:
            found.append(_number(value, name))
    return found


def _mean(frame: Frame, *values: object) -> float:
    numbers = [float(each) for each in _flat(frame, "mean", values)]
    return sum(numbers) / len(numbers) if numbers else 0.0


def _median(frame: Frame, *values: object) -> float:
    numbers = sorted((float(each) for each in _flat(frame, "median", values)), key=_nan_first)
    middle = len(numbers) // 2
    if not numbers:
        return 0.0
    if len(numbers) % 2:
        return numbers[middle]
    return (numbers[middle - 1] + numbers[middle]) / 2


def _nan_first(value: float) -> tuple[bool, float]:
    """Go sorts NaN before all others."""
    return (False, 0.0) if math.isnan(value) else (True, value)


def _bits(name: str, op: Callable[[int, int], int]) -> Callable[[Frame, object, object], int]:
    def run(_frame: Frame, left: object, right: object) -> int:
        for value in (left, right):
            if type(value) is not int:
                raise _no_int(value, name)
        return wrapped(op(int(str(left)), int(str(right))))

    return run


def _shifted(by: Callable[[int, int], int]) -> Callable[[int, int], int]:
    def run(value: int, count: int) -> int:
        if count < 0:
            problem = f"negative shift count {count} (type int)"
            raise ExprError(f"invalid operation: {problem}")
        return by(value, min(count, 64))

    return run


def _not(_frame: Frame, value: object) -> int:
    if type(value) is int:
        return ~value
    raise _no_int(value, "bitnot")


def _no_int(value: object, name: str) -> ExprError:
    return ExprError(f"cannot use {go_type(value)} as argument (type int) to call {name}")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": _abs,
    "ceil": _rounding("ceil", lambda value: float(math.ceil(value))),
    "floor": _rounding("floor", lambda value: float(math.floor(value))),
    "round": _rounding("round", _half_away),
    "int": _int,
    "float": _float,
    "max": _extreme("max", compare.more),
    "min": _extreme("min", compare.less),
    "mean": _mean,
    "median": _median,
    "bitand": _bits("bitand", operator.and_),
    "bitor": _bits("bitor", operator.or_),
    "bitxor": _bits("bitxor", operator.xor),
    "bitnand": _bits("bitnand", lambda left, right: left & ~right),
    "bitshl": _bits("bitshl", _shifted(operator.lshift)),
    "bitshr": _bits("bitshr", _shifted(operator.rshift)),
    "bitushr": _bits("bitushr", _shifted(lambda value, count: value % _WORD >> count)),
    "bitnot": _not,
}
"""The functions of numbers."""
