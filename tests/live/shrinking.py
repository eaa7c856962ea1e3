"""A failing history made small: fewer events, no gaps, a plainer setup, as long as it still fails.

In: a setup, its events, and a time that the search may take. Out: the smallest found. Hypothesis shrinks the bytes that
a history was drawn from, and each of its many tries plays a whole cluster: leaving events out in halves gets there
sooner.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from setups import Setup

Event = tuple[Any, ...]
Found = tuple[Setup, list[Event]]


def smallest(fails: Callable[[Setup, list[Event]], bool], found: Found, seconds: float) -> Found:
    """The smallest history that `fails`, within a time."""
    end = time.monotonic() + seconds
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for candidate in (*_shorter(found), *_plainer(found)):
            if time.monotonic() > end:
                return found
            if fails(*candidate):
                found, is_smaller = candidate, True
                break
    return found


def _shorter(found: Found) -> Iterator[Found]:
    setup, events = found
    size = len(events) // 2
    while size:
        for start in range(0, len(events), size):
            yield setup, [*events[:start], *events[start + size :]]
        size //= 2


def _plainer(found: Found) -> Iterator[Found]:
    setup, events = found
    for name in setup.block:
        yield replace(setup, block={k: v for k, v in setup.block.items() if k != name}), events
    for name in setup.spec:
        if name != "progressDeadlineSeconds":
            yield replace(setup, spec={k: v for k, v in setup.spec.items() if k != name}), events
    steps = setup.block.get("steps") or []
    for index in range(len(steps)):
        left = [*steps[:index], *steps[index + 1 :]]
        yield replace(setup, block={**setup.block, "steps": left}), events
    for field in ("lag", "stale"):
        if getattr(setup, field):
            yield replace(setup, **{field: 0}), events
    for index, event in enumerate(events):
        if event[0] not in (0.3, 1):
            yield setup, [*events[:index], (1, *event[1:]), *events[index + 1 :]]
