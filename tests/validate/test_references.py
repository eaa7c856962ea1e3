from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from gradatim.model.analysis import Template, TemplateRef, parse_template
from gradatim.model.workload import Service, parse_service
from gradatim.plugin import FieldPath, Json, ObjectRef, Patch, Problem, TrafficRouter, Wanted
from gradatim.validate import Plugins, References, invalid_spec, reference_problems

CANARY = "spec.strategy.canary"
STEP = f"{CANARY}.steps[0].analysis.templates"
BACKGROUND = f"{CANARY}.analysis.templates"
METRIC = {"name": "m", "count": 1, "provider": {"web": {}}, "successCondition": "result > 1"}


def service(name: str, annotations: Any = None, **selector: str) -> Service:
    metadata = {"name": name, "annotations": annotations or {}}
    return parse_service({"metadata": metadata, "spec": {"selector": selector}})


def template(name: str, *metrics: Json, kind: str = "AnalysisTemplate", **spec: Any) -> Template:
    if metrics:
        spec = {"metrics": list(metrics), **spec}
    return parse_template({"kind": kind, "metadata": {"name": name}, "spec": spec})


def around(*objects: Service | Template, **fields: Any) -> References:
    return References(
        services={o.meta.name: o for o in objects if isinstance(o, Service)},
        templates={o.ref: o for o in objects if isinstance(o, Template)},
        **fields,
    )


def said(rollout: Any, references: References, plugins: Plugins) -> list[str]:
    return [str(problem) for problem in reference_problems(rollout, references, plugins)]


def inline(build: Any, *names: str, **block: Any) -> Any:
    refs = [{"templateName": name} for name in names]
    return build({"canary": {"steps": [{"analysis": {"templates": refs, **block}}]}})


def background(build: Any, *names: str, **block: Any) -> Any:
    refs = [{"templateName": name} for name in names]
    return build({"canary": {"analysis": {"templates": refs, **block}}})


def test_services_that_are_not_there_are_all_named(build: Any, plugins: Plugins) -> None:
    rollout = build({"canary": {"canaryService": "gone", "stableService": "gone-too"}})
    assert said(rollout, around(), plugins) == [
        f'{CANARY}.stableService: Invalid value: "gone-too": service "gone-too" not found',
        f'{CANARY}.canaryService: Invalid value: "gone": service "gone" not found',
    ]
    assert said(rollout, around(unseen=frozenset({"Service"})), plugins) == []


def test_blue_green_and_ping_pong_services_are_looked_for(build: Any, plugins: Plugins) -> None:
    blue_green = build({"blueGreen": {"activeService": "a", "previewService": "p"}})
    ping_pong = build({"canary": {"pingPong": {"pingService": "a", "pongService": "p"}}})
    assert said(blue_green, around(service("a", app="web")), plugins) == [
        'spec.strategy.blueGreen.previewService: Invalid value: "p": service "p" not found'
    ]
    assert said(ping_pong, around(service("a", app="web")), plugins) == [
        f'{CANARY}.pingPong.pongService: Invalid value: "p": service "p" not found'
    ]


def test_a_service_must_select_the_pods(build: Any, plugins: Plugins) -> None:
    rollout = build({"canary": {"stableService": "s", "stableMetadata": {"labels": {"role": "s"}}}})
    hashed = service("s", app="web", role="s", **{"rollouts-pod-template-hash": "x"})
    assert said(rollout, around(hashed), plugins) == []
    assert said(rollout, around(service("s", app="else", tier="x")), plugins) == [
        f'{CANARY}.stableService: Invalid value: "s": '
        f'Service "s" has unmatch label "{label}" in rollout'
        for label in ("app", "tier")
    ]


def test_a_service_has_one_rollout(build: Any, plugins: Plugins) -> None:
    rollout = build({"canary": {"stableService": "s"}})
    managed = "argo-rollouts.argoproj.io/managed-by-rollouts"
    assert said(rollout, around(service("s", {managed: "web"}, app="web")), plugins) == []
    assert said(rollout, around(service("s", {managed: "other"}, app="web")), plugins) == [
        f'{CANARY}.stableService: Invalid value: "s": Service "s" is managed by another Rollout'
    ]


def test_a_template_that_is_not_there_is_named_as_the_reference_names_it(
    build: Any, plugins: Plugins
) -> None:
    assert said(inline(build, "nope"), around(), plugins) == [
        f"{STEP}: Invalid value: \"nope\": AnalysisTemplate 'nope' not found"
    ]
    cluster = build(
        {"canary": {"analysis": {"templates": [{"templateName": "c", "clusterScope": True}]}}}
    )
    assert said(cluster, around(), plugins) == [
        f"{BACKGROUND}: Invalid value: \"c\": ClusterAnalysisTemplate 'c' not found"
    ]
    unseen = frozenset({"AnalysisTemplate"})
    assert said(inline(build, "nope"), around(unseen=unseen), plugins) == []


def test_nested_templates_are_followed(build: Any, plugins: Plugins) -> None:
    outer = template("outer", templates=[{"templateName": "inner"}])
    circle = template("inner", templates=[{"templateName": "outer"}])
    assert said(inline(build, "outer"), around(outer), plugins) == [
        f"{STEP}: Invalid value: \"inner\": AnalysisTemplate 'inner' not found"
    ]
    assert said(inline(build, "outer"), around(outer, circle), plugins) == [
        f"{STEP}: Invalid value: \"outer\": AnalysisTemplate 'outer' refers back to itself"
    ]
    assert said(inline(build, "outer"), around(outer, template("inner", METRIC)), plugins) == []


def test_an_argument_without_a_value_is_named_as_the_reference_names_it(
    build: Any, plugins: Plugins
) -> None:
    t = template(
        "t", {**METRIC, "successCondition": "result < {{args.max}}"}, args=[{"name": "max"}]
    )
    assert said(inline(build, "t"), around(t), plugins) == [
        f'{STEP}: Invalid value: "templateNames: [t]": args.max was not resolved'
    ]
    given = inline(build, "t", args=[{"name": "max", "value": "5"}])
    assert said(given, around(t), plugins) == []


@pytest.mark.parametrize(
    ("templates", "block", "detail"),
    [
        pytest.param(
            [template("a", METRIC), template("b", METRIC)],
            {},
            "\"templateNames: [a b]\": two metrics have the same name 'm'",
            id="R5: one metric twice",
        ),
        pytest.param(
            [template("a", METRIC, dryRun=[{"metricName": "m"}])],
            {"dryRun": [{"metricName": "m"}]},
            "\"templateNames: [a]\": two Dry-Run metric rules have the same name 'm'",
            id="R6: one rule twice",
        ),
        pytest.param(
            [template("a", {**METRIC, "interval": "{{args.i}}"})],
            {},
            '"a": AnalysisTemplate a: failed to resolve {{args.i}}',
            id="R7: an argument that nobody declares",
        ),
        pytest.param(
            [
                template(
                    "a",
                    METRIC,
                    args=[{"name": "x", "value": "1", "valueFrom": {"fieldRef": {}}}],
                )
            ],
            {},
            "\"a\": AnalysisTemplate a: arg 'x' has both Value and ValueFrom fields",
            id="R7: an argument with two values",
        ),
        pytest.param(
            [template("a", {"name": "m", "interval": "1m", "provider": {"web": {}}})],
            {},
            '"a": AnalysisTemplate a has metric m which runs indefinitely. '
            "Invalid value for count: <nil>",
            id="R8: a step without end",
        ),
        pytest.param(
            [template("a", {**METRIC, "count": 3})],
            {},
            '"templateNames: [a]": Analysis spec invalid: metrics[0]: '
            "interval must be specified when count > 1",
            id="a run that would end at once",
        ),
        pytest.param(
            [template("a", METRIC)],
            {"dryRun": [{"metricName": "other"}]},
            '"templateNames: [a]": Analysis spec invalid: '
            "dryRun[0]: Rule didn't match any metric name(s)",
            id="a rule for no metric",
        ),
        pytest.param(
            [template("a", {**METRIC, "provider": {"newrelic": {}}})],
            {},
            "\"a\": AnalysisTemplate 'a': spec.metrics[0].provider.newrelic: "
            "no installed plugin serves 'newrelic'",
            id="a provider that nobody serves",
        ),
        pytest.param(
            [template("a", {**METRIC, "count": True})],
            {},
            "\"a\": AnalysisTemplate 'a': spec.metrics[0].count: must be an integer, not a boolean",
            id="a wrong type in a template",
        ),
    ],
)
def test_template_rule(
    templates: Any, block: Any, detail: str, build: Any, plugins: Plugins
) -> None:
    rollout = inline(build, *(t.meta.name for t in templates), **block)
    assert said(rollout, around(*templates), plugins) == [f"{STEP}: Invalid value: {detail}"]


def test_a_condition_that_does_not_parse_is_shown(build: Any, plugins: Plugins) -> None:
    t = template("t", {**METRIC, "successCondition": "result =="})
    (line,) = said(inline(build, "t"), around(t), plugins)
    start = (
        f"{STEP}: Invalid value: \"t\": AnalysisTemplate 't': spec.metrics[0].successCondition: "
    )
    assert line.startswith(f'{start}could not evaluate "result ==": ')


def test_background_analyses_need_their_arguments(build: Any, plugins: Plugins) -> None:
    bare = template("bare", {**METRIC, "name": "n"}, args=[{"name": "x"}])
    valued = template("valued", METRIC, args=[{"name": "x", "value": "1"}])
    objects = around(bare, valued)
    assert said(background(build, "bare", "valued"), objects, plugins) == [
        f'{BACKGROUND}: Invalid value: "bare": missing analysis arguments in rollout spec'
    ]
    other = background(build, "bare", "valued", args=[{"name": "y", "value": "1"}])
    assert said(other, objects, plugins) == [f'{BACKGROUND}: Invalid value: "bare": x']
    given = background(build, "bare", "valued", args=[{"name": "x", "value": "1"}])
    assert said(given, objects, plugins) == []


def test_a_background_metric_may_have_no_end(build: Any, plugins: Plugins) -> None:
    endless = template("t", {"name": "m", "interval": "1m", "provider": {"web": {}}})
    assert said(background(build, "t"), around(endless), plugins) == []


def test_a_dry_metric_may_be_as_wrong_as_it_likes(build: Any, plugins: Plugins) -> None:
    wrong = {**METRIC, "successCondition": "result ==", "provider": {"newrelic": {}}}
    rollout = inline(build, "t", dryRun=[{"metricName": "m"}])
    assert said(rollout, around(template("t", wrong)), plugins) == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"secretKeyRef": {"name": "s", "key": "k"}}, id="a secret"),
        pytest.param({"fieldRef": {"fieldPath": "status.phase"}}, id="a field that comes later"),
    ],
)
def test_what_is_not_known_yet_is_not_judged(source: Any, build: Any, plugins: Plugins) -> None:
    metric = {**METRIC, "interval": "{{args.x}}", "count": 5, "successCondition": "{{args.x}} > 1"}
    if "secretKeyRef" in source:
        t, args = template("t", metric, args=[{"name": "x", "valueFrom": source}]), []
    else:
        t = template("t", metric, args=[{"name": "x"}])
        args = [{"name": "x", "valueFrom": source}]
    assert said(inline(build, "t", args=args), around(t), plugins) == []


def test_blue_green_analyses_are_judged_like_steps(build: Any, plugins: Plugins) -> None:
    rollout = build(
        {
            "blueGreen": {
                "activeService": "a",
                "prePromotionAnalysis": {"templates": [{"templateName": "x"}]},
                "postPromotionAnalysis": {"templates": [{"templateName": "y"}]},
            }
        }
    )
    paths = [line.split(":")[0] for line in said(rollout, around(service("a")), plugins)]
    assert paths == [
        "spec.strategy.blueGreen.prePromotionAnalysis.templates",
        "spec.strategy.blueGreen.postPromotionAnalysis.templates",
    ]


class Router(TrafficRouter):
    key = "mesh"

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        return ()

    def check(
        self, wanted: Wanted, objects: Mapping[ObjectRef, Json], path: FieldPath
    ) -> Iterable[Problem]:
        shown = f"{wanted.stable.service} {wanted.canary.service} {wanted.total}"
        yield Problem(path, f"{shown} {wanted.managed_routes} {len(objects)}")


@dataclass(frozen=True)
class Route:
    router: TrafficRouter
    config: Json
    path: FieldPath
    objects: Mapping[ObjectRef, Json]


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({"stableService": "s", "canaryService": "c"}, "s c"),
        ({"pingPong": {"pingService": "i", "pongService": "o"}}, "i o"),
    ],
)
def test_routers_check_their_objects(fields: Any, seen: str, build: Any, plugins: Plugins) -> None:
    routing = {"managedRoutes": [{"name": "r"}], "maxTrafficWeight": 1000}
    rollout = build({"canary": {**fields, "trafficRouting": routing}})
    route = Route(Router(), {}, FieldPath("x"), {})
    services = [service(name, app="web") for name in "scio"]
    references = around(*services, routes=(route,))
    assert said(rollout, references, plugins) == [f"x: {seen} 1000 ('r',) 0"]


def test_what_is_missing_comes_before_what_is_wrong(build: Any, plugins: Plugins) -> None:
    class Lost(Router):
        def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
            return [ObjectRef("mesh/v1", "Route", namespace, "r")]

    rollout = build({"canary": {"stableService": "s", "trafficRouting": {}}})
    routes = (Route(Router(), {}, FieldPath("x"), {}), Route(Lost(), {}, FieldPath("y"), {}))
    found = said(rollout, around(service("s", app="else"), routes=routes), plugins)
    assert [line.split(":")[0] for line in found] == ["y", f"{CANARY}.stableService", "x"]


def test_references_are_looked_at_only_when_the_spec_is_sound(build: Any, plugins: Plugins) -> None:
    both = build({"canary": {"stableService": "a", "canaryService": "a"}})
    missing = build({"canary": {"stableService": "a"}})
    assert [str(p.path) for p in invalid_spec(both, around(), plugins)] == [
        f"{CANARY}.stableService"
    ]
    assert [p.message for p in invalid_spec(missing, around(), plugins)] == [
        'Invalid value: "a": service "a" not found'
    ]
    assert invalid_spec(missing, around(service("a", app="web")), plugins) == ()


def test_references_say_which_template_they_mean() -> None:
    assert str(TemplateRef("a", True)) == "ClusterAnalysisTemplate 'a'"
