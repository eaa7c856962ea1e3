"""When the Services move: only to pods that can answer, and back to stable whatever happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from switchworld import ACTIVE, ANALYSIS, PREVIEW, blue_green, deployed
from world import World, manifest

from gradatim.decide.effects import CreateRun, SwitchService
from gradatim.model.rollout import parse_rollout


def test_the_preview_is_switched_when_its_first_pod_answers() -> None:
    """users.md row 14: the reference switches it to pods that are not there yet."""
    world = deployed(3)
    world.image("app:v2")
    world.carry_out(world.decide())
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 1}
    world.kubelet(1)
    world.carry_out(world.decide())
    world.kubelet(1)
    assert world.sets()[2] == (3, 1)
    world.carry_out(world.decide())
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 2}


def test_the_active_service_waits_for_all_pods() -> None:
    world = deployed(3)
    world.image("app:v2")
    seen = []
    for _ in range(6):
        world.carry_out(world.decide())
        seen.append((world.sets()[2][1], world.selectors()[ACTIVE]))
        world.kubelet(1)
    assert seen == [(0, 1), (0, 1), (1, 1), (2, 1), (3, 2), (3, 2)]


def test_a_first_deployment_gets_both_services_and_marks_them() -> None:
    world = deployed()
    for name in (ACTIVE, PREVIEW):
        assert world.snapshot.services[name].managed_by == "web"
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 1}


def test_an_analysis_of_the_preview_begins_when_requests_are_sure_to_reach_it() -> None:
    """users.md row 14: there the run tests the old pods."""
    world = deployed(prePromotionAnalysis=ANALYSIS, lag=10)
    world.image("app:v2")
    world.run(3)
    assert world.selectors()[PREVIEW] == 2
    assert not world.snapshot.runs
    switched = next(at for at, _ in [(world.snapshot.traffic_changed, None)] if at)
    assert world.decide().look_again_in == switched + timedelta(seconds=10) - world.now
    world.now = switched + timedelta(seconds=10)
    assert any(isinstance(e, CreateRun) for e in world.decide().effects)


def test_a_selector_that_lost_its_hash_goes_back_to_stable() -> None:
    """The reference gives it to the new revision at once, past pause and analysis."""
    world = deployed(autoPromotionEnabled=False)
    world.image("app:v2")
    world.run(5)
    world.strip(ACTIVE)
    world.run(5)
    assert world.selectors()[ACTIVE] == 1
    assert world.phase == ("Paused", "BlueGreenPause")


def test_where_stable_never_answered_the_new_revision_gets_the_service() -> None:
    world = blue_green(autoPromotionEnabled=False)
    world.image("app:bad")
    world.run(5)
    assert world.selectors() == {ACTIVE: 0, PREVIEW: 0}
    world.image("app:v2")
    world.run(5)
    assert world.phase == ("Healthy", "")
    assert world.selectors() == {ACTIVE: 2, PREVIEW: 2}


def test_a_rollout_that_was_a_canary_keeps_its_stable_pods_behind_the_active_service() -> None:
    canary = World.of(manifest(replicas=2))
    canary.run()
    world = blue_green(2, autoPromotionEnabled=False)
    raw = {**world.rollout.raw, "status": canary.status}
    raw["metadata"] = {**raw["metadata"], "generation": 2}
    world.snapshot = replace(
        world.snapshot, rollout=parse_rollout(raw), replica_sets=canary.snapshot.replica_sets
    )
    world.image("app:v2")
    world.run(10)
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 2}
    assert world.phase == ("Paused", "BlueGreenPause")
    assert "weights" not in world.status.get("canary", {})
    assert "currentStepIndex" not in world.status


def test_an_abort_gives_the_service_back_though_the_new_pods_are_broken() -> None:
    """The reference gives it back only while all of the new pods can answer."""
    world = deployed(2, postPromotionAnalysis=ANALYSIS)
    world.verdict = lambda _: ("Running", "")
    world.image("app:v2")
    world.run(5)
    assert world.selectors()[ACTIVE] == 2
    world.lose(2, 1)
    world.abort()
    decision = world.decide()
    assert [e.pod_hash for e in decision.effects if isinstance(e, SwitchService)] == [
        world.of_revision(1).pod_hash
    ]


@pytest.mark.parametrize(
    ("stable", "new", "goes_back"),
    [
        pytest.param(4, 4, True, id="stable is whole"),
        pytest.param(1, 4, False, id="stable could not carry what the new pods do"),
        pytest.param(2, 1, True, id="stable is better off than the new pods"),
        pytest.param(1, 0, True, id="nobody else answers"),
        pytest.param(0, 0, False, id="nobody answers anywhere"),
    ],
)
def test_an_abort_waits_until_stable_can_carry(stable: int, new: int, goes_back: bool) -> None:
    world = deployed(4, postPromotionAnalysis=ANALYSIS)
    world.verdict = lambda _: ("Running", "")
    world.image("app:v2")
    world.run(5)
    world.abort()
    for revision, available in ((1, stable), (2, new)):
        world.lose(revision, 4 - available)
    world.carry_out(world.decide())
    assert world.selectors()[ACTIVE] == (1 if goes_back else 2)
    assert world.of_revision(2).replicas == 4


def test_a_restart_takes_one_pod_after_the_other_and_moves_no_service() -> None:
    world = deployed(2)
    raw = world.rollout.raw["spec"]
    world.edit(lambda spec: {**raw, "restartAt": "2026-01-01T00:01:00Z"})
    world.run(5)
    assert world.phase == ("Progressing", "rollout is restarting")
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 1}


def test_a_person_who_pauses_holds_the_switch_but_not_the_preview() -> None:
    world = deployed()
    world.image("app:v2")
    world.pause()
    world.run(20)
    assert world.phase == ("Paused", "manually paused")
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 2}
    assert world.sets() == {1: (2, 2), 2: (2, 2)}
    world.pause(False)
    world.run(5)
    assert world.phase == ("Healthy", "")


def test_with_no_replicas_a_release_goes_through_and_pods_come_later() -> None:
    world = deployed(2)
    world.scale(0)
    world.image("app:v2")
    world.run(5)
    assert world.phase == ("Healthy", "")
    assert world.selectors() == {ACTIVE: 2, PREVIEW: 2}
    world.scale(3)
    world.run(60)
    assert world.sets() == {1: (0, 0), 2: (3, 3)}


def test_a_third_revision_takes_the_preview_from_the_second_when_it_can_answer() -> None:
    world = deployed(2, autoPromotionEnabled=False)
    world.image("app:v2")
    world.run(5)
    world.image("app:bad")
    world.run(100)
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 2}
    assert world.sets() == {1: (2, 2), 2: (2, 2), 3: (2, 0)}
    world.image("app:v3")
    world.run(5)
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 4}
    world.run(100)
    assert world.sets() == {1: (2, 2), 2: (0, 0), 3: (0, 0), 4: (2, 2)}


def test_a_release_superseded_after_its_switch_keeps_its_pods_until_the_next_switch() -> None:
    world = deployed(2, autoPromotionEnabled=False, postPromotionAnalysis=ANALYSIS)
    world.verdict = lambda _: ("Running", "")
    world.image("app:v2")
    world.run(5)
    world.promote()
    world.run(5)
    assert world.selectors()[ACTIVE] == 2
    world.image("app:v3")
    world.run(100)
    assert world.selectors() == {ACTIVE: 2, PREVIEW: 3}
    world.scale(3)
    world.run(5)
    assert world.sets() == {1: (3, 3), 2: (3, 3), 3: (3, 3)}
    world.abort()
    world.run(5)
    assert world.selectors()[ACTIVE] == 1
