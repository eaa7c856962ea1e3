"""The router passes the contract, and leaves the rules of others alone.

pip install gradatim[testing] pytest-asyncio && pytest
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from gradatim_gateway_api.router import GatewayApiRouter as Router

from gradatim.plugin import (
    FieldPath,
    HeaderRoute,
    Json,
    MirrorRoute,
    ObjectRef,
    RouterError,
    Target,
    Wanted,
)
from gradatim.testing import a_wanted, apply_patches
from gradatim.testing.router_contract import Objects, TrafficRouterContract

REF = ObjectRef("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "web")


def backend(name: str, **more: Any) -> Json:
    return {"name": name, "port": 80, **more}


def a_route(*rules: Json) -> Json:
    split = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "timeouts": {"request": "7s"},
        "backendRefs": [backend("web-stable"), backend("web-canary", weight=0)],
    }
    return {
        "apiVersion": REF.api_version,
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop", "generation": 4},
        "spec": {"parentRefs": [{"name": "gateway"}], "rules": [*rules, split]},
    }


OTHER = {
    "name": "static",
    "matches": [{"path": {"type": "PathPrefix", "value": "/static"}}],
    "backendRefs": [backend("files")],
}


class TestGatewayApi(TrafficRouterContract):
    module = "gradatim_gateway_api"
    router_class = Router
    good_config: ClassVar = {"httpRoute": "web"}
    wrong_configs = (
        ([], ""),
        ({}, ""),
        ({"httpRoute": "a", "httpRoutes": [{"name": "b"}]}, ""),
        ({"httpRoute": ""}, "httpRoute"),
        ({"httpRoute": 7}, "httpRoute"),
        ({"httpRoute": "a", "grpcRoute": "b"}, "grpcRoute"),
        ({"httpRoute": "a", "namespace": []}, "namespace"),
        ({"httpRoutes": {}}, "httpRoutes"),
        ({"httpRoutes": []}, "httpRoutes"),
        ({"httpRoutes": ["a"]}, "httpRoutes[0]"),
        ({"httpRoutes": [{"name": "a"}, {"name": "a"}]}, "httpRoutes[1].name"),
        ({"httpRoutes": [{"name": "a", "port": 1}]}, "httpRoutes[0].port"),
        (
            {"httpRoutes": [{"name": "a", "useHeaderRoutes": "yes"}]},
            "httpRoutes[0].useHeaderRoutes",
        ),
    )

    def objects(self) -> Objects:
        return {REF: a_route(OTHER)}

    def weights(self, objects: Objects, wanted: Wanted) -> Mapping[str, int] | None:
        return split_of(objects[REF])


class TestSeveralRoutes(TestGatewayApi):
    good_config: ClassVar = {
        "httpRoutes": [{"name": "web", "useHeaderRoutes": True}, {"name": "api"}],
        "namespace": "shop",
    }
    wrong_configs = ()

    def objects(self) -> Objects:
        api = ObjectRef(REF.api_version, REF.kind, "shop", "api")
        return {REF: a_route(), api: a_route(OTHER)}


def split_of(route: Json) -> dict[str, int]:
    rule = route["spec"]["rules"][-1]
    return {each["name"]: each.get("weight", 1) for each in rule["backendRefs"]}


def planned(route: Json, **changes: Any) -> Json:
    wanted = a_wanted({"httpRoute": "web"}, **changes)
    return apply_patches({REF: route}, Router().plan(wanted, {REF: route}))[REF]


def test_only_rules_with_both_services_are_touched():
    after = planned(a_route(OTHER), weight=40)
    assert after["spec"]["rules"][0] == OTHER
    assert split_of(after) == {"web-stable": 60, "web-canary": 40}
    assert after["spec"]["rules"][1]["timeouts"] == {"request": "7s"}


MANAGED: dict[str, Any] = {
    "managed_routes": ("mirror", "by-header"),
    "header_routes": (
        HeaderRoute(
            "by-header",
            (
                {"headerName": "agent", "headerValue": {"prefix": "curl/8."}},
                {"headerName": "beta", "headerValue": {"exact": "yes"}},
            ),
        ),
    ),
    "mirror_routes": (
        MirrorRoute(
            "mirror",
            (
                {
                    "method": {"exact": "GET"},
                    "path": {"exact": "/a"},
                    "headers": {"x": {"regex": "y"}},
                },
            ),
            35,
        ),
    ),
}


def test_header_and_mirror_rules_come_first_in_the_order_of_precedence():
    mirror, header, other, _ = planned(a_route(OTHER), weight=40, **MANAGED)["spec"]["rules"]
    path = {"type": "PathPrefix", "value": "/"}
    regex = {"type": "RegularExpression", "name": "agent", "value": r"curl/8\..*"}
    assert header == {
        "name": "by-header",
        "matches": [
            {"path": path, "headers": [regex]},
            {"path": path, "headers": [{"type": "Exact", "name": "beta", "value": "yes"}]},
        ],
        "backendRefs": [backend("web-canary", weight=1)],
    }
    assert mirror["matches"] == [
        {
            "path": {"type": "Exact", "value": "/a"},
            "method": "GET",
            "headers": [{"type": "RegularExpression", "name": "x", "value": "y"}],
        }
    ]
    (copied,) = mirror["filters"]
    assert copied["requestMirror"] == {"backendRef": backend("web-canary"), "percent": 35}
    assert mirror["backendRefs"] == [
        backend("web-stable", weight=60),
        backend("web-canary", weight=40),
    ]
    assert other == OTHER


def test_what_the_api_server_fills_in_is_no_reason_to_write_again():
    after = planned(a_route(), weight=40, **MANAGED)
    for rule in after["spec"]["rules"]:
        mirrors = [each["requestMirror"] for each in rule.get("filters", ())]
        for ref in (*rule["backendRefs"], *(mirror["backendRef"] for mirror in mirrors)):
            ref |= {"group": "", "kind": "Service"}
    wanted = a_wanted({"httpRoute": "web"}, weight=40, **MANAGED)
    assert list(Router().plan(wanted, {REF: after})) == []


def test_a_mirror_rule_that_is_kept_follows_the_weights():
    after = planned(a_route(), weight=40, **MANAGED)
    kept = planned(after, weight=10, keep_routes=True, managed_routes=MANAGED["managed_routes"])
    assert kept["spec"]["rules"][0]["backendRefs"][1]["weight"] == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stable": Target("nobody")}, "no rule of the HTTPRoute has both nobody and web-canary"),
        (
            {
                "managed_routes": ("m",),
                "mirror_routes": (MirrorRoute("m", ({"method": {"regex": "G.*"}},)),),
            },
            "matches methods exactly",
        ),
        (
            {
                "managed_routes": ("h",),
                "header_routes": (HeaderRoute("h", ({"headerName": "a", "headerValue": {}},)),),
            },
            "headerValue must have exactly one of",
        ),
    ],
)
def test_what_cannot_be_done_says_why_and_names_the_route(changes: Json, message: str):
    with pytest.raises(RouterError, match="HTTPRoute shop/web: ") as found:
        planned(a_route(), weight=1, **changes)
    assert message in str(found.value)


def test_further_backends_in_a_split_rule_are_a_problem_beforehand():
    route = a_route()
    route["spec"]["rules"][0]["backendRefs"].append(backend("third"))
    wanted = a_wanted({"httpRoute": "web"})
    (problem,) = Router().check(wanted, {REF: route}, FieldPath("plugins"))
    assert str(problem).startswith("plugins.httpRoute: rule 0 has further backends (third)")


@pytest.mark.parametrize(("seen", "verified"), [(3, False), (4, None)])
async def test_a_gateway_that_has_not_seen_the_route_yet_is_waited_for(seen: int, verified: object):
    after = planned(a_route(), weight=40)
    condition = {"type": "Accepted", "status": "True", "observedGeneration": seen}
    after["status"] = {"parents": [{"conditions": [condition]}]}
    wanted = a_wanted({"httpRoute": "web"}, weight=40)
    assert await Router().verify(wanted, {REF: after}) is verified
    assert await Router().verify(a_wanted({"httpRoute": "web"}, weight=41), {REF: after}) is False


def test_managed_rules_go_with_their_rollout():
    after = planned(a_route(OTHER), weight=40, **MANAGED)
    names = MANAGED["managed_routes"]
    patches = Router().without_routes(names, {"httpRoute": "web"}, "shop", {REF: after})
    left = apply_patches({REF: after}, patches)[REF]["spec"]["rules"]
    assert [rule.get("name") for rule in left] == ["static", None]
