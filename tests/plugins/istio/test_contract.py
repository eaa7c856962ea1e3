"""The router passes the contract suite: by hosts, by subsets, and with several VirtualServices of all kinds."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import ClassVar

from gradatim.plugin import Json, ObjectRef, Wanted
from gradatim.testing import a_wanted
from gradatim.testing.router_contract import Objects, TrafficRouterContract
from gradatim_istio.router import IstioRouter

VERSION = "networking.istio.io/v1alpha3"

WRONG_BLOCKS: tuple[tuple[Json, str], ...] = (
    ({}, ""),
    ({"virtualService": None}, ""),
    ({"virtualService": {"name": "web"}, "virtualServices": [{"name": "api"}]}, ""),
    ({"virtualService": {"name": ""}}, "virtualService.name"),
    ({"virtualService": {"name": 7}}, "virtualService.name"),
    ({"virtualService": {"name": "web", "route": ["a"]}}, "virtualService.route"),
    ({"virtualServices": [{"name": "web"}, {"name": "web"}]}, "virtualServices[1].name"),
    (
        {
            "virtualService": {"name": "web"},
            "destinationRule": {"name": "w", "canarySubsetName": "a", "stableSubsetName": "a"},
        },
        "destinationRule.stableSubsetName",
    ),
)


def reference(kind: str, name: str, namespace: str = "") -> ObjectRef:
    return ObjectRef(VERSION, kind, namespace or a_wanted({}).namespace, name)


def virtual_service(name: str, spec: Json) -> Json:
    return {
        "apiVersion": VERSION,
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": ["web.example.com"]} | spec,
    }


def route_weights(route: list[Json]) -> dict[str, int]:
    shown = (each["destination"] | {"weight": each.get("weight", 0)} for each in route)
    return {f"{each['host']}/{each.get('subset', '')}": each["weight"] for each in shown}


class TestHosts(TrafficRouterContract):
    module = "gradatim_istio"
    router_class = IstioRouter
    good_config: ClassVar[Json] = {"virtualService": {"name": "web", "routes": ["primary"]}}
    wrong_configs = WRONG_BLOCKS
    fixed_fields = frozenset({"virtualService.name"})

    def objects(self) -> Objects:
        services = (self.wanted().stable.service, self.wanted().canary.service)
        route = [
            {"destination": {"host": service}, "weight": w}
            for service, w in zip(services, (100, 0), strict=True)
        ]
        spec = {
            "http": [
                {"name": "primary", "route": route},
                {"name": "other", "redirect": {"uri": "/"}},
            ]
        }
        return {reference("VirtualService", "web"): virtual_service("web", spec)}

    def weights(self, objects: Objects, wanted: Wanted) -> Mapping[str, int]:
        routes = objects[reference("VirtualService", "web")]["spec"]["http"]
        (primary,) = (route for route in routes if route.get("name") == "primary")
        return route_weights(primary["route"])

    def test_claim_subsets_binds_the_pod_hashes(self) -> None:
        """This block has no DestinationRule: the Services' selectors bind the hashes, not the router."""
        wanted = self.wanted()
        assert not self.router_class().bound_hashes(wanted.config, wanted.namespace, self.objects())


class TestSubsets(TrafficRouterContract):
    module = "gradatim_istio"
    router_class = IstioRouter
    good_config: ClassVar[Json] = {
        "virtualService": {"name": "web"},
        "destinationRule": {
            "name": "web",
            "canarySubsetName": "canary",
            "stableSubsetName": "stable",
            "additionalSubsetNames": ["fixed"],
        },
    }
    wrong_configs = WRONG_BLOCKS
    fixed_fields = frozenset({"virtualService.name", "destinationRule.name"})

    def objects(self) -> Objects:
        subsets = [
            {"name": "stable", "labels": {"app": "web"}},
            {"name": "canary"},
            {"name": "fixed"},
        ]
        route = [
            {"destination": {"host": "web", "subset": "stable"}},
            {"destination": {"host": "web", "subset": "canary"}, "weight": 0},
            {"destination": {"host": "web", "subset": "fixed"}, "weight": 5},
        ]
        rule = {
            "apiVersion": VERSION,
            "kind": "DestinationRule",
            "metadata": {"name": "web"},
            "spec": {"host": "web.shop.svc.cluster.local", "subsets": subsets},
        }
        return {
            reference("VirtualService", "web"): virtual_service(
                "web", {"http": [{"route": route}]}
            ),
            reference("DestinationRule", "web"): rule,
        }

    def weights(self, objects: Objects, wanted: Wanted) -> Mapping[str, int]:
        routes = objects[reference("VirtualService", "web")]["spec"]["http"]
        return route_weights(routes[-1]["route"])


class TestSeveral(TrafficRouterContract):
    module = "gradatim_istio"
    router_class = IstioRouter
    good_config: ClassVar[Json] = {
        "virtualServices": [
            {"name": "web"},
            {
                "name": "gate.edge",
                "tlsRoutes": [{"port": 443, "sniHosts": ["a", "b"]}],
                "tcpRoutes": [{"port": 3306}],
            },
        ]
    }
    wrong_configs = WRONG_BLOCKS
    fixed_fields = frozenset({"virtualServices[0].name", "virtualServices[1].name"})

    def objects(self) -> Objects:
        route = [
            {"destination": {"host": f"{service}.shop.svc.cluster.local"}, "weight": weight}
            for service, weight in (
                (self.wanted().stable.service, 100),
                (self.wanted().canary.service, 0),
            )
        ]
        tls = {
            "match": [{"port": 443, "sniHosts": ["b"]}, {"port": 443, "sniHosts": ["a"]}],
            "route": route,
        }
        tcp = {"match": [{"port": 3306}], "route": copy.deepcopy(route)}
        return {
            reference("VirtualService", "web"): virtual_service(
                "web", {"http": [{"route": route}]}
            ),
            reference("VirtualService", "gate", "edge"): virtual_service(
                "gate", {"tls": [tls], "tcp": [tcp]}
            ),
        }

    def weights(self, objects: Objects, wanted: Wanted) -> Mapping[str, int]:
        gate = objects[reference("VirtualService", "gate", "edge")]["spec"]
        return route_weights(gate["tls"][0]["route"])

    def test_claim_subsets_binds_the_pod_hashes(self) -> None:
        """This block has no DestinationRule: the Services' selectors bind the hashes, not the router."""
        wanted = self.wanted()
        assert not self.router_class().bound_hashes(wanted.config, wanted.namespace, self.objects())
