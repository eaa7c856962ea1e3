"""Goes in: nothing. Comes out: the parts that a regular expression is made of.
Called by the reader of patterns, and by `regex.py`, which makes an automaton of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gradatim.expr.charclass import CharSet


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    chars: CharSet


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place: start, end, line start, line end, word, not word."""

    kind: str


@dataclass(frozen=True, slots=True)
class Concat:
    """One after the other."""

    parts: tuple[Regex, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of several."""

    parts: tuple[Regex, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`low` times to `high` times; None: without end."""

    part: Regex
    low: int
    high: int | None


Regex: TypeAlias = Chars | Anchor | Concat | Either | Repeat


def weight(node: Regex) -> int:
    """How often the most repeated part of a tree stands in it, as RE2 counts it."""
    if isinstance(node, Repeat):
        times = max(node.low, node.high or 0, 1)
        return times * weight(node.part)
    if isinstance(node, Concat | Either):
        return max((weight(each) for each in node.parts), default=1)
    return 1
