"""An event loop on a thread of its own, for code of others that may block.

In: coroutines of a plugin. Out: their ends, on the loop of whoever asked. `stepping.py` has one for each step plugin.
A plugin that sleeps, or asks over a blocking socket, in its async method stops its own loop and nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, Protocol, TypeVar

T = TypeVar("T")

#: Seconds that all threads are given to end. One that is stuck in a plugin's code is left, and ends with the process.
_ENDING: Final = 2.0


class Work(Generic[T]):
    """A coroutine under way somewhere.

    Attributes:
        end: done when the coroutine has really ended, and not when it was told to.
    """

    def __init__(self) -> None:
        self.end: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._stop: Callable[[], object] = lambda: None
        self._is_stopped = False

    def begun(self, stop: Callable[[], object]) -> None:
        """It is under way; `stop` tells it to end."""
        self._stop = stop
        if self._is_stopped:
            stop()

    def cancel(self) -> None:
        """Tell it to end. Plugins may take their time."""
        self._is_stopped = True
        self._stop()

    def settle(self, task: asyncio.Task[T]) -> None:
        """It has ended."""
        if self.end.done():
            return
        if task.cancelled():
            self.end.cancel()
        elif (error := task.exception()) is not None:
            self.end.set_exception(error)
        else:
            self.end.set_result(task.result())


class Place(Protocol):
    """Where coroutines of plugins run."""

    def begin(self, key: str, make: Callable[[], Coroutine[Any, Any, T]]) -> Work[T]:
        """Run the coroutine that `make` makes, for the plugin with that key."""
        ...

    def close(self) -> None:
        """Nothing more will begin."""
        ...


class SameLoop:
    """Here: for tests in virtual time, where no other thread knows what time it is."""

    def begin(self, key: str, make: Callable[[], Coroutine[Any, Any, T]]) -> Work[T]:
        """Run it on the running loop."""
        del key
        work: Work[T] = Work()
        task = asyncio.get_running_loop().create_task(_contained(make))
        task.add_done_callback(work.settle)
        work.begun(task.cancel)
        return work

    def close(self) -> None:
        """There is nothing to close."""


class OwnThreads:
    """A thread with a loop for each plugin, made at first use."""

    def __init__(self) -> None:
        self._loops: dict[str, tuple[asyncio.AbstractEventLoop, threading.Thread]] = {}
        self._closing = threading.Event()

    def begin(self, key: str, make: Callable[[], Coroutine[Any, Any, T]]) -> Work[T]:
        """Run it on the plugin's own loop."""
        here, there, work = asyncio.get_running_loop(), self._loop(key), Work[T]()

        def begin() -> None:
            task = there.create_task(_contained(make))
            task.add_done_callback(lambda ended: _tell(here, work, ended))
            _call(here, work.begun, lambda: _call(there, task.cancel))

        there.call_soon_threadsafe(begin)
        return work

    def close(self) -> None:
        """End the threads that can be ended."""
        self._closing.set()
        for loop, _ in self._loops.values():
            _call(loop, loop.stop)
        until = time.monotonic() + _ENDING
        for _, thread in self._loops.values():
            thread.join(max(0.0, until - time.monotonic()))
        self._loops.clear()

    def _loop(self, key: str) -> asyncio.AbstractEventLoop:
        known = self._loops.get(key)
        if known is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(
                target=_serve, args=(loop, self._closing), name=f"step plugin {key}", daemon=True
            )
            known = self._loops[key] = (loop, thread)
            thread.start()
        return known[0]


def _serve(loop: asyncio.AbstractEventLoop, closing: threading.Event) -> None:
    try:
        while not closing.is_set():
            # a plugin may stop the loop that it runs on: the others' calls go on
            loop.run_forever()
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.wait(pending))
    finally:
        loop.close()


async def _contained(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """A plugin's `sys.exit` ends its call, and not the loop."""
    try:
        return await make()
    except SystemExit as error:
        raise RuntimeError(f"SystemExit: {error.code}") from error


def _tell(loop: asyncio.AbstractEventLoop, work: Work[T], ended: asyncio.Task[T]) -> None:
    _call(loop, work.settle, ended)


def _call(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *arguments: object) -> None:
    """Call it on that loop, unless nobody runs it any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(what, *arguments)
