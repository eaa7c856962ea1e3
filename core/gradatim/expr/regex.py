"""Goes in: a pattern of RE2 and a text. Comes out: whether the pattern is found in the text.
Called by the checker and for `matches`. Takes time linear in the text, whatever the pattern.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from gradatim.expr.charclass import CharSet
from gradatim.expr.errors import ExprError
from gradatim.expr.limits import Budget
from gradatim.expr.pattern import parse_pattern
from gradatim.expr.patterntree import Anchor, Chars, Concat, Either, Regex, Repeat

# Python's own `re` backtracks: a pattern such as (a+)+$ takes exponential time there, and whoever
# writes an AnalysisTemplate could stop the controller. Here the pattern becomes a nondeterministic
# automaton that is run on all its paths at once; the sets of states met are remembered, so that a
# text is mostly read with one look-up for each character.

_LARGEST = 20_000  # steps of an automaton
_REMEMBERED = 2_000  # moves kept before they are forgotten
_CHARS = 4  # characters of a text that are read for one step of the budget
_PARTS = 16  # parts of an automaton that are moved for one step of the budget

_START, _NEWLINE, _WORD_CHAR, _OTHER = range(4)


@dataclass(slots=True)
class _Step:
    """One state: `chars` to go on with a character, `anchor` to go on at a place, or neither."""

    chars: CharSet | None = None
    anchor: str = ""
    exits: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _States:
    """A set of states of the automaton, and where each character leads from it."""

    kernel: frozenset[int]
    before: int  # what sort of character led here
    moves: dict[str, _States | None] = field(default_factory=dict)


class Pattern:
    """A pattern made ready."""

    def __init__(self, tree: Regex) -> None:
        self._steps: list[_Step] = []
        self._goal = self._add(_Step())
        self._entry = self._build(tree, self._goal)
        self._known: dict[tuple[frozenset[int], int], _States] = {}
        self._moves = 0

    def search(self, text: str, budget: Budget) -> bool:
        """The pattern is found somewhere in the text. Raises `ExprError` beyond the budget."""
        budget.steps(len(text) // _CHARS)
        states = self._states(frozenset({self._entry}), _START)
        for char in text:
            following = states.moves.get(char, states)
            if following is states:
                following = self._move(states, char, budget)
            if following is None:
                return True
            states = following
        return self._move(states, "", budget) is None

    # -- running -----------------------------------------------------------------------------

    def _states(self, kernel: frozenset[int], before: int) -> _States:
        found = self._known.get((kernel, before))
        if found is None:
            found = self._known[kernel, before] = _States(kernel, before)
        return found

    def _move(self, states: _States, char: str, budget: Budget) -> _States | None:
        """Where a character ("": the end of the text) leads; None: to the goal."""
        if self._moves > _REMEMBERED:
            self._known.clear()
            self._moves = 0
        self._moves += 1
        closed = self._closure(states, char)
        budget.steps(len(closed) // _PARTS + 1)
        found: _States | None = None
        if self._goal not in closed:
            steps = (self._steps[each] for each in closed)
            shown = "\ufffd" if "\ud800" <= char <= "\udfff" else char
            kernel = {self._entry}
            if char:
                kernel.update(
                    s.exits[0] for s in steps if s.chars is not None and s.chars.has(shown)
                )
            found = self._states(frozenset(kernel), _sort(char))
        states.moves[char] = found
        return found

    def _closure(self, states: _States, char: str) -> set[int]:
        """All states reached without taking a character, between the last one and this."""
        found: set[int] = set()
        rest = list(states.kernel)
        while rest:
            each = rest.pop()
            if each in found:
                continue
            found.add(each)
            step = self._steps[each]
            if step.chars is None and (not step.anchor or _holds(step.anchor, states.before, char)):
                rest.extend(step.exits)
        return found

    # -- building ----------------------------------------------------------------------------

    def _add(self, step: _Step) -> int:
        self._steps.append(step)
        if len(self._steps) > _LARGEST:
            raise ExprError("the pattern is too large")
        return len(self._steps) - 1

    def _build(self, node: Regex, goal: int) -> int:
        """The state from which the tree is matched up to the goal."""
        if isinstance(node, Chars):
            return self._add(_Step(chars=node.chars, exits=[goal]))
        if isinstance(node, Anchor):
            return self._add(_Step(anchor=node.kind, exits=[goal]))
        if isinstance(node, Concat):
            for part in reversed(node.parts):
                goal = self._build(part, goal)
            return goal
        if isinstance(node, Either):
            return self._add(_Step(exits=[self._build(part, goal) for part in node.parts]))
        return self._repeat(node, goal)

    def _repeat(self, node: Repeat, goal: int) -> int:
        if node.high is None:
            loop = self._add(_Step(exits=[goal]))
            self._steps[loop].exits.append(self._build(node.part, loop))
            entry = loop
        else:
            entry = goal
            for _ in range(node.high - node.low):
                entry = self._add(_Step(exits=[goal, self._build(node.part, entry)]))
        for _ in range(node.low):
            entry = self._build(node.part, entry)
        return entry


def _sort(char: str) -> int:
    if char == "\n":
        return _NEWLINE
    return _WORD_CHAR if char == "_" or (char.isascii() and char.isalnum()) else _OTHER


def _holds(anchor: str, before: int, char: str) -> bool:
    """The place between what was before and the character is the one asked for."""
    if anchor == "start":
        return before == _START
    if anchor == "end":
        return char == ""
    if anchor == "line start":
        return before in (_START, _NEWLINE)
    if anchor == "line end":
        return char in ("", "\n")
    at_word = (before == _WORD_CHAR) != (char != "" and _sort(char) == _WORD_CHAR)
    return at_word is (anchor == "word")


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """The pattern made ready. Raises `ExprError` if it is no pattern of RE2, or too large."""
    return Pattern(parse_pattern(pattern))
