"""Goes in: a condition of an AnalysisTemplate and a measured value. Comes out: whether it holds.
Called by `decide/`, `validate/` and the command line. The language is expr-lang 1.17's, with
Argo's functions; it is read, checked and run here without Python's `eval`, within hard limits.
"""

from __future__ import annotations

from gradatim.expr.condition import (
    Condition,
    check,
    check_time,
    compile_condition,
    evaluate,
    evaluate_time,
    explain_error,
    lint,
    misfit,
)
from gradatim.expr.errors import ExprError
from gradatim.expr.limits import DEFAULT, Limits
from gradatim.expr.values import FloatList

__all__ = [
    "DEFAULT",
    "Condition",
    "ExprError",
    "FloatList",
    "Limits",
    "check",
    "check_time",
    "compile_condition",
    "evaluate",
    "evaluate_time",
    "explain_error",
    "lint",
    "misfit",
]
