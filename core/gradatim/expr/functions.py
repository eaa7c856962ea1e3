"""Goes in: nothing. Comes out: the functions of the language, and Argo's own, by their names.
Called by the evaluator. Each takes the frame and the values of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradatim.expr import listfuncs, numberfuncs, textfuncs, timefuncs
from gradatim.expr.errors import ExprError
from gradatim.expr.frame import Frame
from gradatim.expr.gotext import told
from gradatim.expr.numerals import parsed_float, parsed_int, truncated
from gradatim.expr.values import go_type, not_a

Function = Callable[..., Any]

FUNCTIONS: dict[str, Function] = {
    **textfuncs.FUNCTIONS,
    **listfuncs.FUNCTIONS,
    **numberfuncs.FUNCTIONS,
    **timefuncs.FUNCTIONS,
}
"""The functions of the language that take no predicate."""


def _as_int(_frame: Frame, value: object) -> int:
    """asInt: a number cut towards zero, or a string in base 10."""
    if type(value) is float:
        return truncated(value)
    if type(value) is int:
        return value
    if isinstance(value, str):
        return parsed_int(value)
    raise ExprError(f"asInt() not supported on {go_type(value)} {told(value)}")


def _as_float(_frame: Frame, value: object) -> float:
    """asFloat: a number or a string as a float."""
    if type(value) is float or type(value) is int:
        return float(value)
    if isinstance(value, str):
        return parsed_float(value)
    raise ExprError(f"asFloat() not supported on {go_type(value)} {told(value)}")


def _is_nan(_frame: Frame, value: object) -> bool:
    return _float(value) != value


def _is_inf(_frame: Frame, value: object) -> bool:
    return abs(_float(value)) == float("inf")


def _float(value: object) -> float:
    if type(value) is float:
        return value
    raise not_a("float64", value)


def _is_nil(frame: Frame, _value: object) -> bool:
    # Argo ignores the argument and tests the whole measurement. Manifests rely on either.
    return frame.result is None


def _default(frame: Frame, _value: object, fallback: object) -> object:
    # As above: the first argument is ignored.
    return fallback if frame.result is None else frame.result


ENVIRONMENT: dict[str, Function] = {
    "asInt": _as_int,
    "asFloat": _as_float,
    "isNaN": _is_nan,
    "isInf": _is_inf,
    "isNil": _is_nil,
    "default": _default,
}
"""Argo's functions in a condition."""
