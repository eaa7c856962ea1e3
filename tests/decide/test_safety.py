"""The checker of the traffic-safety rules finds a plan in a wrong order: for each rule one that it must refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from world import HOSTS, World, istio, istio_subsets, manifest, routed

from gradatim.decide.effects import (
    ApplyRoute,
    DeleteReplicaSet,
    Effect,
    PatchRoute,
    ScaleReplicaSet,
    SwitchService,
)
from gradatim.decide.safety import violations
from gradatim.model.reading import Json
from gradatim.plugin import FieldPath, Patch, RouterError, Target, TrafficRouter, Wanted

STEPS: list[Json] = [{"setWeight": 50}, {"pause": {}}]


def at_half(block: Json) -> World:
    """A release of the second revision that waits at 50 %, long after the last change of traffic."""
    world = routed(manifest(4, **block))
    world.run()
    world.image("app:v2")
    world.run()
    assert world.weights() == (50, 50)
    world.pass_time(60)
    return world


@pytest.fixture
def hosts() -> World:
    return at_half(istio(steps=STEPS))


@pytest.fixture
def subsets() -> World:
    return at_half(istio_subsets(steps=STEPS))


def route(world: World, kind: str, path: str, value: Any) -> PatchRoute:
    """A write of one field of one Istio object."""
    ref = next(ref for ref in world.snapshot.routes[0].objects if ref.kind == kind)
    body = [{"op": "replace", "path": path, "value": value}]
    return PatchRoute("istio", Patch(ref=ref, body=body, kind="json"))


def weight(world: World, canary: int) -> list[Effect]:
    """The whole VirtualService with another weight, in one write."""
    stable_route, canary_route = HOSTS if world.snapshot.services else _subset_routes()
    routes = [{**stable_route, "weight": 100 - canary}, {**canary_route, "weight": canary}]
    return [route(world, "VirtualService", "/spec/http/0/route", routes)]


def _subset_routes() -> list[dict[str, Any]]:
    return [{"destination": {"host": "web", "subset": name}} for name in ("stable", "canary")]


def scale(world: World, revision: int, replicas: int) -> ScaleReplicaSet:
    found = world.of_revision(revision)
    return ScaleReplicaSet(found.name, found.replicas, replicas)


def without_pods(world: World, revision: int, left: int = 0) -> World:
    world.lose(revision, world.of_revision(revision).available - left)
    return world


def said(world: World, *effects: Effect) -> str:
    return "\n".join(violations(world.snapshot, effects, world.now))


def test_what_decide_plans_breaks_no_rule(hosts: World) -> None:
    hosts.promote()
    assert said(hosts, *hosts.decide().effects) == ""


def test_rule_1_no_weight_without_an_available_pod(hosts: World) -> None:
    without_pods(hosts, 2)
    assert "rule 1: canary gets 60 of 100 without an available pod" in said(
        hosts, *weight(hosts, 60)
    )


def test_rule_1_no_weight_above_what_the_pods_can_carry(hosts: World) -> None:
    assert "rule 1: canary gets 80 of 100 with 2 of 3 pods" in said(hosts, *weight(hosts, 80))


def test_rule_1_holds_for_stable_on_the_way_back(hosts: World) -> None:
    without_pods(hosts, 1, left=2)
    assert "rule 1: stable gets 100 of 100 with 2 of 4 pods" in said(hosts, *weight(hosts, 0))


def test_rule_1_lets_traffic_leave_a_canary_that_is_dead(hosts: World) -> None:
    without_pods(without_pods(hosts, 1, left=2), 2)
    assert said(hosts, *weight(hosts, 0)) == ""


@pytest.mark.parametrize(
    ("block", "fine"),
    [
        ({"replicaProgressThreshold": {"type": "Percent", "value": 50}}, True),
        ({"replicaProgressThreshold": {"type": "Pods", "value": 2}}, True),
        ({"replicaProgressThreshold": {"type": "Pods", "value": -1}}, False),
        ({"steps": [*STEPS, {"setCanaryScale": {"replicas": 2}}]}, True),
        ({"steps": [*STEPS, {"setCanaryScale": {"weight": 50}}]}, True),
        ({"steps": [*STEPS, {"setCanaryScale": {"matchTrafficWeight": True}}]}, False),
    ],
    ids=str,
)
def test_rule_1_believes_an_author_who_says_that_fewer_pods_suffice(
    block: Json, fine: bool
) -> None:
    world = at_half(istio(**{"steps": STEPS, **block}))
    assert (said(world, *weight(world, 80)) == "") is fine


def test_rule_2_a_selector_moves_only_to_available_pods(hosts: World) -> None:
    pods = without_pods(hosts, 2).of_revision(2).pod_hash
    assert "rule 2: Service web-stable is pointed at" in said(
        hosts, SwitchService("web-stable", pods)
    )


def test_rule_2_a_subset_moves_only_to_available_pods(subsets: World) -> None:
    pods = without_pods(subsets, 2).of_revision(2).pod_hash
    path = "/spec/subsets/0/labels/rollouts-pod-template-hash"
    assert "rule 2: stable is bound to" in said(
        subsets, route(subsets, "DestinationRule", path, pods)
    )


def test_rule_2_a_subset_takes_over_only_what_its_pods_can_carry(subsets: World) -> None:
    pods = without_pods(subsets, 2, left=1).of_revision(2).pod_hash
    path = "/spec/subsets/0/labels/rollouts-pod-template-hash"
    assert "rule 1: stable gets 50 of 100 with 1 of 2" in said(
        subsets, route(subsets, "DestinationRule", path, pods)
    )


@pytest.mark.parametrize(("revision", "replicas", "side"), [(2, 1, "canary"), (1, 1, "stable")])
def test_rule_3_no_fewer_pods_than_the_weight_needs(
    hosts: World, revision: int, replicas: int, side: str
) -> None:
    found = said(hosts, scale(hosts, revision, replicas))
    assert f"rule 3: {hosts.of_revision(revision).name} is scaled" in found
    assert f"while {side} gets 50 of 100" in found


def test_rule_3_a_dynamic_stable_gives_up_pods_only_for_others_that_are_there() -> None:
    world = routed(manifest(4, **istio(steps=STEPS)))
    world.run()
    world.image("app:v2")
    world.run()
    world.canary(dynamicStableScale=True)
    world.pass_time(60)
    assert said(world, scale(world, 1, 2)) == ""
    without_pods(world, 2, left=1)
    assert "while canary has 1 of 2 pods for its weight" in said(world, scale(world, 1, 2))


def test_rule_3_no_scale_down_before_the_proxies_follow(hosts: World) -> None:
    assert "before every proxy can have followed" in said(
        hosts, *weight(hosts, 0), scale(hosts, 2, 0)
    )


def test_rule_3_scale_down_after_the_delay_is_fine(hosts: World) -> None:
    hosts.snapshot = replace(hosts.snapshot, propagation_delay=timedelta())
    assert said(hosts, *weight(hosts, 0), scale(hosts, 2, 0)) == ""


def test_rule_3_no_scale_down_while_a_router_says_not_yet(hosts: World) -> None:
    routes = tuple(replace(r, verified=False) for r in hosts.snapshot.routes)
    hosts.snapshot = replace(hosts.snapshot, routes=routes)
    assert "a router says that its weights have not arrived" in said(hosts, scale(hosts, 2, 1))


def test_rule_3_no_scale_down_of_what_a_service_still_names(hosts: World) -> None:
    hosts.image("app:v3")
    hosts.carry_out(hosts.decide())
    hosts.pass_time(60)
    assert hosts.weights() == (100, 0)
    assert "while a Service or subset names it" in said(hosts, scale(hosts, 2, 0))


def test_rule_3_no_deletion_of_a_set_with_pods(hosts: World) -> None:
    found = hosts.of_revision(2)
    assert "is deleted while it has pods" in said(hosts, DeleteReplicaSet(found.name, "u"))


def test_rule_4_weights_stay_within_the_total(hosts: World) -> None:
    assert "rule 4" in said(hosts, *weight(hosts, 120))
    assert "rule 4" in said(hosts, *weight(hosts, -100))


def test_rule_4_weights_add_up(hosts: World) -> None:
    one = route(hosts, "VirtualService", "/spec/http/0/route/0/weight", 80)
    assert "rule 4" in said(hosts, one)


def test_rule_5_on_abort_traffic_leaves_first(hosts: World) -> None:
    hosts.abort()
    hosts.snapshot = replace(hosts.snapshot, propagation_delay=timedelta())
    assert "rule 5" in said(hosts, scale(hosts, 2, 0), *weight(hosts, 0))
    hosts.carry_out(hosts.decide())


class Outside(TrafficRouter):
    """A control plane outside the cluster."""

    key = "acme/mesh"

    def plan(self, wanted: Wanted, objects: Any) -> tuple[()]:
        return ()


class Unreadable(Outside):
    def observed(self, wanted: Wanted, objects: Any) -> Any:
        raise RouterError("no answer")


def outside(router: TrafficRouter) -> World:
    block = {
        "canaryService": "web-canary",
        "stableService": "web-stable",
        "trafficRouting": {"plugins": {"acme/mesh": {}}},
        "steps": STEPS,
    }
    world = routed(manifest(4, **istio(steps=STEPS)))
    services = world.snapshot.services
    world = World.of(manifest(4, **block), services=services)
    made = replace_route(router)
    world.snapshot = replace(world.snapshot, routes=(made,))
    world.run()
    world.image("app:v2")
    world.run()
    world.pass_time(60)
    return world


def replace_route(router: TrafficRouter) -> Any:
    from gradatim.decide import Route

    return Route(key="acme/mesh", router=router, config={}, path=FieldPath("x"))


def wanted(weight: int) -> Wanted:
    return Wanted(
        rollout="web",
        namespace="default",
        config={},
        weight=weight,
        stable=Target("web-stable"),
        canary=Target("web-canary"),
    )


def test_the_rules_hold_for_a_control_plane_outside_the_cluster() -> None:
    world = outside(Outside())
    assert world.status["canary"]["weights"]["canary"]["weight"] == 50
    assert "rule 3" in said(world, scale(world, 2, 0))
    assert "before every proxy" in said(
        world, ApplyRoute("acme/mesh", wanted(0)), scale(world, 2, 0)
    )
    assert "rule 4: weights (120,) of 100" in said(world, ApplyRoute("acme/mesh", wanted(120)))
    assert "rule 1" in said(world, ApplyRoute("acme/mesh", wanted(80)))


def test_a_router_that_cannot_be_read_is_judged_by_what_was_written() -> None:
    world = outside(Unreadable())
    assert "rule 3" in said(world, scale(world, 2, 0))
