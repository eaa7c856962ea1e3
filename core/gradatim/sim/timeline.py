"""Versions of a value in time.

In: a value and the time from which it holds. Out: the value at a time, and when it changed.
Used by `propagation.py`, which has to know what a proxy that is late still believes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Timeline(Generic[Value]):
    """The versions of a value that are younger than `keep` seconds, and the one before them."""

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._times: list[float] = []
        self._values: list[Value] = []

    def note(self, time: float, value: Value) -> None:
        """Say that from `time` on the value holds; times never fall."""
        self._times.append(time)
        self._values.append(value)
        old = bisect_right(self._times, time - self._keep) - 1
        if old > 0:
            del self._times[:old], self._values[:old]

    def at(self, time: float) -> Value | None:
        """Return the value that held at `time`, None before the first."""
        index = bisect_right(self._times, time) - 1
        return self._values[index] if index >= 0 else None

    def changes(self, since: float) -> Iterator[float]:
        """Return the times after `since` from which a new value held."""
        return (time for time in self._times if time > since)
