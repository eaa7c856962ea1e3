"""A blue-green release that waits says what for, once nothing moves for ten seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from switchworld import deployed
from world import World


def with_pods(count: int, **block: Any) -> World:
    """A release of whose new pods so many come, and no more, for a quarter of a minute."""
    world = deployed(5, **block)
    world.image("app:v2")
    for _ in range(18):
        world.carry_out(world.decide())
        world.snapshot = replace(
            world.snapshot,
            replica_sets=tuple(
                replace(r, ready=count, available=count) if r.revision == 2 else r
                for r in world.snapshot.replica_sets
            ),
        )
        world.pass_time(1)
    return world


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (lambda: with_pods(3), "waiting for 3 of 5 pods before Service web-active is switched"),
        (
            lambda: with_pods(1, previewReplicaCount=2, autoPromotionEnabled=False),
            "waiting for 1 of 2 preview pods",
        ),
    ],
    ids=["the switch", "a smaller preview"],
)
def test_pods_that_do_not_come_are_named_with_what_they_hold_up(world: Any, words: str) -> None:
    here = world()
    assert here.conditions()["Progressing"][2].partition(": ")[2] == f"{words}."
    told = [e for e in here.events if "RolloutWaiting" in e]
    assert told == [f"Normal RolloutWaiting: Rollout is {words}"]


def test_once_the_switch_is_made_there_is_nothing_to_say() -> None:
    world = deployed(5)
    world.image("app:v2")
    world.run(60)
    assert world.phase == ("Healthy", "")
    assert not [e for e in world.events if "RolloutWaiting" in e]


def test_a_person_who_pauses_it_knows_what_it_waits_for() -> None:
    world = deployed(5)
    world.pause()
    world.image("app:bad")
    world.run(60)
    assert not [e for e in world.events if "RolloutWaiting" in e]
