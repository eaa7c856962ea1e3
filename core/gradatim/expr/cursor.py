"""Goes in: the tokens of a condition. Comes out: one after the other, and an error where none fits.
Called by the parser, which is one.
"""

from __future__ import annotations

from gradatim.expr.errors import ExprError
from gradatim.expr.lexer import Token, TokenKind


class Cursor:
    """A place among tokens; `current` is the one that stands there."""

    def __init__(self, tokens: list[Token], fault: ExprError | None = None) -> None:
        """Raises the fault that ends the tokens when it is the first thing there is."""
        self.tokens = tokens
        self.fault = fault
        self.index = 0
        self.current = self.token(0)

    def token(self, index: int) -> Token:
        """The token there (after the end: the end). Raises the fault that ends the tokens."""
        if index >= len(self.tokens) and self.fault is not None:
            raise self.fault
        return self.tokens[min(index, len(self.tokens) - 1)]

    def next(self) -> Token:
        """Take a token and give it."""
        token = self.current
        self.current = self.token(self.index + 1)
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def unexpected(self) -> ExprError:
        """The error of a token that may not stand here."""
        return ExprError(f"unexpected token {self.current}", self.current.pos)

    def operator(self, value: str) -> Token:
        """Take this operator, which must stand here."""
        if not self.current.is_operator(value):
            raise self.unexpected()
        return self.next()

    def bracket(self, value: str) -> Token:
        """Take this bracket, which must stand here."""
        if not self.current.is_bracket(value):
            raise self.unexpected()
        return self.next()

    def name(self) -> Token:
        """Take a name, which must stand here."""
        if self.current.kind is not TokenKind.NAME:
            raise self.unexpected()
        return self.next()
