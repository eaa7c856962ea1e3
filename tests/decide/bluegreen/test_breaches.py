"""The checker of the traffic-safety rules finds a blue-green plan in a wrong order: for each rule one to refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from switchworld import ACTIVE, PREVIEW, SwitchWorld, deployed

from gradatim.decide.effects import DeleteReplicaSet, ScaleReplicaSet, SwitchService
from gradatim.decide.safety import violations


@pytest.fixture
def world() -> SwitchWorld:
    """A release of the second revision that waits for a person, long after the last change of traffic."""
    world = deployed(4, autoPromotionEnabled=False, lag=5)
    world.image("app:v2")
    world.run(3)
    world.pass_time(60)
    return world


def said(world: SwitchWorld, *effects: SwitchService | ScaleReplicaSet | DeleteReplicaSet) -> str:
    return "; ".join(violations(world.snapshot, effects, world.now))


def scale(world: SwitchWorld, revision: int, replicas: int) -> ScaleReplicaSet:
    replica_set = world.of_revision(revision)
    return ScaleReplicaSet(replica_set.name, replica_set.replicas, replicas)


def switch(world: SwitchWorld, name: str, revision: int) -> SwitchService:
    return SwitchService(name, world.of_revision(revision).pod_hash)


def test_a_switch_between_whole_sets_is_fine(world: SwitchWorld) -> None:
    assert said(world, switch(world, ACTIVE, 2)) == ""


@pytest.mark.parametrize("name", [ACTIVE, PREVIEW])
def test_no_service_is_pointed_at_nobody(world: SwitchWorld, name: str) -> None:
    world.lose(2, 4)
    assert "rule 2" in said(world, switch(world, name, 2))


def test_all_requests_need_as_many_pods_as_before(world: SwitchWorld) -> None:
    world.lose(2, 1)
    assert "rule 1" in said(world, switch(world, ACTIVE, 2))
    assert said(world, switch(world, PREVIEW, 2)) == ""


def test_whoever_answers_keeps_the_pods(world: SwitchWorld) -> None:
    assert "all requests go there" in said(world, scale(world, 1, 3))
    assert "rule 3" in said(world, switch(world, ACTIVE, 2), scale(world, 2, 1))


def test_proxies_are_given_time_to_follow(world: SwitchWorld) -> None:
    assert "before every proxy" in said(world, switch(world, ACTIVE, 2), scale(world, 1, 0))
    world.carry_out(replace(world.decide(), effects=(switch(world, ACTIVE, 2),)))
    world.now = world.now.replace(year=2027)
    assert said(world, scale(world, 1, 0)) == ""


def test_a_preview_keeps_its_pods_unless_it_is_aborted(world: SwitchWorld) -> None:
    assert "the preview Service names it" in said(world, scale(world, 2, 0))
    world.abort()
    assert said(world, scale(world, 2, 0)) == ""
    assert "rule 5" in said(world, scale(world, 1, 0))


def test_a_set_with_pods_is_not_deleted(world: SwitchWorld) -> None:
    effect = DeleteReplicaSet(world.of_revision(1).name, "uid")
    assert "deleted while it has pods" in said(world, effect)


def test_with_no_replicas_nobody_is_to_answer(world: SwitchWorld) -> None:
    world.scale(0)
    assert said(world, scale(world, 1, 0), scale(world, 2, 0)) == ""
