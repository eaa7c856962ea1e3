"""A status may be a write behind: pods that were asked to go count no more because others are asked to come."""

from __future__ import annotations

from dataclasses import replace

from world import World, manifest

STEPS = [{"setWeight": 50}, {"pause": {}}, {"setWeight": 75}]


def superseded_while_promoted() -> World:
    """Stable was just scaled from 2 to 1 and its status still counts 2; of the other four pods two are ready."""
    world = World.of(manifest(4, steps=STEPS, maxUnavailable=1))
    world.run()
    world.image("app:v2")
    world.run()
    assert world.sets() == {1: (2, 2), 2: (2, 2)}
    world.snapshot = replace(
        world.snapshot,
        replica_sets=tuple(
            replace(
                r,
                replicas=1 if r.revision == 1 else 4,
                meta=replace(r.meta, generation=r.meta.generation + 1),
            )
            for r in world.snapshot.replica_sets
        ),
    )
    world.image("app:v3")
    return world


def fewest(world: World) -> int:
    """Pods that are available for certain once the decision is carried out: one of stable, and what is left of two."""
    stays = min(2, world.of_revision(2).replicas)
    return 1 + stays


def test_a_set_that_comes_up_again_does_not_count_the_pods_that_went() -> None:
    world = superseded_while_promoted()
    world.carry_out(world.decide())
    assert world.of_revision(1).replicas == 2
    assert fewest(world) >= 3


def test_nor_in_the_next_pass_while_nobody_has_observed_it() -> None:
    world = superseded_while_promoted()
    for _ in range(3):
        world.carry_out(world.decide())
    assert fewest(world) >= 3


def test_once_it_is_observed_the_release_goes_on() -> None:
    world = superseded_while_promoted()
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    world.promote()
    world.run()
    assert world.phase == ("Healthy", "")
    assert set(world.sets().values()) == {(0, 0), (4, 4)}
