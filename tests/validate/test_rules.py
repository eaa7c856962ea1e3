"""The reference's rules by their numbers (S1 to S46 of a spec, R1 to R24 of what it refers to): none is left out.

A row here or in the tables beside this one has the rule's number first in its id. R11 to R14 and R20 to R23 are of
routers that come as plugins: of a block that nobody serves that is said, and nothing about what is in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gradatim.model.analysis import Template, parse_template
from gradatim.model.rollout import Rollout
from gradatim.model.workload import Service, parse_service
from gradatim.plugin import FieldPath, Json, ObjectRef, Problem, TrafficRouter
from gradatim.validate import Plugins, References, reference_problems, rollout_problems
from gradatim_istio import gradatim_validate_route
from gradatim_istio.router import IstioRouter

HERE = Path(__file__).parent
CANARY = "spec.strategy.canary"
ISTIO_PATH = FieldPath("spec", "strategy", "canary", "trafficRouting", "istio")
SERVICES = {"stableService": "stable", "canaryService": "canary"}
METRIC = {"name": "m", "count": 1, "provider": {"web": {}}, "successCondition": "result > 1"}


class WithIstio:
    """The plugin's own rules for `istio`, and what the fake serves otherwise; ALB and Nginx are not installed."""

    def __init__(self, others: Plugins) -> None:
        self._others = others

    def __getattr__(self, name: str) -> Any:
        return getattr(self._others, name)

    def router_keys(self) -> tuple[str, ...]:
        return ("istio",)

    def validate_route(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        found = gradatim_validate_route(key, config, path)
        return [Problem(path, f"no installed plugin serves {key!r}")] if found is None else found


@dataclass(frozen=True)
class Route:
    config: Json
    objects: Mapping[ObjectRef, Json]
    router: TrafficRouter = field(default_factory=IstioRouter)
    path: FieldPath = ISTIO_PATH


def service(name: str, **annotations: str) -> Service:
    metadata = {"name": name, "annotations": annotations}
    return parse_service({"metadata": metadata, "spec": {"selector": {"app": "web"}}})


def template(name: str, **spec: Any) -> Template:
    raw = {"kind": "AnalysisTemplate", "metadata": {"name": name}, "spec": spec}
    return parse_template(raw)


def around(*objects: Service | Template, routes: tuple[Route, ...] = ()) -> References:
    return References(
        services={o.meta.name: o for o in objects if isinstance(o, Service)},
        templates={o.ref: o for o in objects if isinstance(o, Template)},
        routes=routes,
    )


SPEC_RULES = [
    ("S2: no selector", {"selector": None}, "spec.selector: Required value: Rollout has missing"),
    (
        "S3: a label that Kubernetes does not take",
        {"selector": {"matchLabels": {"app": "web", "a b": "x"}}},
        "spec.selector.matchLabels: Invalid value: ",
    ),
    (
        "S6: an operator that nobody knows",
        {"selector": {"matchExpressions": [{"key": "app", "operator": "Like", "values": ["w"]}]}},
        "spec.selector.matchExpressions[0].operator: Invalid value: ",
    ),
    (
        "S10: a deadline before the beginning",
        {"progressDeadlineSeconds": -1},
        "spec.progressDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
    ),
    ("S12: no strategy", {"strategy": {}}, "spec.strategy: Required value: Rollout has missing"),
    (
        "S35: a canary's scale without routing",
        {"strategy": {"canary": {"steps": [{"setCanaryScale": {"replicas": 1}}]}}},
        f"{CANARY}.trafficRouting: Required value: SetCanaryScale requires TrafficRouting",
    ),
    (
        "S42: a mirror route while there are no managed routes",
        {
            "strategy": {
                "canary": {
                    **SERVICES,
                    "steps": [{"setMirrorRoute": {"name": "m"}}],
                    "trafficRouting": {"istio": {"virtualService": {"name": "web"}}},
                }
            }
        },
        f"{CANARY}.trafficRouting.managedRoutes: Required value: Rollout has missing field",
    ),
]


def routed(**routing: Any) -> Json:
    return {"strategy": {"canary": {**SERVICES, "trafficRouting": routing}}}


BLOCK_RULES = [
    (
        "R11: Nginx, which is served by nobody, with two kinds of Ingresses",
        routed(nginx={"stableIngress": "a", "stableIngresses": ["b"]}),
        f"{CANARY}.trafficRouting.nginx: no installed plugin serves 'nginx'",
    ),
    (
        "R12: ALB, which is served by nobody, with two kinds of Ingresses",
        routed(alb={"ingress": "a", "ingresses": ["b"], "servicePort": 80}),
        f"{CANARY}.trafficRouting.alb: no installed plugin serves 'alb'",
    ),
    (
        "R13: an Ingress that is not there, of a router that is not there either",
        routed(nginx={"stableIngress": "gone"}),
        f"{CANARY}.trafficRouting.nginx: no installed plugin serves 'nginx'",
    ),
    (
        "R14: an Ingress without the Service, of a router that is not there",
        routed(alb={"ingress": "bare", "servicePort": 80}),
        f"{CANARY}.trafficRouting.alb: no installed plugin serves 'alb'",
    ),
    (
        "R15: a VirtualService and VirtualServices",
        routed(istio={"virtualService": {"name": "a"}, "virtualServices": [{"name": "b"}]}),
        f"{CANARY}.trafficRouting.istio: Internal error: either VirtualService or VirtualServices",
    ),
    (
        "R15: neither of them",
        routed(istio={}),
        f"{CANARY}.trafficRouting.istio: Internal error: either VirtualService or VirtualServices",
    ),
    (
        "R20: Ambassador, which is served by nobody, without mappings",
        routed(ambassador={"mappings": []}),
        f"{CANARY}.trafficRouting.ambassador: no installed plugin serves 'ambassador'",
    ),
    (
        "R21: a Mapping with a weight, of a router that is not there",
        routed(ambassador={"mappings": ["weighted"]}),
        f"{CANARY}.trafficRouting.ambassador: no installed plugin serves 'ambassador'",
    ),
    (
        "R22: App Mesh, which is served by nobody, without a VirtualService",
        routed(appMesh={}),
        f"{CANARY}.trafficRouting.appMesh: no installed plugin serves 'appMesh'",
    ),
    (
        "R23: a VirtualRouter without targets, of a router that is not there",
        routed(appMesh={"virtualService": {"name": "web"}}),
        f"{CANARY}.trafficRouting.appMesh: no installed plugin serves 'appMesh'",
    ),
]
SPEC_ROWS = [*SPEC_RULES, *BLOCK_RULES]


@pytest.mark.parametrize(
    ("spec", "told"), [r[1:] for r in SPEC_ROWS], ids=[r[0] for r in SPEC_ROWS]
)
def test_rule_of_the_spec(spec: Json, told: str, build: Any, plugins: Plugins) -> None:
    said = [str(problem) for problem in rollout_problems(build(**spec), WithIstio(plugins))]
    assert [line for line in said if line.startswith(told)], said


ISTIO = {"virtualService": {"name": "web", "routes": ["primary"]}}


def by_istio(spec: Json | None) -> tuple[Json, References]:
    """A routed canary, and the spec of its VirtualService; None: it is not there."""
    router = IstioRouter()
    (ref,) = list(router.references(ISTIO, "default"))
    raw = {"metadata": {"name": "web", "resourceVersion": "1"}, "spec": spec}
    objects = {} if spec is None else {ref: raw}
    references = around(
        service("stable"), service("canary"), routes=(Route(ISTIO, objects, router),)
    )
    return routed(istio=ISTIO), references


ROUTE_TO_STABLE = {"name": "primary", "route": [{"destination": {"host": "stable"}}]}
MANAGED = "argo-rollouts.argoproj.io/managed-by-rollouts"


def canary(**fields: Any) -> Json:
    return {"strategy": {"canary": fields}}


def background(*names: str, **block: Any) -> Json:
    return canary(analysis={"templates": [{"templateName": n} for n in names], **block})


#: The value that one template has for an argument makes the run whole, and the other's Rollout has to give its own.
BARE = template("bare", metrics=[{**METRIC, "name": "n"}], args=[{"name": "x"}])
VALUED = template("valued", metrics=[METRIC], args=[{"name": "x", "value": "1"}])
REFERENCE_RULES = [
    (
        "R1: a Service that is not there",
        (canary(stableService="gone"), around()),
        f'{CANARY}.stableService: Invalid value: "gone": service "gone" not found',
    ),
    (
        "R2: a Service of other pods",
        (
            canary(stableService="s"),
            around(parse_service({"metadata": {"name": "s"}, "spec": {"selector": {"app": "x"}}})),
        ),
        f'{CANARY}.stableService: Invalid value: "s": Service "s" has unmatch label "app"',
    ),
    (
        "R3: a Service of another Rollout",
        (canary(stableService="s"), around(service("s", **{MANAGED: "other"}))),
        f'{CANARY}.stableService: Invalid value: "s": Service "s" is managed by another Rollout',
    ),
    (
        "R4: a template that is not there",
        (background("gone"), around()),
        f"{CANARY}.analysis.templates: Invalid value: \"gone\": AnalysisTemplate 'gone' not found",
    ),
    (
        "R9: an argument without a value, and no arguments at all",
        (background("bare", "valued"), around(BARE, VALUED)),
        f'{CANARY}.analysis.templates: Invalid value: "bare": missing analysis arguments',
    ),
    (
        "R10: an argument without a value among others",
        (background("bare", "valued", args=[{"name": "y", "value": "1"}]), around(BARE, VALUED)),
        f'{CANARY}.analysis.templates: Invalid value: "bare": x',
    ),
    (
        "R16: a VirtualService that is not there",
        by_istio(None),
        f'{CANARY}.trafficRouting.istio.virtualService.name: Invalid value: "web": virtualservices.',
    ),
    (
        "R17: a VirtualService without routes",
        by_istio({}),
        f'{ISTIO_PATH}.virtualService.name: Invalid value: "web": '
        "Unable to get any of the HTTP, TCP or TLS ",
    ),
    (
        "R18: routes that cannot be read",
        by_istio({"http": "text"}),
        f'{ISTIO_PATH}.virtualService.name: Invalid value: "web": '
        "Unable to get HTTP routes for Istio ",
    ),
    (
        "R19: a route without the canary",
        by_istio({"http": [ROUTE_TO_STABLE]}),
        f'{ISTIO_PATH}.virtualService.name: Invalid value: "web": '
        "Istio VirtualService has invalid HTTP routes. Error: ",
    ),
]


@pytest.mark.parametrize(
    ("given", "told"), [r[1:] for r in REFERENCE_RULES], ids=[r[0] for r in REFERENCE_RULES]
)
def test_rule_of_what_it_refers_to(
    given: tuple[Json, References], told: str, build: Any, plugins: Plugins
) -> None:
    spec, references = given
    rollout: Rollout = build(**spec)
    assert not list(rollout_problems(rollout, WithIstio(plugins)))
    said = [str(problem) for problem in reference_problems(rollout, references, WithIstio(plugins))]
    assert [line for line in said if line.startswith(told)], said


def test_no_rule_is_without_a_row() -> None:
    texts = "\n".join(file.read_text() for file in sorted(HERE.glob("test_*.py")))
    named = set(re.findall(r'"([SR]\d+): ', texts))
    rules = {*(f"S{n}" for n in range(1, 47)), *(f"R{n}" for n in range(1, 25))}
    assert named == rules
