"""One call of a step plugin: what it is told, and what is kept of whatever it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gradatim.decide import PluginAnswer, PluginCall
from gradatim.errors import PluginError
from gradatim.kube.errors import Unreachable
from gradatim.model.rollout import Rollout, parse_rollout
from gradatim.plugin import (
    Json,
    SecretRef,
    StepCall,
    StepError,
    StepPhase,
    StepPlugin,
    StepResult,
)
from gradatim.run.breaker import BreakerPolicy
from gradatim.run.fence import Fence, Limits
from gradatim.run.inquiry import Surroundings
from gradatim.run.pluginthread import SameLoop
from gradatim.run.stepcalls import Ports, StepCalls

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REACHED = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
TOKEN = "t0ken-of-the-gate"
CALL = PluginCall(
    operation="Run",
    index=2,
    name="org/gate",
    started=REACHED,
    executions=3,
    reached=REACHED,
    runs=3,
    config={"url": "http://gate.example/", "list": [1]},
    status={"job": 7},
)


class Scripted(StepPlugin):
    """Does what the test says, and keeps what it was asked."""

    key = "org/gate"

    def __init__(self, say: Callable[[StepCall], object], wants: Iterable[Any] = ()) -> None:
        self.say, self.wants = say, wants
        self.asked: list[tuple[str, StepCall]] = []
        self.closed = 0

    async def _do(self, method: str, call: StepCall) -> Any:
        self.asked.append((method, call))
        result = self.say(call)
        if asyncio.iscoroutine(result):
            result = await result
        if isinstance(result, BaseException):
            raise result
        return result

    async def run(self, call: StepCall) -> StepResult:
        result: StepResult = await self._do("run", call)
        return result

    async def terminate(self, call: StepCall) -> StepResult:
        result: StepResult = await self._do("terminate", call)
        return result

    async def abort(self, call: StepCall) -> StepResult:
        result: StepResult = await self._do("abort", call)
        return result

    def secrets(self, config: Json) -> Iterable[SecretRef]:
        return self.wants

    async def aclose(self) -> None:
        self.closed += 1


class Registry:
    def __init__(self, plugin: StepPlugin | None) -> None:
        self.plugin = plugin

    def step_plugin(self, key: str) -> StepPlugin:
        if self.plugin is None:
            raise PluginError("no installed plugin serves 'org/gate'", plugin=key)
        return self.plugin


async def secrets(namespace: str, name: str) -> dict[str, str] | None:
    if name == "away":
        raise Unreachable("the API server does not answer")
    if name == "broken":
        raise RuntimeError("a fault of ours")
    return {"token": TOKEN, "namespace": namespace} if name == "gate" else None


def rollout() -> Rollout:
    return parse_rollout(
        {
            "metadata": {"name": "web", "namespace": "shop", "uid": "u-1"},
            "spec": {"strategy": {"canary": {}}},
            "status": {"currentPodHash": "new", "stableRS": "old"},
        }
    )


def calls_of(
    plugin: StepPlugin | None, limits: Limits | None = None, fence: Fence | None = None
) -> StepCalls:
    return StepCalls(
        Ports(
            plugins=Registry(plugin),
            fence=fence or Fence(lambda: asyncio.get_running_loop().time(), limits),
            secrets=secrets,
            surroundings=Surroundings(namespace="gradatim", environment={"LEVEL": "3"}),
            place=SameLoop(),
            clock=lambda: NOW,
        )
    )


async def answer_of(plugin: StepPlugin | None, call: PluginCall = CALL) -> PluginAnswer:
    return await calls_of(plugin).answer(rollout(), call, lambda _: None)


def done(**fields: Any) -> StepResult:
    return StepResult(phase=StepPhase.SUCCESSFUL, **fields)


async def test_a_plugin_is_told_all_that_it_needs() -> None:
    ours, theirs = SecretRef("gate"), SecretRef("gate", in_run_namespace=True)
    plugin = Scripted(lambda _: done(), wants=[ours, theirs, SecretRef("absent")])
    answer = await answer_of(plugin)
    assert (answer.phase, answer.at, answer.call) == ("Successful", NOW, CALL)
    ((method, call),) = plugin.asked
    assert method == "run"
    assert call == StepCall(
        config=CALL.config,
        rollout="web",
        namespace="shop",
        rollout_uid="u-1",
        index=2,
        now=NOW,
        started=REACHED,
        attempt="u-1/2/2026-01-02T03:00:00Z",
        executions=3,
        status={"job": 7},
        pod_hash="new",
        stable_hash="old",
        manifest=rollout().raw,
        secrets={
            ours: {"token": TOKEN, "namespace": "gradatim"},
            theirs: {"token": TOKEN, "namespace": "shop"},
            SecretRef("absent"): None,
        },
        environment={"LEVEL": "3"},
    )
    assert TOKEN not in repr(call)


@pytest.mark.parametrize("operation", ["Terminate", "Abort"])
async def test_the_other_operations_know_the_same_attempt(operation: str) -> None:
    plugin = Scripted(lambda _: done())
    await answer_of(plugin, replace(CALL, operation=operation, started=NOW, executions=0))
    ((method, call),) = plugin.asked
    assert method == operation.lower()
    assert (call.attempt, call.executions, call.status) == (
        "u-1/2/2026-01-02T03:00:00Z",
        3,
        {"job": 7},
    )


async def test_what_a_plugin_changes_is_its_own() -> None:
    def spoil(call: StepCall) -> StepResult:
        call.config["list"].append(2)
        call.manifest.clear()
        assert call.status is not None
        call.status["job"] = 8
        return done(status=call.status)

    web = rollout()
    plugin = Scripted(spoil)
    answer = await calls_of(plugin).answer(web, CALL, lambda _: None)
    assert CALL.config["list"] == [1]
    assert CALL.status == {"job": 7}
    assert web.raw["metadata"]["name"] == "web"
    assert answer.status == {"job": 8}
    kept = plugin.asked[0][1].status
    assert kept is not None
    kept["job"] = 9
    assert answer.status == {"job": 8}


def raising(error: BaseException) -> Callable[[StepCall], object]:
    return lambda _: error


@pytest.mark.parametrize(
    ("say", "message"),
    [
        pytest.param(raising(StepError("no answer")), "no answer", id="its own error"),
        pytest.param(
            raising(KeyError("x")), "org/gate: run raised KeyError: 'x'", id="any exception"
        ),
        pytest.param(
            raising(SystemExit(3)), "org/gate: run raised RuntimeError: SystemExit: 3", id="an exit"
        ),
        pytest.param(
            raising(asyncio.CancelledError()),
            "org/gate: run was cancelled from within",
            id="cancelled from within",
        ),
        pytest.param(
            lambda _: None, "org/gate: run gave a NoneType and not a StepResult", id="nothing"
        ),
        pytest.param(
            lambda _: StepResult(phase="Done"),
            "org/gate: run gave the phase 'Done', which is not valid",
            id="a phase that is none",
        ),
        pytest.param(
            lambda _: done(message=7), "run gave a message that is a int", id="a message of no text"
        ),
        pytest.param(
            lambda _: done(requeue_after=float("nan")), "which is no number of seconds", id="NaN"
        ),
        pytest.param(lambda _: done(requeue_after=-1), "which is no number", id="before now"),
        pytest.param(lambda _: done(requeue_after=True), "which is no number", id="true seconds"),
        pytest.param(lambda _: done(status=[1]), "is a list and not a JSON object", id="a list"),
        pytest.param(lambda _: done(status={1: 2}), "has the key '1', which is no text", id="key"),
        pytest.param(lambda _: done(status={"a": {2}}), "of type set, which is not", id="a set"),
        pytest.param(lambda _: done(status={"a": 2**63}), "fit into 64 bits", id="a big number"),
        pytest.param(lambda _: done(status={"a": float("inf")}), "fit into 64", id="infinity"),
        pytest.param(lambda _: done(status={"a": "\ud800"}), "cannot be encoded", id="surrogate"),
        pytest.param(
            lambda _: done(status={"a": "x" * 16_384}), "16393 bytes of JSON", id="too large"
        ),
    ],
)
async def test_whatever_goes_wrong_is_an_error_of_this_call(
    say: Callable[[StepCall], object], message: str
) -> None:
    answer = await answer_of(Scripted(say))
    assert answer.phase == "Error"
    assert message in answer.message
    assert answer.status is None


async def test_a_status_too_deep_is_an_error_and_no_crash() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    answer = await answer_of(Scripted(lambda _: done(status=deep)))
    assert "nested more than 32 levels" in answer.message


async def test_a_plugin_that_is_not_there_is_an_error_too() -> None:
    answer = await answer_of(None)
    assert (answer.phase, answer.message) == ("Error", "no installed plugin serves 'org/gate'")


async def test_secrets_that_cannot_be_read_are_an_error_before_the_call() -> None:
    plugin = Scripted(lambda _: done(), wants=[SecretRef("away")])
    answer = await answer_of(plugin)
    assert (answer.phase, plugin.asked) == ("Error", [])


async def test_a_fault_of_the_controller_is_an_error_and_no_step_waits_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plugin = Scripted(lambda _: done(), wants=[SecretRef("broken")])
    answer = await answer_of(plugin)
    assert (answer.phase, plugin.asked) == ("Error", [])
    assert answer.message == "org/gate: the controller failed at it: RuntimeError"
    assert "a fault of ours" in caplog.text


async def test_no_secret_gets_into_a_message_or_a_status() -> None:
    ref = SecretRef("gate")
    leaks = done(message=f"with {TOKEN}", status={"headers": [{"auth": f"Bearer {TOKEN}"}], "n": 1})
    answer = await answer_of(Scripted(lambda _: leaks, wants=[ref]))
    assert answer.message == "with *****"
    assert answer.status == {"headers": [{"auth": "Bearer *****"}], "n": 1}
    failing = Scripted(raising(ValueError(f"401 for {TOKEN}")), wants=[ref])
    assert TOKEN not in (await answer_of(failing)).message


async def test_calls_are_counted_as_those_of_any_plugin() -> None:
    fence = Fence(lambda: asyncio.get_running_loop().time())
    script: list[object] = [StepError("no"), done()]
    calls = calls_of(Scripted(lambda _: script.pop(0)), fence=fence)
    for _ in range(2):
        await calls.answer(rollout(), CALL, lambda _: None)
    counted = fence.counts["org/gate", "run"]
    assert (counted.calls, counted.errors) == (2, 1)


async def test_messages_are_one_line_and_bounded() -> None:
    answer = await answer_of(Scripted(lambda _: done(message="a\nb " + "x" * 90_000)))
    assert answer.message.startswith("a b xxx")
    assert len(answer.message) == 1024


async def test_a_time_that_it_asks_for_is_kept_with_an_error_too() -> None:
    answer = await answer_of(Scripted(raising(StepError("busy", retry_after=90))))
    assert answer.requeue_after == 90


async def test_one_that_hangs_is_given_up_and_not_yet_ended() -> None:
    hang = asyncio.Event()

    async def stubborn(_: StepCall) -> StepResult:
        while not hang.is_set():
            try:
                await hang.wait()
            except asyncio.CancelledError:
                continue
        return done()

    noted: list[asyncio.Future[Any]] = []
    calls = calls_of(Scripted(stubborn), Limits(deadline=0.01))
    answer = await calls.answer(rollout(), CALL, noted.append)
    assert answer.message == "org/gate: run did not answer within 0.01 seconds"
    assert [end.done() for end in noted] == [True, False]
    hang.set()
    await noted[1]


async def test_an_abort_that_is_held_back_is_made_when_its_service_may_be_asked_again() -> None:
    policy = BreakerPolicy(outages=1, open_seconds=0.02)
    failing = StepError("503", outage=True)
    script: list[object] = [failing, done(message="taken back")]
    plugin = Scripted(lambda _: script.pop(0))
    calls = calls_of(plugin, Limits(breaker=policy))
    assert (await calls.answer(rollout(), CALL, lambda _: None)).message == "503"
    # a step is asked again anyway: it says so
    held = await calls.answer(rollout(), CALL, lambda _: None)
    assert held.phase == "Error"
    assert "left alone" in held.message
    abort = replace(CALL, operation="Abort")
    answer = await calls.answer(rollout(), abort, lambda _: None)
    assert (answer.phase, answer.message) == ("Successful", "taken back")
    assert [method for method, _ in plugin.asked] == ["run", "abort"]


async def test_connections_are_closed_where_they_were_made() -> None:
    plugin = Scripted(lambda _: done())
    calls = calls_of(plugin)
    await calls.aclose()
    assert plugin.closed == 0
    await calls.answer(rollout(), CALL, lambda _: None)
    await calls.aclose()
    assert plugin.closed == 1
