"""Typed access to a block of JSON that people wrote, noting what is wrong and what nobody has asked for.

In: a JSON value. Out: values of the right type, and faults with paths. Called by `config.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import inf
from typing import Any, TypeAlias, TypeVar

#: Where something is wrong, as keys from the root, and what.
Fault: TypeAlias = tuple[tuple[str, ...], str]

E = TypeVar("E", bound=enum.StrEnum)
N = TypeVar("N", bound=float | None)


class Fields:
    """One object. `all_faults` ends the reading: what was not taken until then is not known."""

    def __init__(self, raw: object, path: tuple[str, ...]) -> None:
        self._path = path
        self._faults: list[Fault] = []
        self._blocks: list[Fields] = []
        self._known: list[str] = []
        self._raw: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
        if not isinstance(raw, dict):
            self.fault("must be an object")

    def fault(self, message: str, *keys: str) -> None:
        """Note that something is wrong."""
        self._faults.append(((*self._path, *keys), message))

    def take(self, key: str) -> object:
        """The value as it is; None where there is none."""
        self._known.append(key)
        return self._raw.get(key)

    def block(self, key: str) -> Fields:
        """The object at a key; an empty one where there is none."""
        value = self.take(key)
        found = Fields({} if value is None else value, (*self._path, key))
        self._blocks.append(found)
        return found

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.take(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.fault("must be true or false", key)
        return False

    def number(self, key: str, default: N, *, above: float = -inf, below: float = inf) -> float | N:
        """A number between two others."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault("must be a number", key)
        elif not above < value < below:
            self.fault(f"must be {_between(above, below)}", key)
        else:
            return float(value)
        return default

    def whole(self, key: str, default: int) -> int:
        """A number of things, one at least."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1_000_000:
            return value
        self.fault("must be a whole number from 1 on", key)
        return default

    def word(self, key: str, words: Sequence[str], default: str) -> str:
        """One of some words."""
        value = self.take(key)
        if value is None or value in words:
            return default if value is None else str(value)
        self.fault(f"must be one of {', '.join(words)}", key)
        return default

    def choice(self, key: str, kind: type[E], default: E) -> E:
        """One of the words of an enumeration."""
        return kind(self.word(key, [member.value for member in kind], default.value))

    def all_faults(self) -> list[Fault]:
        """What was wrong here and in the blocks below."""
        for key in self._raw:
            if key not in self._known:
                near = get_close_matches(str(key), self._known, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                self.fault(f"is not known, there are {', '.join(sorted(self._known))}{hint}", key)
        return [*self._faults, *(fault for block in self._blocks for fault in block.all_faults())]


def _between(above: float, below: float) -> str:
    least, most = round(above, 6) + 0.0, round(below, 6)
    if below == inf:
        return f"{least:g} or more"
    return f"from {least:g} to {most:g}"
