"""The fence: deadlines, exceptions, breakers, counters, all in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from gradatim.plugin import ProviderError
from gradatim.run.breaker import Breaker, BreakerPolicy
from gradatim.run.fence import Call, CallCount, Fence, Limits
from gradatim.sim import run_virtual

CALL = Call(provider="web", method="measure", address="metrics.example")


def now() -> float:
    return asyncio.get_running_loop().time()


def fence(**limits: Any) -> Fence:
    return Fence(now, Limits(**limits))


async def outcome(asked: Awaitable[Any]) -> Any:
    try:
        return await asked
    except ProviderError as error:
        return error


def raising(error: BaseException) -> Callable[[], Awaitable[Any]]:
    async def ask() -> Any:
        raise error

    return ask


async def hang() -> None:
    await asyncio.Event().wait()


async def swallow_cancellation() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(1_000)
    await asyncio.sleep(1_000)


def virtual(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(main())


def test_an_answer_passes_and_is_counted() -> None:
    async def main() -> None:
        walls = fence()
        assert await walls.call(CALL, lambda: asyncio.sleep(2.0, "yes")) == "yes"
        assert walls.counts == {("web", "measure"): CallCount(calls=1, seconds=2.0)}

    virtual(main)


def test_a_call_that_hangs_ends_at_its_deadline_as_an_outage() -> None:
    async def main() -> None:
        walls = fence(deadline=30.0)
        error = await outcome(walls.call(CALL, hang))
        assert str(error) == "web: measure did not answer within 30 seconds"
        assert error.outage
        assert now() == 30.0
        assert walls.counts["web", "measure"] == CallCount(1, 1, 1, 30.0)
        await asyncio.sleep(0.001)
        assert walls.abandoned == 0

    virtual(main)


def test_a_call_that_swallows_its_cancellation_is_left_behind() -> None:
    async def main() -> None:
        walls = fence(deadline=30.0)
        await outcome(walls.call(CALL, swallow_cancellation))
        assert now() == 30.0
        assert walls.abandoned == 1
        await asyncio.sleep(2_000)
        assert walls.abandoned == 0

    virtual(main)


def test_one_that_hangs_takes_nothing_from_the_others() -> None:
    async def main() -> None:
        walls = fence(deadline=120.0, at_once=2)
        stuck = [asyncio.create_task(outcome(walls.call(CALL, hang))) for _ in range(5)]
        await asyncio.sleep(1)
        other = Call(provider="prometheus", method="measure")
        assert await walls.call(other, lambda: asyncio.sleep(0.5, "quick")) == "quick"
        assert now() == 1.5
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)

    virtual(main)


def test_calls_of_one_provider_are_bounded() -> None:
    async def main() -> None:
        walls, most, open_now = fence(at_once=3), 0, 0

        async def ask() -> None:
            nonlocal most, open_now
            open_now += 1
            most = max(most, open_now)
            await asyncio.sleep(1)
            open_now -= 1

        await asyncio.gather(*(walls.call(CALL, ask) for _ in range(10)))
        assert most == 3
        assert now() == 4.0

    virtual(main)


@pytest.mark.parametrize(
    ("raised", "message", "outage"),
    [
        pytest.param(ProviderError("said so"), "said so", False, id="its own error passes"),
        pytest.param(KeyError("x"), "web: measure raised KeyError: 'x'", False, id="a mistake"),
        pytest.param(ValueError(), "web: measure raised ValueError", False, id="one without words"),
        pytest.param(
            ConnectionError("refused"),
            "web: measure raised ConnectionError: refused",
            True,
            id="no connection",
        ),
        pytest.param(SystemExit(3), "web: measure raised SystemExit: 3", False, id="an exit"),
        pytest.param(
            asyncio.CancelledError(),
            "web: measure was cancelled from within",
            False,
            id="a cancellation of its own",
        ),
    ],
)
def test_what_a_plugin_raises(raised: BaseException, message: str, outage: bool) -> None:
    async def main() -> None:
        error = await outcome(fence().call(CALL, raising(raised)))
        assert isinstance(error, ProviderError)
        assert (str(error), error.outage) == (message, outage)

    virtual(main)


def test_no_message_holds_a_secret_or_goes_on_for_ever() -> None:
    async def main() -> None:
        call = Call(provider="web", method="measure", secrets=("hush-hush",))
        error = await outcome(
            fence().call(call, raising(ValueError("token hush-hush " + "x" * 9999)))
        )
        assert "token *****" in str(error)
        assert len(str(error)) < 400
        assert error.__cause__ is None, "a traceback would show the cause"
        assert "hush" not in repr(call)

    virtual(main)


def test_our_own_cancellation_passes() -> None:
    async def main() -> None:
        walls = fence()
        task = asyncio.create_task(walls.call(CALL, hang))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert walls.counts == {}

    virtual(main)


def test_outages_in_a_row_open_the_circuit_for_that_address_alone() -> None:
    async def main() -> None:
        walls, asked = fence(), 0

        async def ask() -> str:
            nonlocal asked
            asked += 1
            if now() < 25:
                raise ProviderError("no answer", outage=True)
            return "back"

        for _ in range(5):
            await outcome(walls.call(CALL, ask))
        error = await outcome(walls.call(CALL, ask))
        assert asked == 5
        assert str(error) == (
            "web at metrics.example did not answer several times in a row: left alone for 10 seconds"
        )
        assert error.outage
        elsewhere = Call(provider="web", method="measure", address="other.example")
        await outcome(walls.call(elsewhere, ask))
        assert asked == 6
        await asyncio.sleep(10)
        trials = await asyncio.gather(*(outcome(walls.call(CALL, ask)) for _ in range(4)))
        assert asked == 7, "one call tries, the others are refused"
        assert all(isinstance(trial, ProviderError) for trial in trials)
        await asyncio.sleep(15)
        assert await walls.call(CALL, ask) == "back"
        assert await walls.call(CALL, ask) == "back"

    virtual(main)


def test_wrong_questions_open_no_circuit() -> None:
    async def main() -> None:
        walls = fence()
        for _ in range(20):
            error = await outcome(walls.call(CALL, raising(ProviderError("no such query"))))
            assert str(error) == "no such query"

    virtual(main)


def test_a_service_may_ask_for_a_longer_rest() -> None:
    time = 0.0
    breaker = Breaker(lambda: time, BreakerPolicy(outages=1, open_seconds=10, longest_seconds=60))
    breaker.failed("a", retry_after=30)
    assert breaker.wait_of("a") == 30
    breaker.failed("a", retry_after=9999)
    assert breaker.wait_of("a") == 60
    assert breaker.open_circuits() == ["a"]
    time = 60.0
    assert breaker.wait_of("a") == 0
    assert breaker.wait_of("a") == 10, "somebody is trying already"
    breaker.gave_up("a")
    assert breaker.wait_of("a") == 0
    breaker.answered("a")
    assert breaker.open_circuits() == []


def test_circuits_are_bounded() -> None:
    breaker = Breaker(lambda: 0.0)
    for number in range(3000):
        breaker.failed(number)
    breaker.gave_up("unknown")
    assert len(breaker._circuits) == 1000


def test_a_method_without_io() -> None:
    walls = Fence(lambda: 0.0)
    assert walls.ask(CALL, lambda: 3) == 3
    with pytest.raises(ProviderError, match="web: measure raised ZeroDivisionError") as caught:
        walls.ask(CALL, lambda: 1 // 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    hidden = Call(provider="web", method="measure", secrets=("hush",))
    with pytest.raises(ProviderError) as caught:
        walls.ask(hidden, lambda: {}["hush"])
    assert caught.value.__cause__ is None
    assert walls.counts["web", "measure"] == CallCount(calls=3, errors=2)
