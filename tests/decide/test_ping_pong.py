"""Ping-pong: two Services that are stable in turn."""

from __future__ import annotations

from typing import Any

import pytest
from world import World, manifest, ping_pong, routed, service

from gradatim.decide.pingpong import flipped
from gradatim.decide.traffic import present_state
from gradatim.model.workload import parse_service

#: ping is "web-stable" and pong "web-canary" in this world.
STEPS: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]


def world_of(steps: list[dict[str, Any]] | None = None, **canary: Any) -> World:
    world = routed(manifest(2, **ping_pong(steps=steps or STEPS, **canary)), lag=2, delay=2)
    world.run()
    return world


def stable(world: World) -> str:
    return str(world.status["canary"].get("stablePingPong", ""))


@pytest.mark.parametrize(
    ("before", "after"), [("", "ping"), ("pong", "ping"), ("ping", "pong"), ("odd", "ping")]
)
def test_the_other_one_is_stable_after_a_promotion(before: str, after: str) -> None:
    assert flipped(before) == after


def test_ping_is_stable_first_and_pong_is_left_alone() -> None:
    world = world_of()
    assert (stable(world), world.weights()) == ("ping", (100, 0))
    assert world.selectors() == {"web-stable": 1, "web-canary": 0}
    assert world.snapshot.services["web-canary"].managed_by is None
    assert "serviceName" not in world.status["canary"]["weights"]["stable"], "as the reference"


def test_releases_go_to_one_and_to_the_other() -> None:
    world = world_of()
    world.image("app:v2")
    world.run()
    assert (stable(world), world.weights()) == ("ping", (50, 50))
    assert world.selectors() == {"web-stable": 1, "web-canary": 2}
    world.promote()
    world.run(20)
    assert world.phase == ("Healthy", "")
    assert (stable(world), world.weights()) == ("pong", (0, 100))
    assert world.selectors() == {"web-stable": 1, "web-canary": 2}, "the old one rests"
    world.image("app:v3")
    world.run(20)
    assert (stable(world), world.weights()) == ("pong", (50, 50))
    assert world.selectors() == {"web-stable": 3, "web-canary": 2}
    world.promote()
    world.run()
    assert (stable(world), world.weights()) == ("ping", (100, 0))
    switched = [e for e in world.events if "SwitchService" in e and "web-canary" in e]
    assert len(switched) == 2, "the stable Service never changed its pods while it had requests"


@pytest.mark.parametrize("delay", [None, 0, 8])
def test_the_service_that_rests_leaves_pods_before_they_go(delay: int | None) -> None:
    world = world_of(**({} if delay is None else {"scaleDownDelaySeconds": delay}))
    world.image("app:v2")
    world.run()
    world.promote()
    world.run(120)
    assert world.of_revision(1).replicas == 0
    assert world.selectors() == {"web-stable": 2, "web-canary": 2}
    assert (stable(world), world.weights()) == ("pong", (0, 100))


def test_pods_stay_while_the_service_that_rests_cannot_leave_them() -> None:
    world = world_of(scaleDownDelaySeconds=8)
    world.image("app:v2")
    world.run()
    world.promote()
    world.run(5)
    world.pass_time(30)
    world.lose(2, 2)
    world.carry_out(world.decide())
    assert (world.of_revision(1).replicas, world.selectors()["web-stable"]) == (2, 1)
    world.run()
    assert (world.of_revision(1).replicas, world.selectors()["web-stable"]) == (0, 2)


@pytest.mark.parametrize("delay", [None, 0, 8])
def test_a_release_whose_pods_do_not_come_keeps_none_of_an_earlier_one(delay: int | None) -> None:
    """There may be no room for its pods before those are gone."""
    world = world_of(**({} if delay is None else {"scaleDownDelaySeconds": delay}))
    world.image("app:v2")
    world.run()
    world.promote()
    world.run(5)
    world.image("app:bad")
    world.run(200)
    assert [world.of_revision(number).replicas for number in (1, 2, 3)] == [0, 2, 1]
    assert world.selectors() == {"web-stable": 2, "web-canary": 2}
    assert (stable(world), world.weights()) == ("pong", (0, 100))
    world.image("app:v4")
    world.run()
    assert world.selectors() == {"web-stable": 4, "web-canary": 2}
    assert (stable(world), world.weights()) == ("pong", (50, 50))


def test_an_abort_brings_all_requests_back_and_flips_nothing() -> None:
    world = world_of()
    world.image("app:v2")
    world.run()
    world.abort()
    world.run()
    assert (stable(world), world.weights()) == ("ping", (100, 0))
    assert world.selectors() == {"web-stable": 1, "web-canary": 1}
    world.image("app:v1")
    world.run()
    assert (stable(world), world.phase) == ("ping", ("Healthy", ""))


def test_full_promotion_in_the_middle_flips() -> None:
    world = world_of()
    world.image("app:v2")
    world.run()
    world.promote_full()
    world.run()
    assert (stable(world), world.weights()) == ("pong", (0, 100))


def test_services_that_the_strategy_names_itself_come_first() -> None:
    raw = manifest(2, **ping_pong(steps=STEPS))
    named = {"canaryService": "web-canary", "stableService": "web-stable"}
    raw["spec"]["strategy"]["canary"] |= named
    world = routed(raw, lag=2, delay=2)
    world.run()
    world.image("app:v2")
    world.run()
    world.promote()
    world.run()
    assert (stable(world), world.weights()) == ("pong", (100, 0))
    assert world.selectors() == {"web-stable": 2, "web-canary": 2}


def test_without_routing_no_service_ever_names_pods_that_are_gone() -> None:
    services = {"pingService": "a", "pongService": "b"}
    around = {name: parse_service(service(name)) for name in services.values()}
    world = World.of(manifest(2, steps=STEPS, pingPong=services), services=around)
    world.run()
    for image in ("app:v2", "app:v3"):
        world.image(image)
        world.run()
        world.promote()
        world.run()
        assert world.phase == ("Healthy", "")
        alive = {r.revision for r in world.snapshot.replica_sets if r.replicas}
        assert set(world.selectors().values()) <= {0, *alive}
    assert stable(world) == "ping"


def test_a_router_is_asked_for_the_services_of_the_moment() -> None:
    world = world_of()
    world.image("app:v2")
    world.run()
    route = world.snapshot.routes[0]
    asked = present_state(world.snapshot, route)
    assert asked is not None
    assert (asked.stable.service, asked.canary.service) == ("web-stable", "web-canary")
    assert list(route.router.plan(asked, route.objects)) == []
