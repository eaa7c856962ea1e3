"""Reading JSON that people wrote: every value as its type, every wrong type as a `Fault`.

In: a JSON object from the API server or a file. Out: plain values, and the list of what was wrong.
Each view of this room is parsed with it, so that one malformed object never stops a watch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

#: A JSON object as it came from the API server. Shared, and never mutated.
Json: TypeAlias = dict[str, Any]

#: A path into a JSON document: keys and indexes from its root.
Path: TypeAlias = tuple[str | int, ...]

_EMPTY: Final[Json] = {}

#: Digits of the greatest int64. Longer texts are somebody's mistake, and reading them takes its time.
_MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Fault:
    """A value of the wrong type. The view was made as if the field were absent."""

    path: Path
    message: str


class Reader:
    """Typed access to one JSON object; wrong types are noted in the shared list `faults`."""

    __slots__ = ("faults", "path", "raw")

    def __init__(self, raw: object, path: Path = (), faults: list[Fault] | None = None) -> None:
        self.faults: list[Fault] = [] if faults is None else faults
        self.path = path
        if isinstance(raw, dict):
            self.raw: Mapping[str, Any] = raw
        else:
            self.raw = _EMPTY
            if raw is not None:
                self.fault(f"must be an object, not {_named(raw)}")

    def fault(self, message: str, *keys: str | int) -> None:
        """Note that something at `keys` below this object is wrong."""
        self.faults.append(Fault((*self.path, *keys), message))

    def has(self, key: str) -> bool:
        """The key is there, and is not null."""
        return self.raw.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        """A string."""
        value = self.raw.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            self.fault(f"must be a string, not {_named(value)}", key)
        return default

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean."""
        value = self.raw.get(key)
        if isinstance(value, bool):
            return value
        if value is not None:
            self.fault(f"must be true or false, not {_named(value)}", key)
        return default

    def maybe_flag(self, key: str) -> bool | None:
        """A boolean, or None where there is none."""
        return self.flag(key) if self.has(key) else None

    def number(self, key: str, default: int = 0) -> int:
        """An integer; a float without fraction counts as one, as in JSON it is one."""
        value = self.maybe_number(key)
        return default if value is None else value

    def maybe_number(self, key: str) -> int | None:
        """An integer, or None where there is none."""
        value = self.raw.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if value is not None:
            self.fault(f"must be an integer, not {_named(value)}", key)
        return None

    def int_or_text(self, key: str) -> int | str | None:
        """An integer or a string, as Kubernetes' IntOrString; None where there is none."""
        if isinstance(value := self.raw.get(key), str):
            return value
        return self.maybe_number(key)

    def moment(self, key: str) -> datetime | None:
        """An RFC 3339 time, aware and UTC; None where there is none."""
        text = self.text(key)
        if not text:
            return None
        moment = parse_time(text)
        if moment is None:
            self.fault(f"must be an RFC 3339 time such as 2006-01-02T15:04:05Z, not {text!r}", key)
        return moment

    def object(self, key: str) -> Reader:
        """The object at a key; an empty one where there is none."""
        return Reader(self.raw.get(key), (*self.path, key), self.faults)

    def json(self, key: str) -> Json:
        """The object at a key as it is; an empty one where there is none."""
        value = self.raw.get(key)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.fault(f"must be an object, not {_named(value)}", key)
        return {}

    def list(self, key: str) -> list[Any]:
        """The list at a key as it is; an empty one where there is none."""
        value = self.raw.get(key)
        if isinstance(value, list):
            return value
        if value is not None:
            self.fault(f"must be a list, not {_named(value)}", key)
        return []

    def objects(self, key: str) -> Iterator[Reader]:
        """A reader for each object of the list at a key."""
        for index, item in enumerate(self.list(key)):
            yield Reader(item, (*self.path, key, index), self.faults)

    def texts(self, key: str) -> dict[str, str]:
        """A map of strings to strings, as labels are; entries of another type are left out."""
        found = {}
        for name, value in self.json(key).items():
            if isinstance(value, str):
                found[name] = value
            elif value is not None:
                self.fault(f"must be a string, not {_named(value)}", key, name)
        return found


@lru_cache(maxsize=4096)
def whole_number(text: str) -> int | None:
    """The number that an annotation holds; None if it is none, or none that Kubernetes could have written."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


@lru_cache(maxsize=8192)
def parse_time(text: str) -> datetime | None:
    """An RFC 3339 time as an aware UTC datetime; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def format_time(moment: datetime) -> str:
    """The form that Kubernetes gives a time: UTC, whole seconds, `Z`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _named(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "null"
