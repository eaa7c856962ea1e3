"""Steps that plugins carry out: when each operation is due, what answers mean, and what a status says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from world import World, manifest, routed

from gradatim.decide import PluginAnswer, PluginCall
from gradatim.model.stepplugins import PluginPhase

GATE = "org/gate"


def plugin(name: str = GATE, **config: Any) -> dict[str, Any]:
    return {"plugin": {"name": name, "config": config}}


def updating(*steps: dict[str, Any], skipped: tuple[str, ...] = (), **spec: Any) -> World:
    """A world in which v1 is released, and v2 has come."""
    raw = manifest(replicas=2, steps=list(steps))
    raw["spec"] |= spec
    world = World.of(raw, skipped_steps=frozenset(skipped))
    world.run()
    assert world.phase == ("Healthy", "")
    assert world.calls == ()
    world.pass_time(5)
    world.image("app:v2")
    return world


def says(phase: str, **answer: Any) -> Any:
    """A plugin whose `run` says this; it ends and takes back whatever it is told to."""

    def say(call: PluginCall) -> tuple[str, dict[str, Any]]:
        return (phase, answer) if call.operation == "Run" else ("Successful", {})

    return say


def called(world: World) -> list[tuple[str, int]]:
    return [(call.operation, call.index) for call in world.calls]


def entry(world: World, place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = world.status["canary"]["stepPluginStatuses"][place]
    return found


def told(world: World) -> list[str]:
    return [e for e in world.events if "StepPluginTransition" in e]


def stand(world: World, seconds: float = 3) -> None:
    """Let time go by without the clock jumping to the next call."""
    for _ in range(int(seconds)):
        world.carry_out(world.decide())
        world.kubelet()
        world.measure()
        world.pass_time(1)


# Run


def test_a_step_is_run_until_it_is_successful_and_then_the_release_goes_on() -> None:
    world = updating({"setWeight": 50}, plugin(level=3), {"setWeight": 100})
    world.run()
    assert world.phase == ("Healthy", "")
    assert called(world) == [("Run", 1), ("Run", 1)]
    assert world.calls[0].config == {"level": 3}
    assert [call.status for call in world.calls] == [None, {"runs": 1}]
    assert [call.runs for call in world.calls] == [0, 1]
    found = entry(world)
    assert (found["name"], found["index"], found["operation"]) == (GATE, 1, "Run")
    assert (found["phase"], found["executions"], found["status"]) == ("Successful", 2, {"runs": 2})
    assert "backoff" not in found
    assert found["startedAt"] <= found["updatedAt"] == found["finishedAt"]
    assert told(world) == [
        f"Normal StepPluginTransition: Run of plugin '{GATE}' in step 2: Running"
    ]
    assert any(f"Rollout step 2/3 completed (plugin: {GATE})" in e for e in world.events)


def test_that_a_step_was_reached_is_in_the_status_before_its_plugin_is_called() -> None:
    world = updating(plugin())
    world.plugin = lambda _: None
    world.carry_out(world.decide())
    while not world.calls:
        decision = world.decide()
        assert decision.plugin is None or "stepPluginStatuses" in decision.status["canary"]
        world.carry_out(decision)
        world.kubelet()
        world.pass_time(1)
    assert entry(world) == {
        "index": 0,
        "name": GATE,
        "operation": "Run",
        "phase": "Running",
        "startedAt": entry(world)["startedAt"],
    }


@pytest.mark.parametrize(
    ("answer", "backoff", "seconds"),
    [
        pytest.param(("Running", {}), "30s", 30, id="30 s where the plugin names no time"),
        pytest.param(("Running", {"requeue_after": 0.5}), "10s", 10, id="10 s at least"),
        pytest.param(("Running", {"requeue_after": 90.0}), "1m30s", 90, id="what it names"),
        pytest.param(("Running", {"requeue_after": 1e18}), "24h0m0s", 86_400, id="a day at most"),
        pytest.param(("Error", {}), "30s", 30, id="30 s after an error"),
        pytest.param(("Error", {"requeue_after": 60.0}), "1m0s", 60, id="later if it says so"),
        pytest.param(("Error", {"requeue_after": 1e9}), "5m0s", 300, id="five minutes at most"),
    ],
)
def test_the_next_call_comes_after(
    answer: tuple[str, dict[str, Any]], backoff: str, seconds: int
) -> None:
    world = updating(plugin(), progressDeadlineSeconds=100_000)
    world.plugin = lambda _: answer
    while len(world.calls) < 1 or world.flight:
        stand(world, 1)
    assert entry(world)["backoff"] == backoff
    decision = world.decide()
    assert decision.plugin is not None
    assert not decision.plugin.may_begin
    assert decision.look_again_in is not None
    assert seconds - 3 <= decision.look_again_in.total_seconds() <= seconds
    world.pass_time(decision.look_again_in.total_seconds())
    world.carry_out(world.decide())
    assert called(world) == [("Run", 0), ("Run", 0)]


def test_an_error_keeps_the_last_state_and_is_told_once() -> None:
    world = updating(plugin())
    answers = iter(
        [
            ("Running", {"status": {"job": "a"}}),
            ("Error", {"message": "no answer"}),
            ("Error", {"message": "no answer"}),
            ("Successful", {"message": "done"}),
        ]
    )
    world.plugin = lambda _: next(answers)
    world.run(400)
    assert world.phase == ("Healthy", "")
    assert [call.status for call in world.calls] == [None, *[{"job": "a"}] * 3]
    assert [e.rpartition(": ")[2] for e in told(world)] == ["Running", "Error"]
    assert told(world)[1].startswith("Warning")
    assert (entry(world)["executions"], entry(world)["message"]) == (4, "done")


def test_a_failed_step_aborts_with_its_message() -> None:
    world = updating(plugin(), {"setWeight": 50}, plugin("org/last"))
    world.plugin = lambda call: (
        ("Failed", {"message": "the smoke test says no"})
        if (call.operation, call.index) == ("Run", 2)
        else ("Successful", {})
    )
    world.run()
    assert world.status["abort"] is True
    assert world.phase == (
        "Degraded",
        "RolloutAborted: Rollout aborted update to revision 2: the smoke test says no",
    )
    # the one that failed has nothing to take back
    assert world.plugins() == [
        ("Run", 0, "Successful"),
        ("Run", 2, "Failed"),
        ("Abort", 0, "Successful"),
    ]
    assert "Warning StepPluginTransition: Run of plugin 'org/last' in step 3: Failed" in told(world)
    assert world.sets()[2][0] == 0


def test_a_plugin_beside_another_key_is_waited_for_too() -> None:
    world = updating({"setWeight": 50, **plugin()}, {"setWeight": 100})
    world.plugin = lambda _: None
    world.run()
    assert world.status["currentStepIndex"] == 0
    assert world.sets()[2] == (1, 1)
    world.plugin = says("Successful")
    world.run()
    assert world.phase == ("Healthy", "")


def test_beside_a_timed_pause_it_runs_while_the_pause_goes_on() -> None:
    world = updating({"pause": {"duration": 60}, **plugin()})
    world.run(600)
    assert world.phase == ("Healthy", "")
    assert called(world) == [("Run", 0), ("Run", 0)]


def test_a_pause_that_is_over_before_its_plugin_asks_for_no_more_passes() -> None:
    world = updating({"pause": {"duration": 5}, **plugin()}, progressDeadlineSeconds=10_000)
    world.plugin = says("Running", requeue_after=600.0)
    stand(world, 20)
    wait = world.decide().look_again_in
    assert wait is not None
    assert wait.total_seconds() > 500


def test_a_first_release_calls_nothing() -> None:
    world = World.of(manifest(replicas=2, steps=[plugin()]))
    world.run()
    assert world.phase == ("Healthy", "")
    assert world.calls == ()
    assert world.plugins() == []


def test_a_person_who_pauses_holds_the_next_call_and_not_the_answer() -> None:
    world = updating(plugin(), progressDeadlineSeconds=10_000)
    world.plugin = lambda _: None
    stand(world, 5)
    world.pause()
    stand(world)
    assert world.flight is not None
    world.plugin = says("Running")
    stand(world, 100)
    assert called(world) == [("Run", 0)]
    assert entry(world)["executions"] == 1
    world.pause(False)
    stand(world, 2)
    assert called(world) == [("Run", 0), ("Run", 0)]


def test_a_release_over_its_deadline_goes_on_asking() -> None:
    # in the reference it never asks again, so that nothing but a person ends it
    world = updating(plugin(), progressDeadlineSeconds=60)
    world.plugin = says("Running")
    stand(world, 80)
    assert world.phase[1].startswith("ProgressDeadlineExceeded")
    world.plugin = says("Successful")
    world.run()
    assert world.phase == ("Healthy", "")


def test_with_an_invalid_spec_nothing_begins_and_what_is_under_way_goes_on() -> None:
    from gradatim.plugin import FieldPath, Problem

    world = updating(plugin())
    world.plugin = lambda _: None
    stand(world, 5)
    sound, flight = world.snapshot, world.flight
    world.snapshot = replace(sound, problems=(Problem(FieldPath("spec"), "is wrong"),))
    decision = world.decide()
    assert decision.plugin is not None
    assert (decision.plugin.call, decision.plugin.may_begin) == (flight, False)


# abort


def test_an_abort_takes_back_in_reverse_order_what_was_done_or_begun() -> None:
    world = updating(*(plugin(f"org/{n}") for n in range(4)), {"setWeight": 100})
    world.plugin = lambda call: (
        ("Running" if (call.operation, call.index) == ("Run", 2) else "Successful"),
        {"status": {"of": call.index}} if call.operation == "Run" else {},
    )
    world.run(40)
    world.abort()
    world.run()
    assert called(world)[-3:] == [("Abort", 2), ("Abort", 1), ("Abort", 0)]
    assert [c.status for c in world.calls[-3:]] == [{"of": 2}, {"of": 1}, {"of": 0}]
    assert world.plugins()[3:] == [("Abort", n, "Successful") for n in (2, 1, 0)]
    done = entry(world, 3)
    assert sorted(done) == ["finishedAt", "index", "name", "operation", "phase", "startedAt"]
    assert [e.rpartition("'")[0] for e in told(world)[-3:]] == [
        f"Normal StepPluginTransition: Abort of plugin 'org/{n}" for n in (2, 1, 0)
    ]


def test_a_call_under_way_is_dropped_by_an_abort_and_its_answer_means_nothing() -> None:
    world = updating(plugin())
    world.plugin = lambda _: None
    stand(world, 5)
    late = world.flight
    assert late is not None
    world.abort()
    world.carry_out(world.decide())
    assert called(world) == [("Run", 0), ("Abort", 0)]
    answer = PluginAnswer(call=late, at=world.now, phase=PluginPhase.SUCCESSFUL)
    before = world.status
    world.snapshot = replace(world.snapshot, plugin_answer=answer)
    assert world.decide().status == before


@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        (("Failed", {"message": "no"}), "Failed"),
        (("Error", {"message": "no"}), "Error"),
        (("Running", {"message": "no"}), "Failed"),
    ],
    ids=["that fails", "in error", "that would go on, which none can"],
)
def test_an_abort_is_not_repeated(answer: tuple[str, dict[str, Any]], phase: str) -> None:
    world = updating(plugin(), {"pause": {}})
    world.run()
    world.plugin = lambda _: answer
    world.abort()
    world.run(400)
    assert world.plugins() == [("Run", 0, "Successful"), ("Abort", 0, phase)]
    assert entry(world, 1)["message"] == "no"
    assert called(world).count(("Abort", 0)) == 1


def test_a_step_in_error_is_taken_back_as_nobody_knows_what_it_did() -> None:
    world = updating(plugin())
    world.plugin = says("Error")
    stand(world, 10)
    world.abort()
    world.run()
    assert world.plugins() == [("Run", 0, "Error"), ("Abort", 0, "Successful")]


def test_a_retry_begins_anew_with_another_attempt() -> None:
    world = updating(plugin(), plugin("org/second"))
    world.plugin = lambda call: ("Failed" if call.index else "Successful", {"status": {"a": 1}})
    world.run()
    assert world.status["abort"] is True
    first = world.calls[0]
    world.retry()
    world.plugin = says("Successful")
    world.run()
    assert world.phase == ("Healthy", "")
    assert world.plugins() == [("Run", 0, "Successful"), ("Run", 1, "Successful")]
    again = world.calls[-2]
    assert (again.operation, again.index, again.status) == ("Run", 0, None)
    assert first.started is not None
    assert again.started is not None
    assert again.started > first.started


def test_a_retry_waits_for_what_is_still_to_be_taken_back() -> None:
    world = updating(plugin(), plugin("org/second"), {"pause": {}})
    world.run()
    world.plugin = lambda _: None
    world.abort()
    stand(world)
    world.retry()
    stand(world)
    # the steps of the new attempt wait, and what was done is still known to those who take it back
    assert world.plugins() == [("Abort", 1, "Running"), ("Abort", 0, "Running")]
    begun = len(world.calls)
    world.plugin = says("Successful")
    world.run()
    assert called(world)[begun - 1 :] == [("Abort", 1), ("Abort", 0), ("Run", 0), ("Run", 1)]
    assert world.calls[begun].status == {"runs": 2}
    assert world.calls[begun].reached == world.calls[0].started
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert [operation for operation, _, _ in world.plugins()] == ["Run", "Run"]


# promotion and skipped steps


def test_a_full_promotion_ends_what_is_running() -> None:
    world = updating(plugin(), plugin("org/long"))
    world.plugin = lambda call: (
        "Running" if call.index and call.operation == "Run" else "Successful",
        {},
    )
    world.run(20)
    world.promote_full()
    world.run()
    assert world.phase == ("Healthy", "")
    assert world.plugins() == [
        ("Run", 0, "Successful"),
        ("Run", 1, "Running"),
        ("Terminate", 1, "Successful"),
    ]
    assert called(world)[-1] == ("Terminate", 1)


def test_a_step_that_a_person_skips_is_ended_at_once() -> None:
    # the reference ends it when the whole release is promoted
    world = updating(plugin(), {"pause": {}})
    world.plugin = says("Running")
    stand(world, 10)
    world.promote()
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert world.plugins() == [("Run", 0, "Running"), ("Terminate", 0, "Successful")]


def test_a_failure_of_a_skipped_step_aborts_nothing() -> None:
    world = updating(plugin(), {"pause": {}})
    world.plugin = lambda _: None
    stand(world, 5)
    call = world.flight
    assert call is not None
    failed = PluginAnswer(call=call, at=world.now, phase=PluginPhase.FAILED, message="no")
    world.snapshot = replace(world.snapshot, plugin_answer=failed)
    world.promote_full()
    world.run()
    assert world.phase == ("Healthy", "")
    assert world.plugins() == [("Run", 0, "Failed")]


def test_another_template_ends_what_the_one_before_has_begun() -> None:
    world = updating(plugin(), progressDeadlineSeconds=10_000)
    world.plugin = lambda call: (
        "Running" if call.operation == "Run" else "Successful",
        {"status": {"job": 7}},
    )
    stand(world, 10)
    first = world.calls[0]
    world.image("app:v3")
    stand(world, 10)
    assert called(world) == [("Run", 0), ("Terminate", 0), ("Run", 0)]
    ended, again = world.calls[1:]
    assert (ended.status, ended.reached) == ({"job": 7}, first.started)
    assert (again.status, again.runs) == (None, 0)
    assert again.started is not None
    assert first.started is not None
    assert again.started > first.started
    # of the attempt before nothing is left
    assert world.plugins() == [("Run", 0, "Running")]


def test_what_was_taken_back_is_not_ended_as_well() -> None:
    world = updating(plugin())
    world.plugin = says("Running")
    stand(world, 10)
    world.abort()
    stand(world, 5)
    world.image("app:v3")
    world.plugin = says("Successful")
    world.run()
    assert world.phase == ("Healthy", "")
    assert called(world) == [("Run", 0), ("Abort", 0), ("Run", 0)]


def test_other_steps_forget_what_they_no_longer_name() -> None:
    world = updating(plugin(), progressDeadlineSeconds=10_000)
    world.plugin = says("Running")
    stand(world, 10)
    world.canary(steps=[{"setWeight": 50}, {"pause": {}}])
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert called(world) == [("Run", 0)]
    assert world.plugins() == []


def test_the_way_back_to_stable_ends_it_too() -> None:
    world = updating(plugin())
    world.plugin = says("Running")
    stand(world, 10)
    world.image("app:v1")
    world.run()
    assert world.phase == ("Healthy", "")
    assert called(world) == [("Run", 0), ("Terminate", 0)]
    assert world.plugins() == []


def test_a_retry_whose_abort_time_somebody_took_away_begins_anew_as_well() -> None:
    world = updating(plugin(), plugin("org/second"))
    world.plugin = lambda call: ("Failed" if call.index else "Successful", {})
    world.run()
    assert [phase for _, _, phase in world.plugins()] == ["Successful", "Failed", "Successful"]
    world.patch_status(abort=False, abortedAt=None)
    world.plugin = says("Successful")
    world.run()
    assert world.phase == ("Healthy", "")
    assert called(world)[-2:] == [("Run", 0), ("Run", 1)]
    assert world.plugins() == [("Run", 0, "Successful"), ("Run", 1, "Successful")]


def test_a_person_who_goes_back_to_a_step_has_it_run_again() -> None:
    world = updating(plugin(), {"pause": {}})
    world.plugin = says("Running")
    stand(world, 10)
    world.promote()
    world.run()
    assert world.plugins() == [("Run", 0, "Running"), ("Terminate", 0, "Successful")]
    world.plugin = says("Successful")
    world.patch_status(currentStepIndex=0, pauseConditions=None, controllerPause=None)
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert called(world) == [("Run", 0), ("Terminate", 0), ("Run", 0)]
    assert world.plugins() == [("Run", 0, "Successful")]


def test_blue_green_has_no_step_plugins() -> None:
    world = updating(plugin())
    world.plugin = lambda _: None
    stand(world, 5)
    world.edit(lambda spec: {**spec, "strategy": {"blueGreen": {"activeService": "web"}}})
    from gradatim.model.workload import parse_service

    service = parse_service({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}})
    world.snapshot = replace(world.snapshot, services={"web": service})
    decision = world.decide()
    assert decision.plugin is None
    assert "stepPluginStatuses" not in decision.status.get("canary", {})


# skipped by the operator


def test_steps_of_a_plugin_that_is_switched_off_are_passed_over() -> None:
    world = updating(plugin("org/off"), plugin(), skipped=("org/off",))
    world.run()
    assert world.phase == ("Healthy", "")
    assert [call.name for call in world.calls] == [GATE, GATE]
    assert entry(world) == {"index": 0, "name": "org/off", "operation": "Run", "disabled": True}
    assert not any("org/off" in e for e in told(world))


def test_switched_off_in_the_middle_it_is_not_asked_again_nor_taken_back() -> None:
    world = updating(plugin(), {"pause": {}})
    world.plugin = says("Error")
    stand(world, 10)
    world.snapshot = replace(world.snapshot, skipped_steps=frozenset({GATE}))
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert entry(world)["disabled"] is True
    calls = len(world.calls)
    world.abort()
    world.run()
    assert len(world.calls) == calls


def test_what_is_to_be_taken_back_is_forgotten_when_its_plugin_is_switched_off() -> None:
    world = updating(plugin(), {"pause": {}})
    world.run()
    world.plugin = lambda _: None
    world.abort()
    stand(world)
    world.snapshot = replace(world.snapshot, skipped_steps=frozenset({GATE}))
    world.run()
    assert world.plugins() == [("Run", 0, "Successful")]
    assert world.flight is None


# a controller that is killed


def test_one_that_is_killed_between_call_and_answer_is_followed_by_one_that_calls_again() -> None:
    world = updating(plugin(), progressDeadlineSeconds=10_000)
    world.plugin = says("Running", status={"job": 1})
    stand(world, 10)
    world.pass_time(60)
    world.carry_out(world.decide())
    under_way = world.flight
    world.carry_out(world.decide(), stop_after=0)
    assert world.flight is None
    world.carry_out(world.decide())
    # the same call, with the same state
    assert world.flight == under_way
    assert world.calls[-1].status == {"job": 1}
    assert world.calls[-1].runs == 1


def test_one_that_is_killed_in_its_first_call_leaves_a_trace_for_the_abort() -> None:
    # the reference notes a call when it has ended: what it had begun is never taken back
    world = updating(plugin())
    world.plugin = lambda _: None
    stand(world, 5)
    world.carry_out(world.decide(), stop_after=0)
    world.plugin = says("Successful")
    world.abort()
    world.run()
    assert world.plugins() == [("Run", 0, "Running"), ("Abort", 0, "Successful")]


def test_a_release_of_the_reference_goes_on_at_its_call() -> None:
    world = updating(plugin(), {"pause": {}})
    world.plugin = lambda _: None
    stand(world, 5)
    taken = {
        "index": 0,
        "name": GATE,
        "operation": "Run",
        "phase": "Running",
        "message": "half",
        "startedAt": "2026-01-01T00:00:08Z",
        "updatedAt": "2026-01-01T00:00:10Z",
        "backoff": "2m0s",
        "executions": 3,
        "status": {"id": "x"},
        "unknown": "kept",
    }
    canary = {**world.status["canary"], "stepPluginStatuses": [taken]}
    world.patch_status(canary=canary)
    world.snapshot, world.flight = replace(world.snapshot, plugin_answer=None), None
    decision = world.decide()
    assert decision.status["canary"]["stepPluginStatuses"] == [taken]
    assert decision.plugin is not None
    assert decision.plugin.call.status == {"id": "x"}
    world.plugin = says("Successful")
    world.run(300)
    assert entry(world)["executions"] == 4
    assert world.phase == ("Paused", "CanaryPauseStep")


def test_a_routed_release_keeps_its_weight_while_a_plugin_runs() -> None:
    steps = [{"setWeight": 20}, plugin(), {"setWeight": 60}, {"pause": {}}]
    from world import istio

    world = routed(manifest(replicas=5, **istio(steps=steps)), lag=2)
    world.run()
    world.image("app:v2")
    world.plugin = lambda _: None
    world.run()
    assert world.weights() == (80, 20)
    world.plugin = says("Successful")
    world.run()
    assert world.weights() == (40, 60)
