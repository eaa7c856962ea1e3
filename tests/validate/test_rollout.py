from __future__ import annotations

from typing import Any

import pytest

from gradatim.model.rollout import parse_rollout
from gradatim.validate import Plugins, rollout_problems

STEP = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause"
TWO_SERVICES = "This rollout uses the same service for the {} services, but two different services are required."
CANARY = "spec.strategy.canary"
ISTIO = {"istio": {"virtualService": {"name": "web"}}}
SERVICES = {"stableService": "stable", "canaryService": "canary"}


def said(rollout: Any, plugins: Plugins) -> list[str]:
    return [str(problem) for problem in rollout_problems(rollout, plugins)]


def test_a_sound_rollout_has_no_problem(build: Any, plugins: Plugins) -> None:
    assert said(build(), plugins) == []


def test_an_empty_object_lacks_selector_containers_and_strategy(plugins: Plugins) -> None:
    assert said(parse_rollout({}), plugins) == [
        "spec.selector: Required value: Rollout has missing field '.spec.selector'",
        "spec.template.spec.containers: Required value",
        "spec.strategy: Required value: "
        "Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'",
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            {"replicas": -1},
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            id="S1: fewer than no pods",
        ),
        pytest.param(
            {"selector": {}, "replicas": 1},
            "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
            id="S4: a selector of everything",
        ),
        pytest.param(
            {"selector": {"matchLabels": {"app": "else"}}},
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: '
            "`selector` does not match template `labels`",
            id="S7: a selector of other pods",
        ),
        pytest.param(
            {"minReadySeconds": 700, "progressDeadlineSeconds": 600},
            "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
            id="S11: a deadline before pods can be available",
        ),
        pytest.param(
            {"minReadySeconds": -1},
            "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
            id="S8: ready before it began",
        ),
        pytest.param(
            {"revisionHistoryLimit": -1},
            "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
            id="S9: a negative history",
        ),
        pytest.param(
            {"replicas": "three"},
            "spec.replicas: must be an integer, not a string",
            id="a wrong type",
        ),
        pytest.param(
            {"workloadRef": {"kind": "Deployment", "name": "web"}},
            "spec.template: Internal error: template must be empty for workload reference rollout",
            id="S5: a template beside a reference",
        ),
        pytest.param(
            {
                "workloadRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"},
                "template": None,
            },
            'spec.workloadRef.kind: Unsupported value: "StatefulSet": '
            'supported values: "Deployment", "ReplicaSet", "PodTemplate"',
            id="R24: a kind that gives no template",
        ),
    ],
)
def test_spec_rule(spec: Any, message: str, build: Any, plugins: Plugins) -> None:
    assert said(build(**spec), plugins) == [message]


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        pytest.param(
            {"canary": {}, "blueGreen": {"activeService": "x"}},
            'spec.strategy: Invalid value: "blueGreen: true canary: true": '
            "Multiple Strategies can not be listed",
            id="S13: two strategies",
        ),
        pytest.param(
            {"blueGreen": {"activeService": "a", "previewService": "a"}},
            'spec.strategy.blueGreen.activeService: Invalid value: "a": '
            + TWO_SERVICES.format("active and preview"),
            id="S14: preview is active",
        ),
        pytest.param(
            {"blueGreen": {"activeService": "a", "scaleDownDelayRevisionLimit": 11}},
            "spec.strategy.blueGreen.scaleDownDelayRevisionLimit: Invalid value: 11: "
            "This rollout's revision history limit can not be smaller than the rollout's scale down limit",
            id="S15: more to wait for than is kept",
        ),
        pytest.param(
            {"canary": {"antiAffinity": {}}},
            "spec.strategy.canary.antiAffinity: Invalid value: "
            '"antiAffinity.PreferredDuringSchedulingIgnoredDuringExecution: false '
            'antiAffinity.RequiredDuringSchedulingIgnoredDuringExecution: false": '
            "AntiAffinity must have exactly one strategy listed",
            id="S16: no kind of anti-affinity",
        ),
        pytest.param(
            {
                "blueGreen": {
                    "activeService": "a",
                    "antiAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": {"weight": 101}
                    },
                }
            },
            "spec.strategy.blueGreen.antiAffinity.preferredDuringSchedulingIgnoredDuringExecution.weight: "
            "Invalid value: 101: AntiAffinity weight must be between 1-100",
            id="S17: a weight that no scheduler knows",
        ),
        pytest.param(
            {"blueGreen": {"activeService": 5, "previewService": "b"}},
            "spec.strategy.blueGreen.activeService: must be a string, not a number",
            id="a wrong type in blueGreen",
        ),
    ],
)
def test_strategy_rule(strategy: Any, message: str, build: Any, plugins: Plugins) -> None:
    assert said(build(strategy), plugins) == [message]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(
            {"maxSurge": 0, "maxUnavailable": "0%"},
            f"{CANARY}.maxSurge: Invalid value: 0: MaxSurge and MaxUnavailable both can not be zero",
            id="S18: no pod may come or go",
        ),
        pytest.param(
            {"stableService": "a", "canaryService": "a"},
            f'{CANARY}.stableService: Invalid value: "a": '
            + TWO_SERVICES.format("stable and canary"),
            id="S19: one Service for both",
        ),
        pytest.param(
            {"pingPong": {"pingService": "a", "pongService": "b"}, "trafficRouting": {}},
            f"{CANARY}.trafficRouting.alb: Invalid value: null: "
            "Ping-pong feature works with the ALB, Istio, and plugin-based traffic routers only",
            id="S20: ping-pong without a router that can",
        ),
        pytest.param(
            {"pingPong": {"pongService": "b"}},
            f'{CANARY}.pingPong.pingService: Invalid value: "": '
            "Ping service and Pong service must to be set to use Ping-Pong feature",
            id="S21: no ping",
        ),
        pytest.param(
            {"pingPong": {"pingService": "b"}},
            f'{CANARY}.pingPong.pongService: Invalid value: "": '
            "Ping service and Pong service must to be set to use Ping-Pong feature",
            id="S22: no pong",
        ),
        pytest.param(
            {"pingPong": {"pingService": "b", "pongService": "b"}},
            f'{CANARY}.pingPong.pingService: Invalid value: "b": '
            + TWO_SERVICES.format("ping and pong"),
            id="S23: ping is pong",
        ),
        pytest.param(
            {"pingPong": {"pingService": "a", "pongService": "b"}, "trafficRouting": {"alb": {}}},
            f'{CANARY}.trafficRouting.alb.rootService: Invalid value: "": Root service field is required '
            "for the configuration with ALB and ping-pong feature enabled",
            id="S24: ping-pong by ALB without a root Service",
        ),
        pytest.param(
            {"canaryService": "canary", "trafficRouting": ISTIO},
            f'{CANARY}.stableService: Invalid value: "": '
            "Canary service and Stable service must to be set to use Traffic Routing",
            id="S25: routed without a stable Service",
        ),
        pytest.param(
            {"stableService": "stable", "trafficRouting": {"nginx": {}}},
            f'{CANARY}.canaryService: Invalid value: "": '
            "Canary service and Stable service must to be set to use Traffic Routing",
            id="S26: routed without a canary Service",
        ),
        pytest.param(
            {"scaleDownDelaySeconds": 5},
            f"{CANARY}.scaleDownDelaySeconds: Invalid value: 5: "
            "Canary scaleDownDelaySeconds can only be used with traffic routing",
            id="S27: a delay without routing",
        ),
        pytest.param(
            {"dynamicStableScale": True},
            f"{CANARY}.dynamicStableScale: Invalid value: true: "
            "Canary dynamicStableScale can only be used with traffic routing",
            id="S28: stable shrinks without routing",
        ),
        pytest.param(
            {
                "dynamicStableScale": True,
                "scaleDownDelaySeconds": 5,
                "trafficRouting": ISTIO,
                **SERVICES,
            },
            f"{CANARY}.dynamicStableScale: Invalid value: true: "
            "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds",
            id="S29: stable shrinks and waits",
        ),
        pytest.param(
            {"trafficRouting": {**ISTIO, "maxTrafficWeight": 1000}, **SERVICES},
            f"{CANARY}.trafficRouting.maxTrafficWeight: Invalid value: 1000: "
            "Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins",
            id="S30: a total that the router cannot have",
        ),
        pytest.param(
            {"trafficRouting": {"nginx": {}, "maxTrafficWeight": 0}, **SERVICES},
            f"{CANARY}.trafficRouting.maxTrafficWeight: Invalid value: 0: must be greater than 0",
            id="a total of nothing",
        ),
        pytest.param(
            {"replicaProgressThreshold": {"type": "Percent", "value": 101}},
            f"{CANARY}.replicaProgressThreshold.value: Invalid value: 101: "
            "must not be more than 100 percent",
            id="a threshold that is never met",
        ),
        pytest.param(
            {"trafficRouting": {"traefik": {}}},
            f"{CANARY}.trafficRouting.traefik: no installed plugin serves 'traefik'",
            id="a router that nobody serves, and nothing said of what it can do",
        ),
        pytest.param(
            {"trafficRouting": {"plugins": {"example.com/mesh": {"wrong": 1}}}},
            f"{CANARY}.trafficRouting.plugins.[example.com/mesh].wrong: is wrong".replace(
                ".[", "["
            ),
            id="a plugin's own rule",
        ),
        pytest.param(
            {"trafficRouting": {"plugins": {"example.com/mesh": 5}}},
            f"{CANARY}.trafficRouting.plugins[example.com/mesh]: must be an object",
            id="a plugin's block that is a number",
        ),
        pytest.param(
            {
                "analysis": {
                    "args": [
                        {"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "spec.nothing"}}}
                    ]
                }
            },
            f"{CANARY}.analysis.args[0].valueFrom.fieldRef.fieldPath: "
            'Invalid value: "spec.nothing": invalid path spec.nothing in rollout',
            id="an argument of a field that is not there",
        ),
    ],
)
def test_canary_rule(fields: Any, message: str, canary: Any, plugins: Plugins) -> None:
    assert said(canary(**fields), plugins) == [message]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"maxSurge": 0}, id="maxUnavailable is 25 where it is absent"),
        pytest.param({"maxSurge": "0%", "maxUnavailable": "1%"}, id="one percent is not nothing"),
        pytest.param(
            {"trafficRouting": {"istio": {"destinationRule": {"name": "web"}}}},
            id="Istio by subsets needs no Services",
        ),
        pytest.param(
            {"trafficRouting": {"plugins": {"example.com/mesh": {}}}},
            id="a plugin's router says itself what it needs",
        ),
        pytest.param({"trafficRouting": {}}, id="trafficRouting without a router"),
        pytest.param(
            {"trafficRouting": {"nginx": {}, "maxTrafficWeight": 1000}, **SERVICES},
            id="a total that the router can have",
        ),
        pytest.param({"abortScaleDownDelaySeconds": -1}, id="a negative delay, which acts as none"),
        pytest.param(
            {"replicaProgressThreshold": {"type": "Percent", "value": 100}}, id="all of the pods"
        ),
        pytest.param(
            {
                "analysis": {
                    "args": [
                        {"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}},
                        {"name": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                        {"name": "c", "valueFrom": {"podTemplateHashValue": "Latest"}},
                    ]
                }
            },
            id="arguments of fields that are there, or will be",
        ),
    ],
)
def test_canary_that_is_accepted(fields: Any, canary: Any, plugins: Plugins) -> None:
    assert said(canary(**fields), plugins) == []


@pytest.mark.parametrize(
    ("step", "routing", "message"),
    [
        pytest.param(
            {"setWeight": 10, "pause": {}},
            None,
            'Invalid value: "step.Experiment: false step.Pause: true step.SetWeight: true '
            f'step.Analysis: false": {STEP}',
            id="S31: two actions",
        ),
        pytest.param(
            {},
            None,
            'Invalid value: "step.Experiment: true step.Pause: true step.SetWeight: true '
            "step.Analysis: true step.SetCanaryScale: true step.SetHeaderRoute: true "
            f'step.SetMirrorRoute: true step.Plugin: true": {STEP}',
            id="S32: no action",
        ),
        pytest.param(
            {"setWeight": 120},
            None,
            ".setWeight: Invalid value: 120: SetWeight needs to be between 0 and 100",
            id="S33: more than everything",
        ),
        pytest.param(
            {"setWeight": 1001},
            {"nginx": {}, "maxTrafficWeight": 1000},
            ".setWeight: Invalid value: 1001: SetWeight needs to be between 0 and 1000",
            id="S33: more than the total",
        ),
        pytest.param(
            {"pause": {"duration": "5x"}},
            None,
            ".pause.duration: Invalid value: -1: Duration needs to be greater than 0",
            id="S34: a unit that is none",
        ),
        pytest.param(
            {"setHeaderRoute": {"name": "h"}},
            {"nginx": {}, "managedRoutes": [{"name": "h"}]},
            '.setHeaderRoute: Invalid value: {"name":"h"}: '
            "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix",
            id="S36: a header route where the router has none",
        ),
        pytest.param(
            {
                "setHeaderRoute": {
                    "name": "h",
                    "match": [{"headerName": "a", "headerValue": {"prefix": "x"}}],
                }
            },
            {"alb": {}, "managedRoutes": [{"name": "h"}]},
            '.setHeaderRoute.match[0]: Invalid value: {"prefix":"x"}: '
            "SetHeaderRoute match value invalid. ALB supports 'exact' value only",
            id="S37: ALB knows exact values only",
        ),
        pytest.param(
            {"setHeaderRoute": {"name": "h", "match": [{"headerName": "a"}]}},
            {**ISTIO, "managedRoutes": [{"name": "h"}]},
            ".setHeaderRoute.match[0]: Invalid value: null: "
            "StringMatch value missed, match value must have one of the following: exact, regex, prefix",
            id="S38: a header without a value",
        ),
        pytest.param(
            {
                "setHeaderRoute": {
                    "name": "h",
                    "match": [{"headerName": "a", "headerValue": {"prefix": "x", "exact": "y"}}],
                }
            },
            {**ISTIO, "managedRoutes": [{"name": "h"}]},
            '.setHeaderRoute.match[0]: Invalid value: {"exact":"y","prefix":"x"}: '
            "StringMatch match value must have exactly one of the following: exact, regex, prefix",
            id="S39: a header with two values",
        ),
        pytest.param(
            {"setMirrorRoute": {"name": "m"}},
            {"alb": {}, "managedRoutes": [{"name": "m"}]},
            '.setMirrorRoute: Invalid value: {"name":"m"}: '
            "SetMirrorRoute requires TrafficRouting, supports Istio and Plugins",
            id="S40: a mirror where the router has none",
        ),
        pytest.param(
            {"setMirrorRoute": {"name": "m", "match": [{"method": {}}]}},
            {**ISTIO, "managedRoutes": [{"name": "m"}]},
            ".setMirrorRoute.match[0]: Invalid value: {}: "
            "StringMatch value missed, match value must have one of the following: exact, regex, prefix",
            id="S41: a method without a value",
        ),
        pytest.param(
            {"setMirrorRoute": {"name": "m", "percentage": 101}},
            {**ISTIO, "managedRoutes": [{"name": "m"}]},
            ".setMirrorRoute.percentage: Invalid value: 101: must be between 0 and 100",
            id="more copies than requests",
        ),
        pytest.param(
            {"setMirrorRoute": {"name": "m"}},
            {**ISTIO, "managedRoutes": [{"name": "x"}]},
            '.setMirrorRoute: Invalid value: "m": Steps define a route that does not exist in '
            "spec.strategy.canary.trafficRouting.managedRoutes",
            id="S43: a route that is not managed",
        ),
        pytest.param(
            {"experiment": {"templates": [{"name": "a", "weight": 5}]}},
            None,
            ".experiment.templates[0].weight: Invalid value: 5: "
            "Experiment template weight cannot be set unless TrafficRouting is enabled",
            id="S44: a weight for an experiment without routing",
        ),
        pytest.param(
            {"experiment": {"templates": [{"name": "a", "weight": 5}]}},
            {"nginx": {}},
            ".experiment.templates[0].weight: Invalid value: 5: Experiment template weight is only "
            "available for TrafficRouting with SMI, ALB, Istio and Plugins at this time",
            id="S45: a weight for an experiment where the router has none",
        ),
        pytest.param(
            {
                "analysis": {
                    "args": [
                        {
                            "name": "a",
                            "valueFrom": {"fieldRef": {"fieldPath": "metadata.generation"}},
                        }
                    ]
                }
            },
            None,
            '.analysis.args[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.generation": '
            "Analyses arguments must refer to valid object metadata supported by downwardAPI",
            id="S46: metadata that nobody gives",
        ),
        pytest.param(
            {"setCanaryScale": {"replicas": -1}},
            ISTIO,
            ".setCanaryScale.replicas: Invalid value: -1: must be greater than or equal to 0",
            id="fewer than no canary pods",
        ),
    ],
)
def test_step_rule(step: Any, routing: Any, message: str, steps: Any, plugins: Plugins) -> None:
    where = f"{CANARY}.steps[0]" if message.startswith(".") else f"{CANARY}.steps[0]: "
    assert said(steps(step, routing=routing), plugins) == [where + message]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param({"setWeight": 0}, id="no weight"),
        pytest.param({"setWeight": 100}, id="all of it"),
        pytest.param({"pause": {}}, id="a pause without end"),
        pytest.param({"pause": {"duration": 0}}, id="a pause of nothing"),
        pytest.param({"pause": {"duration": "1.5h"}}, id="a pause in Go's words"),
        pytest.param({"setWeight": 10, "setCanaryScale": {"replicas": 1}}, id="keys that combine"),
        pytest.param({"setHeaderRoute": {"name": "r"}}, id="a header route that goes"),
        pytest.param(
            {"setCanaryScale": {"weight": 10, "replicas": 2}}, id="two scales, of which one counts"
        ),
    ],
)
def test_step_that_is_accepted(step: Any, steps: Any, plugins: Plugins) -> None:
    routing = {**ISTIO, "managedRoutes": [{"name": "r"}]}
    assert said(steps(step, routing=routing), plugins) == []


def test_s35_and_s42_are_said_once_however_many_steps_break_them(
    steps: Any, plugins: Plugins
) -> None:
    scale, mirror = {"setCanaryScale": {"replicas": 1}}, {"setMirrorRoute": {"name": "m"}}
    assert said(steps(scale, scale), plugins) == [
        f"{CANARY}.trafficRouting: Required value: SetCanaryScale requires TrafficRouting to be set"
    ]
    assert said(steps(mirror, mirror, routing=ISTIO), plugins) == [
        f"{CANARY}.trafficRouting.managedRoutes: Required value: "
        f"Rollout has missing field '{CANARY}.trafficRouting.managedRoutes'"
    ]


def test_a_wrong_status_is_not_the_authors_fault(plugins: Plugins, build: Any) -> None:
    raw = {**build().raw, "status": {"replicas": "many"}}
    assert said(parse_rollout(raw), plugins) == []


def test_a_resolved_template_is_judged_beside_its_reference(build: Any, plugins: Plugins) -> None:
    from dataclasses import replace

    sound = build()
    unresolved = build(workloadRef={"kind": "Deployment", "name": "web"}, template=None)
    assert said(unresolved, plugins) == []
    resolved = replace(unresolved, template={**sound.template, "spec": {}})
    assert said(resolved, plugins) == ["spec.template.spec.containers: Required value"]


@pytest.mark.parametrize(
    ("block", "said_of_it"),
    [
        pytest.param({"name": "example.com/gate"}, [], id="sound, without config"),
        pytest.param({"name": "example.com/gate", "config": {"a": 1}}, [], id="sound"),
        pytest.param(
            {"name": "example.com/gate", "config": {"wrong": 1}},
            ["config.wrong: is wrong"],
            id="what its owner says of the config",
        ),
        pytest.param(
            {"name": "org/nobody"},
            ["name: no installed plugin serves 'org/nobody'"],
            id="nobody serves it",
        ),
        pytest.param(
            {}, ["name: Required value: the name of a step plugin, such as org/name"], id="no name"
        ),
        pytest.param(
            {"name": "example.com/gate", "config": [1]},
            ["config: must be an object"],
            id="config is a list",
        ),
        pytest.param(["x"], [": must be an object"], id="no object"),
        pytest.param(
            {"name": 7},
            ["name: Required value: the name of a step plugin, such as org/name"],
            id="name is a number",
        ),
    ],
)
def test_steps_of_plugins(block: Any, said_of_it: list[str], steps: Any, plugins: Plugins) -> None:
    found = said(steps({"setWeight": 10}, {"plugin": block}), plugins)
    where = f"{CANARY}.steps[1].plugin"
    assert found == [f"{where}.{each}".replace(".: ", ": ") for each in said_of_it]
