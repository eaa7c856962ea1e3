"""A YAML document put together from its events, within limits.

In: PyYAML's events, one by one. Out: plain JSON, where each key stands, and what was wrong on the way.
Called by `documents.py`. PyYAML's own loader recurses, takes the last of two equal keys and makes dates;
and a few lines of aliases to aliases are a document of any size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from .scalars import Scalar, ScalarError, plain_value, tagged_value

#: How deep, and how many values, with every alias written out. Objects of Kubernetes need a tenth of it.
DEEPEST: Final = 200
MOST_VALUES: Final = 500_000
TOO_DEEP: Final = f"is nested more than {DEEPEST} levels deep"

#: For each container, by its `id`: the line of each key or index.
Marks: TypeAlias = dict[int, dict[str | int, int]]

_MERGE: Final = "<<"
_NO_KEY: Final = object()


class TextFault(Exception):
    """A place in a file that cannot be read.

    Attributes:
        line: from 1; 0 where it is not known.
        column: from 1; 0 where it is not known.
        message: in one line.
        number: of the document that it is in.
    """

    def __init__(self, line: int, column: int, message: str, *, number: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message
        self.number = number


@dataclass(slots=True)
class _Open:
    """A container that has not ended.

    Attributes:
        key: the key whose value comes next; `_NO_KEY` while a key is to come.
        merges: mappings that are merged in when it ends.
        start: how many values there were before it.
    """

    value: dict[str, Any] | list[Any]
    anchor: str | None
    start: int
    key: object = _NO_KEY
    merges: list[dict[str, Any]] = field(default_factory=list)


class Tree:
    """One document in the making. `take` gives the tree itself until the document is whole."""

    def __init__(self, line: int, number: int) -> None:
        self.line = line
        self.number = number
        self.faults: list[TextFault] = []
        self.marks: Marks = {}
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._root: Any = None
        self._count = 0

    def take(self, event: yaml.Event) -> Any:
        """Take one event; the document's value, when this was its last.

        Raises:
            TextFault: it cannot be read on.
        """
        match event:
            case yaml.DocumentEndEvent():
                return self._root
            case yaml.ScalarEvent():
                self._add(self._scalar(event), event, event.anchor, text=event.value)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end(event)
        return self

    def _fault(self, event: yaml.Event, message: str) -> TextFault:
        mark = event.start_mark
        column = mark.column + 1 if mark else 0
        return TextFault(self._line(event), column, message, number=self.number)

    def _line(self, event: yaml.Event) -> int:
        return self.line + (event.start_mark.line if event.start_mark else 0)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        text = str(event.value)
        try:
            if event.tag not in (None, "!"):
                return tagged_value(text, event.tag)
            return plain_value(text) if event.implicit[0] else text
        except ScalarError as error:
            self.faults.append(self._fault(event, str(error)))
            return text

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            raise self._fault(event, f"*{event.anchor} refers to nothing that stands before it")
        value, size = self._anchors[event.anchor]
        self._grow(event, size - 1)
        text = value if isinstance(value, str) else None
        self._add(value, event, None, text=text)

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self._open) >= DEEPEST:
            raise self._fault(event, TOO_DEEP)
        if self._awaits_key():
            raise self._fault(event, "has a mapping or a list where the name of a field must stand")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open({} if is_mapping else [], event.anchor, self._count))

    def _end(self, event: yaml.MappingEndEvent | yaml.SequenceEndEvent) -> None:
        done = self._open.pop()
        if isinstance(done.value, dict):
            for merged in done.merges:
                for key, value in merged.items():
                    done.value.setdefault(key, value)
        self._add(done.value, event, done.anchor, text=None, start=done.start)

    def _awaits_key(self) -> bool:
        return bool(self._open) and (
            isinstance(self._open[-1].value, dict) and self._open[-1].key is _NO_KEY
        )

    def _grow(self, event: yaml.Event, by: int) -> None:
        self._count += by
        if self._count > MOST_VALUES:
            raise self._fault(event, f"has more than {MOST_VALUES} values, its aliases written out")

    def _add(
        self,
        value: Any,
        event: yaml.Event,
        anchor: str | None,
        *,
        text: str | None,
        start: int | None = None,
    ) -> None:
        """Put a whole value where it belongs: as the root, an item, a key, or the value of a key."""
        before = self._count if start is None else start
        self._grow(event, 1)
        if anchor is not None:
            self._anchors[anchor] = (value, self._count - before)
        if not self._open:
            self._root = value
            return
        inside = self._open[-1]
        if isinstance(inside.value, list):
            self._mark(inside.value, len(inside.value), event)
            inside.value.append(value)
        elif inside.key is _NO_KEY:
            self._key(inside, inside.value, event, text)
        else:
            self._value(inside, inside.value, value, event)

    def _key(
        self, inside: _Open, container: dict[str, Any], event: yaml.Event, text: str | None
    ) -> None:
        if text is None:
            raise self._fault(event, "has something other than text as the name of a field")
        if text in container:
            self.faults.append(self._fault(event, f'key "{text[:64]}" is set twice'))
        inside.key = text
        self._mark(container, text, event)

    def _value(
        self, inside: _Open, container: dict[str, Any], value: Any, event: yaml.Event
    ) -> None:
        key, inside.key = str(inside.key), _NO_KEY
        if key != _MERGE:
            container[key] = value
            return
        merged = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in merged):
            raise self._fault(event, "merges something other than mappings with <<")
        inside.merges += merged

    def _mark(self, container: Any, key: str | int, event: yaml.Event) -> None:
        self.marks.setdefault(id(container), {})[key] = self._line(event)


def line_of(value: Any, marks: Marks, path: tuple[str | int, ...]) -> int:
    """The line of the deepest part of the path that is there; 0 where nothing is known."""
    line = 0
    for key in path:
        line = marks.get(id(value), {}).get(key, line)
        match value:
            case dict() if key in value:
                value = value[key]
            case list() if isinstance(key, int) and key < len(value):
                value = value[key]
            case _:
                break
    return line
