"""Plans give the VirtualServices that Argo Rollouts left behind in the same scenarios, and tell of them alike.

The states were recorded at rest, on a real API server; here each is the outcome of one plan after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from gradatim.plugin import HeaderRoute, Json, MirrorRoute, ObjectRef, Target, Wanted
from gradatim.testing import apply_patches
from gradatim_istio.router import IstioRouter

REF = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "shop", "web")


def destination(host: str, weight: int | None = None) -> Json:
    plain: Json = {"destination": {"host": host}}
    return plain if weight is None else plain | {"weight": weight}


def split(stable: int, canary: int, hosts: tuple[str, str] = ("web-stable", "web-canary")) -> Any:
    return [destination(hosts[0], stable), destination(hosts[1], canary)]


def http(stable: int, canary: int, *before: Json) -> Json:
    return {"http": [*before, {"name": "primary", "route": split(stable, canary)}]}


@dataclass(frozen=True)
class Moment:
    """What is wanted, what the VirtualService then says, and what the event says (None: no event)."""

    wanted: dict[str, Any]
    spec: Json
    message: str | None


@dataclass(frozen=True)
class Scenario:
    before: Json
    moments: tuple[Moment, ...]
    block: Json = field(default_factory=lambda: {"virtualService": {"name": "web"}})
    wanted: dict[str, Any] = field(default_factory=dict)


def weight_event(weight: int) -> str:
    return f"VirtualService `web` set to desiredWeight '{weight}'"


def weights(*walk: int) -> tuple[Moment, ...]:
    return tuple(Moment({"weight": w}, http(100 - w, w), weight_event(w)) for w in walk)


AT_REST = Moment({"weight": 0}, http(100, 0), None)

THREE_ROUTES: Json = {
    "http": [
        {"name": "other", "route": [destination("elsewhere", 100)]},
        {"name": "primary", "timeout": "5s", "route": split(100, 0)},
        {
            "name": "last",
            "match": [{"uri": {"prefix": "/x"}}],
            "route": [destination("web-stable", 100)],
        },
    ]
}


def three_routes(stable: int, canary: int) -> Json:
    other, primary, last = THREE_ROUTES["http"]
    return {"http": [other, primary | {"route": split(stable, canary)}, last]}


def tcp_and_tls(stable: int, canary: int) -> Json:
    return {
        "tcp": [{"match": [{"port": 3306}], "route": split(stable, canary)}],
        "tls": [{"match": [{"port": 443, "sniHosts": ["a"]}], "route": split(stable, canary)}],
    }


BY_HEADER = HeaderRoute(
    "by-header",
    (
        {"headerName": "agent", "headerValue": {"exact": "curl"}},
        {"headerName": "beta", "headerValue": {"regex": "(a|b)"}},
    ),
)
HEADER_ROUTE: Json = {
    "name": "by-header",
    "match": [{"headers": {"agent": {"exact": "curl"}}}, {"headers": {"beta": {"regex": "(a|b)"}}}],
    "route": [destination("web-canary", 100)],
}
MIRROR = MirrorRoute("mirror", ({"method": {"exact": "GET"}, "path": {"prefix": "/api"}},), 35)
MIRROR_ROUTE: Json = {
    "name": "mirror",
    "match": [{"method": {"exact": "GET"}, "uri": {"prefix": "/api"}}],
    "route": [destination("web-stable", 100), destination("web-canary")],
    "mirror": {"host": "web-canary"},
    "mirrorPercentage": {"value": 35},
}

PING = {"stable": Target("web-ping"), "canary": Target("web-pong")}
PONG = {"stable": Target("web-pong"), "canary": Target("web-ping")}


def ping_pong(ping: int, pong: int) -> Json:
    return {"http": [{"name": "primary", "route": split(ping, pong, ("web-ping", "web-pong"))}]}


SCENARIOS = [
    pytest.param(
        Scenario(
            http(100, 0),
            (AT_REST, *weights(10, 50), Moment({"weight": 0}, http(100, 0), weight_event(0))),
        ),
        id="weights of hosts go up and, promoted, to stable",
    ),
    pytest.param(Scenario(http(100, 0), (*weights(50, 0, 50),)), id="aborted, then retried"),
    pytest.param(
        Scenario(http(100, 0), (*weights(40, 20, 0),)), id="dynamicStableScale aborts step by step"
    ),
    pytest.param(
        Scenario(
            three_routes(100, 0),
            (
                Moment({"weight": 25}, three_routes(75, 25), weight_event(25)),
                Moment({"weight": 100}, three_routes(0, 100), weight_event(100)),
                Moment({"weight": 0}, three_routes(100, 0), weight_event(0)),
            ),
            block={"virtualService": {"name": "web", "routes": ["primary"]}},
        ),
        id="one of three routes is named",
    ),
    pytest.param(
        Scenario(
            tcp_and_tls(100, 0),
            (Moment({"weight": 30}, tcp_and_tls(70, 30), weight_event(30)),),
            block={
                "virtualService": {
                    "name": "web",
                    "tcpRoutes": [{"port": 3306}],
                    "tlsRoutes": [{"port": 443, "sniHosts": ["a"]}],
                }
            },
        ),
        id="TCP and TLS routes",
    ),
    pytest.param(
        Scenario(
            http(100, 0),
            (
                Moment({"weight": 20}, http(80, 20), weight_event(20)),
                Moment(
                    {"weight": 20, "header_routes": (BY_HEADER,)},
                    http(80, 20, HEADER_ROUTE),
                    "VirtualService `web` set headerRoute 'by-header'",
                ),
                Moment({"weight": 20, "keep_routes": True}, http(80, 20, HEADER_ROUTE), None),
                Moment(
                    {"weight": 20}, http(80, 20), "VirtualService `web` removed all managed routes."
                ),
                Moment({"weight": 0}, http(100, 0), weight_event(0)),
            ),
            wanted={"managed_routes": ("by-header",)},
        ),
        id="a header route comes and goes",
    ),
    pytest.param(
        Scenario(
            http(100, 0),
            (
                Moment(
                    {"weight": 0, "mirror_routes": (MIRROR,)},
                    http(100, 0, MIRROR_ROUTE),
                    "VirtualService `web` set mirrorRoute 'mirror'",
                ),
                Moment(
                    {"weight": 0}, http(100, 0), "VirtualService `web` removed all managed routes."
                ),
            ),
            wanted={"managed_routes": ("mirror",)},
        ),
        id="a mirror route comes and goes",
    ),
    pytest.param(
        Scenario(
            ping_pong(100, 0),
            (
                Moment({"weight": 50, **PING}, ping_pong(50, 50), weight_event(50)),
                Moment({"weight": 100, **PING}, ping_pong(0, 100), weight_event(100)),
                Moment({"weight": 0, **PONG}, ping_pong(0, 100), None),
                Moment({"weight": 50, **PONG}, ping_pong(50, 50), weight_event(50)),
            ),
        ),
        id="ping and pong",
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_virtual_service_is_as_recorded(scenario: Scenario) -> None:
    router = IstioRouter()
    rest = {"hosts": ["web.example.com"], "gateways": ["gw"]}
    objects = {REF: {"metadata": {"name": "web"}, "spec": rest | scenario.before}}
    services = {"stable": Target("web-stable"), "canary": Target("web-canary")}
    for moment in scenario.moments:
        wanted = Wanted(
            rollout="web",
            namespace="shop",
            config=scenario.block,
            **(services | scenario.wanted | moment.wanted),
        )
        patches = list(router.plan(wanted, objects))
        objects = apply_patches(objects, patches)
        assert objects[REF]["spec"] == rest | moment.spec
        assert [patch.message for patch in patches] == ([moment.message] if moment.message else [])
        assert {patch.reason for patch in patches} <= {"Updated VirtualService"}
        assert router.observed(wanted, objects).weight == moment.wanted["weight"]
        assert list(router.plan(wanted, objects)) == []


def test_a_weight_change_is_one_operation_for_each_destination() -> None:
    objects = {REF: {"metadata": {"name": "web", "resourceVersion": "7"}, "spec": http(100, 0)}}
    wanted = Wanted(
        rollout="web",
        namespace="shop",
        config={"virtualService": {"name": "web"}},
        stable=Target("web-stable"),
        canary=Target("web-canary"),
        weight=20,
    )
    (patch,) = IstioRouter().plan(wanted, objects)
    assert (patch.kind, patch.resource_version) == ("json", "7")
    assert list(patch.body) == [
        {"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 80},
        {"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 20},
    ]
