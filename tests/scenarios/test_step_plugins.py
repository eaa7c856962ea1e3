"""Step plugins on an embedded cluster with the whole controller: they work, and those that do not hurt few."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from livecluster import Json, Live, play, plugin_step, rollout, routed, stepping

from gradatim.plugin import StepCall, StepError, StepPhase, StepResult

DONE = StepResult(phase=StepPhase.SUCCESSFUL)
RUNNING = StepResult(phase=StepPhase.RUNNING)


class Plugin:
    """Keeps all calls; says what the test says to `run`, and that all is well to the rest."""

    def __init__(self, run: Callable[[StepCall], Any] = lambda _: DONE) -> None:
        self.run = run
        self.calls: list[tuple[str, StepCall]] = []
        self.under_way: set[str] = set()

    @property
    def names(self) -> list[str]:
        return [f"{operation} {call.index}" for operation, call in self.calls]

    def __call__(self, operation: str, call: StepCall) -> Any:
        self.calls.append((operation, call))
        return self._checked(operation, call)

    async def _checked(self, operation: str, call: StepCall) -> Any:
        assert call.rollout not in self.under_way, "two calls at once"
        self.under_way.add(call.rollout)
        try:
            result = self.run(call) if operation == "run" else DONE
            if asyncio.iscoroutine(result):
                result = await result
            if isinstance(result, BaseException):
                raise result
            return result
        finally:
            self.under_way.discard(call.rollout)


def statuses(live: Live, name: str = "web") -> list[tuple[str, int, str]]:
    entries = live.status(name).get("canary", {}).get("stepPluginStatuses", [])
    return [(e["operation"], e["index"], e.get("phase", "")) for e in entries]


async def released(live: Live, *steps: Json, name: str = "web", **spec: Any) -> None:
    manifest = rollout(name, steps=list(steps))
    manifest["spec"] |= spec
    live.apply(manifest)
    await live.until("Healthy", name)
    live.image("app:v2", name)


def test_a_release_runs_its_plugins_and_is_promoted() -> None:
    plugin = Plugin(lambda call: RUNNING if call.executions == 0 else DONE)

    async def story(live: Live) -> None:
        await released(live, {"setWeight": 50}, plugin_step(level=3), {"setWeight": 100})
        await live.until("Healthy")
        assert plugin.names == ["run 1", "run 1"]
        assert plugin.calls[0][1].config == {"level": 3}
        assert statuses(live) == [("Run", 1, "Successful")]
        assert live.status()["canary"]["stepPluginStatuses"][0]["executions"] == 2
        assert any("(plugin: test/step)" in e for e in live.events())

    play(story, stepping(plugin))


def test_before_its_plugin_is_called_the_step_is_in_the_status_of_the_api_server() -> None:
    seen: list[Any] = []

    async def story(live: Live) -> None:
        def look(_: StepCall) -> StepResult:
            seen.append(statuses(live))
            return DONE

        plugin.run = look
        await released(live, plugin_step())
        await live.until("Healthy")
        assert seen == [[("Run", 0, "Running")]]

    plugin = Plugin()
    play(story, stepping(plugin))


def test_a_failed_plugin_takes_the_release_back_and_earlier_steps_in_reverse() -> None:
    plugin = Plugin(
        lambda call: (
            StepResult(phase=StepPhase.FAILED, message="smoke test: 3 of 5 failed")
            if call.index == 3
            else DONE
        )
    )

    async def story(live: Live) -> None:
        steps = [plugin_step(), plugin_step(), {"setWeight": 50}, plugin_step(), {"pause": {}}]
        live.apply(*routed(steps=steps))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Degraded")
        assert live.message().endswith("revision 2: smoke test: 3 of 5 failed")
        await live.sim.until(lambda: len(plugin.names) == 5)
        assert plugin.names[3:] == ["abort 1", "abort 0"]
        await live.sim.until(lambda: statuses(live)[-1] == ("Abort", 0, "Successful"))
        assert live.weights() == (100, 0)
        assert "StepPluginTransition" in live.reasons()

    play(story, stepping(plugin))


@pytest.mark.parametrize(
    ("run", "message"),
    [
        pytest.param(lambda _: ValueError("odd"), "raised ValueError: odd", id="raises"),
        pytest.param(lambda _: StepError("gate away"), "gate away", id="knows no answer"),
        pytest.param(lambda _: "garbage", "gave a str and not a StepResult", id="gives garbage"),
        pytest.param(
            lambda _: asyncio.sleep(10_000), "did not answer within 120 seconds", id="hangs"
        ),
    ],
)
def test_a_plugin_that_does_not_work_hurts_its_own_rollouts_only(run: Any, message: str) -> None:
    plugin = Plugin(run)

    async def story(live: Live) -> None:
        await released(live, plugin_step(), progressDeadlineSeconds=100_000)
        await live.sim.until(lambda: plugin.calls)
        before = asyncio.get_running_loop().time()
        live.apply(rollout("other", steps=[{"setWeight": 50}, {"pause": {"duration": 1}}]))
        await live.until("Healthy", "other")
        live.image("app:v2", "other")
        await live.until("Healthy", "other")
        assert asyncio.get_running_loop().time() - before < 20
        await live.sim.until(lambda: statuses(live) == [("Run", 0, "Error")], within=200)
        entry = live.status()["canary"]["stepPluginStatuses"][0]
        assert message in entry["message"]
        assert entry["backoff"] == "30s"
        # and when it works again, the release goes on
        plugin.run = lambda _: DONE
        await live.until("Healthy", within=300)

    play(story, stepping(plugin))


def test_one_that_does_not_let_itself_be_ended_is_never_called_beside_itself() -> None:
    release = asyncio.Event()

    async def stubborn(_: StepCall) -> StepResult:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return DONE

    plugin = Plugin(stubborn)

    async def story(live: Live) -> None:
        await released(live, plugin_step(), progressDeadlineSeconds=100_000)
        await live.sim.until(lambda: plugin.calls)
        live.status_is(abort=True)
        await live.until("Degraded")
        await asyncio.sleep(300)
        # pods and traffic are back; the plugin is asked to take back when it can be
        assert live.sets() == {"app:v1": 2, "app:v2": 0}
        assert plugin.names == ["run 0"]
        release.set()
        await live.sim.until(lambda: plugin.names == ["run 0", "abort 0"])
        await live.sim.until(lambda: statuses(live)[-1] == ("Abort", 0, "Successful"))

    play(story, stepping(plugin))


@pytest.mark.parametrize("moment", [0.0, 5.0, 20.0, 35.0], ids="after {} s".format)
def test_a_controller_that_is_killed_is_followed_by_one_that_goes_on(moment: float) -> None:
    async def slow(call: StepCall) -> StepResult:
        await asyncio.sleep(8)
        job = (call.status or {"job": call.attempt})["job"]
        assert job == call.attempt
        phase = StepPhase.RUNNING if call.executions < 2 else StepPhase.SUCCESSFUL
        return StepResult(phase=phase, status={"job": job})

    plugin = Plugin(slow)

    async def story(live: Live) -> None:
        await released(live, plugin_step(), {"setWeight": 50}, progressDeadlineSeconds=100_000)
        await live.sim.until(lambda: plugin.calls)
        await asyncio.sleep(moment)
        await live.kill()
        await asyncio.sleep(1)
        live.start()
        await live.until("Healthy", within=300)
        # one attempt, however often it was called
        assert len({call.attempt for _, call in plugin.calls}) == 1
        assert live.status()["canary"]["stepPluginStatuses"][0]["executions"] == 3
        assert 3 <= len(plugin.calls) <= 4

    play(story, stepping(plugin))


def test_one_killed_during_the_abort_calls_again_what_was_not_answered() -> None:
    async def slow() -> StepResult:
        await asyncio.sleep(8)
        return DONE

    calls: list[str] = []

    def say(operation: str, call: StepCall) -> Any:
        calls.append(f"{operation} {call.index}")
        return DONE if operation == "run" else slow()

    async def story(live: Live) -> None:
        await released(live, plugin_step(), plugin_step(), {"pause": {}})
        await live.until("Paused")
        live.status_is(abort=True)
        await live.sim.until(lambda: "abort 1" in calls)
        await asyncio.sleep(3)
        await live.kill()
        live.start()
        await live.sim.until(
            lambda: (
                statuses(live)[2:]
                == [
                    ("Abort", 1, "Successful"),
                    ("Abort", 0, "Successful"),
                ]
            )
        )
        assert calls == ["run 0", "run 1", "abort 1", "abort 1", "abort 0"]

    play(story, stepping(say))


def test_the_answer_to_a_call_for_another_template_means_nothing() -> None:
    async def slow(call: StepCall) -> StepResult:
        await asyncio.sleep(20)
        return StepResult(phase=StepPhase.FAILED, message=call.pod_hash)

    plugin = Plugin(slow)

    async def story(live: Live) -> None:
        await released(live, plugin_step(), {"pause": {}})
        await live.sim.until(lambda: plugin.calls)
        plugin.run = lambda _: DONE
        live.image("app:v3")
        await live.until("Paused")
        await asyncio.sleep(60)
        assert live.phase() == "Paused"
        assert plugin.names == ["run 0", "terminate 0", "run 0"]
        assert statuses(live) == [("Run", 0, "Successful")]

    play(story, stepping(plugin))


def test_a_deleted_rollout_is_called_for_no_more() -> None:
    plugin = Plugin(lambda _: RUNNING)

    async def story(live: Live) -> None:
        await released(live, plugin_step(), progressDeadlineSeconds=100_000)
        await live.sim.until(lambda: len(plugin.calls) == 2)
        live.sim.delete("Rollout", "web")
        await asyncio.sleep(200)
        assert len(plugin.calls) == 2
        # another one of that name begins anew
        await released(live, plugin_step(), progressDeadlineSeconds=100_000)
        await live.sim.until(lambda: len(plugin.calls) == 3)
        first, again = plugin.calls[0][1], plugin.calls[2][1]
        assert (again.executions, again.status) == (0, None)
        assert again.attempt != first.attempt

    play(story, stepping(plugin))


def test_an_unknown_plugin_is_said_before_anything_is_done() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(steps=[{"setWeight": 50}, plugin_step("test/other")]))
        await live.until("Degraded")
        where = "spec.strategy.canary.steps[1].plugin.name"
        assert f"{where}: no installed plugin serves 'test/other'" in live.message()
        assert live.sets() == {}
        live.steps({"setWeight": 50}, plugin_step())
        await live.until("Healthy")

    play(story, stepping(Plugin()))


def test_many_rollouts_that_wait_for_plugins_do_not_wait_for_each_other() -> None:
    async def slow(_: StepCall) -> StepResult:
        await asyncio.sleep(5)
        return DONE

    plugin = Plugin(slow)

    async def story(live: Live) -> None:
        names = [f"r{number}" for number in range(40)]
        for name in names:
            live.apply(rollout(name, replicas=1, steps=[plugin_step()]))
        for name in names:
            await live.until("Healthy", name)
        for name in names:
            live.image("app:v2", name)
        began = asyncio.get_running_loop().time()
        for name in names:
            await live.until("Healthy", name)
        assert len(plugin.calls) == len(names)
        assert asyncio.get_running_loop().time() - began < 15

    play(story, stepping(plugin))
