"""A release whose provider is silent and whose author wants it to wait: it stays where it is, and goes on by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stepworld import StepWorld, asking, tries
from world import World, manifest, with_template

from gradatim.model import names
from gradatim.model.analysisrun import AnalysisRun, MetricResult, Phase

BACKGROUND = {"templates": [{"templateName": "t"}]}
SILENCE = 'Metric "value": no answer since 2026-01-01T00:00:00Z, asked again: timeout'


def released(*steps: dict[str, Any], background: bool = True) -> World:
    """A world with a stable revision, and a canary that has just begun."""
    canary = {"steps": list(steps), **({"analysis": BACKGROUND} if background else {})}
    world = with_template(World.of(manifest(replicas=2, **canary)))
    world.verdict = lambda run: ("Running", run.message)
    world.run()
    world.image("app:v2")
    return world


def silence(world: World, silent: bool = True) -> None:
    """The provider of every run that goes on falls silent, or speaks again."""
    notes = {names.HELD: "true", names.ASKED_AGAIN_AT: "2026-01-01T00:00:10Z"} if silent else {}
    result = MetricResult(name="value", metadata=notes)

    def told(run: AnalysisRun) -> AnalysisRun:
        if run.phase.is_completed:
            return run
        message = SILENCE if silent else ""
        return replace(run, phase=Phase.RUNNING, message=message, results=(result,))

    runs = tuple(told(run) for run in world.snapshot.runs)
    world.snapshot = replace(world.snapshot, runs=runs)
    if isinstance(world, StepWorld):
        world.runs_of = {name: tuple(map(told, runs)) for name, runs in world.runs_of.items()}


def until_step(world: World, index: int) -> None:
    for _ in range(200):
        if world.status.get("currentStepIndex") == index and world.snapshot.runs:
            return
        world.carry_out(world.decide())
        world.kubelet()
        world.pass_time(1)
    raise AssertionError(world.status)


TIMED = [{"setWeight": 50}, {"pause": {"duration": 60}}, {"setWeight": 60}]


def test_a_silent_background_analysis_keeps_the_release_at_its_step() -> None:
    world = released(*TIMED)
    until_step(world, 1)
    silence(world)
    world.run(seconds=3600)
    assert world.status["currentStepIndex"] == 1
    assert "abort" not in world.status


def test_while_no_step_is_a_pause_the_phase_says_what_is_waited_for() -> None:
    world = released({"setWeight": 50}, {"setWeight": 60})
    world.carry_out(world.decide())
    world.carry_out(world.decide())
    silence(world)
    world.run(seconds=3600)
    assert world.status["currentStepIndex"] == 0
    assert world.phase == ("Paused", f"ProviderOutage: {SILENCE}")
    assert world.status["canary"]["currentBackgroundAnalysisRunStatus"]["message"] == SILENCE


def test_it_goes_on_by_itself_once_the_provider_answers() -> None:
    world = released(*TIMED)
    until_step(world, 1)
    silence(world)
    world.run(seconds=3600)
    silence(world, silent=False)
    world.run(seconds=120)
    assert world.phase[0] == "Healthy"


def test_a_person_may_still_end_a_pause() -> None:
    world = released(*TIMED[:1], {"pause": {}}, {"setWeight": 60})
    until_step(world, 1)
    silence(world)
    world.run(seconds=60)
    world.promote()
    world.run(seconds=60)
    assert world.status["currentStepIndex"] == 2


def test_nothing_is_promoted_while_the_provider_is_silent() -> None:
    world = released()
    world.carry_out(world.decide())
    world.carry_out(world.decide())
    silence(world)
    world.run(seconds=3600)
    assert world.status["stableRS"] != world.status["currentPodHash"]
    world.promote_full()
    world.run(seconds=60)
    assert world.phase[0] == "Healthy"


def test_waiting_is_no_missing_progress() -> None:
    world = released({"setWeight": 50}, {"setWeight": 60})
    world.edit(lambda spec: {**spec, "progressDeadlineAbort": True, "progressDeadlineSeconds": 60})
    world.carry_out(world.decide())
    world.carry_out(world.decide())
    silence(world)
    world.run(seconds=3600)
    assert "abort" not in world.status
    silence(world, silent=False)
    world.run(seconds=10)
    assert world.phase[0] == "Healthy"


def test_an_abort_is_not_held() -> None:
    world = released(*TIMED)
    until_step(world, 1)
    silence(world)
    world.abort()
    world.run(seconds=60)
    assert world.phase[0] == "Degraded"
    assert world.sets()[2] == (0, 0)


def tried_out(**given: Any) -> StepWorld:
    """A world whose canary is at an Experiment of one minute, which measures."""
    step = tries(duration="1m", analyses=asking(**given))
    world = StepWorld.basic(step, {"pause": {}})
    world.verdict = lambda run: ("Running", run.message)
    world.run(5)
    world.image("app:v2")
    world.run(10)
    assert world.runs_of[world.current.name]
    return world


def test_a_silent_analysis_in_the_step_s_experiment_holds_both() -> None:
    world = tried_out()
    silence(world)
    world.run(seconds=3600)
    assert world.current.phase is Phase.RUNNING
    assert world.status["currentStepIndex"] == 0
    assert world.phase == ("Paused", f"ProviderOutage: {SILENCE}")
    silence(world, silent=False)
    world.run(seconds=30)
    assert world.status["currentStepIndex"] == 1
    assert world.phase[0] == "Paused"
    assert "ProviderOutage" not in world.phase[1]


def test_a_person_need_not_wait_for_the_experiment_either() -> None:
    world = tried_out()
    silence(world)
    world.run(seconds=600)
    world.promote_full()
    world.run(seconds=120)
    assert world.phase[0] == "Healthy"


def test_an_abort_ends_the_held_experiment() -> None:
    world = tried_out()
    silence(world)
    world.run(seconds=600)
    world.abort()
    world.run(seconds=120)
    assert world.phase[0] == "Degraded"
    assert all(each.terminate for each in world.experiments.values())
