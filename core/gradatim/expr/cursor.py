"""Goes in: the tokens of a condition. Comes out: one after the other, and an error where none fits.
Called by the parser, which is one.
"""

from __future__ import annotations

from gradatim.expr.errors import ExprError
from gradatim.expr.lexer import Token, TokenKind


class Cursor:
    """A place among tokens; `current` is the one that stands there."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.current = tokens[0]

    def next(self) -> Token:
        """Take a token and give it."""
        token = self.current
        self.index = min(self.index + 1, len(self.tokens) - 1)
        self.current = self.tokens[self.index]
        return token

    def unexpected(self, wanted: str = "") -> ExprError:
        """The error of a token that may not stand here."""
        expected = f", expected {wanted}" if wanted else ""
        return ExprError(f"unexpected {self.current}{expected}", self.current.pos)

    def operator(self, value: str) -> Token:
        """Take this operator, which must stand here."""
        if not self.current.is_operator(value):
            raise self.unexpected(repr(value))
        return self.next()

    def bracket(self, value: str) -> Token:
        """Take this bracket, which must stand here."""
        if not self.current.is_bracket(value):
            raise self.unexpected(repr(value))
        return self.next()

    def name(self) -> Token:
        """Take a name, which must stand here."""
        if self.current.kind is not TokenKind.NAME:
            raise self.unexpected("a name")
        return self.next()
