"""The documents of a file of manifests, YAML or JSON.

In: the file's text. Out: one `Document` each, and a `TextFault` for each place that cannot be read.
Called by `gradatim validate`. A document that cannot be read does not hide the others.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from .tree import TOO_DEEP, Marks, TextFault, Tree

_SEPARATOR: Final = re.compile(r"---(\s|$)")
_NOTHING: Final = re.compile(r"\s*(#.*|%.*|---\s*(#.*)?|\.\.\.\s*(#.*)?)?")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LONGEST_INTEGER: Final = 19
_OPEN_TAG: Final = re.compile(r"\{\{\s*args\.[^}]*\}\}")
_FOREIGN_TEMPLATE: Final = re.compile(r"\{\{[-\s]*(\.|\$|include|if|range|end|with|define|toYaml)")


@dataclass(frozen=True, slots=True)
class Document:
    """One document.

    Attributes:
        number: its place in the file, from 1; empty ones do not count.
        value: what it holds, plain JSON.
        line: of the file where it begins, from 1.
    """

    number: int
    value: Any
    line: int
    marks: Marks = field(default_factory=dict, repr=False)


def read_documents(text: str) -> Iterator[Document | TextFault]:
    """Every document of a file, and every fault of its text, in their order. Never raises."""
    if text.lstrip()[:1] in ("{", "["):
        found = _json_document(text)
        if found is not None:
            yield from found
            return
    number = 0
    for line, chunk in _chunks(text):
        for item in _chunk_documents(chunk, line, number + 1):
            number += isinstance(item, Document)
            yield item


def _json_document(text: str) -> list[Document | TextFault] | None:
    """A file that is JSON; None when it is not, and is read as YAML, which says where it is wrong."""
    faults: list[TextFault] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(pairs)
        if len(seen) < len(pairs):
            keys = [key for key, _ in pairs]
            double = next(key for key in keys if keys.count(key) > 1)
            faults.append(TextFault(0, 0, f'key "{double}" is set twice', number=1))
        return seen

    try:
        value = json.loads(
            text,
            object_pairs_hook=unique,
            parse_constant=_number,
            parse_int=_whole,
            parse_float=_number,
        )
    except (ValueError, RecursionError):
        return None
    return [*faults, Document(1, value, 1)]


def _number(text: str) -> float:
    """A number that Kubernetes can hold.

    Raises:
        ValueError: it is infinite, or none.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _whole(text: str) -> int | float:
    """An integer of 64 bits; what is larger becomes a float, as in Kubernetes."""
    return int(text) if len(text) < _LONGEST_INTEGER else _number(text)


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """The text between separators, each with the line where it begins, as long as there is something in it."""
    lines = text.splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if index and _SEPARATOR.match(line)]
    for start, end in zip([0, *starts], [*starts, len(lines)], strict=True):
        chunk = lines[start:end]
        if not all(_NOTHING.fullmatch(line.strip("\r\n\ufeff")) for line in chunk):
            yield start + 1, "".join(chunk)


def _chunk_documents(chunk: str, line: int, number: int) -> Iterator[Document | TextFault]:
    tree = Tree(line, number)
    try:
        for event in yaml.parse(chunk, Loader=_LOADER):
            if (value := tree.take(event)) is not tree:
                yield from tree.faults
                yield Document(tree.number, value, line, tree.marks)
                tree = Tree(line, tree.number + 1)
    except TextFault as fault:
        yield from (*tree.faults, _explained(fault, chunk, line))
    except yaml.YAMLError as error:
        yield from (*tree.faults, _explained(_fault_of(error, line, tree.number), chunk, line))


def _fault_of(error: yaml.YAMLError, line: int, number: int) -> TextFault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = [getattr(error, name, None) for name in ("context", "problem")]
    words = ", ".join(part for part in said if isinstance(part, str)) or str(error)
    message = f"is no YAML: {' '.join(words.split())[:256]}"
    if "nesting depth" in words:
        # newer releases of libyaml have a limit of their own, and look ahead for it
        message = TOO_DEEP
    if mark is None:
        return TextFault(line, 0, message, number=number)
    return TextFault(line + mark.line, mark.column + 1, message, number=number)


def _explained(fault: TextFault, chunk: str, line: int) -> TextFault:
    """The fault with what to do about it, where the line says what was meant."""
    lines = chunk.splitlines()
    near = "\n".join(lines[max(0, fault.line - line - 1) : fault.line - line + 1])
    if _FOREIGN_TEMPLATE.search(near):
        hint = "it holds template code: render it first, and validate what comes out"
    elif tag := _OPEN_TAG.search(near):
        hint = f'put the value with {tag[0]} into quotes: "{tag[0]}"'
    else:
        return fault
    return TextFault(fault.line, fault.column, f"{fault.message}; {hint}", number=fault.number)
