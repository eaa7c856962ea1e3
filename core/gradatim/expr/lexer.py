"""Goes in: the text of a condition. Comes out: its tokens, and the fault that ends them, if any.
Called by the parser. Follows the lexical rules of expr-lang 1.17.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from gradatim.expr.errors import ExprError
from gradatim.expr.escapes import escape_at
from gradatim.expr.quoting import code_point, quoted

SPACES = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go counts as a space: fewer characters than Python does."""

_WORD_OPERATORS = frozenset(
    ["not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"]
)
_BRACKETS = frozenset("()[]{}")
_SINGLE = frozenset(",;%+-^")
_DOUBLING = frozenset("&!=*<>")
_DIGITS = frozenset("0123456789_")
_BASES = {"x": frozenset("0123456789abcdefABCDEF_"), "o": frozenset("01234567_")}
_BASES["b"] = frozenset("01_")


class TokenKind(Enum):
    """What a token is, as messages name it."""

    NAME = "Identifier"
    NUMBER = "Number"
    STRING = "String"
    OPERATOR = "Operator"
    BRACKET = "Bracket"
    END = "EOF"


class Token(NamedTuple):
    """One token: `value` is a string's content, or else the text as written."""

    kind: TokenKind
    value: str
    pos: int

    def is_operator(self, *values: str) -> bool:
        """This token is one of these operators."""
        return self.kind is TokenKind.OPERATOR and self.value in values

    def is_bracket(self, value: str) -> bool:
        """This token is this bracket."""
        return self.kind is TokenKind.BRACKET and self.value == value

    def __str__(self) -> str:
        return f"{self.kind.value}({quoted(self.value)})" if self.value else self.kind.value


def is_word_start(char: str) -> bool:
    """A name may begin with this character (one character, or empty)."""
    return char.isalpha() or (char != "" and char in "_$")


def is_word_part(char: str) -> bool:
    """A name may go on with this character (one character, or empty)."""
    return is_word_start(char) or char.isdecimal()


def tokens_of(source: str) -> tuple[list[Token], ExprError | None]:
    """The tokens of a condition, the last one of kind END; or those before a fault, and the fault.

    Faults are an unknown character, an open string or comment, a malformed number. The parser
    raises one when it gets there: what it finds wrong before that is told first.
    """
    lexer = _Lexer(source)
    try:
        while lexer.pos < len(source):
            lexer.read()
    except ExprError as error:
        return lexer.tokens, error
    lexer.tokens.append(Token(TokenKind.END, "", len(source)))
    return lexer.tokens, None


class _Lexer:
    def __init__(self, source: str) -> None:
        self.source = source
        self.pos = 0
        self.tokens: list[Token] = []

    def read(self) -> None:
        char = self.source[self.pos]
        if char in SPACES:
            self.pos += 1
        elif is_word_start(char):
            self.word(char)
        elif "0" <= char <= "9":
            self.number()
        elif char in "'\"":
            self.string(self.pos, char)
        elif char in _BRACKETS:
            self.emit(TokenKind.BRACKET, self.pos + 1)
        else:
            self.symbol(char)

    def emit(self, kind: TokenKind, end: int) -> None:
        self.tokens.append(Token(kind, self.source[self.pos : end], self.pos))
        self.pos = end

    def at(self, index: int) -> str:
        return self.source[index : index + 1]

    def run(self, index: int, allowed: frozenset[str]) -> int:
        while index < len(self.source) and self.source[index] in allowed:
            index += 1
        return index

    def word(self, char: str) -> None:
        if char in "bB" and self.at(self.pos + 1) in ("'", '"'):
            raise ExprError("byte strings have no use on JSON data", self.pos)
        end = self.word_end(self.pos)
        known = self.source[self.pos : end] in _WORD_OPERATORS
        self.emit(TokenKind.OPERATOR if known else TokenKind.NAME, end)

    def word_end(self, index: int) -> int:
        while is_word_part(self.at(index)):
            index += 1
        return index

    def symbol(self, char: str) -> None:
        following = self.at(self.pos + 1)
        if char == "`":
            self.raw_string()
        elif char == "/":
            self.slash(following)
        elif char == "#":
            self.pointer(following)
        elif char == "." and following and following in "0123456789":
            self.number()
        elif char in _SINGLE:
            self.emit(TokenKind.OPERATOR, self.pos + 1)
        elif char in "|:.":
            self.emit(TokenKind.OPERATOR, self.pos + (2 if following == char else 1))
        elif char == "?":
            self.emit(TokenKind.OPERATOR, self.pos + (2 if following in (".", "?") else 1))
        elif char in _DOUBLING:
            self.emit(TokenKind.OPERATOR, self.pos + (2 if following in ("&", "=", "*") else 1))
        else:
            raise ExprError(f"unrecognized character: {code_point(char)}", self.pos)

    def slash(self, following: str) -> None:
        if following == "/":
            end = self.source.find("\n", self.pos)
            self.pos = len(self.source) if end < 0 else end
        elif following == "*":
            end = self.source.find("*/", self.pos + 2)
            if end < 0:
                raise ExprError("unclosed comment", self.pos)
            self.pos = end + 2
        else:
            self.emit(TokenKind.OPERATOR, self.pos + 1)

    def pointer(self, following: str) -> None:
        self.emit(TokenKind.OPERATOR, self.pos + (2 if following == "#" else 1))
        end = self.word_end(self.pos)
        if end > self.pos:
            self.emit(TokenKind.NAME, end)

    def number(self) -> None:
        digits, start = _DIGITS, self.pos
        if self.at(start) == "0" and self.at(start + 1).lower() in _BASES:
            digits = _BASES[self.at(start + 1).lower()]
            start += 2
        end = self.run(start, digits)
        if self.at(end) == ".":
            if self.at(end + 1) == ".":  # 1..2 is a range
                self.emit(TokenKind.NUMBER, end)
                return
            end = self.run(end + 1, digits)
        if self.at(end) in ("e", "E"):
            end += 1
            end = self.run(end + 1 if self.at(end) in ("+", "-") else end, digits)
        if is_word_part(self.at(end)):
            word = self.source[self.pos : end + 1]
            raise ExprError(f"bad number syntax: {quoted(word)}", end)
        self.emit(TokenKind.NUMBER, end)

    def string(self, start: int, quote: str) -> None:
        parts: list[str] = []
        index = start + 1
        fault: ExprError | None = None
        while (char := self.at(index)) != quote:
            if char in ("", "\n"):
                raise ExprError("literal not terminated", start)
            if char == "\\":
                place = index
                char, index = escape_at(self.source, index + 1, quote)
                if not char and fault is None:  # told only if the string is sound otherwise
                    fault = ExprError("unable to unescape string", place)
                parts.append(char)
                continue
            parts.append("\n" if char == "\r" else char)  # as Go: line ends are one character
            index += 1
        if fault is not None:
            raise fault
        self.tokens.append(Token(TokenKind.STRING, "".join(parts), start))
        self.pos = index + 1

    def raw_string(self) -> None:
        parts: list[str] = []
        index = self.pos + 1
        while True:
            end = self.source.find("`", index)
            if end < 0:
                raise ExprError("literal not terminated", self.pos)
            parts.append(self.source[index:end])
            index = end + 1
            if self.at(index) != "`":
                break
            parts.append("`")  # doubled: it stands for itself
            index += 1
        self.tokens.append(Token(TokenKind.STRING, "".join(parts), self.pos))
        self.pos = index
