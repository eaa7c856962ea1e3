"""Goes in: a regular expression in RE2's syntax. Comes out: its tree.
Called by `regex.py`. Knows what Go's regexp knows; what RE2 has not (`(?=`, `\\1`) is an error.
"""

from __future__ import annotations

import re

from gradatim.expr.charclass import ANY, NOT_NEWLINE, CharSet
from gradatim.expr.errors import ExprError
from gradatim.expr.patternchars import CharReader
from gradatim.expr.patterntree import Anchor, Chars, Concat, Either, Regex, Repeat, weight

_LONGEST = 1_000  # characters of a pattern
_DEEPEST = 50  # groups within groups
_MOST = 1_000  # repetitions, as RE2
_REPEAT = re.compile(r"\{(\d{1,8})(,(\d{1,8})?)?\}", re.ASCII)
_FLAGS = re.compile(r"\(\?([imsU]*)(-[imsU]+)?([:)])")
_GROUP_NAME = re.compile(r"\(\?P?<(\w+)>", re.ASCII)
_BAD_NAME = re.compile(r"\(\?(?:P<(?=.)|<(?=.))(?:[^>]*>|[^>]*\Z)", re.DOTALL)
_BAD_FLAGS = re.compile(r"\(\?[imsU]*(?:-[imsU]*)?.?", re.DOTALL)
_ANCHORS = {"A": "start", "z": "end", "b": "word", "B": "not word"}


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


class _Reader(CharReader):
    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.depth = 0

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
        if max(low, high or 0) > 1 and weight(found) > _MOST:
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
