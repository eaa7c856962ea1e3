"""3,000 conditions: compiled once, then evaluated on results as providers bring them.

In: nothing. Out: µs for compiling and for evaluating one condition.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gradatim.expr import compile_condition

from .timing import microseconds

#: condition, and a result that it is asked about
CONDITIONS: tuple[tuple[str, Any], ...] = (
    ("result < 0.05", 0.03),
    ("result[0] >= 0.95", [0.99]),
    ("len(result) == 0 || result[0] < 100", [12.5]),
    ("default(result, 0) < 10", None),
    ("result.ok && result.errors <= 3", {"ok": True, "errors": 1}),
    ("all(result, # < 5)", [1, 2, 3, 4]),
)


def run(count: int = 3000) -> dict[str, float]:
    """Numbers by name."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    # each is another text, since one that was seen before is not compiled again
    chosen = [(n, *CONDITIONS[n % len(CONDITIONS)]) for n in range(count)]
    texts = [(f"({text}) && {n} >= 0", result) for n, text, result in chosen]

    def compile_all() -> None:
        for text, _ in texts:
            compile_condition(text)

    def evaluate_all() -> None:
        for condition, result in compiled:
            condition.evaluate(result, now=now)

    compiling = microseconds(compile_all, rounds=1, repeat=1)
    compiled = [(compile_condition(text), result) for text, result in texts]
    return {
        "conditions": count,
        "compile µs": round(compiling / count, 2),
        "evaluate µs": round(microseconds(evaluate_all, rounds=1) / count, 2),
    }
