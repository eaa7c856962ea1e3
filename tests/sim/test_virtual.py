"""Virtual time: as real time, but at once."""

import asyncio
import time

import pytest

from gradatim.sim import StandstillError, run_virtual
from gradatim.sim.clock import EPOCH, SimClock, moment, stamp


def test_hours_pass_in_no_time():
    async def main():
        begun = asyncio.get_running_loop().time()
        await asyncio.sleep(36_000)
        return asyncio.get_running_loop().time() - begun

    begun = time.monotonic()
    assert run_virtual(main()) == pytest.approx(36_000)
    assert time.monotonic() - begun < 1


def test_timers_ring_in_their_order():
    async def main():
        rung = []

        async def ring(seconds):
            await asyncio.sleep(seconds)
            rung.append((seconds, asyncio.get_running_loop().time()))

        await asyncio.gather(*(ring(seconds) for seconds in (3, 0.1, 2, 0)))
        return rung

    rung = run_virtual(main())
    assert [seconds for seconds, _ in rung] == [0, 0.1, 2, 3]
    assert all(at == pytest.approx(seconds) for seconds, at in rung)


def test_a_timeout_takes_its_virtual_time():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await asyncio.get_running_loop().create_future()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(100)


def test_waiting_for_what_can_never_be_is_an_error():
    async def main():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StandstillError):
        run_virtual(main())


def test_a_thread_is_waited_for():
    async def main():
        return await asyncio.to_thread(lambda: "done")

    assert run_virtual(main()) == "done"


def test_many_small_sleeps_add_up():
    async def main():
        for _ in range(10_000):
            await asyncio.sleep(0.001)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(10, abs=0.01)


def test_the_clock_follows_the_loop():
    async def main():
        clock = SimClock()
        await asyncio.sleep(90.5)
        return clock.now(), clock.elapsed(), clock.stamp()

    now, elapsed, stamped = run_virtual(main())
    assert (now - EPOCH).total_seconds() == pytest.approx(90.5)
    assert elapsed == pytest.approx(90.5)
    assert stamped == "2026-01-01T00:01:30Z"
    assert stamp(moment(stamped)) == stamped


def test_in_real_time_the_clock_is_the_real_one():
    async def main():
        return SimClock().now()

    assert abs(asyncio.run(main()).timestamp() - time.time()) < 5
