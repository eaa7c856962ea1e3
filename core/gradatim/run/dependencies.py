"""Which Rollouts look at an object: a change of it is a reason for a pass of theirs.

In: what each pass has looked at. Out: the keys to queue when one of those changes. Kept by `gather.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Dependencies(Generic[K]):
    """A map in both directions between dependents and what they look at."""

    def __init__(self) -> None:
        self._of: dict[K, frozenset[Hashable]] = {}
        self._dependents: dict[Hashable, set[K]] = {}

    def set(self, dependent: K, objects: Iterable[Hashable]) -> None:
        """`dependent` looks at these objects, and at no others any more."""
        before, after = self._of.get(dependent, frozenset()), frozenset(objects)
        for gone in before - after:
            known = self._dependents.get(gone, set())
            known.discard(dependent)
            if not known:
                self._dependents.pop(gone, None)
        for new in after - before:
            self._dependents.setdefault(new, set()).add(dependent)
        if after:
            self._of[dependent] = after
        else:
            self._of.pop(dependent, None)

    def forget(self, dependent: K) -> None:
        """It looks at nothing any more."""
        self.set(dependent, ())

    def on(self, thing: Hashable) -> tuple[K, ...]:
        """Who looks at it."""
        return tuple(self._dependents.get(thing, ()))
