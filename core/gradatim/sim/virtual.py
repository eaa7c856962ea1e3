"""Virtual time: an event loop whose clock jumps to the next timer when nothing else is to be done.

In: a coroutine. Out: its result, after hours of its time and milliseconds of ours.
Used by tests, benchmarks and demonstrations. Threads and remote peers have no part in virtual time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

_Result = TypeVar("_Result")

#: Real seconds to wait for a thread or a signal when no timer is left.
_LAST_CHANCE = 1.0


class StandstillError(RuntimeError):
    """Everything waits and no timer is left: in virtual time nothing can ever happen again."""


class _JumpingSelector(selectors.BaseSelector):
    """Looks at the files without waiting, and lets the clock jump instead."""

    def __init__(self) -> None:
        self.now = 0.0
        self._files = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = self._files.select(_LAST_CHANCE)
            if not ready:
                raise StandstillError("all tasks wait, and no timer is set")
            return ready
        ready = self._files.select(0)
        if not ready:
            self.now += max(0.0, timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._files.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._files.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._files.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._files.get_map()

    def close(self) -> None:
        self._files.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that begins at time 0 and never sleeps."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # Timers are sums of floats: one that is due within a microsecond is due, or a long history would end in ever
        # smaller jumps towards the same timer.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._jumping.now


def run_virtual(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run `main` to its end in virtual time, as `asyncio.run` does in real time.

    Raises:
        StandstillError: `main` waits for something that can never happen.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
