"""Somebody else's weights in the middle of a release: put right, and told."""

from __future__ import annotations

from dataclasses import replace

from world import World, istio, manifest, routed

from gradatim.decide.effects import Emit, PatchRoute


def in_the_middle() -> World:
    world = routed(manifest(5, **istio(steps=[{"setWeight": 40}, {"pause": {}}])), lag=2, delay=2)
    world.run()
    world.image("app:v2")
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    return world


def someone_sets(world: World, canary: int) -> None:
    (route,) = world.snapshot.routes
    ((ref, raw),) = route.objects.items()
    first, *others = raw["spec"]["http"]
    stable, other = first["route"]
    split = [{**stable, "weight": 100 - canary}, {**other, "weight": canary}]
    spec = {**raw["spec"], "http": [{**first, "route": split}, *others]}
    changed = replace(route, objects={ref: {**raw, "spec": spec}})
    world.snapshot = replace(world.snapshot, routes=(changed,))


def told(world: World) -> list[str]:
    return [
        effect.message
        for effect in world.decide().effects
        if isinstance(effect, Emit) and effect.reason == "TrafficReverted"
    ]


def test_a_weight_that_somebody_reverted_is_told_and_written_again():
    world = in_the_middle()
    someone_sets(world, 0)
    assert told(world) == [
        "Somebody else set the canary's weight to 0 where 40 had been written "
        "(VirtualService default/web); it is set to 40 again"
    ]
    assert any(isinstance(effect, PatchRoute) for effect in world.decide().effects)
    world.run()
    assert told(world) == []


def test_our_own_weight_is_nobodys_revert():
    world = in_the_middle()
    assert told(world) == []
    world.promote()
    world.run(400)
    assert told(world) == []


def test_a_controller_killed_between_weight_and_status_accuses_nobody():
    world = in_the_middle()
    world.abort()
    decision = world.decide()
    first = next(i for i, e in enumerate(decision.effects) if isinstance(e, PatchRoute))
    world.carry_out(decision, stop_after=first + 1)
    assert told(world) == []
