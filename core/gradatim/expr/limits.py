"""Goes in: how much one condition may cost. Comes out: a running account that stops it in time.
Called by the lexer and parser (sizes) and by everything that evaluates (steps, elements, text).
"""

from __future__ import annotations

from dataclasses import dataclass

from gradatim.expr.errors import ExprError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a condition may cost; every excess is an `ExprError`.

    `nodes` and `elements` are the reference's own bounds, so that what it refuses is refused
    here; the others have no counterpart there and keep a controller alive.
    """

    source: int = 32_768  # characters of a condition
    nodes: int = 10_000  # parts of its syntax tree
    nesting: int = 80  # brackets within brackets
    height: int = 160  # links of the longest chain in the tree
    steps: int = 1_000_000  # parts evaluated, loops included
    elements: int = 1_000_000  # list elements and map entries made on the way
    text: int = 8_000_000  # characters made on the way


DEFAULT = Limits()
TOO_MUCH = "memory budget exceeded"  # in the words of the reference


class Budget:
    """The account of one evaluation: each method charges it and raises when it is overdrawn."""

    __slots__ = ("_elements", "_limits", "_steps", "_text")

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._steps = 0
        self._elements = 0
        self._text = 0

    def steps(self, count: int) -> None:
        """Charge `count` evaluated parts."""
        self._steps += count
        if self._steps > self._limits.steps:
            raise ExprError("the condition takes too many steps")

    def elements(self, count: int) -> None:
        """Charge `count` elements of a list or a map about to be made."""
        self._elements += count
        if self._elements >= self._limits.elements:
            raise ExprError(TOO_MUCH)
        self.steps(count)

    def text(self, count: int) -> None:
        """Charge `count` characters about to be made or searched."""
        self._text += count
        if self._text > self._limits.text:
            raise ExprError("the condition handles too much text")
