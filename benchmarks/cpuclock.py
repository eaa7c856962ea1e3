"""An event loop whose clock is the CPU time of its process, and jumps where there is nothing to do.

In: a coroutine. Out: its result. So a benchmark in real time tells the same on a machine that is busy:
what it waits for others' turns does not count. Everything that it measures must be in this one process.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from gradatim.sim.virtual import VirtualLoop

_Result = TypeVar("_Result")


class CpuLoop(VirtualLoop):
    """A loop with a core of its own, whatever else runs."""

    #: To ask for the CPU time takes a hundred times as long as to ask whether a moment has passed.
    _MOMENT = 100e-6

    def __init__(self) -> None:
        self._used, self._asked = time.process_time(), time.perf_counter()
        super().__init__()

    def time(self) -> float:
        """Seconds of CPU since the process began, and those that were skipped."""
        if time.perf_counter() - self._asked > self._MOMENT:
            self._used, self._asked = time.process_time(), time.perf_counter()
        return self._used + super().time()


def run_on_a_core(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run `main` to its end as `asyncio.run` does, on a core of its own."""
    with asyncio.Runner(loop_factory=CpuLoop) as runner:
        return runner.run(main)
