"""Goes in: the characters after a backslash in a string literal. Comes out: the character meant.
Called by the lexer. The set of escapes is expr-lang's: Go's, plus the braced form of `u`.
"""

from __future__ import annotations

from gradatim.expr.errors import ExprError

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_WIDTH = {"x": 2, "u": 4, "U": 8}
_HEX = frozenset("0123456789abcdefABCDEF")
_OCTAL = frozenset("01234567")
_MAX_RUNE = 0x10FFFF
_MALFORMED = "invalid char escape"


def escape_at(source: str, index: int, quote: str) -> tuple[str, int]:
    """The character that the escape at `index` (just after its backslash) means, and its end.

    The character is empty where the escape is well formed and stands for none. Raises
    `ExprError` at a malformed one.
    """
    letter = source[index : index + 1]
    if letter and letter in _SIMPLE:
        return _SIMPLE[letter], index + 1
    if letter == quote:
        return quote, index + 1
    if letter == "u" and source[index + 1 : index + 2] == "{":
        return _braced(source, index)
    if letter and letter in _WIDTH:
        return _fixed(source, index, _WIDTH[letter])
    digits = source[index : index + 3]
    if len(digits) == 3 and _OCTAL.issuperset(digits):
        return chr(int(digits, 8)) if letter in "0123" else "", index + 3
    raise ExprError(_MALFORMED, index - 1)


def _fixed(source: str, index: int, width: int) -> tuple[str, int]:
    end = index + 1 + width
    digits = source[index + 1 : end]
    if len(digits) != width or not _HEX.issuperset(digits):
        raise ExprError(_MALFORMED, index - 1)
    return _rune(int(digits, 16)), end


def _braced(source: str, index: int) -> tuple[str, int]:
    end = source.find("}", index, index + 9)
    digits = source[index + 2 : end] if end > 0 else ""
    if not digits or not _HEX.issuperset(digits):
        raise ExprError(_MALFORMED, index - 1)
    return _rune(int(digits, 16)), end + 1


def _rune(code: int) -> str:
    if code > _MAX_RUNE:
        return ""
    # Go writes half a surrogate pair as the replacement character.
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
