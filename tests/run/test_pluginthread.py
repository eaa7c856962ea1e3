"""Places for plugins' code: what blocks its own thread blocks nobody else, and an end is an end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from gradatim.run.pluginthread import OwnThreads, Place, SameLoop


@pytest.fixture(params=[SameLoop, OwnThreads])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def threads() -> Iterator[OwnThreads]:
    made = OwnThreads()
    yield made
    made.close()


async def test_what_it_gives_and_raises_comes_back(place: Place) -> None:
    async def seven() -> int:
        await asyncio.sleep(0)
        return 7

    async def raising() -> int:
        raise ValueError("no")

    async def leaving() -> int:
        raise SystemExit(3)

    assert await place.begin("a", seven).end == 7
    with pytest.raises(ValueError, match="no"):
        await place.begin("a", raising).end
    with pytest.raises(RuntimeError, match="SystemExit: 3"):
        await place.begin("a", leaving).end
    assert await place.begin("a", seven).end == 7


async def test_the_end_comes_when_it_has_really_ended(place: Place) -> None:
    told, may_end = threading.Event(), threading.Event()

    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.set()
        await asyncio.to_thread(may_end.wait, 5)
        return "in my own time"

    work = place.begin("a", stubborn)
    await asyncio.sleep(0.01)
    work.cancel()
    assert await asyncio.to_thread(told.wait, 5)
    assert not work.end.done()
    may_end.set()
    assert await work.end == "in my own time"


async def test_one_that_is_cancelled_before_it_began_ends_too(place: Place) -> None:
    async def never() -> None:
        raise AssertionError("it was cancelled")

    work = place.begin("a", never)
    work.cancel()
    with pytest.raises((asyncio.CancelledError, AssertionError)):
        await work.end


async def test_a_plugin_that_blocks_stops_neither_us_nor_another_one(threads: OwnThreads) -> None:
    release = threading.Event()

    async def blocking() -> str:
        release.wait(30)
        return "at last"

    async def quick() -> str:
        return threading.current_thread().name

    blocked = threads.begin("org/blocks", blocking)
    assert await threads.begin("org/quick", quick).end == "step plugin org/quick"
    assert not blocked.end.done()
    behind = threads.begin("org/blocks", quick)
    await asyncio.sleep(0.01)
    assert not behind.end.done()
    release.set()
    assert await blocked.end == "at last"
    assert await behind.end == "step plugin org/blocks"


async def test_a_plugin_that_stops_its_loop_is_called_again(threads: OwnThreads) -> None:
    async def stopping() -> None:
        asyncio.get_running_loop().stop()

    async def quick() -> int:
        return 1

    await threads.begin("a", stopping).end
    assert await threads.begin("a", quick).end == 1


async def test_a_thread_that_is_stuck_does_not_keep_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradatim.run.pluginthread._ENDING", 0.01)
    threads, release, ended = OwnThreads(), threading.Event(), threading.Event()
    began = threading.Event()

    async def stuck() -> None:
        began.set()
        release.wait(30)
        ended.set()

    work = threads.begin("a", stuck)
    assert began.wait(5)
    threads.close()
    assert not work.end.done()
    release.set()
    assert ended.wait(5)
