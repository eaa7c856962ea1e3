"""Going back to a recent revision skips steps, pauses and analyses; going back further does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from world import START, World, manifest, with_template

from gradatim.decide.revisions import revisions
from gradatim.decide.rollback import is_within_window
from gradatim.model import names
from gradatim.model.meta import Meta
from gradatim.model.rollout import Rollout
from gradatim.model.workload import ReplicaSet

STEPS = [{"setWeight": 50}, {"pause": {}}]


def world_with(window: int | None, steps: Any = STEPS, **canary: Any) -> World:
    raw = manifest(replicas=2, steps=steps, **canary)
    if window is not None:
        raw["spec"]["rollbackWindow"] = {"revisions": window}
    world = World.of(raw)
    world.run()
    return world


def release(world: World, image: str) -> None:
    """Deploy an image and promote it to its end."""
    world.pass_time(10)
    world.image(image)
    world.run()
    while world.phase[0] == "Paused":
        world.promote()
        world.run()
    assert world.phase == ("Healthy", "")


def test_back_to_the_last_revision_needs_no_steps_and_no_person() -> None:
    world = world_with(3)
    release(world, "app:v2")
    before = len(world.events)
    world.pass_time(10)
    world.image("app:v1")
    world.run()
    assert world.phase == ("Healthy", "")
    assert world.status["currentStepIndex"] == 2
    assert world.sets() == {2: (0, 0), 3: (2, 2)}
    told = [event for event in world.events[before:] if "Scaling" not in event]
    assert told == [
        "Normal RolloutUpdated: Rollout updated to revision 3",
        "Normal RolloutNotCompleted: Rollout not completed, started update to revision 3 "
        f"({world.rollout.status.pod_hash})",
        "Normal RolloutCompleted: Rollout completed update to revision 3 "
        f"({world.rollout.status.pod_hash}): Rollback within window",
    ]


def test_back_to_a_revision_that_still_has_pods_says_that_steps_are_skipped() -> None:
    world = world_with(1, [{"setWeight": 50}, {"pause": {}}, {"setWeight": 75}, {"pause": {}}])
    release(world, "app:v2")
    world.pass_time(10)
    world.image("app:v3")
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    # revision 2 is stable; of revision 1 some pods are brought back by hand
    old = world.of_revision(1)
    kept = tuple(
        replace(r, replicas=1, current=1, available=1, ready=1) if r.name == old.name else r
        for r in world.snapshot.replica_sets
    )
    world.snapshot = replace(world.snapshot, replica_sets=kept)
    world.image("app:v1")
    world.run()
    assert world.phase == ("Healthy", "")
    skipped = "Normal SkipSteps: Rollback to active ReplicaSets within RollbackWindow"
    assert world.events.count(skipped) == 1


@pytest.mark.parametrize(
    ("window", "phase", "completion"),
    [
        pytest.param(1, "Healthy", "FastRolledBack", id="within the window: at once"),
        pytest.param(None, "Paused", "RolledBack", id="outside of it: by its steps"),
    ],
)
def test_a_release_under_way_that_goes_back_is_still_the_same_attempt(
    window: int | None, phase: str, completion: str
) -> None:
    # Given a third revision that is under way
    world = world_with(window)
    release(world, "app:v2")
    world.pass_time(10)
    world.image("app:v3")
    world.run()
    started = world.status["duration"]["rolloutStartedAt"]
    # When the first template comes back
    world.pass_time(10)
    world.image("app:v1")
    world.run()
    assert world.phase[0] == phase
    while world.phase[0] == "Paused":
        world.promote()
        world.run()
    # Then the attempt has ended as a way back, and began when the third revision did
    assert world.phase == ("Healthy", "")
    assert world.status["duration"]["completionStatus"] == completion
    assert world.status["duration"]["rolloutStartedAt"] == started


def test_a_way_back_by_its_steps_that_is_aborted_is_an_aborted_one() -> None:
    world = world_with(None)
    release(world, "app:v2")
    for image in ("app:v3", "app:v1"):
        world.pass_time(10)
        world.image(image)
        world.run()
    world.abort()
    world.run()
    assert world.status["duration"]["completionStatus"] == "Aborted"


def test_without_a_window_all_steps_are_gone_through_again() -> None:
    world = world_with(None)
    release(world, "app:v2")
    world.pass_time(10)
    world.image("app:v1")
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")


def test_going_forward_is_no_rollback() -> None:
    world = world_with(3)
    world.pass_time(10)
    world.image("app:v2")
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")


def test_a_rollback_is_not_analysed_as_its_revision_was_good_before() -> None:
    analysis = {"templates": [{"templateName": "t"}]}
    steps = [{"setWeight": 50}, {"analysis": analysis}]
    raw = manifest(replicas=2, steps=steps, analysis=analysis)
    raw["spec"]["rollbackWindow"] = {"revisions": 1}
    world = with_template(World.of(raw))
    world.run()
    release(world, "app:v2")
    runs = len(world.snapshot.runs)
    assert runs == 2
    world.verdict = lambda _: ("Failed", "the metrics are about the bad revision")
    world.pass_time(10)
    world.image("app:v1")
    world.run()
    assert world.phase == ("Healthy", "")
    assert len(world.snapshot.runs) <= runs


def test_a_rollback_that_was_aborted_before_the_window_was_set_goes_on() -> None:
    world = world_with(None)
    release(world, "app:v2")
    world.pass_time(10)
    world.image("app:v1")
    world.run()
    world.abort()
    world.run()
    assert world.phase[0] == "Degraded"
    world.edit(lambda spec: {**spec, "rollbackWindow": {"revisions": 1}})
    world.run()
    assert world.phase == ("Healthy", "")
    assert world.sets()[3] == (2, 2)


def made(pod_hash: str, age: int, **annotations: str) -> ReplicaSet:
    meta = Meta(
        name=f"web-{pod_hash}",
        labels={names.POD_HASH: pod_hash},
        annotations=annotations,
        created=START - timedelta(minutes=age),
    )
    return ReplicaSet(meta=meta)


EXPERIMENT = {names.EXPERIMENT_NAME: "e"}


@pytest.mark.parametrize(
    ("between", "window", "is_within"),
    [
        pytest.param([], 1, True, id="the very last revision is within a window of one"),
        pytest.param([], 0, False, id="a window of none holds nothing"),
        pytest.param([], None, False, id="no window, no shortcut"),
        pytest.param(["a"], 1, False, id="one revision in between is too many for a window of one"),
        pytest.param(["a"], 2, True, id="one revision in between is within a window of two"),
        pytest.param(["a", "b", "c"], 3, False, id="three in between are too many for three"),
        pytest.param(["e"], 1, True, id="the set of an experiment is no revision"),
    ],
)
def test_what_is_within_a_window(between: list[str], window: int | None, is_within: bool) -> None:
    middle = [
        made(name, 5 - i, **(EXPERIMENT if name == "e" else {})) for i, name in enumerate(between)
    ]
    sets = [made("old", 10), *middle, made("stable", 1)]
    found = revisions(sets, pod_hash="old", stable_hash="stable")
    assert is_within_window(Rollout(meta=Meta(), rollback_window=window), found) is is_within


@pytest.mark.parametrize(
    ("pod_hash", "stable_hash"),
    [
        pytest.param("new", "old", id="a newer revision is no rollback"),
        pytest.param("old", "old", id="the stable revision itself needs no window"),
        pytest.param("gone", "new", id="a revision without a set cannot be judged"),
        pytest.param("old", "gone", id="without a stable set there is nothing to go back from"),
    ],
)
def test_what_is_no_rollback(pod_hash: str, stable_hash: str) -> None:
    found = revisions([made("old", 10), made("new", 1)], pod_hash=pod_hash, stable_hash=stable_hash)
    assert not is_within_window(Rollout(meta=Meta(), rollback_window=9), found)
