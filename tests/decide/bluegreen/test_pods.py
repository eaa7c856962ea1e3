"""How many pods each revision has, and for how long the old ones stay."""

from __future__ import annotations

from typing import Any

import pytest
from switchworld import ACTIVE, ANALYSIS, PREVIEW, SwitchWorld, deployed

from gradatim.decide.effects import PatchReplicaSet
from gradatim.decide.predict import after


def replaced(replicas: int = 2, **block: Any) -> SwitchWorld:
    """A world in which the second revision has just been promoted."""
    world = deployed(replicas, **block)
    world.image("app:v2")
    world.run(2.5)
    assert world.selectors()[ACTIVE] == 2
    return world


@pytest.mark.parametrize(
    ("seconds", "stays"),
    [
        pytest.param(None, 30, id="thirty seconds, if nothing is said"),
        pytest.param(8, 8, id="as long as the author says"),
        pytest.param(0, 2, id="no longer than proxies need, if the author wants none"),
    ],
)
def test_the_old_pods_stay_for_the_delay(seconds: int | None, stays: float) -> None:
    block = {} if seconds is None else {"scaleDownDelaySeconds": seconds}
    world = replaced(lag=2, **block)
    switched = world.snapshot.traffic_changed
    assert switched is not None
    while world.of_revision(1).replicas:
        world.carry_out(world.decide())
        world.pass_time(0.5)
    assert abs((world.now - switched).total_seconds() - stays) <= 1.5
    assert not world.of_revision(1).has_deadline


@pytest.mark.parametrize(("limit", "kept"), [(0, []), (1, [3]), (2, [2, 3]), (None, [1, 2, 3])])
def test_only_so_many_old_revisions_stay(limit: int | None, kept: list[int]) -> None:
    block = {} if limit is None else {"scaleDownDelayRevisionLimit": limit}
    world = deployed(2, scaleDownDelaySeconds=1000, **block)
    for image in ("app:v2", "app:v3", "app:v4"):
        world.image(image)
        world.run(6)
    assert [r for r, (wanted, _) in world.sets().items() if wanted and r != 4] == kept


@pytest.mark.parametrize(
    ("seconds", "after", "left"),
    [
        pytest.param(None, 20, 2, id="the default delay is not over"),
        pytest.param(None, 60, 0, id="the default delay is over"),
        pytest.param(5, 10, 0, id="a delay of the author's own is over"),
        pytest.param(0, 5000, 2, id="zero keeps them for ever"),
    ],
)
def test_the_pods_of_an_aborted_release_stay_for_a_while(
    seconds: int | None, after: float, left: int
) -> None:
    block = {} if seconds is None else {"abortScaleDownDelaySeconds": seconds}
    world = deployed(2, autoPromotionEnabled=False, **block)
    world.image("app:v2")
    world.run(3)
    world.abort()
    world.run(after)
    assert world.sets() == {1: (2, 2), 2: (left, left)}
    assert world.selectors() == {ACTIVE: 1, PREVIEW: 2}


def test_a_second_abort_has_its_whole_delay_and_no_service_flips() -> None:
    """users.md row 12: there the second abort ignored the delay, and the preview flipped to and fro."""
    world = deployed(2, autoPromotionEnabled=False, abortScaleDownDelaySeconds=20)
    world.image("app:v2")
    world.run(3)
    for _ in range(2):
        world.abort()
        world.run(15)
        assert world.sets() == {1: (2, 2), 2: (2, 2)}
        world.run(20)
        assert world.sets() == {1: (2, 2), 2: (0, 0)}
        world.retry()
        world.run(10)
        assert world.phase == ("Paused", "BlueGreenPause")
    switched = [e for e in world.events if "SwitchService" in e and PREVIEW in e]
    assert len(switched) == 2


def test_an_aborted_revision_that_still_answers_keeps_its_pods_whatever_its_deadline_says() -> None:
    world = deployed(4, postPromotionAnalysis=ANALYSIS)
    world.verdict = lambda _: ("Running", "")
    world.image("app:v2")
    world.run(5)
    world.lose(1, 3)
    world.abort()
    new = world.of_revision(2)
    world.carry_out(world.decide())
    late = PatchReplicaSet(new.name, {"scale-down-deadline": "2026-01-01T00:00:00Z"})
    world.snapshot = after(world.snapshot, late, world.now)
    world.carry_out(world.decide())
    assert world.selectors()[ACTIVE] == 2
    assert world.of_revision(2).replicas == 4


def test_the_deadline_of_an_aborted_revision_stays_on_it() -> None:
    world = deployed(2, autoPromotionEnabled=False, abortScaleDownDelaySeconds=2)
    world.image("app:v2")
    world.run(3)
    world.abort()
    world.run(20)
    assert world.of_revision(2).has_deadline


def test_the_next_release_takes_the_deadline_of_an_aborted_one_away() -> None:
    world = deployed(2, abortScaleDownDelaySeconds=2, autoPromotionEnabled=False)
    world.image("app:v2")
    world.run(3)
    world.abort()
    world.run(20)
    world.image("app:v3")
    world.run(5)
    assert not world.of_revision(2).has_deadline


def test_a_superseded_preview_keeps_its_size_until_its_delay_is_over() -> None:
    """The reference scales it up to the Rollout's replicas first."""
    world = deployed(4, autoPromotionEnabled=False, previewReplicaCount=1)
    world.image("app:v2")
    world.run(3)
    world.image("app:v3")
    world.run(10)
    assert world.sets() == {1: (4, 4), 2: (1, 1), 3: (1, 1)}
    world.run(60)
    assert world.sets() == {1: (4, 4), 2: (0, 0), 3: (1, 1)}


def test_an_autoscaler_scales_whoever_could_be_asked() -> None:
    world = replaced(2)
    world.scale(4)
    world.run(3)
    assert world.sets() == {1: (4, 4), 2: (4, 4)}
    world.scale(1)
    world.run(3)
    assert world.sets() == {1: (1, 1), 2: (1, 1)}
    assert {r.desired for r in world.snapshot.replica_sets} == {1}


def test_scaling_during_the_pause_scales_both_and_keeps_the_pause() -> None:
    world = deployed(2, autoPromotionEnabled=False)
    world.image("app:v2")
    world.run(3)
    world.scale(3)
    world.run(3)
    assert world.sets() == {1: (3, 3), 2: (3, 3)}
    assert world.phase == ("Paused", "BlueGreenPause")


def test_scaling_leaves_a_smaller_preview_small() -> None:
    world = deployed(3, autoPromotionEnabled=False, previewReplicaCount=2)
    world.image("app:v2")
    world.run(3)
    world.scale(5)
    world.run(3)
    assert world.sets() == {1: (5, 5), 2: (2, 2)}


def test_scaling_an_aborted_release_scales_stable_only() -> None:
    world = deployed(2, autoPromotionEnabled=False, abortScaleDownDelaySeconds=0)
    world.image("app:v2")
    world.run(3)
    world.abort()
    world.run(3)
    world.scale(5)
    world.run(3)
    assert world.sets() == {1: (5, 5), 2: (2, 2)}
    assert world.of_revision(2).desired == 5


@pytest.mark.parametrize(
    ("block", "left"),
    [
        pytest.param({}, 2, id="they stay, as there is no delay of the author's own"),
        pytest.param({"scaleDownDelaySeconds": 5}, 0, id="they go by the author's delay"),
    ],
)
def test_old_pods_wait_for_the_verdict_after_the_switch(block: dict[str, Any], left: int) -> None:
    world = deployed(2, postPromotionAnalysis=ANALYSIS, **block)
    world.verdict = lambda _: ("Running", "")
    world.image("app:v2")
    world.run(3)
    world.image("app:v3")
    world.run(100)
    assert world.selectors()[ACTIVE] == 3
    assert world.sets() == {1: (2, 2), 2: (left, left), 3: (2, 2)}


def test_nothing_old_goes_while_nobody_knows_whether_the_release_is_good() -> None:
    world = replaced(2, postPromotionAnalysis=ANALYSIS)
    world.run(2)
    world.verdict = lambda _: ("Inconclusive", "")
    world.image("app:v3")
    world.run(500)
    assert world.phase == ("Paused", "InconclusiveAnalysisRun")
    assert world.sets() == {1: (2, 2), 2: (2, 2), 3: (2, 2)}


def test_revisions_beyond_the_history_go() -> None:
    world = deployed(1, spec={"revisionHistoryLimit": 1}, scaleDownDelaySeconds=0)
    for image in ("app:v2", "app:v3", "app:v4"):
        world.image(image)
        world.run(60)
    assert list(world.sets()) == [3, 4]
