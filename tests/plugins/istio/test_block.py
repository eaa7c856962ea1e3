"""The `istio` block: what is said about wrong ones, and what a sound one means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradatim_istio
from gradatim.plugin import FieldPath
from gradatim_istio.config import parse
from gradatim_istio.names import short_host, split_name

RULE = {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}


def said(config: Any) -> list[str]:
    problems = gradatim_istio.gradatim_validate_route("istio", config, FieldPath("istio"))
    assert problems is not None
    return [str(problem) for problem in problems]


def with_service(**fields: Any) -> Any:
    return {"virtualService": {"name": "web"} | fields}


def with_rule(**fields: Any) -> Any:
    return with_service() | {"destinationRule": RULE | fields}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param(
            {},
            "istio: Internal error: either VirtualService or VirtualServices must be configured, and neither is",
            id="neither of the two",
        ),
        pytest.param(
            with_service() | {"virtualServices": [{"name": "api"}]},
            "istio: Internal error: either VirtualService or VirtualServices must be configured, and both are",
            id="both of the two",
        ),
        pytest.param(None, "istio: must be an object, not null", id="null"),
        pytest.param([], "istio: must be an object, not a list", id="a list"),
        pytest.param(
            {"virtualService": "web"},
            "istio.virtualService: must be an object, not a string",
            id="the name instead of the object",
        ),
        pytest.param(
            {"virtualServices": []},
            "istio.virtualServices: must name at least one VirtualService",
            id="an empty list",
        ),
        pytest.param(
            {"virtualServices": {"name": "web"}},
            "istio.virtualServices: must be a list, not an object",
            id="no list",
        ),
        pytest.param(
            {"virtualServices": [{"name": "web"}, {"name": "api"}, {"name": "web"}]},
            'istio.virtualServices[2].name: "web" is already entry 0; list all its routes there',
            id="twice the same",
        ),
        pytest.param(
            {"virtualServices": [{"name": "web.shop"}, {"name": "web.shop.svc.cluster.local"}]},
            'istio.virtualServices[1].name: "web.shop.svc.cluster.local" is already entry 0; '
            "list all its routes there",
            id="twice the same, spelt differently",
        ),
        pytest.param(
            {"virtualService": {}},
            "istio.virtualService.name: Required value: must not be empty",
            id="no name",
        ),
        pytest.param(
            with_service(name=True),
            "istio.virtualService.name: must be a string, not a boolean",
            id="a name that is no string",
        ),
        pytest.param(
            with_service(name="web."),
            "istio.virtualService.name: 'web.' cannot be the name of an object",
            id="nothing after the dot",
        ),
        pytest.param(
            with_service(name="Web\nb"),
            "istio.virtualService.name: 'Web\\nb' cannot be the name of an object",
            id="a name of two lines",
        ),
        pytest.param(
            with_service(routes="primary"),
            "istio.virtualService.routes: must be a list, not a string",
            id="routes that are no list",
        ),
        pytest.param(
            with_service(routes=["a", 3]),
            "istio.virtualService.routes[1]: must be a string, not a number",
            id="a route that is no string",
        ),
        pytest.param(
            with_service(tcpRoutes=[{"port": 70000}]),
            "istio.virtualService.tcpRoutes[0].port: must be a port number, 1 to 65535",
            id="a port too high",
        ),
        pytest.param(
            with_service(tcpRoutes=[{"port": True}]),
            "istio.virtualService.tcpRoutes[0].port: must be a port number, 1 to 65535",
            id="a port that is a boolean",
        ),
        pytest.param(
            with_service(tlsRoutes=[3306]),
            "istio.virtualService.tlsRoutes[0]: must be an object, not a number",
            id="a TLS route that is no object",
        ),
        pytest.param(
            with_service(tlsRoutes=[{"sniHosts": [None]}]),
            "istio.virtualService.tlsRoutes[0].sniHosts[0]: Required value: must not be empty",
            id="an SNI host of null",
        ),
        pytest.param(
            with_service() | {"destinationRule": []},
            "istio.destinationRule: must be an object, not a list",
            id="a DestinationRule that is no object",
        ),
        pytest.param(
            with_rule(stableSubsetName="canary"),
            'istio.destinationRule.stableSubsetName: must differ from canarySubsetName; both are "canary"',
            id="one subset for both",
        ),
        pytest.param(
            with_rule(canarySubsetName=None),
            "istio.destinationRule.canarySubsetName: Required value: must not be empty",
            id="no canary's subset",
        ),
        pytest.param(
            with_rule(additionalSubsetNames=["x", "stable"]),
            'istio.destinationRule.additionalSubsetNames[1]: "stable" is already the canary\'s or the stable subset',
            id="an additional subset that is none",
        ),
        pytest.param(
            with_rule(additionalSubsetNames="x"),
            "istio.destinationRule.additionalSubsetNames: must be a list, not a string",
            id="additional subsets that are no list",
        ),
        pytest.param(
            with_service() | {"destinationRules": []},
            'istio.destinationRules: unknown field; did you mean "destinationRule"?',
            id="a misspelt field",
        ),
        pytest.param(
            with_service(httpRoutes=[]),
            'istio.virtualService.httpRoutes: unknown field; did you mean "tcpRoutes"?',
            id="a field of the VirtualService that is unknown",
        ),
        pytest.param(
            {"virtualServices": [{"name": "web", "zzz": 1}]},
            "istio.virtualServices[0].zzz: unknown field",
            id="an unknown field with nothing like it",
        ),
        pytest.param(
            with_service(tlsRoutes=[{"snihosts": []}]),
            'istio.virtualService.tlsRoutes[0].snihosts: unknown field; did you mean "sniHosts"?',
            id="an unknown field of a TLS route",
        ),
        pytest.param(
            with_service(tcpRoutes=[{"ports": 1}]),
            'istio.virtualService.tcpRoutes[0].ports: unknown field; did you mean "port"?',
            id="an unknown field of a TCP route",
        ),
        pytest.param(
            with_rule(canarySubset="x"),
            'istio.destinationRule.canarySubset: unknown field; did you mean "canarySubsetName"?',
            id="an unknown field of the DestinationRule",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_path(config: Any, expected: str) -> None:
    assert said(config) == [expected]


def test_all_of_it_is_said_at_once() -> None:
    config = {"virtualService": {"name": "", "routes": 1}, "destinationRule": {}, "extra": 1}
    assert [line.split(":")[0] for line in said(config)] == [
        "istio.virtualService.name",
        "istio.virtualService.routes",
        "istio.destinationRule.name",
        "istio.destinationRule.canarySubsetName",
        "istio.destinationRule.stableSubsetName",
        "istio.extra",
    ]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(with_service(), id="only a name"),
        pytest.param(
            with_service(routes=None, tlsRoutes=[], tcpRoutes=[{}]), id="null and empty lists"
        ),
        pytest.param(with_rule(additionalSubsetNames=["other"]), id="a DestinationRule"),
        pytest.param(
            {"virtualService": None, "virtualServices": [{"name": "a.b"}]}, id="null is absent"
        ),
        pytest.param(
            {"virtualServices": [{"name": "web.a"}, {"name": "web.b"}]},
            id="one name in two namespaces",
        ),
    ],
)
def test_a_sound_block_is_sound(config: Any) -> None:
    assert said(config) == []
    assert parse(config, "shop") is not None


def test_the_keys_of_others_are_left_to_them() -> None:
    assert gradatim_istio.gradatim_validate_route("nginx", {}, FieldPath()) is None


@pytest.mark.parametrize(
    ("configured", "name", "namespace"),
    [
        pytest.param("web", "web", "", id="alone"),
        pytest.param("web.shop", "web", "shop", id="with its namespace"),
        pytest.param("web.v1.shop", "web.v1", "shop", id="the name has a dot"),
        pytest.param("web.shop.cluster.local", "web", "shop", id="with the cluster's domain"),
        pytest.param("web.shop.svc.cluster.local", "web", "shop", id="as a Service would be named"),
        pytest.param("web.svc.cluster.local", "web", "svc", id="a namespace called svc"),
    ],
)
def test_a_name_may_hold_its_namespace(configured: str, name: str, namespace: str) -> None:
    assert split_name(configured) == (name, namespace)


def test_hosts_are_compared_up_to_their_first_dot() -> None:
    assert short_host("web.shop.svc.cluster.local") == short_host("web") == "web"


def test_a_block_becomes_values() -> None:
    block = parse(
        {
            "virtualServices": [
                {"name": "web", "routes": ["b", "a", "b"]},
                {
                    "name": "gate.edge",
                    "tlsRoutes": [{"sniHosts": ["x"]}],
                    "tcpRoutes": [{"port": 1}, {}],
                },
            ],
            "destinationRule": RULE | {"additionalSubsetNames": ["more"]},
        },
        "shop",
    )
    assert block is not None
    web, gate = block.virtual_services
    assert (web.name, web.namespace, web.routes) == ("web", "shop", ("b", "a"))
    assert (gate.name, gate.namespace, gate.tcp) == ("gate", "edge", (1, 0))
    assert [(each.port, each.sni_hosts) for each in gate.tls] == [(0, ("x",))]
    assert str(gate.path(FieldPath("istio"))) == "istio.virtualServices[1].name"
    assert block.destination_rule is not None
    assert block.destination_rule.additional_subsets == {"more"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["virtualService", "virtualServices", "destinationRule", "name", "routes", "tlsRoutes", "port"]
)
BLOCKS = st.dictionaries(
    FIELDS, JSON | st.lists(st.dictionaries(FIELDS, JSON, max_size=4), max_size=3), max_size=4
)


@given(JSON | BLOCKS | st.fixed_dictionaries({"virtualService": BLOCKS, "destinationRule": BLOCKS}))
def test_no_json_is_too_odd_to_be_validated(config: Any) -> None:
    lines = said(config)
    assert all("\n" not in line for line in lines)
    if parse(config, "shop") is None:
        assert lines
