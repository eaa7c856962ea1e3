"""Header and mirror routes: what the steps ask for is there, whoever takes it away, and never to dead pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from world import World, istio, manifest, routed

from gradatim.decide import Route
from gradatim.decide.effects import ApplyRoute, PatchRollout, PatchRoute, ScaleReplicaSet
from gradatim.decide.managedroutes import NO_ROUTES, has_managed_routes, routes_at
from gradatim.decide.safety import violations
from gradatim.model.rollout import parse_rollout
from gradatim.plugin import (
    HeaderRoute,
    MirrorRoute,
    ObjectRef,
    Patch,
    RouterError,
    TrafficRouter,
    Wanted,
)
from gradatim_istio.router import IstioRouter

MATCH = {"headerName": "agent", "headerValue": {"exact": "curl"}}
OTHER = {"headerName": "beta", "headerValue": {"regex": "(a|b)"}}
GET = {"method": {"exact": "GET"}}
HEADER = {"setHeaderRoute": {"name": "by-header", "match": [MATCH]}}
NO_HEADER = {"setHeaderRoute": {"name": "by-header"}}
MIRROR = {"setMirrorRoute": {"name": "mirror", "match": [GET], "percentage": 35}}
NO_MIRROR = {"setMirrorRoute": {"name": "mirror"}}
PAUSE: dict[str, Any] = {"pause": {}}
MANAGED = [{"name": "mirror"}, {"name": "by-header"}]


def world_of(*steps: dict[str, Any], **canary: Any) -> World:
    """A world at rest with revision 1, and revision 2 on its way as far as it goes by itself."""
    block = istio(steps=list(steps), **canary)
    block["trafficRouting"]["managedRoutes"] = MANAGED
    world = routed(manifest(5, **block), lag=2, delay=2)
    world.run()
    assert routes(world) == ["primary"], "the first revision has nobody to be compared with"
    world.image("app:v2")
    world.run()
    return world


def http(world: World) -> list[dict[str, Any]]:
    objects = world.snapshot.routes[0].objects
    return next(raw["spec"]["http"] for ref, raw in objects.items() if ref.kind == "VirtualService")


def routes(world: World) -> list[str]:
    return [route["name"] for route in http(world)]


def rewrite(world: World, *kept: dict[str, Any]) -> None:
    """Somebody else writes the VirtualService."""
    route = world.snapshot.routes[0]
    objects = {
        ref: {**raw, "spec": {**raw["spec"], "http": list(kept)}}
        for ref, raw in route.objects.items()
    }
    world.snapshot = replace(world.snapshot, routes=(replace(route, objects=objects),))


HEADER_ROUTE = HeaderRoute("by-header", (MATCH,))
MIRROR_ROUTE = MirrorRoute("mirror", (GET,), 35)


@pytest.mark.parametrize(
    ("steps", "header", "mirror"),
    [
        pytest.param([PAUSE], (), (), id="none"),
        pytest.param([HEADER], (HEADER_ROUTE,), (), id="set while its step is current"),
        pytest.param([HEADER, PAUSE], (HEADER_ROUTE,), (), id="and on from there"),
        pytest.param([HEADER, NO_HEADER], (), (), id="until a step takes it away"),
        pytest.param(
            [HEADER, MIRROR, PAUSE], (HEADER_ROUTE,), (MIRROR_ROUTE,), id="one of each kind"
        ),
        pytest.param([MIRROR, NO_HEADER], (), (MIRROR_ROUTE,), id="only that of its own name"),
        pytest.param(
            [HEADER, {"setHeaderRoute": {"name": "by-header", "match": [OTHER]}}],
            (HeaderRoute("by-header", (OTHER,)),),
            (),
            id="the last one of a name counts",
        ),
        pytest.param(
            [{**HEADER, **MIRROR, "setWeight": 5}],
            (HEADER_ROUTE,),
            (MIRROR_ROUTE,),
            id="every key of an element takes effect",
        ),
        pytest.param(
            [{"setHeaderRoute": {"name": "by-header", "match": []}}],
            (),
            (),
            id="an empty match is none, and not all requests",
        ),
    ],
)
def test_routes_are_folded_from_the_steps(
    steps: list[dict[str, Any]],
    header: tuple[HeaderRoute, ...],
    mirror: tuple[MirrorRoute, ...],
) -> None:
    canary = parse_rollout(manifest(**istio(steps=steps))).canary
    assert canary is not None
    found = routes_at(canary, len(steps) - 1)
    assert (found.header, found.mirror, found.keep) == (header, mirror, False)
    assert (found.digest() == NO_ROUTES.digest()) == (not header and not mirror)


def test_a_header_route_comes_stays_and_goes_with_its_steps() -> None:
    world = world_of({"setWeight": 20}, HEADER, PAUSE, NO_HEADER, PAUSE)
    assert world.rollout.status.step_index == 2
    assert http(world)[0] == {
        "name": "by-header",
        "match": [{"headers": {"agent": {"exact": "curl"}}}],
        "route": [{"destination": {"host": "web-canary"}, "weight": 100}],
    }
    assert world.weights() == (80, 20)
    world.promote()
    world.run()
    assert (world.rollout.status.step_index, routes(world)) == (4, ["primary"])
    world.promote()
    world.run()
    assert world.phase == ("Healthy", "")


def test_a_mirror_route_has_the_weights_of_the_moment() -> None:
    world = world_of(
        {"setCanaryScale": {"weight": 20}}, MIRROR, PAUSE, {"setWeight": 20}, PAUSE, NO_MIRROR
    )
    mirror = http(world)[0]
    assert (mirror["mirror"], mirror["mirrorPercentage"]) == ({"host": "web-canary"}, {"value": 35})
    assert [d.get("weight", 0) for d in mirror["route"]] == [100, 0]
    world.promote()
    world.run()
    assert [d.get("weight", 0) for d in http(world)[0]["route"]] == [80, 20]


@pytest.mark.parametrize("end", ["promote", "promote_full", "abort"])
def test_promotion_and_abort_take_all_managed_routes_away(end: str) -> None:
    world = world_of({"setCanaryScale": {"replicas": 1}}, MIRROR, HEADER, PAUSE)
    assert routes(world) == ["mirror", "by-header", "primary"], "in the order of managedRoutes"
    getattr(world, end)()
    world.run()
    assert (routes(world), world.weights()) == (["primary"], (100, 0))
    assert world.phase[0] == ("Degraded" if end == "abort" else "Healthy")


def test_what_somebody_else_takes_away_or_adds_is_mended() -> None:
    world = world_of({"setWeight": 20}, HEADER, PAUSE, {"setWeight": 40}, PAUSE)
    world.promote()
    world.run()
    before = http(world)
    rewrite(world, before[-1])
    world.run()
    assert http(world) == before
    rewrite(world, {**before[0], "name": "mirror"}, {**before[0], "match": []}, before[-1])
    world.run()
    assert http(world) == before


def test_two_keys_in_one_element_take_effect_and_the_first_in_order_completes() -> None:
    world = world_of({"setWeight": 40, **HEADER}, PAUSE)
    assert (routes(world)[0], world.weights()) == ("by-header", (60, 40))
    assert "Normal RolloutStepCompleted: Rollout step 1/2 completed (setWeight: 40)" in world.events
    paused = world_of({"setWeight": 40}, {**PAUSE, **HEADER})
    assert (paused.rollout.status.step_index, routes(paused)[0]) == (1, "by-header")


def test_a_route_goes_when_nobody_could_answer_and_comes_back() -> None:
    world = world_of({"setCanaryScale": {"replicas": 1}}, HEADER, PAUSE)
    world.lose(2, 1)
    world.carry_out(world.decide())
    assert routes(world) == ["primary"]
    world.run()
    assert routes(world) == ["by-header", "primary"]


def test_a_route_goes_from_dead_pods_though_stable_is_short_of_pods() -> None:
    world = world_of({"setCanaryScale": {"replicas": 1}}, HEADER, PAUSE)
    world.lose(2, 1)
    world.lose(1, 1)
    world.carry_out(world.decide())
    assert (routes(world), world.weights()) == (["primary"], (100, 0))


def test_pods_that_a_header_brings_requests_to_stay_until_the_route_is_gone() -> None:
    steps = [{"setCanaryScale": {"replicas": 1}}, HEADER, PAUSE]
    world = world_of(*steps, {"setCanaryScale": {"replicas": 0}}, PAUSE)
    world.lose(1, 1)
    world.promote()
    world.carry_out(world.decide())
    # stable is short of a pod, so nothing is taken from the canary
    assert (routes(world)[0], world.of_revision(2).replicas) == ("by-header", 1)
    world.run()
    assert (routes(world), world.of_revision(2).replicas) == (["primary"], 0)


def test_who_skips_all_steps_gets_skipped_routes_only_to_all_pods() -> None:
    world = world_of({"setWeight": 20}, PAUSE, HEADER)
    world.patch_status(pauseConditions=None, currentStepIndex=3)
    world.carry_out(world.decide())
    assert (routes(world), world.of_revision(2).available) == (["primary"], 1)
    world.run()
    assert world.phase == ("Healthy", "")


def test_the_safety_check_sees_managed_routes_to_pods_that_go() -> None:
    world = world_of({"setCanaryScale": {"replicas": 1}}, HEADER, PAUSE)
    canary = world.of_revision(2)
    later = replace(world.snapshot, traffic_changed=None)
    found = violations(later, [ScaleReplicaSet(canary.name, 1, 0)], world.now)
    assert [f for f in found if "managed routes send requests" in f]
    patch = Patch(
        next(iter(world.snapshot.routes[0].objects)),
        [{"op": "remove", "path": "/spec/http/0"}],
        "json",
    )
    gone = [PatchRoute("istio", patch)]
    assert not [f for f in violations(later, gone, world.now) if "managed routes" in f]
    dead = tuple(replace(r, available=0, ready=0) if r is canary else r for r in later.replica_sets)
    rewrite(world, http(world)[-1])
    made = [e for e in world.decide().effects if isinstance(e, PatchRoute)]
    bare = replace(later, routes=world.snapshot.routes, replica_sets=dead)
    assert [f for f in violations(bare, made, world.now) if "managed routes are made" in f]


class Silent(IstioRouter):
    """It cannot say which routes there are."""

    def without_routes(
        self, names: Any, config: Any, namespace: str, objects: Any
    ) -> Iterable[Patch]:
        raise RouterError("not now")


def test_pods_stay_while_a_router_cannot_say_which_routes_there_are() -> None:
    steps = [{"setCanaryScale": {"replicas": 1}}, PAUSE, {"setCanaryScale": {"replicas": 0}}, PAUSE]
    world = world_of(*steps)
    route = replace(world.snapshot.routes[0], router=Silent())
    world.snapshot = replace(world.snapshot, routes=(route,))
    assert has_managed_routes(world.snapshot)
    world.promote()
    world.checked = False
    world.carry_out(world.decide())
    world.pass_time(60)
    world.carry_out(world.decide())
    assert world.of_revision(2).replicas == 1
    world.snapshot = replace(world.snapshot, routes=(replace(route, router=IstioRouter()),))
    world.run()
    assert world.of_revision(2).replicas == 0


class Outside(TrafficRouter):
    """A router of a control plane that no object shows."""

    key = "acme/outside"

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Any]) -> Iterable[Patch]:
        return ()


def test_a_router_outside_the_cluster_is_told_of_routes_once() -> None:
    steps = [{"setCanaryScale": {"replicas": 1}}, HEADER, PAUSE]
    routing = {"plugins": {Outside.key: {}}, "managedRoutes": MANAGED}
    block = {**istio(steps=steps), "trafficRouting": routing}
    world = World.of(manifest(5, **block))
    route = Route(key=Outside.key, router=Outside(), config={})
    world.snapshot = replace(world.snapshot, routes=(route,))
    world.run()
    world.image("app:v2")
    world.run()
    told = [e.wanted.header_routes for e in world.log if isinstance(e, ApplyRoute)]
    assert told[-1] == (HEADER_ROUTE,)
    assert told.count((HEADER_ROUTE,)) == 1
    world.log.clear()
    world.run()
    assert not world.log
    world.abort()
    world.run()
    told = [e.wanted.header_routes for e in world.log if isinstance(e, ApplyRoute)]
    assert told == [()]
    notes = [e.body["metadata"]["annotations"] for e in world.log if isinstance(e, PatchRollout)]
    assert notes == [{"gradatim.dev/outside-routes": None}]
