"""Goes in: a regular expression in RE2's syntax, and a place in it. Comes out: the characters meant there.
Called by `pattern.py`, whose reader extends this one: classes, categories and escapes, as Go's regexp knows them.
"""

from __future__ import annotations

import re

from gradatim.expr.charclass import (
    LAST,
    PERL,
    POSIX,
    CharSet,
    Ranges,
    all_forms,
    inverted,
    is_category,
)
from gradatim.expr.errors import ExprError

_BAD_HEXADECIMAL = re.compile(r"\{([0-9a-fA-F]{0,40}).?", re.DOTALL)
_BAD_RANGE = "invalid character class range"
_OPEN_CLASS = "missing closing ]"
_CONTROL = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}


class CharReader:
    """Reads what stands for characters, from `pos` on; `flags` are those of the group."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.pos = 0
        self.flags = frozenset[str]()

    def error(self, what: str, start: int, end: int | None = None) -> ExprError:
        """The error that a stretch of the pattern (up to here, if no end is given) is."""
        shown = self.pattern[start : self.pos if end is None else end]
        return ExprError(f"error parsing regexp: {what}: `{shown}`")

    def peek(self, count: int = 1) -> str:
        """What comes next; less at the end."""
        return self.pattern[self.pos : self.pos + count]

    def take(self) -> str:
        """Go on by one character, and give it."""
        self.pos += 1
        return self.pattern[self.pos - 1]

    def perl_class(self) -> CharSet | None:
        """A class after a backslash, such as `d` or `p{Lu}`; None when it is something else."""
        char = self.peek()
        if char and char in "dswDSW":
            self.pos += 1
            return CharSet(self._ascii_class(PERL[char.lower()], negated=char.isupper()))
        if char and char in "pP":
            return self._category()
        return None

    def _category(self) -> CharSet:
        start = self.pos - 1
        negated = self.take() == "P"
        if self.peek() == "{":
            end = self.pattern.find("}", self.pos)
            if end < 0:
                raise self.error(_BAD_RANGE, start, len(self.pattern))
            name = self.pattern[self.pos + 1 : end]
            self.pos = end + 1
        else:
            name = self.take() if self.peek() else ""
        if name.startswith("^"):
            negated, name = not negated, name[1:]
        if not is_category(name):
            # Go also knows the scripts, which Python's tables do not have.
            raise self.error(_BAD_RANGE, start)
        folded = "i" in self.flags
        if name == "Any":
            return CharSet(() if negated else ((0, LAST),))
        return CharSet(categories=((name, negated),), folded=folded)

    def escape(self) -> int:
        """The character that an escape (its backslash is read) stands for."""
        start = self.pos - 1
        if not self.peek():
            raise self.error("trailing backslash at end of expression", start, start)
        char = self.take()
        if char in _CONTROL:
            return _CONTROL[char]
        if char == "x":
            return self._hexadecimal(start)
        if char == "0" or (char in "1234567" and "0" <= self.peek() <= "7"):
            digits = re.compile(r"[0-7]{0,2}").match(self.pattern, self.pos)
            octal = char + (digits[0] if digits else "")
            self.pos += len(octal) - 1
            return int(octal, 8)
        if char.isascii() and not char.isalnum():
            return ord(char)
        raise self.error("invalid escape sequence", start)

    def _hexadecimal(self, start: int) -> int:
        match = re.compile(r"[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\}").match(self.pattern, self.pos)
        code = int(match[0].strip("{}"), 16) if match else LAST + 1
        if match is None or code > LAST:
            raise self.error("invalid escape sequence", start, self._hexadecimal_end())
        self.pos = match.end()
        return code

    def _hexadecimal_end(self) -> int:
        """Up to where Go reads an escape that is none."""
        if self.peek() != "{":
            return self.pos + 2
        found = _BAD_HEXADECIMAL.match(self.pattern, self.pos)
        if found is None:
            return self.pos
        digits = found[1]  # the first of them that leads beyond the last character ends it
        beyond = (n for n in range(1, len(digits) + 1) if int(digits[:n], 16) > LAST)
        return found.start(1) + next(beyond, found.end() - found.start(1))

    def char_class(self) -> CharSet:
        """A class in brackets, which come next."""
        start = self.pos
        self.pos += 1
        negated = self.peek() == "^"
        self.pos += negated
        ranges: list[tuple[int, int]] = []
        categories: list[tuple[str, bool]] = []
        first = True
        while first or self.peek() != "]":
            if not self.peek():
                raise self.error(_OPEN_CLASS, start, len(self.pattern))
            first = False
            named = self._named_class()
            if named is not None:
                ranges.extend(named.ranges)
                categories.extend(named.categories)
            else:
                ranges.append(self._range(start))
        self.pos += 1
        folded = "i" in self.flags
        return CharSet(tuple(ranges), tuple(categories), negated, folded)

    def _named_class(self) -> CharSet | None:
        if self.peek(2) == "[:":
            end = self.pattern.find(":]", self.pos)
            name = self.pattern[self.pos + 2 : end] if end > 0 else ""
            if end > 0:
                ranges = self._posix(name)
                self.pos = end + 2
                return CharSet(ranges)
        if self.peek() == "\\":
            self.pos += 1
            found = self.perl_class()
            if found is None:
                self.pos -= 1
            return found
        return None

    def _posix(self, name: str) -> Ranges:
        plain = name.removeprefix("^")
        if plain not in POSIX:
            raise self.error(_BAD_RANGE, self.pos, self.pos + len(name) + 4)
        return self._ascii_class(POSIX[plain], negated=plain != name)

    def _ascii_class(self, ranges: Ranges, *, negated: bool) -> Ranges:
        """A class of ASCII; with the flag `i`, all forms of its letters belong to it."""
        found = all_forms(ranges) if "i" in self.flags else ranges
        return inverted(found) if negated else found

    def _range(self, whole: int) -> tuple[int, int]:
        start = self.pos
        low = self._class_char()
        if self.peek() == "-" and self.peek(2) not in ("-]", "-"):
            self.pos += 1
            if not self.peek():
                raise self.error(_OPEN_CLASS, whole)
            high = self._class_char()
            if high < low:
                raise self.error(_BAD_RANGE, start)
            return low, high
        return low, low

    def _class_char(self) -> int:
        char = self.take()
        return self.escape() if char == "\\" else ord(char)
