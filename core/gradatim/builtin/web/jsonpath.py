"""The JSONPath dialect of kubectl (client-go's `util/jsonpath`), read into nodes.

In: a template such as `{$.items[?(@.name=="web")].value}`. Out: a tuple of nodes that `jsonwalk` evaluates.
Called by `config` to validate a `jsonPath` and by `query` to read an answer.

What client-go finds out while evaluating, we say when reading, so that it is known before the rollout: words that
are no keyword, unknown operators, a `range` without its `end`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

#: Longer templates are refused; none that a person wrote comes near.
MAX_LENGTH: Final = 4_096

_DICT_KEY: Final = re.compile(r"'([^']*)'")
_SLICE: Final = re.compile(r"(-?[0-9]{0,9})(:-?[0-9]{0,9})?(:-?[0-9]{0,9})?")
_FILTER: Final = re.compile(r"([^!<>=]+)([!<>=]+)(.+)", re.DOTALL)
_NUMBER: Final = re.compile(r"[+-]?[0-9.]*")
_OPERATORS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_ENDS_NAME: Final = frozenset(" \t\r\n.,[]$@{}")
_SIMPLE_ESCAPES: Final = dict(zip("abfnrtv\\", "\a\b\f\n\r\t\v\\", strict=True))
_CODE_ESCAPE: Final = re.compile(
    r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})"
)


class JSONPathError(ValueError):
    """The template cannot be read, or finds nothing where it must. One line."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a number or a truth value. A text stands once, the others once for each value at hand."""

    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Field:
    """The member of this name; one of the values at hand must have it."""

    name: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Every member, element or byte."""


@dataclass(frozen=True, slots=True)
class Recursive:
    """The value and all that is in it, outer parts first."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Elements of a list. `single`: written as `[n]`, where the stop is the start plus one."""

    start: int | None
    stop: int | None
    step: int | None
    single: bool = False


@dataclass(frozen=True, slots=True)
class Union:
    """The results of each path in turn."""

    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Elements for which the comparison holds, or, with the operator "exists", which have the left side."""

    left: Path
    operator: str
    right: Path


@dataclass(frozen=True, slots=True)
class Keyword:
    """`range` or `end`."""

    name: str


Node: TypeAlias = Constant | Field | Wildcard | Recursive | Slice | Union | Filter | Keyword
Path: TypeAlias = tuple[Node, ...]


def parse(template: str) -> tuple[Path, ...]:
    """The parts of a template: a path for each `{…}`, and a constant for each text between them.

    Raises:
        JSONPathError: it is not of the dialect.
    """
    if len(template) > MAX_LENGTH:
        raise JSONPathError(f"longer than {MAX_LENGTH} characters")
    parts = _Reader(template).template()
    open_ranges = 0
    for part in parts:
        for node in part:
            if isinstance(node, Keyword):
                open_ranges += 1 if node.name == "range" else -1
                if open_ranges < 0:
                    raise JSONPathError("not in range, nothing to end")
    if open_ranges:
        raise JSONPathError("a range without its end")
    return parts


def _inner(text: str) -> Path:
    """The path of a text that stands inside of another action."""
    first = _Reader("{" + text + "}").template()[0]
    if any(isinstance(node, Keyword) for node in first):
        raise JSONPathError(f"a range cannot stand in {text!r}")
    return first


class _Reader:
    """One pass over a template, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def template(self) -> tuple[Path, ...]:
        parts: list[Path] = []
        while self._at < len(self._text):
            opened = self._text.find("{", self._at)
            end = len(self._text) if opened < 0 else opened
            if end > self._at:
                parts.append((Constant(self._text[self._at : end]),))
            self._at = end
            if opened >= 0:
                self._at += 1
                parts.append(self._action())
        return tuple(parts)

    def _action(self) -> Path:
        nodes: list[Node] = []
        while not self._took("}"):
            if self._took("[?("):
                nodes.append(self._filter())
            elif self._took(".."):
                if nodes and isinstance(nodes[-1], Recursive):
                    raise JSONPathError("invalid multiple recursive descent")
                nodes.append(Recursive())
                if _is_name(self._peek()):
                    nodes.append(self._field())
            else:
                nodes.extend(self._step())
        return tuple(nodes)

    def _step(self) -> Path:
        char = self._peek()
        if char in ("", "\n", "\r"):
            raise JSONPathError("unclosed action")
        if char in "+-" or char.isdigit():
            return (self._number(),)
        if _is_name(char):
            return (self._word(),)
        self._at += 1
        if char in " @$":
            return ()
        if char == "[":
            return self._brackets()
        if char in "\"'":
            return (self._quoted(char),)
        if char == ".":
            return (self._field(),)
        raise JSONPathError(f"unrecognized character in action: {char!r}")

    def _field(self) -> Node:
        start = self._at
        while (char := self._peek()) and char not in _ENDS_NAME:
            self._at += 2 if char == "\\" else 1
        name = self._text[start : self._at]
        return Wildcard() if name == "*" else Field(name.replace("\\", ""))

    def _number(self) -> Constant:
        match = _NUMBER.match(self._text, self._at)
        text = match.group() if match else ""
        self._at += max(len(text), 1)
        try:
            return Constant(float(text) if "." in text else int(text))
        except ValueError:
            raise JSONPathError(f"cannot parse number {text}") from None

    def _word(self) -> Node:
        start = self._at
        while (char := self._peek()) and char not in _ENDS_NAME:
            self._at += 1
        word = self._text[start : self._at]
        if word in ("true", "false"):
            return Constant(word == "true")
        if word in ("range", "end"):
            return Keyword(word)
        raise JSONPathError(f"unrecognized identifier {word}")

    def _quoted(self, quote: str) -> Constant:
        start = self._at
        while True:
            end = self._until(quote, "unterminated quoted string")
            # As client-go does: a quote after a backslash is escaped, even if that is one itself.
            if self._text[end - 1] != "\\":
                return Constant(_unquoted(self._text[start:end], quote))

    def _brackets(self) -> Path:
        start = self._at
        text = self._text[start : self._until("]", "unterminated array")]
        parts = text.split(",")
        if len(parts) > 1:
            return (Union(tuple(_inner(f"[{part.strip(' ')}]") for part in parts)),)
        if match := _DICT_KEY.fullmatch(text):
            return _inner(f".{match.group(1)}")
        return (_slice(":" if text == "*" else text),)

    def _filter(self) -> Filter:
        start, end = self._at, self._filter_end()
        if not self._took("]"):
            raise JSONPathError("unclosed array expect ]")
        text = self._text[start:end]
        match = _FILTER.fullmatch(text)
        if match is None:
            return Filter(_inner(text), "exists", ())
        left, operator, right = match.groups()
        if operator not in _OPERATORS:
            raise JSONPathError(f"unrecognized filter operator {operator}")
        return Filter(_inner(left), operator, _inner(right))

    def _filter_end(self) -> int:
        """Past the `)` that is not in a quoted text; the position of it is the answer."""
        quote = ""
        while True:
            char = self._peek()
            if char in ("", "\n"):
                raise JSONPathError("unterminated filter")
            self._at += 1
            if char == ")" and not quote:
                return self._at - 1
            if not quote and char in "\"'":
                quote = char
            elif char == quote and self._text[self._at - 2] != "\\":
                quote = ""

    def _until(self, char: str, fault: str) -> int:
        """Past the next `char` in this line; the position of it is the answer."""
        end = self._text.find(char, self._at)
        if end < 0 or "\n" in self._text[self._at : end]:
            raise JSONPathError(fault)
        self._at = end + 1
        return end

    def _took(self, prefix: str) -> bool:
        if self._text.startswith(prefix, self._at):
            self._at += len(prefix)
            return True
        return False

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]


def _is_name(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdigit()


def _slice(text: str) -> Slice:
    match = _SLICE.fullmatch(text)
    if match is None:
        raise JSONPathError(f"invalid array index {text}")
    bounds: list[int | None] = []
    for group in match.groups():
        digits = (group or "").removeprefix(":")
        if digits == "-":
            raise JSONPathError(f"array index {digits} is not a number")
        bounds.append(int(digits) if digits else None)
    start, stop, step = bounds
    if step is not None and step <= 0:
        raise JSONPathError("step must be > 0")
    if not match.group(2):
        return Slice(start, (start or 0) + 1, step, single=True)
    return Slice(start, stop, step)


def _unquoted(text: str, quote: str) -> str:
    result, at = "", 0
    while at < len(text):
        if text[at] != "\\":
            result, at = result + text[at], at + 1
            continue
        escape = text[at + 1 : at + 2]
        code = _CODE_ESCAPE.match(text, at + 1)
        if escape and (escape == quote or escape in _SIMPLE_ESCAPES):
            result, at = result + _SIMPLE_ESCAPES.get(escape, escape), at + 2
        elif code:
            point = int(code.group(4), 8) if code.group(4) else int(code.group()[1:], 16)
            if point > 0x10FFFF or 0xD800 <= point < 0xE000:
                raise JSONPathError(f"unquote string {text!r}: no such character")
            result, at = result + chr(point), code.end()
        else:
            raise JSONPathError(f"unquote string {text!r}: invalid syntax")
    return result
