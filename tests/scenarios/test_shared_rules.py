"""Rollouts that share one VirtualService and one DestinationRule, each with a route and subsets of its own."""

from __future__ import annotations

import asyncio

from livecluster import Json, Live, play, rollout, service

HASH = "rollouts-pod-template-hash"
ZONES = ("a", "b")
STEPS: list[Json] = [{"setWeight": 50}, {"pause": {}}]


def subset(side: str, zone: str) -> str:
    return f"{side}-{zone}"


def zoned(zone: str) -> Json:
    names = {"canarySubsetName": subset("canary", zone), "stableSubsetName": subset("stable", zone)}
    block = {
        "virtualService": {"name": "shop", "routes": [f"zone-{zone}"]},
        "destinationRule": {"name": "shop", **names},
    }
    return rollout(f"shop-{zone}", steps=STEPS, trafficRouting={"istio": block})


def route(zone: str) -> Json:
    destinations = [
        {"destination": {"host": "shop", "subset": subset(side, zone)}, "weight": weight}
        for side, weight in (("stable", 100), ("canary", 0))
    ]
    match = [{"headers": {"zone": {"exact": zone}}}]
    return {"name": f"zone-{zone}", "match": match, "route": destinations}


def around() -> list[Json]:
    subsets = [
        {"name": subset(side, zone), "labels": {"app": f"shop-{zone}"}}
        for zone in ZONES
        for side in ("canary", "stable")
    ]
    group = "networking.istio.io/v1"
    return [
        service("shop", "shop"),
        {
            "apiVersion": group,
            "kind": "VirtualService",
            "metadata": {"name": "shop"},
            "spec": {"hosts": ["shop.example.com"], "http": [*map(route, ZONES)]},
        },
        {
            "apiVersion": group,
            "kind": "DestinationRule",
            "metadata": {"name": "shop"},
            "spec": {"host": "shop", "subsets": subsets},
        },
    ]


def rule(live: Live) -> Json:
    found: Json = live.sim.get("DestinationRule", "shop")
    return found


def test_each_goes_its_way_and_at_rest_nobody_writes():
    async def story(live: Live) -> None:
        live.apply(*around(), *map(zoned, ZONES))
        for name in ("shop-a", "shop-b"):
            await live.until("Healthy", name)
        await _rests(live)
        for name in ("shop-a", "shop-b"):
            live.image("app:v2", name)
        for name in ("shop-a", "shop-b"):
            await live.until("Paused", name)
        await _rests(live)
        http = live.sim.get("VirtualService", "shop")["spec"]["http"]
        assert [[each["weight"] for each in one["route"]] for one in http] == [[50, 50]] * 2
        live.promote("shop-a")
        await live.until("Healthy", "shop-a")
        assert live.phase("shop-b") == "Paused"
        live.promote("shop-b")
        await live.until("Healthy", "shop-b")
        await asyncio.sleep(60)
        await _rests(live)
        hashes = {each["name"]: each["labels"][HASH] for each in rule(live)["spec"]["subsets"]}
        stable = {zone: live.status(f"shop-{zone}")["stableRS"] for zone in ZONES}
        assert hashes == {
            subset(side, zone): stable[zone] for zone in ZONES for side in ("canary", "stable")
        }

    play(story)


async def _rests(live: Live) -> None:
    await asyncio.sleep(5)
    before = live.writes()
    await asyncio.sleep(60)
    assert live.writes() == before
