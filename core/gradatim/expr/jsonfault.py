"""Goes in: text that is no JSON. Comes out: what Go's reader says of it.
Called by `jsontext.py` when `fromJSON` fails; sound JSON never comes here.
"""

from __future__ import annotations

import re

from gradatim.expr.quoting import quoted

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_ESCAPED = b'bfnrt\\/"'
_LITERALS = {0x74: b"true", 0x66: b"false", 0x6E: b"null"}
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DEEPEST = 10_000
ENDED = "unexpected end of JSON input"
TOO_DEEP = "exceeded max depth"


class _FaultError(Exception):
    """The text is no JSON, and this is why."""


def json_fault(text: str) -> str:
    """What Go says of text that is no JSON (or that nests too deeply to be read)."""
    # At the end Go reads one more space, and complains of that where no space may stand.
    reader = _Reader(text.encode("utf-8", "replace") + b" ")
    try:
        reader.value()
        reader.skip()
    except _FaultError as fault:
        return str(fault)
    if reader.pos < len(reader.raw):
        return str(reader.fault("after top-level value"))
    return TOO_DEEP


class _Reader:
    """Reads one value without building it; `open` holds the brackets that are not closed yet."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.pos = 0
        self.open: list[int] = []

    def fault(self, where: str) -> _FaultError:
        """The error of the character that stands here."""
        char = chr(self.raw[self.pos])
        shown = {"'": "'\\''", '"': "'\"'"}.get(char) or f"'{quoted(char)[1:-1]}'"
        return _FaultError(f"invalid character {shown} {where}")

    def skip(self) -> None:
        while self.pos < len(self.raw) and self.raw[self.pos] in _SPACE:
            self.pos += 1

    def next(self) -> int:
        """The next character that is no space; it is not taken."""
        self.skip()
        if self.pos == len(self.raw):
            raise _FaultError(ENDED)
        return self.raw[self.pos]

    def value(self) -> None:
        """A value, and whatever it holds; without recursion, since text may nest deeply."""
        self.begin()
        while self.open:
            is_list = self.open[-1] == 0x5B
            char = self.next()
            if char == (0x5D if is_list else 0x7D):
                self.pos += 1
                self.open.pop()
            elif char != 0x2C:
                raise self.fault(f"after {'array element' if is_list else 'object key:value pair'}")
            else:
                self.pos += 1
                if not is_list:
                    self.key()
                self.begin()

    def begin(self) -> None:
        """Read up to the end of the first plain value or empty list or map."""
        while (char := self.next()) in b"[{":
            self.pos += 1
            if len(self.open) == _DEEPEST:
                raise _FaultError(TOO_DEEP)
            if self.next() == (0x5D if char == 0x5B else 0x7D):
                self.pos += 1
                return
            self.open.append(char)
            if char == 0x7B:
                self.key()
        self.plain(char)

    def key(self) -> None:
        if self.next() != 0x22:
            raise self.fault("looking for beginning of object key string")
        self.string()
        if self.next() != 0x3A:
            raise self.fault("after object key")
        self.pos += 1

    def plain(self, char: int) -> None:
        if char == 0x22:
            self.string()
        elif char == 0x2D or char in _DIGITS:
            self.number()
        elif char in _LITERALS:
            self.literal(_LITERALS[char])
        else:
            raise self.fault("looking for beginning of value")

    def literal(self, word: bytes) -> None:
        for expected in word:
            if self.raw[self.pos] != expected:
                name = word.decode("ascii")
                raise self.fault(f"in literal {name} (expecting '{chr(expected)}')")
            self.pos += 1

    def string(self) -> None:
        self.pos += 1
        while (char := self.character()) != 0x22:
            if char < 0x20:
                self.pos -= 1
                raise self.fault("in string literal")
            if char == 0x5C:
                self.escape()

    def character(self) -> int:
        """Take one character of a string; the space added at the end is none."""
        if self.pos >= len(self.raw) - 1:
            raise _FaultError(ENDED)
        self.pos += 1
        return self.raw[self.pos - 1]

    def escape(self) -> None:
        if self.raw[self.pos] == 0x75:
            self.pos += 1
            for _ in range(4):
                self.expect(_HEX, "in \\u hexadecimal character escape")
        else:
            self.expect(_ESCAPED, "in string escape code")

    def expect(self, allowed: bytes, where: str) -> None:
        if self.raw[self.pos] not in allowed:
            raise self.fault(where)
        self.pos += 1

    def number(self) -> None:
        match = _NUMBER.match(self.raw, self.pos)
        if match is None:  # a sign without a digit
            self.pos += 1
            raise self.fault("in numeric literal")
        self.pos = match.end()
        whole = b"." not in match[0] and b"e" not in match[0].lower()
        if whole and self.raw[self.pos] == 0x2E:
            self.pos += 1
            raise self.fault("after decimal point in numeric literal")
        if b"e" not in match[0].lower() and self.raw[self.pos] in b"eE":
            self.pos += 1
            self.pos += self.raw[self.pos] in b"+-"
            raise self.fault("in exponent of numeric literal")
