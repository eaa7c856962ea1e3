"""Goes in: a regular expression in RE2's syntax. Comes out: its tree.
Called by `regex.py`. Knows what Go's regexp knows; what RE2 has not (`(?=`, `\\1`) is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from gradatim.expr.charclass import (
    ANY,
    LAST,
    NOT_NEWLINE,
    PERL,
    POSIX,
    CharSet,
    Ranges,
    all_forms,
    inverted,
    is_category,
)
from gradatim.expr.errors import ExprError

_LONGEST = 1_000  # characters of a pattern
_DEEPEST = 50  # groups within groups
_MOST = 1_000  # repetitions, as RE2
_REPEAT = re.compile(r"\{(\d{1,8})(,(\d{1,8})?)?\}", re.ASCII)
_FLAGS = re.compile(r"\(\?([imsU]*)(-[imsU]+)?([:)])")
_GROUP_NAME = re.compile(r"\(\?P?<(\w+)>", re.ASCII)
_BAD_NAME = re.compile(r"\(\?(?:P<(?=.)|<(?=.))(?:[^>]*>|[^>]*\Z)", re.DOTALL)
_BAD_FLAGS = re.compile(r"\(\?[imsU]*(?:-[imsU]*)?.?", re.DOTALL)
_BAD_HEXADECIMAL = re.compile(r"\{([0-9a-fA-F]{0,40}).?", re.DOTALL)
_BAD_RANGE = "invalid character class range"
_OPEN_CLASS = "missing closing ]"
_CONTROL = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_ANCHORS = {"A": "start", "z": "end", "b": "word", "B": "not word"}


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


def parse_pattern(pattern: str) -> Regex:
    """The tree of a pattern. Raises `ExprError` if Go's regexp would refuse it."""
    if len(pattern) > _LONGEST:
        raise ExprError(f"a pattern is not longer than {_LONGEST} characters")
    if any("\ud800" <= char <= "\udfff" for char in pattern):
        raise ExprError("a pattern is not cut within a character")
    reader = _Reader(pattern)
    found = reader.alternatives()
    if reader.pos < len(pattern):
        raise reader.error("unexpected )", 0, len(pattern))
    return found


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.pos = 0
        self.depth = 0
        self.flags = frozenset[str]()

    def error(self, what: str, start: int, end: int | None = None) -> ExprError:
        """The error that a stretch of the pattern (up to here, if no end is given) is."""
        shown = self.pattern[start : self.pos if end is None else end]
        return ExprError(f"error parsing regexp: {what}: `{shown}`")

    def peek(self, count: int = 1) -> str:
        return self.pattern[self.pos : self.pos + count]

    def take(self) -> str:
        self.pos += 1
        return self.pattern[self.pos - 1]

    # -- structure ---------------------------------------------------------------------------

    def alternatives(self) -> Regex:
        branches = [self.branch()]
        while self.peek() == "|":
            self.pos += 1
            branches.append(self.branch())
        return branches[0] if len(branches) == 1 else Either(tuple(branches))

    def branch(self) -> Regex:
        parts: list[Regex] = []
        repeated: int | None = None  # where the repetition before begins, if there is one
        while self.pos < len(self.pattern) and self.peek() not in "|)":
            start = self.pos
            bounds = self.repetition()
            if bounds is None:
                self.part(parts)
                repeated = None
                continue
            if repeated is not None:
                raise self.error("invalid nested repetition operator", repeated)
            if not parts:
                raise self.error("missing argument to repetition operator", start)
            parts[-1] = self.bounded(parts[-1], start, *bounds)
            repeated = start
        return Concat(tuple(parts))

    def repetition(self) -> tuple[int, int | None] | None:
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.peek())
        if simple is not None:
            self.pos += 1
        elif match := _REPEAT.match(self.pattern, self.pos):
            low = int(match[1])
            high = low if match[2] is None else int(match[3]) if match[3] else None
            if low > _MOST or (high is not None and not low <= high <= _MOST):
                raise self.error("invalid repeat count", self.pos, match.end())
            simple = (low, high)
            self.pos = match.end()
        if simple is not None and self.peek() == "?":  # lazy: the same when nothing is captured
            self.pos += 1
        return simple

    def bounded(self, part: Regex, start: int, low: int, high: int | None) -> Regex:
        found = Repeat(part, low, high)
        if max(low, high or 0) > 1 and _weight(found) > _MOST:
            raise self.error("invalid repeat count", start)
        return found

    def part(self, parts: list[Regex]) -> None:
        """Read what comes next and add it; flags and quoted stretches may add none or several."""
        char = self.peek()
        if char == "(":
            group = self.group()
            if group is not None:
                parts.append(group)
        elif char == "[":
            parts.append(Chars(self.char_class()))
        elif self.peek(2) == "\\Q":
            end = self.pattern.find("\\E", self.pos)
            quoted = self.pattern[self.pos + 2 : end if end >= 0 else None]
            self.pos = len(self.pattern) if end < 0 else end + 2
            parts.extend(self.char(ord(each)) for each in quoted)
        else:
            parts.append(self.single(self.take()))

    def single(self, char: str) -> Regex:
        if char == ".":
            return Chars(ANY if "s" in self.flags else NOT_NEWLINE)
        if char == "^":
            return Anchor("line start" if "m" in self.flags else "start")
        if char == "$":
            return Anchor("line end" if "m" in self.flags else "end")
        if char == "\\":
            if self.peek() and self.peek() in _ANCHORS:
                return Anchor(_ANCHORS[self.take()])
            found = self.perl_class()
            return Chars(found) if found is not None else self.char(self.escape())
        return self.char(ord(char))

    def char(self, code: int) -> Regex:
        return Chars(CharSet(((code, code),), folded="i" in self.flags))

    def group(self) -> Regex | None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error("expression nests too deeply", 0, len(self.pattern))
        flags = self.flags
        if self.peek(2) == "(?":
            if self.opening():  # flags for the rest of the group around
                self.depth -= 1
                return None
        else:
            self.pos += 1
        found = self.alternatives()
        if self.peek() != ")":
            raise self.error("missing closing )", 0, len(self.pattern))
        self.pos += 1
        self.flags = flags
        self.depth -= 1
        return found

    def opening(self) -> bool:
        """Read `(?…`; True when it only sets flags and no group follows."""
        name = _GROUP_NAME.match(self.pattern, self.pos)
        if name is not None:
            self.pos = name.end()
            return False
        match = _FLAGS.match(self.pattern, self.pos)
        if match is None:
            raise self.unknown_group()
        self.flags = (self.flags | set(match[1])) - set(match[2] or "")
        self.pos = match.end()
        return match[3] == ")"

    def unknown_group(self) -> ExprError:
        name = _BAD_NAME.match(self.pattern, self.pos)
        if name is not None:
            return self.error("invalid named capture", self.pos, name.end())
        flags = _BAD_FLAGS.match(self.pattern, self.pos)
        end = flags.end() if flags else len(self.pattern)
        return self.error("invalid or unsupported Perl syntax", self.pos, end)

    # -- characters --------------------------------------------------------------------------

    def perl_class(self) -> CharSet | None:
        """A class after a backslash, such as `d` or `p{Lu}`; None when it is something else."""
        char = self.peek()
        if char and char in "dswDSW":
            self.pos += 1
            return CharSet(self.ascii_class(PERL[char.lower()], negated=char.isupper()))
        if char and char in "pP":
            return self.category()
        return None

    def category(self) -> CharSet:
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
            return self.hexadecimal(start)
        if char == "0" or (char in "1234567" and "0" <= self.peek() <= "7"):
            digits = re.compile(r"[0-7]{0,2}").match(self.pattern, self.pos)
            octal = char + (digits[0] if digits else "")
            self.pos += len(octal) - 1
            return int(octal, 8)
        if char.isascii() and not char.isalnum():
            return ord(char)
        raise self.error("invalid escape sequence", start)

    def hexadecimal(self, start: int) -> int:
        match = re.compile(r"[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,6}\}").match(self.pattern, self.pos)
        code = int(match[0].strip("{}"), 16) if match else LAST + 1
        if match is None or code > LAST:
            raise self.error("invalid escape sequence", start, self.hexadecimal_end())
        self.pos = match.end()
        return code

    def hexadecimal_end(self) -> int:
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
            named = self.named_class()
            if named is not None:
                ranges.extend(named.ranges)
                categories.extend(named.categories)
            else:
                ranges.append(self.range(start))
        self.pos += 1
        folded = "i" in self.flags
        return CharSet(tuple(ranges), tuple(categories), negated, folded)

    def named_class(self) -> CharSet | None:
        if self.peek(2) == "[:":
            end = self.pattern.find(":]", self.pos)
            name = self.pattern[self.pos + 2 : end] if end > 0 else ""
            if end > 0:
                ranges = self.posix(name)
                self.pos = end + 2
                return CharSet(ranges)
        if self.peek() == "\\":
            self.pos += 1
            found = self.perl_class()
            if found is None:
                self.pos -= 1
            return found
        return None

    def posix(self, name: str) -> Ranges:
        plain = name.removeprefix("^")
        if plain not in POSIX:
            raise self.error(_BAD_RANGE, self.pos, self.pos + len(name) + 4)
        return self.ascii_class(POSIX[plain], negated=plain != name)

    def ascii_class(self, ranges: Ranges, *, negated: bool) -> Ranges:
        """A class of ASCII; with the flag `i`, all forms of its letters belong to it."""
        found = all_forms(ranges) if "i" in self.flags else ranges
        return inverted(found) if negated else found

    def range(self, whole: int) -> tuple[int, int]:
        start = self.pos
        low = self.class_char()
        if self.peek() == "-" and self.peek(2) not in ("-]", "-"):
            self.pos += 1
            if not self.peek():
                raise self.error(_OPEN_CLASS, whole)
            high = self.class_char()
            if high < low:
                raise self.error(_BAD_RANGE, start)
            return low, high
        return low, low

    def class_char(self) -> int:
        char = self.take()
        return self.escape() if char == "\\" else ord(char)


def _weight(node: Regex) -> int:
    """How often the most repeated part of a tree stands in it, as RE2 counts it."""
    if isinstance(node, Repeat):
        times = max(node.low, node.high or 0, 1)
        return times * _weight(node.part)
    if isinstance(node, Concat | Either):
        return max((_weight(each) for each in node.parts), default=1)
    return 1
