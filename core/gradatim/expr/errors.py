"""Goes in: what is wrong, and where in the condition. Comes out: the one exception of this room.
Called by every module of the room; callers outside catch `ExprError` and nothing else.
"""

from __future__ import annotations

_EXCERPT = 100  # columns of the faulty line that a message shows


class ExprError(Exception):
    """A condition that cannot be read, checked or evaluated.

    `message` says what is wrong; `position` is the offset in characters (None: the condition as
    a whole); `str()` adds line, column and the faulty line with a caret under the place.
    """

    def __init__(self, message: str, position: int | None = None, source: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.source = source

    def located(self, position: int) -> ExprError:
        """This error, with a place if it has none yet: the innermost place wins."""
        if self.position is None:
            self.position = position
        return self

    def within(self, source: str) -> ExprError:
        """This error, with the text that it speaks of."""
        if not self.source:
            self.source = source
        return self

    @property
    def line(self) -> int:
        """Line of the place, counted from 1."""
        return self.source.count("\n", 0, self._offset()) + 1

    @property
    def column(self) -> int:
        """Column of the place, counted from 1."""
        return self._offset() - self.source.rfind("\n", 0, self._offset())

    def __str__(self) -> str:
        if self.position is None or not self.source:
            return self.message
        return f"{self.message} (line {self.line}, column {self.column})\n{self.excerpt()}"

    def __reduce__(self) -> tuple[type[ExprError], tuple[str, int | None, str]]:
        return (ExprError, (self.message, self.position, self.source))

    def excerpt(self) -> str:
        """The faulty line, cut around the place, and a caret below it."""
        start = self.source.rfind("\n", 0, self._offset()) + 1
        line = self.source[start:].split("\n", 1)[0]
        cut = max(0, self.column - _EXCERPT // 2)
        shown = "".join(c if c.isprintable() else " " for c in line[cut : cut + _EXCERPT])
        return f"  {shown}\n  {' ' * (self.column - 1 - cut)}^"

    def _offset(self) -> int:
        return min(max(self.position or 0, 0), len(self.source))
