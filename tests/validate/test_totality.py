"""No JSON of whatever shape makes a validator raise."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradatim.model.analysis import parse_template
from gradatim.model.analysisrun import parse_analysis_run
from gradatim.model.rollout import parse_rollout
from gradatim.model.workload import parse_service
from gradatim.validate import (
    References,
    experiment_problems,
    invalid_spec,
    reference_problems,
    rollout_advice,
    rollout_problems,
    run_advice,
    run_problems,
    template_advice,
    template_problems,
)

NAMES = [
    "metadata",
    "name",
    "namespace",
    "labels",
    "annotations",
    "spec",
    "status",
    "kind",
    "replicas",
    "selector",
    "matchLabels",
    "matchExpressions",
    "key",
    "operator",
    "values",
    "template",
    "containers",
    "initContainers",
    "image",
    "ports",
    "volumes",
    "volumeMounts",
    "resources",
    "limits",
    "requests",
    "strategy",
    "canary",
    "blueGreen",
    "steps",
    "setWeight",
    "pause",
    "duration",
    "analysis",
    "templates",
    "templateName",
    "clusterScope",
    "args",
    "value",
    "valueFrom",
    "fieldRef",
    "fieldPath",
    "metrics",
    "provider",
    "web",
    "plugin",
    "count",
    "interval",
    "successCondition",
    "setHeaderRoute",
    "setMirrorRoute",
    "match",
    "headerValue",
    "exact",
    "setCanaryScale",
    "experiment",
    "weight",
    "trafficRouting",
    "istio",
    "plugins",
    "managedRoutes",
    "antiAffinity",
    "stableService",
    "canaryService",
    "pingPong",
    "dryRun",
    "metricName",
    "workloadRef",
    "analyses",
    "minReadySeconds",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "a", "web", "In", "1", "5x", "{{args.a}}", "result >", "metadata.x", "\x00"]
    )
)
KEYS = st.sampled_from([*NAMES, "a", ""])
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


def _block(*keys: str) -> st.SearchStrategy[Any]:
    """Objects that have these keys more often than chance has them."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, JSON)) | JSON


STEP = _block("setWeight", "pause", "analysis", "experiment", "setHeaderRoute", "setMirrorRoute")
CANARY = st.fixed_dictionaries(
    {"steps": st.lists(STEP, max_size=3)},
    optional=dict.fromkeys(("trafficRouting", "analysis", "pingPong", "antiAffinity"), JSON),
)
SPEC = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.fixed_dictionaries({}, optional={"canary": CANARY, "blueGreen": JSON}),
        "selector": JSON,
        "template": JSON,
        "metrics": st.lists(_block("name", "provider", "count", "successCondition"), max_size=2)
        | JSON,
        "args": JSON,
        "templates": JSON,
    },
)
OBJECT = st.fixed_dictionaries({}, optional={"spec": SPEC | JSON, "metadata": JSON}) | (
    st.dictionaries(KEYS, JSON, max_size=4)
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=OBJECT, other=OBJECT)
def test_validators_never_raise(raw: Any, other: Any, plugins: Any) -> None:
    rollout, run = parse_rollout(raw), parse_analysis_run(raw)
    template, service = parse_template(other), parse_service(other)
    references = References(services={"a": service}, templates={template.ref: template})
    everything = [
        *rollout_problems(rollout, plugins),
        *reference_problems(rollout, references, plugins),
        *invalid_spec(rollout, references, plugins),
        *rollout_advice(rollout),
        *template_problems(template, plugins),
        *template_advice(template),
        *run_problems(run, plugins),
        *run_advice(run),
        *experiment_problems(raw),
    ]
    assert all("\n" not in found.message for found in everything)
