"""Whose pods a Service names keep answering there until those of the new revision can; unless nobody is to answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from world import World, istio, istio_subsets, manifest, ping_pong, routed, service

from gradatim.model.workload import parse_service


def with_services(replicas: int, **fields: Any) -> World:
    """A world of a canary without steps that has both Services."""
    names = {"canaryService": "web-canary", "stableService": "web-stable"}
    world = World.of(manifest(replicas, steps=[], **names, **fields))
    services = {name: parse_service(service(name)) for name in names.values()}
    world.snapshot = replace(world.snapshot, services=services)
    return world


def work(world: World, rounds: int = 1) -> None:
    """Some seconds in which one pod of each set comes or goes."""
    for _ in range(rounds):
        world.carry_out(world.decide())
        world.kubelet(1)
        world.pass_time(1)


def test_of_several_interrupted_revisions_the_one_that_a_service_names_gives_up_its_pods_last() -> (
    None
):
    world = with_services(0)
    work(world)
    world.scale(4)
    work(world, 2)
    for image, rounds in [("v2", 5), ("v1", 1), ("v3", 3), ("v1", 1), ("v2", 1), ("v1", 1)]:
        world.image(f"app:{image}")
        work(world, rounds)
    named = set(world.selectors().values())
    world.scale(1)
    # each plan is checked: no Service is left with the pods of a set that goes to none
    world.carry_out(world.decide())
    assert all(world.of_revision(revision).replicas >= 1 for revision in named)
    world.run()
    assert world.phase == ("Healthy", "")


@pytest.mark.parametrize("block", [istio, istio_subsets, ping_pong], ids=lambda b: b.__name__)
def test_with_no_replicas_the_pods_that_a_service_still_names_go(block: Any) -> None:
    raw = manifest(1, **block(steps=[]))
    raw["spec"] |= {"progressDeadlineSeconds": 60}
    world = routed(raw, lag=0, delay=0)
    world.run()
    world.image("app:bad")
    work(world)
    world.pause()
    work(world)
    world.scale(0)
    work(world)
    world.pause(False)
    world.image("app:v2")
    world.run(400)
    assert world.phase == ("Healthy", "")
    assert world.sets() == {1: (0, 0), 2: (0, 0), 3: (0, 0)}


def test_without_routing_they_go_with_no_replicas_too() -> None:
    world = with_services(0, maxSurge=5, maxUnavailable=5)
    work(world)
    world.image("app:bad")
    work(world)
    world.scale(6)
    work(world)
    for image in ["v1", "v1", "v2", "v1", "v2"]:
        world.image(f"app:{image}")
        work(world)
    world.scale(0)
    world.image("app:v4")
    world.run(400)
    assert world.phase == ("Healthy", "")
    assert all(size == (0, 0) for size in world.sets().values())
