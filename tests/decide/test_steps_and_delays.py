"""Pauses, delays, revisions and history: what a release does over time, one rule a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from world import World, istio, manifest, routed, with_template

HALF: list[Any] = [{"setWeight": 50}, {"pause": {}}]


def released(**fields: Any) -> World:
    """A routed canary that has just promoted its second revision."""
    world = routed(manifest(2, **istio(**{"steps": HALF, **fields})))
    world.run()
    world.image("app:v2")
    world.run()
    world.promote()
    return world


def basic(**fields: Any) -> World:
    world = World.of(manifest(2, **{"steps": HALF, **fields}))
    world.run()
    return world


@pytest.mark.parametrize(
    ("fields", "seconds"), [({}, 30), ({"scaleDownDelaySeconds": 60}, 60)], ids=str
)
def test_pods_of_the_last_release_stay_for_the_delay(fields: Any, seconds: int) -> None:
    world = released(**fields)
    world.run(seconds - 2)
    assert world.of_revision(1).replicas == 2
    assert world.of_revision(1).has_deadline
    world.run(60)
    assert world.of_revision(1).replicas == 0
    assert not world.of_revision(1).has_deadline


def test_without_a_delay_they_go_when_the_proxies_follow() -> None:
    world = released(scaleDownDelaySeconds=0)
    world.carry_out(world.decide())
    world.kubelet()
    world.kubelet()
    world.run(30)
    assert world.of_revision(1).replicas == 0


def test_no_more_revisions_than_the_limit_keep_their_pods() -> None:
    world = released(scaleDownDelaySeconds=600, scaleDownDelayRevisionLimit=1)
    world.run(20)
    assert world.of_revision(1).replicas == 2
    world.image("app:v3")
    world.run(20)
    world.promote()
    world.run(60)
    assert world.of_revision(2).replicas == 2
    assert world.of_revision(1).replicas == 0


def test_an_explicit_abort_delay_of_0_keeps_the_canary_for_ever() -> None:
    world = routed(manifest(2, **istio(steps=HALF, abortScaleDownDelaySeconds=0)))
    world.run()
    world.image("app:v2")
    world.run()
    world.abort()
    world.run(5000)
    assert world.of_revision(2).replicas == 1
    assert world.weights() == (100, 0)


def test_a_timed_pause_ends_by_itself_and_not_before() -> None:
    world = basic(steps=[{"setWeight": 50}, {"pause": {"duration": 10}}])
    world.image("app:v2")
    world.run(8)
    assert world.phase == ("Paused", "CanaryPauseStep")
    world.run(12)
    assert world.phase == ("Healthy", "")


def test_a_pause_by_hand_holds_pods_and_steps() -> None:
    world = basic()
    world.pause()
    world.image("app:v2")
    world.run()
    assert world.phase == ("Paused", "manually paused")
    assert world.of_revision(2).replicas == 0
    world.pause(False)
    world.run()
    assert world.sets() == {1: (1, 1), 2: (1, 1)}


def test_a_retry_starts_again_at_the_first_step() -> None:
    world = basic()
    world.image("app:v2")
    world.run()
    world.abort()
    world.run()
    assert world.phase == ("Degraded", "RolloutAborted: Rollout aborted update to revision 2")
    assert world.sets() == {1: (2, 2), 2: (0, 0)}
    assert world.status["currentStepIndex"] == 0
    world.retry()
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")


def test_a_full_promotion_skips_what_is_left() -> None:
    world = basic()
    world.image("app:v2")
    world.run()
    world.promote_full()
    world.run()
    assert world.phase == ("Healthy", "")
    assert world.status["duration"]["completionStatus"] == "FastPromoted"
    assert "promoteFull" not in world.status


def test_old_revisions_beyond_the_limit_are_deleted_oldest_first() -> None:
    raw = manifest(1)
    raw["spec"]["revisionHistoryLimit"] = 1
    world = World.of(raw)
    for number in range(1, 5):
        world.image(f"app:v{number}")
        world.run()
    world.run()
    assert sorted(world.sets()) == [3, 4]


def test_a_template_that_comes_back_takes_its_set_with_a_higher_revision() -> None:
    world = World.of(manifest(1))
    for image in ("app:v1", "app:v2", "app:v1"):
        world.image(image)
        world.run()
    back = world.of_revision(3)
    assert back.meta.annotations["rollout.argoproj.io/revision-history"] == "1"
    assert world.rollout.meta.annotations["rollout.argoproj.io/revision"] == "3"


def test_a_rollout_without_replicas_gets_the_number_that_an_autoscaler_needs() -> None:
    raw = manifest(1)
    del raw["spec"]["replicas"]
    world = World.of(raw)
    world.run()
    assert world.sets() == {1: (1, 1)}
    assert world.rollout.replicas_given


def test_min_ready_seconds_reach_the_replica_set() -> None:
    world = World.of(manifest(1))
    world.run()
    world.edit(lambda spec: {**spec, "minReadySeconds": 7})
    world.run()
    assert world.of_revision(1).min_ready_seconds == 7


def test_a_set_that_cannot_make_its_pods_says_why() -> None:
    world = World.of(manifest(1))
    world.run()
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "Quota", "message": "full"}
    (only,) = world.snapshot.replica_sets
    world.snapshot = replace(world.snapshot, replica_sets=(replace(only, failure=failure),))
    world.carry_out(world.decide())
    assert world.conditions()["ReplicaFailure"] == ("True", "Quota", "full")
    world.snapshot = replace(world.snapshot, replica_sets=(only,))
    world.carry_out(world.decide())
    assert "ReplicaFailure" not in world.conditions()


@pytest.mark.parametrize("abort", [True, False])
def test_a_release_that_makes_no_progress_is_late(abort: bool) -> None:
    raw = manifest(2, steps=HALF)
    raw["spec"] |= {"progressDeadlineSeconds": 30, "progressDeadlineAbort": abort}
    world = World.of(raw)
    world.run()
    world.image("app:bad")
    world.run(28)
    assert world.phase[0] == "Progressing"
    world.run(30)
    assert world.phase[0] == "Degraded"
    assert world.status.get("abort", False) is abort
    assert "has timed out progressing." in world.phase[1]


def test_an_inconclusive_background_run_holds_until_a_person_promotes_in_full() -> None:
    analysis = {"templates": [{"templateName": "t"}]}
    world = with_template(basic(analysis=analysis))
    world.verdict = lambda _: ("Inconclusive", "")
    world.image("app:v2")
    world.run()
    assert world.status["pauseConditions"][-1]["reason"] == "InconclusiveAnalysisRun"
    world.verdict = lambda _: ("Successful", "")
    world.promote_full()
    world.run()
    assert world.phase == ("Healthy", "")


def test_a_clock_that_jumps_back_does_not_end_a_pause_early() -> None:
    world = basic(steps=[{"setWeight": 50}, {"pause": {"duration": 10}}])
    world.image("app:v2")
    world.run(5)
    world.pass_time(-3600)
    decision = world.decide()
    world.carry_out(decision)
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert decision.look_again_in is not None
