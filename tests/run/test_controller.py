"""How the controller begins, ends and is ended, and what it says when something is wrong with its watches."""

from __future__ import annotations

import asyncio

import pytest
from faults import Faulty
from livecluster import Live, play, rollout, routed

from gradatim.kube.cache import Cache
from gradatim.run.controller import Settings
from gradatim.run.supervision import supervised
from gradatim.sim import Line, SimSettings, run_virtual
from gradatim.sim.failure import ApiError


def test_told_to_stop_it_ends_the_pass_that_it_has_begun() -> None:
    async def story(live: Live) -> None:
        line = Faulty(live.sim.transport("gradatim"))
        live.start(line)
        live.apply(*routed(replicas=2, steps=[{"setWeight": 50}, {"pause": {}}]))
        await live.until("Healthy")
        live.image("app:v2")
        await live.sim.until(lambda: len(live.sets()) == 2)
        # in the middle of its writes
        task, stop = live.running.pop()
        stop.set()
        await task
        assert live.status()["currentStepIndex"] == 0
        # what the status says is what was done
        assert live.controller.rollout_queue.is_closed
        writes = line.writes
        await asyncio.sleep(60)
        assert line.writes == writes

    play(story, started=False, sim=SimSettings(ready_after=0.5))


def test_cancelled_it_writes_nothing_more() -> None:
    async def story(live: Live) -> None:
        line = Faulty(live.sim.transport("gradatim"))
        live.start(line)
        live.apply(rollout(replicas=3))
        await live.sim.until(lambda: line.writes > 0)
        began = asyncio.get_running_loop().time()
        await live.kill()
        # somebody else may be leading by now: not even events are waited for
        assert asyncio.get_running_loop().time() == began
        writes = line.writes
        await asyncio.sleep(60)
        assert line.writes == writes

    play(story, started=False)


def test_told_to_stop_before_it_has_listed_anything_it_stops() -> None:
    async def story(live: Live) -> None:
        silent = Line(disturb=lambda _m, _p: ApiError(503, "ServiceUnavailable", "not yet"))
        live.start(live.sim.transport("gradatim", silent))
        await asyncio.sleep(5)
        assert len(live.controller.faults) == 7
        assert all("not yet" in fault for fault in live.controller.faults)
        async with asyncio.timeout(1):
            await live.stop()

    play(story, started=False)


def test_a_watch_that_fails_for_long_is_a_fault_and_heals() -> None:
    async def story(live: Live) -> None:
        is_broken: list[bool] = []

        def disturb(_method: str, path: str) -> ApiError | None:
            broken = is_broken and path.endswith("/services")
            return ApiError(503, "ServiceUnavailable", "not now") if broken else None

        line = Faulty(live.sim.transport("gradatim", Line(disturb=disturb)))
        live.start(line)
        await asyncio.sleep(1)
        assert live.controller.faults == []
        is_broken.append(True)
        line.reset_watches()
        await asyncio.sleep(150)
        (fault,) = live.controller.faults
        assert fault.startswith("services in all namespaces: ")
        assert "not now" in fault
        is_broken.clear()
        await asyncio.sleep(150)
        assert live.controller.faults == []

    play(story, started=False)


def test_every_rollout_gets_a_pass_now_and_then_without_a_reason() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout())
        await live.until("Healthy")
        await asyncio.sleep(5)
        before = live.controller.rollout_queue.passes
        await asyncio.sleep(1000)
        assert live.controller.rollout_queue.passes - before == 10

    play(story, settings=Settings(resync=100.0, environment={}))


def test_events_tell_the_story_once() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=1))
        await live.until("Healthy")
        await live.stop()
        live.start()
        await asyncio.sleep(5)
        events = live.events()
        assert len(events) == len(set(events))
        assert events[0].startswith("Normal RolloutAddedToInformer")
        assert "Normal ScalingReplicaSet" in {e.split(":")[0] for e in events}

    play(story)


@pytest.mark.parametrize("error", [ValueError("bug"), asyncio.CancelledError(), None])
def test_what_must_not_end_is_begun_again(
    error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    begun: list[float] = []

    async def work() -> None:
        begun.append(asyncio.get_running_loop().time())
        if error is not None:
            raise error

    async def whole() -> None:
        task = asyncio.create_task(supervised("the watch", work))
        await asyncio.sleep(12)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert begun == [0.0, 5.0, 10.0]

    run_virtual(whole())
    assert ("the watch" in caplog.text) == (error is not None)


def test_a_bug_in_a_watch_is_said_and_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    put, broken = Cache._put, []

    def fragile(self: Cache[object], value: dict[str, object]) -> None:
        if value.get("kind") == "Service" and not broken:
            broken.append(value)
            raise RuntimeError("a bug")
        put(self, value)

    async def story(live: Live) -> None:
        monkeypatch.setattr(Cache, "_put", fragile)
        live.apply(*routed(replicas=1, steps=[{"setWeight": 50}]))
        await asyncio.sleep(8)
        live.sim.patch("Service", "web-stable", {"metadata": {"labels": {"a": "b"}}})
        live.sim.patch("Service", "web-canary", {"metadata": {"labels": {"a": "b"}}})
        await live.until("Healthy", within=20)
        assert broken

    play(story)
