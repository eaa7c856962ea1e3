"""Goes in: a measured value, the time, the limits. Comes out: the state of one evaluation.
Called by the evaluator and by the functions, each of which gets it as its first argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gradatim.expr.limits import Budget
from gradatim.expr.times import Moment


@dataclass(slots=True)
class Loop:
    """What `#`, `#index` and `#acc` mean inside a predicate."""

    item: object = None
    index: int = 0
    acc: object = None


class Frame:
    """The state of one evaluation; nothing of it outlives the evaluation."""

    __slots__ = ("budget", "loop", "now", "result", "variables")

    def __init__(self, result: object, now: Moment, budget: Budget) -> None:
        self.result = result
        self.now = now
        self.budget = budget
        self.loop = Loop()
        self.variables: dict[str, object] = {}


Evaluate: TypeAlias = Callable[[Frame], object]
"""A node made ready: give it the frame and it gives the value."""
