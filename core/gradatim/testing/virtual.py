"""Time that takes no time, for contracts that wait: a provider's deadline, its pauses between two tries.

In: a coroutine. Out: its result, and the seconds of its own time that it took. Called by `http_contract`.
The clock of the event loop jumps to the next timer when nothing else is to be done; threads have no part in it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class WaitsForEverError(RuntimeError):
    """Everything waits, and no timer is set: nothing can happen any more."""


class _Jumping(selectors.BaseSelector):
    """Looks at files without waiting, and lets the clock jump instead."""

    def __init__(self) -> None:
        self.now = 0.0
        self._files = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._files.select(0)
        if not ready and timeout is None:
            raise WaitsForEverError("it waits, and has set no deadline")
        if not ready:
            self.now += max(0.0, timeout or 0.0)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._files.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._files.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._files.get_map()

    def close(self) -> None:
        self._files.close()


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that begins at time 0 and never sleeps."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_virtual(main: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """The result of `main`, and how many seconds it took by the loop's own clock.

    Raises:
        WaitsForEverError: it waits for something that can never happen.
    """
    loop = _Loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main), loop.time()
