"""Objects that are as they were before a release carry no note of us."""

from __future__ import annotations

from dataclasses import replace

import pytest
from world import World, istio, istio_subsets, manifest, routed

from gradatim.decide.effects import GiveBack
from gradatim.plugin import ObjectRef

STEPS = [{"setWeight": 40}, {"pause": {}}]


def noted(world: World) -> None:
    """The API server notes us on every object of the router, as it does when we have written there."""

    def with_note(raw):
        return {**raw, "metadata": {**raw["metadata"], "managedFields": [{"manager": "gradatim"}]}}

    routes = tuple(
        replace(route, objects={ref: with_note(raw) for ref, raw in route.objects.items()})
        for route in world.snapshot.routes
    )
    world.snapshot = replace(world.snapshot, routes=routes)


def given_back(world: World) -> list[ObjectRef]:
    return [effect.ref for effect in world.decide().effects if isinstance(effect, GiveBack)]


def at_rest(**canary) -> World:
    world = routed(manifest(5, **canary), lag=2, delay=2)
    world.run()
    return world


def test_the_virtual_service_is_given_back_once_the_release_is_over():
    world = at_rest(**istio(steps=STEPS))
    assert given_back(world) == []
    noted(world)
    (ref,) = given_back(world)
    assert ref.kind == "VirtualService"
    world.run()
    assert given_back(world) == []


def test_in_the_middle_of_a_release_it_is_ours():
    world = at_rest(**istio(steps=STEPS))
    world.image("app:v2")
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    noted(world)
    assert given_back(world) == []


@pytest.mark.parametrize("end", ["promote", "abort"])
def test_it_is_given_back_however_the_release_ends(end: str):
    world = at_rest(**istio(steps=STEPS))
    world.image("app:v2")
    world.run()
    getattr(world, end)()
    world.run(400)
    noted(world)
    assert [ref.kind for ref in given_back(world)] == ["VirtualService"]


def test_a_destination_rule_keeps_the_hashes_and_so_the_note():
    world = at_rest(**istio_subsets(steps=STEPS))
    noted(world)
    assert [ref.kind for ref in given_back(world)] == ["VirtualService"]
