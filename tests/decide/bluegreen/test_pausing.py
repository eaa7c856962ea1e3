"""The pause before the switch: whom it waits for, how long, and what a smaller preview does meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from switchworld import ACTIVE, ANALYSIS, PREVIEW, SwitchWorld, deployed


def released(replicas: int = 2, **block: Any) -> SwitchWorld:
    """A second revision as far as it comes by itself."""
    world = deployed(replicas, **block)
    world.image("app:v2")
    world.run(2.5)
    return world


@pytest.mark.parametrize(
    ("block", "phase"),
    [
        pytest.param({}, "Healthy", id="promoted by itself, as that is the default"),
        pytest.param({"autoPromotionEnabled": True}, "Healthy", id="promoted by itself"),
        pytest.param({"autoPromotionSeconds": 60}, "Paused", id="promoted after a minute"),
        pytest.param({"autoPromotionEnabled": False}, "Paused", id="promoted by people"),
        pytest.param(
            {"autoPromotionEnabled": False, "autoPromotionSeconds": 1},
            "Paused",
            id="promoted by people, whatever the seconds say",
        ),
    ],
)
def test_it_pauses_if_it_is_to(block: dict[str, Any], phase: str) -> None:
    world = released(**block)
    world.run(5)
    assert world.phase[0] == phase


def test_a_timed_pause_ends_by_itself_and_says_when() -> None:
    world = released(autoPromotionSeconds=60)
    start = world.rollout.status.pause_conditions[0].started
    assert start is not None
    assert world.decide().look_again_in == start + timedelta(seconds=60.001) - world.now
    world.run(61)
    assert world.phase == ("Healthy", "")
    assert "manualPauseStartedAt" not in world.status["duration"]


@pytest.mark.parametrize("block", [{"autoPromotionSeconds": 60}, {"autoPromotionEnabled": False}])
def test_a_person_ends_either_pause(block: dict[str, Any]) -> None:
    world = released(**block)
    world.promote()
    world.run(3)
    assert world.phase == ("Healthy", "")


def test_waiting_for_people_is_remembered_as_such() -> None:
    world = released(autoPromotionEnabled=False)
    world.run(10)
    assert world.status["duration"]["manualPauseStartedAt"]
    world.pass_time(7)
    world.promote()
    world.run(3)
    assert world.status["duration"]["totalManualPauseDurationSeconds"] >= 7


def test_a_go_ahead_holds_until_a_missing_pod_is_back() -> None:
    """The reference forgets it, and asks again."""
    world = released(autoPromotionEnabled=False)
    world.promote()
    world.lose(2, 1)
    world.carry_out(world.decide())
    assert world.selectors()[ACTIVE] == 1
    assert world.status["controllerPause"] is True
    assert "pauseConditions" not in world.status
    world.run(5)
    assert world.phase == ("Healthy", "")


def test_a_template_that_changes_takes_the_go_ahead_with_it() -> None:
    world = released(autoPromotionEnabled=False)
    world.promote()
    world.lose(2, 1)
    world.carry_out(world.decide())
    world.image("app:v3")
    world.run(5)
    assert world.phase == ("Paused", "BlueGreenPause")


def test_a_full_promotion_needs_neither_pause_nor_analysis() -> None:
    world = deployed(
        autoPromotionEnabled=False, prePromotionAnalysis=ANALYSIS, postPromotionAnalysis=ANALYSIS
    )
    world.verdict = lambda _: ("Running", "")
    world.image("app:v2")
    world.run(3)
    world.promote_full()
    world.run(3)
    assert world.phase == ("Healthy", "")
    assert world.status["duration"]["completionStatus"] == "FastPromoted"
    assert "promoteFull" not in world.status
    assert all(run.terminate for run in world.snapshot.runs)


def test_a_full_promotion_takes_an_abort_back() -> None:
    world = released(autoPromotionEnabled=False)
    world.abort()
    world.run(100)
    world.promote_full()
    world.run(5)
    assert world.phase == ("Healthy", "")
    assert "abort" not in world.status


def test_a_retry_pauses_again() -> None:
    world = released(autoPromotionEnabled=False, abortScaleDownDelaySeconds=2)
    world.abort()
    world.run(10)
    assert world.sets() == {1: (2, 2), 2: (0, 0)}
    world.retry()
    world.run(5)
    assert world.phase == ("Paused", "BlueGreenPause")
    assert not world.of_revision(2).has_deadline


# a smaller preview


def test_a_smaller_preview_gets_its_pods_when_it_is_accepted_and_is_switched_then() -> None:
    world = released(3, autoPromotionEnabled=False, previewReplicaCount=1)
    assert world.sets()[2] == (1, 1)
    assert world.phase == ("Paused", "BlueGreenPause")
    world.promote()
    world.carry_out(world.decide())
    assert world.status["blueGreen"]["scaleUpPreviewCheckPoint"] is True
    assert world.sets()[2] == (3, 1)
    assert world.selectors()[ACTIVE] == 1
    world.run(5)
    assert world.phase == ("Healthy", "")
    assert "scaleUpPreviewCheckPoint" not in world.status["blueGreen"]


def test_a_smaller_preview_that_waits_for_nobody_grows_by_itself() -> None:
    world = released(3, previewReplicaCount=1)
    world.run(5)
    assert world.phase == ("Healthy", "")
    scaled = [e for e in world.events if "Scaled up" in e and "revision 2" in e]
    assert [e[-1] for e in scaled] == ["1", "3"]


def test_the_first_deployment_is_never_a_smaller_one() -> None:
    assert deployed(3, previewReplicaCount=1).sets() == {1: (3, 3)}


def test_a_preview_of_no_pods_is_analysed_and_promoted() -> None:
    world = released(2, previewReplicaCount=0, prePromotionAnalysis=ANALYSIS)
    world.run(30)
    assert world.phase == ("Healthy", "")


def test_an_accepted_preview_that_is_aborted_is_looked_at_again() -> None:
    """The reference keeps the checkpoint, and a retry is promoted without a pause."""
    world = released(3, autoPromotionEnabled=False, previewReplicaCount=1)
    world.promote()
    world.carry_out(world.decide())
    world.abort()
    world.run(100)
    assert "scaleUpPreviewCheckPoint" not in world.status["blueGreen"]
    world.retry()
    world.run(5)
    assert world.phase == ("Paused", "BlueGreenPause")
    assert world.sets()[2] == (1, 1)


def test_a_smaller_preview_stays_small_while_a_person_has_paused() -> None:
    world = deployed(3, previewReplicaCount=1)
    world.pause()
    world.image("app:v2")
    world.run(10)
    assert world.sets()[2] == (1, 1)
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 2}


# going back


def test_going_back_within_the_delay_needs_no_pause_and_no_analysis() -> None:
    world = released(autoPromotionEnabled=False, prePromotionAnalysis=ANALYSIS)
    world.run(5)
    world.promote()
    world.run(5)
    runs = len(world.snapshot.runs)
    world.image("app:v1")
    world.run(3)
    assert world.phase == ("Healthy", "")
    assert world.selectors() == {ACTIVE: 3, PREVIEW: 3}
    assert len(world.snapshot.runs) == runs
    assert "update to revision 3" in world.events[-1]
    assert world.events[-1].endswith("Fast rollback")
    assert not world.of_revision(3).has_deadline


def test_it_stays_a_quick_way_back_while_a_pod_is_missing() -> None:
    """The reference drops the deadline at once, and then does not know any more."""
    world = released(autoPromotionEnabled=False)
    world.promote()
    world.run(5)
    world.lose(1, 1)
    world.image("app:v1")
    world.carry_out(world.decide())
    assert world.selectors()[ACTIVE] == 2
    world.kubelet()
    world.carry_out(world.decide())
    assert world.selectors()[ACTIVE] == 3


def test_a_way_back_that_was_aborted_is_no_quick_one_any_more() -> None:
    world = deployed(autoPromotionEnabled=False, scaleDownDelaySeconds=1)
    world.image("app:v2")
    world.run(5)
    world.promote()
    world.run(60)
    world.image("app:v1")
    world.run(5)
    world.abort()
    world.run(5)
    assert world.of_revision(3).has_deadline
    world.retry()
    world.run(5)
    assert world.phase == ("Paused", "BlueGreenPause")


def test_going_back_after_the_delay_is_a_release_like_any_other() -> None:
    world = released(autoPromotionEnabled=False)
    world.promote()
    world.run(100)
    world.image("app:v1")
    world.run(5)
    assert world.phase == ("Paused", "BlueGreenPause")


def test_going_back_to_stable_before_the_switch_ends_the_release() -> None:
    world = released(autoPromotionEnabled=False)
    world.image("app:v1")
    world.run(5)
    assert world.phase == ("Healthy", "")
    assert world.status["duration"]["completionStatus"] == "FastRolledBack"
    assert world.selectors() == {ACTIVE: 3, PREVIEW: 3}


@pytest.mark.parametrize(
    ("delay", "completion"),
    [
        pytest.param(300, "FastRolledBack", id="within its delay"),
        pytest.param(0, "RolledBack", id="after it"),
    ],
)
def test_an_attempt_that_goes_back_to_an_earlier_revision_ends_as_that(
    delay: int, completion: str
) -> None:
    world = released(autoPromotionEnabled=False, scaleDownDelaySeconds=delay)
    world.promote()
    world.run(100)
    for image in ("app:v3", "app:v1"):
        world.pass_time(10)
        world.image(image)
        world.run(5)
    while world.phase[0] == "Paused":
        world.promote()
        world.run(100)
    assert world.phase == ("Healthy", "")
    assert world.status["duration"]["completionStatus"] == completion


def test_going_back_within_the_window_needs_no_pause() -> None:
    world = deployed(
        autoPromotionEnabled=False,
        scaleDownDelaySeconds=0,
        spec={"rollbackWindow": {"revisions": 1}},
    )
    world.image("app:v2")
    world.run(5)
    world.promote()
    world.run(100)
    assert world.sets()[1] == (0, 0)
    world.image("app:v1")
    world.run(5)
    assert world.phase == ("Healthy", "")
    assert any(e.endswith("Rollback within window") for e in world.events)
