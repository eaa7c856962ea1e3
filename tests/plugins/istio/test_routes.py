"""Which routes get the weights, what each destination gets, and what is said of routes that cannot be used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradatim.plugin import Destination, FieldPath, Json, ObjectRef, RouterError, Target, Wanted
from gradatim.testing import apply_patches
from gradatim_istio.router import IstioRouter

REF = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "shop", "web")
RULE_REF = ObjectRef("networking.istio.io/v1alpha3", "DestinationRule", "shop", "web")
RULE_BLOCK = {
    "name": "web",
    "canarySubsetName": "canary",
    "stableSubsetName": "stable",
    "additionalSubsetNames": ["pinned"],
}
RULE: Json = {
    "metadata": {"name": "web"},
    "spec": {
        "host": "web",
        "subsets": [{"name": "canary"}, {"name": "stable"}, {"name": "pinned"}],
    },
}


def to(host: str, weight: Any = None, **more: Any) -> Json:
    return {"destination": {"host": host} | more} | ({} if weight is None else {"weight": weight})


def wanted(weight: int | None = 20, **changes: Any) -> Wanted:
    fields: dict[str, Any] = {
        "rollout": "web",
        "namespace": "shop",
        "config": {"virtualService": {"name": "web"}},
        "stable": Target("stable"),
        "canary": Target("canary"),
    }
    return Wanted(**(fields | {"weight": weight} | changes))


def selecting(**fields: Any) -> Json:
    return {"virtualService": {"name": "web"} | fields}


BY_SUBSET = selecting() | {"destinationRule": RULE_BLOCK}


def outcome(spec: Any, state: Wanted) -> Json:
    """The VirtualService's spec after one plan, which must leave nothing to plan."""
    unshared = json.loads(json.dumps(spec))  # as from the API server: no list stands in it twice
    objects = {REF: {"metadata": {"name": "web"}, "spec": unshared}, RULE_REF: RULE}
    after = apply_patches(objects, IstioRouter().plan(state, objects))
    assert list(IstioRouter().plan(state, after)) == []
    spec_after: Json = after[REF]["spec"]
    return spec_after


def weights(route: Json) -> list[int]:
    return [each.get("weight", 0) for each in route["route"]]


PAIR = [to("stable", 100), to("canary", 0)]
SUBSETS = [to("web", 100, subset="stable"), to("web", 0, subset="canary")]


@pytest.mark.parametrize(
    ("route", "changes", "expected"),
    [
        pytest.param(PAIR, {}, [80, 20], id="stable and canary"),
        pytest.param(
            [to("canary"), to("stable")], {}, [20, 80], id="weights that are not there yet"
        ),
        pytest.param(
            [to("stable", 100.0), to("canary", None)], {}, [80, 20], id="a float, and null"
        ),
        pytest.param(
            [to("stable.shop.svc.cluster.local", 1), to("canary.shop", 1)],
            {},
            [80, 20],
            id="full hosts",
        ),
        pytest.param(
            [to("other", 30), *PAIR, to("third", 5)],
            {},
            [80, 20],
            id="a foreign destination is taken out",
        ),
        pytest.param(
            [*PAIR, to("other", 0)], {}, [80, 20, 0], id="a foreign one without weight stays"
        ),
        pytest.param([*PAIR, to("other")], {}, [80, 20, 0], id="and one with none written"),
        pytest.param(
            [to("stable", 100), to("canary", 0), to("canary", 0)],
            {"weight": 25},
            [75, 13, 12],
            id="a canary named twice shares its weight",
        ),
        pytest.param(
            PAIR,
            {"additional": (Destination("exp-b", "b", 10), Destination("exp-a", "a", 5))},
            [65, 20, 5, 10],
            id="experiments are added in order of their names",
        ),
        pytest.param(
            [*PAIR, to("exp-a", 5)],
            {"additional": (Destination("exp-a", "a", 7),)},
            [73, 20, 7],
            id="an experiment's weight changes",
        ),
        pytest.param([*PAIR, to("exp-a", 5)], {}, [80, 20], id="an experiment is over"),
        pytest.param(
            PAIR,
            {"additional": (Destination("exp", "a", 0),)},
            [80, 20],
            id="an experiment without weight",
        ),
        pytest.param(
            PAIR,
            {"weight": 95, "additional": (Destination("exp", "a", 10),)},
            [0, 90, 10],
            id="the canary is cut where an experiment leaves less",
        ),
        pytest.param(
            PAIR,
            {"additional": (Destination("canary", "a", 10),)},
            [80, 20],
            id="an experiment with the canary's Service is none",
        ),
        pytest.param(SUBSETS, {"config": BY_SUBSET}, [80, 20], id="subsets"),
        pytest.param(
            [*SUBSETS, to("web", 10, subset="pinned")],
            {"config": BY_SUBSET},
            [70, 20, 10],
            id="an additional subset keeps its weight",
        ),
        pytest.param(
            [*SUBSETS, to("web", 10, subset="pinned")],
            {"config": BY_SUBSET, "weight": 100},
            [0, 90, 10],
            id="and cuts the canary's",
        ),
        pytest.param(
            [*SUBSETS, to("web", 10, subset="unknown")],
            {"config": BY_SUBSET},
            [80, 20],
            id="an unknown subset is foreign",
        ),
        pytest.param(
            SUBSETS,
            {"config": BY_SUBSET, "stable": Target("web"), "canary": Target("web-canary")},
            [80, 20],
            id="a subset counts before its host",
        ),
    ],
)
def test_the_weights_of_a_route(
    route: list[Json], changes: dict[str, Any], expected: list[int]
) -> None:
    spec = outcome({"http": [{"route": route}]}, wanted(**changes))
    assert weights(spec["http"][0]) == expected


def test_an_experiments_destination_is_only_a_host_and_a_weight() -> None:
    state = wanted(additional=(Destination("exp", "a", 10),))
    spec = outcome({"http": [{"route": PAIR}]}, state)
    assert spec["http"][0]["route"][2] == {"destination": {"host": "exp"}, "weight": 10}


def test_everything_else_in_a_route_stays() -> None:
    rest = {"timeout": "3s", "match": [{"uri": {"prefix": "/"}}], "unknown": {"deep": [1]}}
    route = [to("stable", 100, port={"number": 80}), to("canary", 0) | {"headers": {"request": {}}}]
    spec = outcome({"http": [rest | {"route": route}], "exportTo": ["."]}, wanted())
    assert spec["exportTo"] == ["."]
    assert spec["http"] == [
        rest
        | {
            "route": [
                to("stable", 80, port={"number": 80}),
                to("canary", 20) | {"headers": {"request": {}}},
            ]
        }
    ]


def test_no_weight_leaves_the_weights() -> None:
    spec = {"http": [{"route": [to("stable", 3), to("canary", 9), to("other", 4)]}]}
    assert outcome(spec, wanted(weight=None)) == spec


def matched(kind: str, *matches: Json) -> Json:
    return {"match": list(matches), "route": PAIR, "kind": kind}


TLS = [
    matched("one", {"port": 443, "sniHosts": ["a", "b"]}),
    matched("over two blocks", {"port": 443, "sniHosts": ["b"]}, {"port": 443, "sniHosts": ["a"]}),
    matched("two ports", {"port": 443, "sniHosts": ["a"]}, {"port": 444, "sniHosts": ["b"]}),
    matched("more hosts", {"port": 443, "sniHosts": ["a", "b", "c"]}),
    matched("no port", {"sniHosts": ["a", "b"]}),
    {"route": PAIR, "kind": "no match"},
]


@pytest.mark.parametrize(
    ("selector", "kinds"),
    [
        pytest.param(
            {"port": 443, "sniHosts": ["b", "a"]}, ["one", "over two blocks"], id="port and hosts"
        ),
        pytest.param({"sniHosts": ["a", "b"]}, ["no port"], id="hosts without a port"),
        pytest.param({}, ["no match"], id="a route without match blocks"),
    ],
)
def test_tls_routes_are_selected_by_port_and_sni_hosts(selector: Json, kinds: list[str]) -> None:
    state = wanted(config=selecting(tlsRoutes=[selector]))
    spec = outcome({"tls": TLS}, state)
    assert [route["kind"] for route in spec["tls"] if weights(route) == [80, 20]] == kinds


TCP = [
    matched("3306", {"port": 3306}),
    matched("again 3306", {"port": 3306}, {"port": 3306, "gateways": ["g"]}),
    matched("mixed", {"port": 3306}, {"port": 5432}),
    matched("none", {"gateways": ["g"]}),
]


@pytest.mark.parametrize(
    ("selectors", "kinds"),
    [
        pytest.param([{"port": 3306}], ["3306", "again 3306"], id="one port"),
        pytest.param([{}], ["none"], id="no port"),
        pytest.param(
            [{"port": 3306}, {"port": 0}, {"port": 3306}],
            ["3306", "again 3306", "none"],
            id="several",
        ),
    ],
)
def test_tcp_routes_are_selected_by_port(selectors: list[Json], kinds: list[str]) -> None:
    state = wanted(config=selecting(tcpRoutes=selectors))
    spec = outcome({"tcp": TCP}, state)
    assert [route["kind"] for route in spec["tcp"] if weights(route) == [80, 20]] == kinds


@pytest.mark.parametrize(
    ("kind", "block"),
    [
        pytest.param("tls", {"routes": ["primary"], "tlsRoutes": [{}]}, id="names, and no http"),
        pytest.param("tls", {"tlsRoutes": [{}], "tcpRoutes": [{"port": 1}]}, id="tcp, and no tcp"),
        pytest.param("http", {"tlsRoutes": [{"sniHosts": ["a"]}]}, id="tls, and no tls"),
    ],
)
def test_what_selects_from_a_list_that_is_not_there_selects_nothing(kind: str, block: Json) -> None:
    spec = outcome({kind: [{"route": PAIR}]}, wanted(config=selecting(**block)))
    assert [weights(route) for route in spec[kind]] == [[80, 20]]


def test_named_routes_are_selected_by_name() -> None:
    state = wanted(config=selecting(routes=["b", "c"]))
    spec = outcome({"http": [{"name": name, "route": PAIR} for name in "abc"]}, state)
    assert [weights(route) for route in spec["http"]] == [[100, 0], [80, 20], [80, 20]]


def test_the_only_route_beside_managed_ones_is_selected_though_it_has_a_name() -> None:
    state = wanted(managed_routes=("mine",), keep_routes=True)
    http = [{"name": "mine", "route": [to("canary", 100)]}, {"name": "primary", "route": PAIR}]
    spec = outcome({"http": http}, state)
    assert [weights(route) for route in spec["http"]] == [[100], [80, 20]]


def test_each_virtual_service_has_its_own_routes() -> None:
    other = ObjectRef(REF.api_version, "VirtualService", "edge", "gate")
    objects = {
        REF: {"metadata": {}, "spec": {"http": [{"route": PAIR}]}},
        other: {"metadata": {}, "spec": {"tcp": [{"route": PAIR}]}},
    }
    config = {"virtualServices": [{"name": "web"}, {"name": "gate.edge"}]}
    patches = list(IstioRouter().plan(wanted(config=config), objects))
    assert [(patch.ref, patch.message) for patch in patches] == [
        (REF, "VirtualService `web` set to desiredWeight '20'"),
        (other, "VirtualService `gate` set to desiredWeight '20'"),
    ]
    assert set(IstioRouter().references(config, "shop")) == {REF, other}


INVALID_HTTP = "Istio VirtualService has invalid HTTP routes. Error: "


@pytest.mark.parametrize(
    ("spec", "config", "expected"),
    [
        pytest.param(
            None,
            selecting(),
            ["Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService"],
            id="no spec",
        ),
        pytest.param(
            {"http": None, "hosts": ["a"]},
            selecting(),
            ["Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService"],
            id="no routes of any kind",
        ),
        pytest.param(
            {"http": []}, selecting(), ["it has no route whose weights could be set"], id="no route"
        ),
        pytest.param(
            {"http": [{"route": PAIR}, {"route": PAIR}]},
            selecting(),
            [
                INVALID_HTTP
                + "spec.http[] should be set in VirtualService and it must have exactly one route "
                "when omitting spec.strategy.canary.trafficRouting.istio.virtualService.routes"
            ],
            id="several routes and no names",
        ),
        pytest.param(
            {"tls": [{"route": PAIR}, {"route": PAIR}]},
            selecting(),
            [
                "Istio VirtualService has invalid TLS routes. Error: spec.tls[] should be set in VirtualService "
                "and it must have exactly one route when omitting "
                "spec.strategy.canary.trafficRouting.istio.virtualService.tlsRoutes"
            ],
            id="several TLS routes and no selectors",
        ),
        pytest.param(
            {"http": [{"name": "a", "route": PAIR}]},
            selecting(routes=["x", "a", "y"]),
            [
                INVALID_HTTP + "HTTP Route 'x' is not found in the defined Virtual Service.",
                INVALID_HTTP + "HTTP Route 'y' is not found in the defined Virtual Service.",
            ],
            id="named routes that are not there",
        ),
        pytest.param(
            {"tcp": TCP, "tls": TLS},
            selecting(tcpRoutes=[{"port": 1}, {"port": 3306}], tlsRoutes=[{"sniHosts": ["x"]}]),
            [
                "Istio VirtualService has invalid TLS routes. Error: No matching TLS routes found in the defined "
                "Virtual Service for no port and SNI hosts [x].",
                "Istio VirtualService has invalid TCP routes. Error: No matching TCP routes found in the defined "
                "Virtual Service for port 1.",
            ],
            id="selectors that match nothing",
        ),
        pytest.param(
            {"http": [{"route": [to("stable")]}], "tcp": [{"route": [to("canary")]}]},
            selecting(),
            [
                INVALID_HTTP + "Canary Service 'canary' not found in route",
                "Istio VirtualService has invalid TCP routes. Error: Stable Service 'stable' not found in route",
            ],
            id="a Service is missing, in two kinds of routes",
        ),
        pytest.param(
            {"http": [{"redirect": {"uri": "/"}}]},
            selecting(),
            [
                INVALID_HTTP + "Canary Service 'canary' not found in route",
                INVALID_HTTP + "Stable Service 'stable' not found in route",
            ],
            id="a redirect has no destinations",
        ),
        pytest.param(
            {"http": [{"route": PAIR}]},
            BY_SUBSET,
            [
                INVALID_HTTP + "Canary DestinationRule subset 'canary' not found in route",
                INVALID_HTTP + "Stable DestinationRule subset 'stable' not found in route",
            ],
            id="hosts do not do for subsets",
        ),
        pytest.param(
            {"http": {}},
            selecting(),
            ["Unable to get HTTP routes for Istio VirtualService: spec.http is an object"],
            id="http is no list",
        ),
        pytest.param(
            {"http": [7]},
            selecting(),
            ["Unable to get HTTP routes for Istio VirtualService: spec.http[0] is a number"],
            id="a route is no object",
        ),
        pytest.param(
            {"http": [{"name": 1}], "tls": [{"route": ""}]},
            selecting(),
            [
                "Unable to get HTTP routes for Istio VirtualService: spec.http[0].name is a number",
                "Unable to get TLS routes for Istio VirtualService: spec.tls[0].route is a string",
            ],
            id="a name and a list of destinations",
        ),
        pytest.param(
            {"http": [{"route": [{}]}]},
            selecting(),
            [
                "Unable to get HTTP routes for Istio VirtualService: spec.http[0].route[0].destination is null"
            ],
            id="a destination without a destination",
        ),
        pytest.param(
            {"http": [{"route": [*PAIR, to(".local", 1)]}]},
            selecting(),
            [
                "Unable to get HTTP routes for Istio VirtualService: spec.http[0].route[2].destination has no host"
            ],
            id="a host that begins with its dot",
        ),
        pytest.param(
            {"http": [{"route": [to("stable", "100"), to("canary")]}]},
            selecting(),
            [
                "Unable to get HTTP routes for Istio VirtualService: spec.http[0].route[0].weight is no whole number"
            ],
            id="a weight in quotes",
        ),
        pytest.param(
            {"http": [{"route": [to("stable", 0.5), to("canary")]}]},
            selecting(),
            [
                "Unable to get HTTP routes for Istio VirtualService: spec.http[0].route[0].weight is no whole number"
            ],
            id="half a weight",
        ),
        pytest.param(
            {"http": [{"route": [to("stable", -1), to("canary")]}]},
            selecting(),
            [
                "Unable to get HTTP routes for Istio VirtualService: spec.http[0].route[0].weight is no whole number"
            ],
            id="a weight below zero",
        ),
        pytest.param(
            {"tls": [{"match": [{"sniHosts": "a"}]}]},
            selecting(tlsRoutes=[{"sniHosts": ["a"]}]),
            [
                "Unable to get TLS routes for Istio VirtualService: "
                "spec.tls[0].match[0].sniHosts is no list of strings"
            ],
            id="SNI hosts that are no list",
        ),
        pytest.param(
            {"tcp": [{"match": [{"port": "80"}]}]},
            selecting(tcpRoutes=[{"port": 80}]),
            [
                "Unable to get TCP routes for Istio VirtualService: spec.tcp[0].match[0].port is a string"
            ],
            id="a port in quotes",
        ),
    ],
)
def test_unusable_routes_are_a_problem_and_a_router_error(
    spec: Any, config: Json, expected: list[str]
) -> None:
    router, state = IstioRouter(), wanted(config=config)
    objects = {REF: {"metadata": {"name": "web"}, "spec": spec}, RULE_REF: RULE}
    problems = [str(problem) for problem in router.check(state, objects, FieldPath("istio"))]
    assert problems == [
        f'istio.virtualService.name: Invalid value: "web": {text}' for text in expected
    ]
    with pytest.raises(RouterError) as raised:
        router.plan(state, objects)
    assert str(raised.value) == f"VirtualService shop/web: {expected[0]}"
    assert router.observed(state, objects).weight is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"weight": 101}, "the weights [101] are not within 0 and 100", id="too much"),
        pytest.param(
            {"weight": -100}, "the weights [-100] are not within 0 and 100", id="below zero"
        ),
        pytest.param(
            {"additional": (Destination("e", "", 60), Destination("f", "", 50))},
            "experiments and additional subsets have 110 of 100",
            id="experiments alone are too much",
        ),
    ],
)
def test_weights_that_cannot_add_up_are_never_written(changes: dict[str, Any], said: str) -> None:
    objects = {REF: {"spec": {"http": [{"route": PAIR}]}}}
    with pytest.raises(RouterError) as raised:
        IstioRouter().plan(wanted(**changes), objects)
    assert str(raised.value) == f"VirtualService shop/web: {said}"


@pytest.mark.parametrize(
    ("routes", "weight", "expected"),
    [
        pytest.param([[80, 20]], 50, 20, id="one route"),
        pytest.param([[80, 20], [80, 20]], 50, 20, id="routes that agree"),
        pytest.param([[80, 20], [70, 30]], 50, None, id="routes that do not"),
        pytest.param([[1, 0]], 50, 0, id="everything to stable, in other units"),
        pytest.param([[3, 1]], 50, None, id="a sum that is not 100"),
        pytest.param([[0, 0]], 50, None, id="no weights at all"),
    ],
)
def test_the_observed_weight(routes: list[list[int]], weight: int, expected: int | None) -> None:
    http = [
        {"name": str(i), "route": [to("stable", stable), to("canary", canary)]}
        for i, (stable, canary) in enumerate(routes)
    ]
    config = selecting(routes=[str(i) for i in range(len(routes))])
    objects = {REF: {"spec": {"http": http}}}
    assert IstioRouter().observed(wanted(weight, config=config), objects).weight == expected


def test_a_canary_that_has_all_there_is_to_have_is_observed_as_wanted() -> None:
    route = [*SUBSETS, to("web", 10, subset="pinned")]
    state = wanted(weight=100, config=BY_SUBSET)
    spec = outcome({"http": [{"route": route}]}, state)
    objects = {REF: {"spec": spec}, RULE_REF: RULE}
    assert IstioRouter().observed(state, objects).weight == 100
    assert IstioRouter().observed(wanted(weight=None, config=BY_SUBSET), objects).weight == 90
    too_much = wanted(weight=100, config=BY_SUBSET, additional=(Destination("e", "", 95),))
    assert IstioRouter().observed(too_much, objects).weight is None


def test_an_unsound_block_is_a_router_error_and_otherwise_nothing() -> None:
    router, state = IstioRouter(), wanted(config={})
    with pytest.raises(RouterError, match="either VirtualService or VirtualServices"):
        router.plan(state, {})
    assert [str(problem.path) for problem in router.check(state, {}, FieldPath("istio"))] == [
        "istio"
    ]
    assert not list(router.references({}, "shop"))
    assert router.observed(state, {}).weight is None
    assert router.bound_hashes({}, "shop", {}) == frozenset()
    assert not list(router.released("web", {}, "shop", {}))


def test_one_object_under_two_names_is_refused() -> None:
    state = wanted(config={"virtualServices": [{"name": "web"}, {"name": "web.shop"}]})
    objects = {REF: {"spec": {"http": [{"route": PAIR}]}}}
    with pytest.raises(RouterError, match="VirtualService shop/web is named twice"):
        IstioRouter().plan(state, objects)
    assert [
        str(problem) for problem in IstioRouter().check(state, objects, FieldPath("istio"))
    ] == [
        'istio.virtualServices[1].name: Invalid value: "web": the same VirtualService is named twice'
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("v1", "networking.istio.io/v1", id="a version"),
        pytest.param(
            "networking.istio.io/v1beta1", "networking.istio.io/v1beta1", id="with its group"
        ),
    ],
)
def test_the_version_of_the_api_can_be_chosen(given: str, expected: str) -> None:
    router = IstioRouter(api_version=given)
    assert {ref.api_version for ref in router.references(BY_SUBSET, "shop")} == {expected}


def test_what_others_get_can_be_read_by_service() -> None:
    route = [to("stable", 60), to("canary", 10), to("exp-a", 20), to("exp-b", 10), to("gone", 0)]
    objects = {
        REF: {"metadata": {"name": "web"}, "spec": {"http": [{"name": "primary", "route": route}]}}
    }
    observed = IstioRouter().observed(wanted(), objects)
    assert observed.additional == {"exp-a": 20, "exp-b": 10}
    assert observed.weight == 10
