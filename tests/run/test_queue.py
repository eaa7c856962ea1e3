"""The queue of work, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.errors import GradatimError
from gradatim.run.queue import (
    BURST,
    FIRST_BACKOFF,
    LONGEST_BACKOFF,
    PASSES_PER_SECOND,
    WorkQueue,
)
from gradatim.sim import run_virtual

Answer = Callable[[str], Awaitable[float | None]]


class Work:
    """A handler that keeps a record: when each pass began, and how many of a key ran at once."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.begun: list[tuple[str, float]] = []
        self.at_once: dict[str, int] = {}
        self.most_at_once = 0

    async def __call__(self, key: str) -> float | None:
        self.begun.append((key, round(asyncio.get_running_loop().time(), 3)))
        self.at_once[key] = self.at_once.get(key, 0) + 1
        self.most_at_once = max(self.most_at_once, self.at_once[key])
        try:
            return await self.answer(key)
        finally:
            self.at_once[key] -= 1

    def times(self, key: str = "a") -> list[float]:
        return [when for each, when in self.begun if each == key]


@asynccontextmanager
async def working(answer: Answer, workers: int = 3) -> Any:
    work = Work(answer)
    queue = WorkQueue("thing", work)
    tasks = [asyncio.create_task(queue.work()) for _ in range(workers)]
    try:
        yield queue, work
        assert not any(task.done() for task in tasks), "a worker ended"
    finally:
        queue.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def virtual(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        run_virtual(test())

    run.__name__ = test.__name__
    return run


def taking(seconds: float, then: float | None = None) -> Answer:
    async def answer(_key: str) -> float | None:
        await asyncio.sleep(seconds)
        return then

    return answer


@virtual
async def test_many_additions_of_a_key_before_its_pass_are_one_pass() -> None:
    async with working(taking(1)) as (queue, work):
        for _ in range(10):
            queue.add("a")
        await asyncio.sleep(5)
        assert work.times() == [0.0]
        assert queue.is_idle


@virtual
async def test_a_key_added_while_it_is_worked_on_gets_one_more_pass_afterwards() -> None:
    async with working(taking(1)) as (queue, work):
        queue.add("a")
        await asyncio.sleep(0.5)
        queue.add("a")
        queue.add("a")
        assert len(queue) == 1
        await asyncio.sleep(5)
        assert work.times() == [0.0, 1.0]
        assert work.most_at_once == 1


@virtual
async def test_several_keys_are_worked_on_at_the_same_time() -> None:
    async with working(taking(1)) as (queue, work):
        for key in "abcd":
            queue.add(key)
        await asyncio.sleep(5)
        assert work.begun == [("a", 0.0), ("b", 0.0), ("c", 0.0), ("d", 1.0)]


@virtual
async def test_what_the_handler_asks_for_comes_when_it_asked() -> None:
    async with working(taking(0, then=7)) as (queue, work):
        queue.add("a")
        await asyncio.sleep(15)
        assert work.times() == [0.0, 7.0, 14.0]


@virtual
async def test_of_two_delayed_additions_the_earlier_counts() -> None:
    async with working(taking(0)) as (queue, work):
        queue.add_later("a", 5)
        queue.add_later("a", 2)
        queue.add_later("a", 9)
        await asyncio.sleep(20)
        assert work.times() == [2.0]


@virtual
async def test_a_key_that_is_always_asked_for_does_not_take_all_there_is() -> None:
    async def answer(key: str) -> float | None:
        if key == "fight":
            # its own write is the reason for its next pass
            asyncio.get_running_loop().call_soon(queue.add, key)
        return None

    async with working(answer, workers=2) as (queue, work):
        queue.add("fight")
        queue.add("other")
        await asyncio.sleep(60)
        passes = work.times("fight")
        assert passes[BURST - 1] == 0.0
        assert passes[BURST] > 0.0
        assert len(passes) == pytest.approx(BURST + 60 * PASSES_PER_SECOND, abs=2)
        assert work.times("other") == [0.0]


@virtual
async def test_a_pass_makes_the_delayed_addition_before_it_needless() -> None:
    async with working(taking(0)) as (queue, work):
        queue.add_later("a", 5)
        await asyncio.sleep(1)
        queue.add("a")
        await asyncio.sleep(20)
        assert work.times() == [1.0]


@virtual
async def test_a_failing_key_waits_twice_as_long_each_time_up_to_a_bound() -> None:
    async def fail(_key: str) -> float | None:
        raise GradatimError("no")

    async with working(fail) as (queue, work):
        queue.add("a")
        await asyncio.sleep(60)
        times = work.times()
        pauses = [round(b - a, 3) for a, b in itertools.pairwise(times)]
        assert pauses[:5] == [FIRST_BACKOFF * 2**n for n in range(5)]
        assert pauses[-1] == LONGEST_BACKOFF
        assert queue.failures == len(times)


@virtual
async def test_a_pass_that_goes_well_begins_the_backoff_anew() -> None:
    outcomes = iter(["no", "no", "no", "", "no", ""])

    async def answer(_key: str) -> float | None:
        if said := next(outcomes):
            raise GradatimError(said)
        return None

    async with working(answer) as (queue, work):
        queue.add("a")
        await asyncio.sleep(10)
        queue.add("a")
        await asyncio.sleep(10)
        assert work.times() == [0.0, 0.05, 0.15, 0.35, 10.0, 10.05]


@virtual
async def test_a_key_that_never_works_leaves_the_others_their_pace() -> None:
    async def answer(key: str) -> float | None:
        if key == "bad":
            raise GradatimError("no")
        return 1.0

    async with working(answer, workers=1) as (queue, work):
        queue.add("bad")
        queue.add("good")
        await asyncio.sleep(10.5)
        assert work.times("good") == [float(n) for n in range(11)]


async def _own_cancellation(_key: str) -> None:
    task = asyncio.ensure_future(asyncio.sleep(10))
    task.cancel()
    await task


async def _raises(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: _raises(GradatimError("no")), id="an error of ours"),
        pytest.param(lambda _: _raises(ValueError("bug")), id="a bug"),
        pytest.param(lambda _: _raises(RecursionError()), id="too deep a recursion"),
        pytest.param(lambda _: _raises(MemoryError()), id="no memory"),
        pytest.param(lambda _: _raises(SystemExit(3)), id="a plugin that ends the process"),
        pytest.param(lambda _: _raises(asyncio.CancelledError()), id="a raised cancellation"),
        pytest.param(_own_cancellation, id="something awaited was cancelled"),
        pytest.param(lambda _: _raises(TimeoutError()), id="a timeout"),
        pytest.param(lambda _: _raises(ExceptionGroup("g", [OSError()])), id="a group"),
    ],
)
def test_whatever_a_handler_raises_stops_no_worker(answer: Answer) -> None:
    good: list[str] = []

    async def handler(key: str) -> float | None:
        if key == "good":
            good.append(key)
            return None
        return await answer(key)

    async def story() -> None:
        async with working(handler, workers=1) as (queue, work):
            queue.add("a")
            await asyncio.sleep(1)
            queue.add("good")
            await asyncio.sleep(0.01)
            assert good == ["good"]
            assert len(work.times()) >= 4, "it is tried again"
            assert queue.failures == len(work.times())

    run_virtual(story())


@virtual
async def test_a_closed_queue_begins_nothing_and_rests_when_the_last_pass_ends() -> None:
    work = Work(taking(2))
    queue = WorkQueue("thing", work)
    worker = asyncio.create_task(queue.work())
    queue.add("a")
    queue.add("b")
    queue.add_later("c", 1)
    await asyncio.sleep(0.5)
    queue.close()
    assert not await queue.rested(within=1)
    assert await queue.rested(within=1)
    queue.add("d")
    queue.add_later("d", 0)
    await asyncio.sleep(5)
    assert work.begun == [("a", 0.0)]
    await worker  # with something left to do it sees that it is closed, and goes


@virtual
async def test_a_worker_that_is_cancelled_ends() -> None:
    queue = WorkQueue("thing", taking(5))
    worker = asyncio.create_task(queue.work())
    queue.add("a")
    await asyncio.sleep(1)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert queue.is_idle


Step = tuple[str, str, float]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "later", "wait"]),
        st.sampled_from("abc"),
        st.floats(0, 3).map(lambda x: round(x, 2)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(steps=STEPS, outcomes=st.lists(st.sampled_from(["", "no", "bug"]), max_size=12))
def test_no_key_is_lost_and_none_is_worked_on_twice_at_once(
    steps: list[Step], outcomes: list[str]
) -> None:
    left = list(outcomes)

    async def answer(_key: str) -> float | None:
        await asyncio.sleep(0.3)
        said = left.pop() if left else ""
        if said == "no":
            raise GradatimError(said)
        if said:
            raise ValueError(said)
        return None

    async def story() -> None:
        async with working(answer, workers=2) as (queue, work):
            due: dict[str, float] = {}
            loop = asyncio.get_running_loop()
            for what, key, seconds in steps:
                if what == "add":
                    queue.add(key)
                    due[key] = loop.time()
                elif what == "later":
                    queue.add_later(key, seconds)
                else:
                    await asyncio.sleep(seconds)
            await asyncio.sleep(120)
            assert queue.is_idle
            assert work.most_at_once <= 1
            for key, when in due.items():
                assert max(work.times(key)) >= when - 0.001, "a pass begins after the last addition"

    run_virtual(story())
