"""What stable has now is read from routers' objects; where they say nothing, from the status, or the worst is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from world import World, istio, manifest, ping_pong, routed

from gradatim.decide import Route
from gradatim.decide.effects import ApplyRoute
from gradatim.plugin import FieldPath, Observed, RouterError, TrafficRouter, Wanted
from gradatim_istio.router import IstioRouter


class Outside(TrafficRouter):
    """A control plane that no object shows."""

    key = "acme/mesh"

    def plan(self, wanted: Wanted, objects: Any) -> tuple[()]:
        return ()


def few(router: TrafficRouter | None) -> World:
    """One replica, and a canary with more than half of its requests; without a router Istio's."""
    steps = [{"setWeight": 60}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]
    world = routed(manifest(1, **istio(steps=steps)), lag=0, delay=0)
    if router is not None:
        block = {**istio(steps=steps), "trafficRouting": {"plugins": {router.key: {}}}}
        services = world.snapshot.services
        world = World.of(manifest(1, **block), services=services)
        route = Route(key=router.key, router=router, config={}, path=FieldPath("x"))
        world.snapshot = replace(world.snapshot, routes=(route,))
    world.run()
    world.image("app:v2")
    world.run()
    return world


@pytest.mark.parametrize("router", [None, Outside()], ids=["read", "written"])
def test_a_stable_without_pods_gets_no_more_of_a_share_that_is_no_whole_pod(
    router: TrafficRouter | None,
) -> None:
    world = few(router)
    world.lose(1, 1)
    world.promote()
    since = len(world.log)
    for _ in range(3):
        world.carry_out(world.decide())
        world.pass_time(1)
    told = [e.wanted.weight for e in world.log[since:] if isinstance(e, ApplyRoute)]
    assert told == []
    assert world.status["canary"]["weights"]["canary"]["weight"] == 60
    world.run()
    assert world.status["canary"]["weights"]["canary"]["weight"] == 20


class Silent(IstioRouter):
    """Istio, whose objects cannot be understood, or do not agree."""

    said: Observed | None = None

    def observed(self, wanted: Wanted, objects: Any) -> Observed:
        if self.said is None:
            raise RouterError("no VirtualService of ours")
        return self.said


@pytest.mark.parametrize("said", [None, Observed()], ids=["unreadable", "several weights"])
def test_stable_takes_its_service_back_for_all_requests_where_nobody_knows_its_share(
    said: Observed | None,
) -> None:
    """A killed controller gave stable's Service to the new pods; three old ones suffice for half."""
    world = routed(manifest(4, **istio(steps=[{"setWeight": 50}, {"pause": {}}])), lag=0, delay=0)
    world.run()
    world.image("app:v2")
    world.run()
    new = world.of_revision(2).pod_hash
    moved = replace(
        world.snapshot.services["web-stable"],
        selector={"app": "web", "rollouts-pod-template-hash": new},
    )
    world.snapshot = replace(
        world.snapshot, services={**world.snapshot.services, "web-stable": moved}
    )
    world.lose(1, 1)
    known, world.checked, world.mesh = world.snapshot, False, None
    world.carry_out(world.decide())
    assert world.selectors()["web-stable"] == 1, "half of the requests need two pods"
    router = Silent()
    router.said = said
    world.snapshot = replace(known, routes=(replace(known.routes[0], router=router),))
    world.carry_out(world.decide())
    assert world.selectors()["web-stable"] == 2, "all of them need four"


ONE_AND_NONE: list[Any] = [{"setWeight": 1}, {"setWeight": 0}]
BY_SERVICE = pytest.mark.parametrize("block", [istio, ping_pong])


@BY_SERVICE
def test_a_canary_keeps_its_pod_for_a_weight_that_came_with_the_service_of_an_earlier_one(
    block: Any,
) -> None:
    """Nobody of stable answers, so no weight is written, and the status says whose it was before."""
    raw = manifest(4, image="app:bad", **block(steps=ONE_AND_NONE))
    world = routed(raw, lag=2, delay=2)
    world.run(10)
    world.scale(0)
    world.run(10)
    world.scale(4)
    for image in ("app:v2", "app:v3"):
        world.image(image)
        world.run(30)
    assert world.selectors()["web-canary"] == 3
    assert world.sets() == {1: (4, 0), 2: (1, 1), 3: (1, 1)}
