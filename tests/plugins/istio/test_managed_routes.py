"""Header and mirror routes: how they look, where they stand, and that nobody else's route is touched."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
from gradatim.testing import apply_patches
from gradatim_istio.router import IstioRouter

REF = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "shop", "web")
GATE_REF = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "edge", "gate")
RULE_REF = ObjectRef("networking.istio.io/v1alpha3", "DestinationRule", "shop", "web")
HEADER_MATCH: Json = {"headerName": "x-team", "headerValue": {"exact": "blue", "regex": ""}}
HEADER = HeaderRoute("header", (HEADER_MATCH,))
MIRROR = MirrorRoute("mirror", ({"path": {"prefix": "/a"}, "headers": {"x": {"exact": "y"}}},))


def to(host: str, weight: int, **more: Any) -> Json:
    return {"destination": {"host": host} | more, "weight": weight}


def own(name: str = "", stable: int = 80, canary: int = 20) -> Json:
    named = {"name": name} if name else {}
    return named | {"route": [to("stable", stable), to("canary", canary)]}


def header_route(name: str = "header") -> Json:
    return {
        "name": name,
        "match": [{"headers": {"x-team": {"exact": "blue"}}}],
        "route": [to("canary", 100)],
    }


def mirror_route(stable: int = 80, canary: int = 20) -> Json:
    route = own(stable=stable, canary=canary)["route"]
    return {
        "name": "mirror",
        "match": [{"uri": {"prefix": "/a"}, "headers": {"x": {"exact": "y"}}}],
        "route": [
            each if each["weight"] else {"destination": each["destination"]} for each in route
        ],
        "mirror": {"host": "canary"},
        "mirrorPercentage": {"value": 100},
    }


def wanted(**changes: Any) -> Wanted:
    fields: dict[str, Any] = {
        "rollout": "web",
        "namespace": "shop",
        "config": {"virtualService": {"name": "web"}},
        "stable": Target("stable"),
        "canary": Target("canary"),
        "weight": 20,
        "managed_routes": ("mirror", "header"),
    }
    return Wanted(**(fields | changes))


def outcome(http: list[Json], state: Wanted) -> tuple[list[Json], list[str]]:
    """`spec.http` after one plan, which must leave nothing to plan, and what its operations do."""
    objects = {REF: {"metadata": {"name": "web"}, "spec": json.loads(json.dumps({"http": http}))}}
    patches = list(IstioRouter().plan(state, objects))
    after = apply_patches(objects, patches)
    assert list(IstioRouter().plan(state, after)) == []
    done = [
        f"{each['op']} {each['path']}"
        for patch in patches
        for each in patch.body
        if isinstance(each, dict)
    ]
    return after[REF]["spec"]["http"], done


@pytest.mark.parametrize(
    ("before", "changes", "after", "operations"),
    [
        pytest.param(
            [own()],
            {"header_routes": (HEADER,)},
            [header_route(), own()],
            ["add /spec/http/0"],
            id="a header route goes to the front",
        ),
        pytest.param(
            [own()],
            {"header_routes": (HEADER,), "mirror_routes": (MIRROR,)},
            [mirror_route(), header_route(), own()],
            ["add /spec/http/0", "add /spec/http/1"],
            id="in the order of managedRoutes",
        ),
        pytest.param(
            [own(), header_route(), mirror_route()],
            {"header_routes": (HEADER,), "mirror_routes": (MIRROR,)},
            [mirror_route(), header_route(), own()],
            ["move /spec/http/0", "move /spec/http/1"],
            id="which is kept up",
        ),
        pytest.param(
            [header_route() | {"match": []}, own()],
            {"header_routes": (HEADER,)},
            [header_route(), own()],
            ["replace /spec/http/0"],
            id="a changed header route is put right",
        ),
        pytest.param(
            [header_route(), header_route(), own()],
            {"header_routes": (HEADER,)},
            [header_route(), own()],
            ["remove /spec/http/1"],
            id="a second one of the name goes",
        ),
        pytest.param(
            [mirror_route(), header_route(), own("primary")],
            {},
            [own("primary")],
            ["remove /spec/http/1", "remove /spec/http/0"],
            id="those that are not wanted go",
        ),
        pytest.param(
            [mirror_route(), header_route(), own("primary")],
            {"header_routes": (HEADER,)},
            [header_route(), own("primary")],
            ["remove /spec/http/0"],
            id="only those",
        ),
        pytest.param(
            [header_route(), own()],
            {"keep_routes": True},
            [header_route(), own()],
            [],
            id="all stay when they are to be kept",
        ),
        pytest.param(
            [own(), header_route(), mirror_route()],
            {"keep_routes": True, "weight": 0},
            [own(stable=100, canary=0), header_route(), mirror_route(100, 0)],
            [
                "replace /spec/http/0/route/0/weight",
                "replace /spec/http/0/route/1/weight",
                "replace /spec/http/2/route",
            ],
            id="a kept mirror route follows the weight",
        ),
        pytest.param(
            [mirror_route(), own()],
            {"keep_routes": True, "weight": None},
            [mirror_route(), own()],
            [],
            id="but not without a weight",
        ),
        pytest.param(
            [
                mirror_route() | {"route": [to("stable", 100), to("canary", 0)]},
                own(stable=100, canary=0),
            ],
            {"weight": 0, "mirror_routes": (MIRROR,)},
            [
                mirror_route() | {"route": [to("stable", 100), to("canary", 0)]},
                own(stable=100, canary=0),
            ],
            [],
            id="a weight of 0 is as good as none",
        ),
        pytest.param(
            [own()],
            {"weight": 50, "mirror_routes": (MIRROR,)},
            [mirror_route(50, 50), own(stable=50, canary=50)],
            [
                "replace /spec/http/0/route/0/weight",
                "replace /spec/http/0/route/1/weight",
                "add /spec/http/0",
            ],
            id="a mirror route comes with the weights of this plan",
        ),
        pytest.param(
            [own()],
            {"header_routes": (HeaderRoute("header"),), "mirror_routes": (MirrorRoute("mirror"),)},
            [own()],
            [],
            id="no route without a match: it would take everything",
        ),
        pytest.param(
            [own("primary"), own("header")],
            {
                "config": {"virtualService": {"name": "web", "routes": ["header"]}},
                "header_routes": (HEADER,),
            },
            [own("primary"), own("header")],
            [],
            id="a route with weights is never a managed one",
        ),
        pytest.param(
            [own()],
            {"header_routes": (HeaderRoute("header", ({"headerName": "x"}, {"headerValue": 7})),)},
            [header_route() | {"match": [{"headers": {"x": {}}}, {"headers": {"": {}}}]}, own()],
            ["add /spec/http/0"],
            id="odd matches, which validation refuses, break nothing",
        ),
        pytest.param(
            [{"name": "header", "route": 7}, {"name": "mirror", "route": [None]}, own()],
            {"header_routes": (HEADER,), "mirror_routes": (MIRROR,)},
            [mirror_route(), header_route(), own()],
            ["replace /spec/http/0", "replace /spec/http/1", "move /spec/http/0"],
            id="broken ones are put right",
        ),
        pytest.param([own()], {"managed_routes": ()}, [own()], [], id="no managed routes"),
    ],
)
def test_managed_routes(
    before: list[Json], changes: dict[str, Any], after: list[Json], operations: list[str]
) -> None:
    assert outcome(before, wanted(**changes)) == (after, operations)


def test_a_header_route_sends_to_the_canary_as_the_weighted_route_names_it() -> None:
    canary = to("canary.shop.svc.cluster.local", 20, port={"number": 8080}) | {"headers": {"a": 1}}
    http = [{"route": [to("stable.shop", 80), canary]}]
    after, _ = outcome(http, wanted(header_routes=(HEADER,)))
    assert after[0]["route"] == [canary | {"weight": 100}]


def test_a_mirror_route_mirrors_to_the_subset() -> None:
    rule_block = {"name": "web", "canarySubsetName": "new", "stableSubsetName": "old"}
    rule = {"metadata": {}, "spec": {"host": "web", "subsets": [{"name": "new"}, {"name": "old"}]}}
    route = [
        to("web", 80, subset="old", port={"number": 80}),
        to("web", 20, subset="new", port={"number": 80}),
    ]
    objects: dict[ObjectRef, Json] = {
        REF: {"metadata": {}, "spec": {"http": [{"route": route}]}},
        RULE_REF: rule,
    }
    config = {"virtualService": {"name": "web"}, "destinationRule": rule_block}
    state = wanted(config=config, mirror_routes=(MirrorRoute("mirror", MIRROR.match, 0),))
    mirror = apply_patches(objects, IstioRouter().plan(state, objects))[REF]["spec"]["http"][0]
    assert mirror["mirror"] == {"host": "web", "subset": "new", "port": {"number": 80}}
    assert mirror["mirrorPercentage"] == {"value": 0}
    assert mirror["route"] == route


@pytest.mark.parametrize(
    ("before", "changes", "message"),
    [
        pytest.param(
            [own(stable=100, canary=0)],
            {"header_routes": (HEADER,), "mirror_routes": (MIRROR,)},
            "VirtualService `web` set to desiredWeight '20', set mirrorRoute 'mirror', set headerRoute 'header'",
            id="all that one write does",
        ),
        pytest.param(
            [mirror_route(), header_route(), own("primary")],
            {"header_routes": (HEADER,)},
            "VirtualService `web` removed route 'mirror'",
            id="some are removed",
        ),
        pytest.param(
            [own(), header_route()],
            {"header_routes": (HEADER,)},
            "VirtualService `web` put the managed routes in order",
            id="only the order",
        ),
        pytest.param(
            [mirror_route(0, 100), own()],
            {"keep_routes": True},
            "VirtualService `web` set to desiredWeight '20'",
            id="only a mirror route's weights",
        ),
    ],
)
def test_the_event_tells_what_was_done(
    before: list[Json], changes: dict[str, Any], message: str
) -> None:
    objects = {REF: {"metadata": {}, "spec": {"http": before}}}
    (patch,) = IstioRouter().plan(wanted(**changes), objects)
    assert patch.message == message


TCP_ONLY: Json = {"tcp": [own()]}


def test_header_routes_go_where_there_is_http() -> None:
    config = {"virtualServices": [{"name": "web"}, {"name": "gate.edge"}]}
    objects = {
        REF: {"metadata": {}, "spec": {"http": [own()]}},
        GATE_REF: {"metadata": {}, "spec": TCP_ONLY},
    }
    (patch,) = IstioRouter().plan(wanted(config=config, header_routes=(HEADER,)), objects)
    assert patch.ref == REF


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param(
            TCP_ONLY,
            "VirtualService shop/web has no spec.http for header and mirror routes",
            id="no http",
        ),
        pytest.param(
            TCP_ONLY | {"http": []},
            "VirtualService shop/web: it has no HTTP route to make header and mirror routes after",
            id="no route in it",
        ),
    ],
)
def test_header_routes_need_a_route_to_be_made_after(spec: Json, said: str) -> None:
    objects = {REF: {"metadata": {}, "spec": spec}}
    with pytest.raises(RouterError) as raised:
        IstioRouter().plan(wanted(header_routes=(HEADER,)), objects)
    assert str(raised.value) == said
    assert not list(IstioRouter().plan(wanted(), objects))


@pytest.mark.parametrize(
    ("spec", "config", "expected"),
    [
        pytest.param(
            TCP_ONLY,
            {"name": "web"},
            "it has no spec.http for the routes of managedRoutes",
            id="no http",
        ),
        pytest.param(
            {"http": [own("mirror")]},
            {"name": "web", "routes": ["mirror"]},
            "route 'mirror' is also one of managedRoutes, which the controller removes",
            id="a route that is both",
        ),
    ],
)
def test_managed_routes_that_cannot_be_are_found_before(
    spec: Json, config: Json, expected: str
) -> None:
    state = wanted(config={"virtualService": config})
    problems = list(IstioRouter().check(state, {REF: {"spec": spec}}, FieldPath("istio")))
    assert [str(problem) for problem in problems] == [
        f'istio.virtualService.name: Invalid value: "web": {expected}'
    ]


def test_one_list_in_two_places_is_no_trap() -> None:
    shared = header_route()
    objects = {REF: {"metadata": {}, "spec": {"http": [shared, shared, own()]}}}
    after = apply_patches(objects, IstioRouter().plan(wanted(header_routes=(HEADER,)), objects))
    assert after[REF]["spec"]["http"] == [header_route(), own()]


@pytest.mark.parametrize(
    ("http", "left"),
    [
        pytest.param(
            [header_route(), mirror_route(), own("main")], ["main"], id="managed routes go"
        ),
        pytest.param([own("main")], ["main"], id="there are none"),
        pytest.param([header_route("other"), own("main")], ["other", "main"], id="somebody else's"),
        pytest.param(
            [header_route(), header_route(), own("main")], ["main"], id="one stands twice"
        ),
        pytest.param([header_route(), own("weighed")], ["weighed"], id="one has the weights"),
    ],
)
def test_the_routes_of_a_rollout_that_goes_are_removed(http: list[Json], left: list[str]) -> None:
    router, names = IstioRouter(), ("header", "mirror", "weighed", "")
    config = {"virtualService": {"name": "web", "routes": ["weighed"]}}
    objects = {REF: {"metadata": {"name": "web", "resourceVersion": "7"}, "spec": {"http": http}}}
    patches = list(router.without_routes(names, config, "shop", objects))
    assert {patch.resource_version for patch in patches} <= {"7"}
    after = apply_patches(objects, patches)
    assert [route["name"] for route in after[REF]["spec"]["http"]] == left
    assert list(router.without_routes(names, config, "shop", after)) == []


@pytest.mark.parametrize("spec", [None, {}, {"http": 3}, {"http": [3]}])
def test_an_object_without_readable_routes_is_left_alone(spec: Any) -> None:
    config = {"virtualService": {"name": "web"}}
    objects = {REF: {"metadata": {"name": "web"}, "spec": spec}}
    assert list(IstioRouter().without_routes(("header",), config, "shop", objects)) == []
    assert list(IstioRouter().without_routes(("header",), {}, "shop", objects)) == []
