"""What a Rollout leaves behind on Services and routers' objects is taken off; what others have there stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livecluster import Json, Live, istio, play, rollout, routed, service, virtual_service

from gradatim.run.controller import Settings
from gradatim.run.world import Scope

HASH = "rollouts-pod-template-hash"
MANAGED = "argo-rollouts.argoproj.io/managed-by-rollouts"
INSTANCE = "argo-rollouts.argoproj.io/controller-instance-id"
PINNED = {"app": "web", HASH: "5d8"}


def marks(live: Live, name: str) -> tuple[bool, bool]:
    """Whether the Service has a hash in its selector, and our annotation."""
    found = live.sim.get("Service", name)
    annotations = found["metadata"].get("annotations") or {}
    return HASH in found["spec"]["selector"], MANAGED in annotations


def pinned(name: str, **annotations: str) -> Json:
    made = service(name)
    made["metadata"]["annotations"] = annotations
    made["spec"]["selector"] = PINNED
    return made


def rule() -> Json:
    subsets = [{"name": name, "labels": {"app": "web"}} for name in ("stable", "canary")]
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "DestinationRule",
        "metadata": {"name": "web"},
        "spec": {"host": "web", "subsets": subsets},
    }


def by_subsets(**canary: Any) -> list[Json]:
    """A Rollout that moves subsets of one host."""
    wide = virtual_service()
    wide["spec"]["http"][0]["route"] = [
        {"destination": {"host": "web", "subset": "stable"}, "weight": 100},
        {"destination": {"host": "web", "subset": "canary"}, "weight": 0},
    ]
    named = {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}
    block = {"virtualService": {"name": "web"}, "destinationRule": named}
    return [wide, rule(), rollout(trafficRouting={"istio": block}, **canary)]


def subset_labels(live: Live) -> list[Json]:
    return [s["labels"] for s in live.sim.get("DestinationRule", "web")["spec"]["subsets"]]


def route_names(live: Live) -> list[str]:
    return [r["name"] for r in live.sim.get("VirtualService", "web")["spec"]["http"]]


def test_a_rollout_that_is_deleted_leaves_no_mark_on_its_services() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed())
        await live.until("Healthy")
        assert marks(live, "web-stable") == (True, True)
        live.sim.delete("Rollout", "web")
        await asyncio.sleep(5)
        assert marks(live, "web-stable") == marks(live, "web-canary") == (False, False)
        assert live.sim.get("Service", "web-stable")["spec"]["selector"] == {"app": "web"}

    play(story)


def test_a_service_that_is_not_named_any_more_selects_all_again_and_the_other_stays() -> None:
    async def story(live: Live) -> None:
        live.apply(service("web-stable"), service("web-canary"))
        live.apply(rollout(canaryService="web-canary", stableService="web-stable"))
        await live.until("Healthy")
        live.edit({"spec": {"strategy": {"canary": {"canaryService": None}}}})
        await asyncio.sleep(5)
        assert marks(live, "web-canary") == (False, False)
        assert marks(live, "web-stable") == (True, True)

    play(story)


def test_what_was_deleted_while_nobody_looked_is_cleaned_at_the_start() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed())
        await live.until("Healthy")
        await live.stop()
        live.sim.delete("Rollout", "web")
        await asyncio.sleep(5)
        assert marks(live, "web-stable") == (True, True)
        live.start()
        await asyncio.sleep(5)
        assert marks(live, "web-stable") == (False, False)

    play(story)


@pytest.mark.parametrize(
    "managed_by", [{MANAGED: "web"}, {}], ids=["annotated", "of an old version"]
)
def test_a_service_of_a_rollout_that_another_controller_has_is_left_alone(
    managed_by: dict[str, str],
) -> None:
    async def story(live: Live) -> None:
        # Given a Rollout of another instance id
        theirs = rollout(canaryService="web-canary", stableService="web-stable")
        theirs["metadata"]["labels"] = {INSTANCE: "theirs"}
        live.apply(pinned("web-stable", **managed_by), pinned("web-canary", **managed_by), theirs)
        await asyncio.sleep(30)
        assert live.sim.get("Service", "web-stable")["spec"]["selector"] == PINNED

    play(story)


def test_a_rollout_that_goes_to_another_controller_keeps_its_marks() -> None:
    async def story(live: Live) -> None:
        live.apply(*by_subsets())
        await live.until("Healthy")
        before = subset_labels(live)
        # Our watch tells of a deletion; the Rollout is there
        live.edit({"metadata": {"labels": {INSTANCE: "theirs"}}})
        await asyncio.sleep(30)
        assert subset_labels(live) == before
        assert HASH in before[0]

    play(story)


def test_a_service_that_an_experiment_made_is_not_ours_to_clean() -> None:
    async def story(live: Live) -> None:
        made = pinned("web-experiment")
        owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment", "name": "e"}
        made["metadata"]["ownerReferences"] = [{**owner, "uid": "1", "controller": True}]
        live.apply(made, pinned("forgotten"))
        await asyncio.sleep(3)
        found = live.sim.find("Service", "web-experiment")
        assert found is None or found["spec"]["selector"] == PINNED
        # one that nobody names is cleaned
        assert marks(live, "forgotten") == (False, False)

    play(story)


def test_subsets_lose_their_hash_when_the_rollout_goes() -> None:
    async def story(live: Live) -> None:
        live.apply(*by_subsets())
        await live.until("Healthy")
        assert all(HASH in labels for labels in subset_labels(live))
        live.sim.delete("Rollout", "web")
        await asyncio.sleep(30)
        assert subset_labels(live) == [{"app": "web"}, {"app": "web"}]
        assert not live.sim.get("DestinationRule", "web")["metadata"].get("annotations")

    play(story)


def test_subsets_lose_their_hash_when_they_are_not_named_any_more() -> None:
    async def story(live: Live) -> None:
        live.apply(service("web-stable"), service("web-canary"), *by_subsets())
        await live.until("Healthy")
        hosts = [
            {"destination": {"host": "web-stable"}, "weight": 100},
            {"destination": {"host": "web-canary"}, "weight": 0},
        ]
        live.sim.patch("VirtualService", "web", {"spec": {"http": [{"route": hosts}]}})
        block = istio()
        block["trafficRouting"]["istio"]["destinationRule"] = None
        live.edit({"spec": {"strategy": {"canary": block}}})
        await asyncio.sleep(30)
        assert subset_labels(live) == [{"app": "web"}, {"app": "web"}]
        assert live.phase() == "Healthy"

    play(story)


def test_managed_routes_go_with_the_rollout_and_those_of_another_stay() -> None:
    async def story(live: Live) -> None:
        match = [{"headerName": "agent", "headerValue": {"exact": "curl"}}]
        mine, shared = {"name": "by-header"}, {"name": "shared"}
        headers = [{"setHeaderRoute": {**route, "match": match}} for route in (mine, shared)]
        steps = [{"setWeight": 50}, *headers, {"pause": {}}]
        *mesh, web = by_subsets(steps=steps)
        web["spec"]["strategy"]["canary"]["trafficRouting"]["managedRoutes"] = [mine, shared]
        live.apply(*mesh, web)
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        # Given another Rollout on the same VirtualService, that could not even be released
        *_, shop = by_subsets(steps=[{"setWeight": 500}])
        shop["metadata"]["name"] = "shop"
        shop["spec"]["strategy"]["canary"]["trafficRouting"]["managedRoutes"] = [shared]
        live.apply(shop)
        await asyncio.sleep(5)
        assert route_names(live) == ["by-header", "shared", "primary"]
        # When the Rollout goes, then its own route goes, and what the other names stays
        live.sim.delete("Rollout", "web")
        await asyncio.sleep(30)
        assert route_names(live) == ["shared", "primary"]

    play(story)


def test_a_controller_of_one_namespace_cleans_there() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed())
        await live.until("Healthy")
        live.sim.delete("Rollout", "web")
        await asyncio.sleep(5)
        assert marks(live, "web-stable") == (False, False)

    play(story, settings=Settings(scope=Scope("default"), environment={}))
