"""A step that waits says what for, once nothing moves for a while: in the message of Progressing and in one event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from world import World, istio, manifest, routed

STEPS: list[Any] = [{"setWeight": 40}, {"pause": {}}, {"setWeight": 80}, {"pause": {}}]
SUBJECT = 'ReplicaSet "web-{}" is progressing'


def updated(image: str = "app:v2", **canary: Any) -> World:
    """A release that has just begun, and of whose pods none is there."""
    world = routed(manifest(5, **istio(**{"steps": STEPS, **canary})), lag=2, delay=2)
    world.run()
    world.pass_time(60)
    world.image(image)
    for _ in range(4):
        world.carry_out(world.decide())
        world.pass_time(1)
    return world


def progressing(world: World) -> str:
    """The message of Progressing, without the hash."""
    pod_hash = max(world.snapshot.replica_sets, key=lambda r: r.revision).pod_hash
    return world.conditions()["Progressing"][2].replace(pod_hash, "{}")


def waits(world: World) -> list[str]:
    return [e for e in world.events if "RolloutWaiting" in e]


def test_nothing_is_said_of_a_wait_of_seconds() -> None:
    world = updated()
    assert progressing(world) == f"{SUBJECT}."
    world.run(200)
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert waits(world) == []


def test_pods_that_do_not_come_are_named_once_with_their_number() -> None:
    world = updated("app:bad")
    world.run(60)
    assert progressing(world) == f"{SUBJECT}: waiting for 0 of 2 canary pods before 40 %."
    assert waits(world) == [
        "Normal RolloutWaiting: Rollout is waiting for 0 of 2 canary pods before 40 %"
    ]
    assert world.phase == ("Progressing", "more replicas need to be updated")


def test_the_words_go_when_something_moves() -> None:
    world = updated("app:bad")
    world.run(60)
    sets = (
        replace(r, ready=1, available=1) if r.revision == 2 else r
        for r in world.snapshot.replica_sets
    )
    world.snapshot = replace(world.snapshot, replica_sets=tuple(sets))
    world.carry_out(world.decide())
    assert progressing(world) == f"{SUBJECT}."


def test_a_stable_that_is_short_of_pods_is_named() -> None:
    world = updated(
        dynamicStableScale=True,
        steps=[{"setWeight": 80}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}],
    )
    world.run(200)
    assert world.weights() == (20, 80)
    world.promote()
    for _ in range(14):
        # no pod of stable comes
        world.carry_out(world.decide())
        world.pass_time(1)
    assert progressing(world) == f"{SUBJECT}: waiting for 1 of 4 stable pods before 20 %."


def test_a_stable_without_pods_is_waited_for_though_its_share_is_no_whole_pod() -> None:
    world = updated(
        dynamicStableScale=True,
        steps=[{"setWeight": 99}, {"pause": {}}, {"setWeight": 90}, {"pause": {}}],
    )
    world.run(200)
    assert world.weights() == (1, 99)
    world.promote()
    world.lose(1, 1)
    for _ in range(14):
        # no pod of stable comes
        world.carry_out(world.decide())
        world.pass_time(1)
    assert world.weights() == (1, 99)
    assert progressing(world) == f"{SUBJECT}: waiting for 0 of 1 stable pods before 90 %."


def test_an_abort_and_a_pause_say_what_the_reference_says() -> None:
    world = updated("app:bad")
    world.run(60)
    world.abort()
    world.run(60)
    assert world.conditions()["Progressing"][2] == "Rollout aborted update to revision 2"


# without routing, and for what is no weight


def stuck(world: World, seconds: int = 14) -> World:
    """Passes in which no pod comes."""
    for _ in range(seconds):
        world.carry_out(world.decide())
        world.pass_time(1)
    return world


def test_without_routing_the_pods_are_the_weight() -> None:
    world = World.of(manifest(5, steps=STEPS))
    world.run()
    world.image("app:bad")
    world.run(60)
    assert progressing(world) == f"{SUBJECT}: waiting for 0 of 2 canary pods for 40 %."
    assert waits(world) == [
        "Normal RolloutWaiting: Rollout is waiting for 0 of 2 canary pods for 40 %"
    ]


def test_a_first_deployment_waits_for_all_its_pods() -> None:
    world = World.of(manifest(5, image="app:bad", steps=STEPS))
    world.run(60)
    assert progressing(world) == f"{SUBJECT}: waiting for 0 of 5 pods."


def test_a_deployment_that_keeps_its_pods_is_named() -> None:
    from test_handover import workload

    raw = manifest(5, image="app:bad", steps=STEPS)
    world = World.of(raw, workload=workload("progressively", 5))
    world.run(60)
    assert progressing(world) == (
        f"{SUBJECT}: waiting for 0 of 5 pods before Deployment old is scaled down."
    )
    assert len(waits(world)) == 1


def test_pods_of_a_dynamic_stable_that_wait_for_proxies_are_named() -> None:
    steps: list[Any] = [{"setWeight": 40}, {"setCanaryScale": {"weight": 80}}, {"pause": {}}]
    world = routed(manifest(5, **istio(steps=steps, dynamicStableScale=True)), lag=30, delay=30)
    world.run(100)
    world.image("app:v2")
    for _ in range(3):
        world.carry_out(world.decide())
        world.kubelet()
        world.pass_time(1)
    assert world.weights() == (60, 40)
    stuck(world)
    assert progressing(world) == (
        f"{SUBJECT}: waiting for every proxy to follow the last change "
        "before revision 1 is scaled from 5 to 3."
    )


def test_so_are_those_that_wait_for_a_router() -> None:
    world = updated(
        dynamicStableScale=True, steps=[{"setWeight": 40}, {"setCanaryScale": {"weight": 80}}]
    )
    for _ in range(4):
        routes = tuple(replace(r, verified=False) for r in world.snapshot.routes)
        world.snapshot = replace(world.snapshot, routes=routes)
        world.carry_out(world.decide())
        world.kubelet()
        world.pass_time(1)
    stuck(world)
    assert progressing(world) == f"{SUBJECT}: waiting for istio to report that 40 % has arrived."


def test_the_proxies_that_an_earlier_canary_waits_for_are_named() -> None:
    world = routed(manifest(5, **istio(steps=STEPS)), lag=30, delay=30)
    world.run(100)
    world.image("app:v2")
    world.run(200)
    world.image("app:v3")
    for _ in range(3):
        world.carry_out(world.decide())
        world.kubelet()
        world.pass_time(1)
    stuck(world)
    assert progressing(world) == (
        f"{SUBJECT}: waiting for every proxy to leave revision 2 before 40 %."
    )
