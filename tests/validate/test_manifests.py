from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradatim.crds import custom_resource_definitions
from gradatim.plugin import FieldPath, Json, ObjectRef, Patch, Problem, TrafficRouter, Wanted
from gradatim.validate.manifests import Judge
from gradatim.validate.shape import manifest_problems, shape_problems
from gradatim.validate.surroundings import Manifest

SCHEMAS = {
    crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for crd in custom_resource_definitions()
}
PODS = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "app", "image": "app:v1"}]},
}


class Mesh(TrafficRouter):
    key = "istio"

    def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
        return [ObjectRef("mesh/v1", "Route", namespace, str(config.get("name", "r")))]

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        return ()

    def check(
        self, wanted: Wanted, objects: Mapping[ObjectRef, Json], path: FieldPath
    ) -> Iterable[Problem]:
        if not objects:
            yield Problem(path, "route not found")


def rollout(namespace: str = "", **canary: Any) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", **({"namespace": namespace} if namespace else {})},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": PODS,
            "strategy": {"canary": canary},
        },
    }


def other(kind: str, name: str, namespace: str = "", version: str = "v1", **spec: Any) -> Json:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def template(name: str, kind: str = "AnalysisTemplate", **spec: Any) -> Json:
    metric = {
        "name": name,
        "provider": {"web": {"url": "http://x"}},
        "successCondition": "result > 1",
    }
    return other(kind, name, version="argoproj.io/v1alpha1", **({"metrics": [metric], **spec}))


def said(plugins: Any, *objects: Json, strict: bool = False) -> list[str]:
    judge = Judge(
        plugins=plugins,
        routers=lambda key: Mesh() if key == "istio" else None,
        schemas=SCHEMAS,
        strict=strict,
    )
    found = judge.findings([Manifest(raw) for raw in objects])
    return [f"{f.severity}: {f.manifest.name}: {f.path}: {f.message}" for f in found]


def analysed(*names: str) -> Json:
    return rollout(steps=[{"analysis": {"templates": [{"templateName": n} for n in names]}}])


CANARY = "spec.strategy.canary"


def test_sound_manifests_have_nothing_to_say(plugins: Any) -> None:
    objects = [
        rollout(canaryService="c"),
        other("Service", "c", selector={"app": "web"}),
        template("t"),
        other("Deployment", "d", version="apps/v1", what="ever"),
        {"kind": "Kustomization"},
    ]
    assert said(plugins, *objects) == []


@pytest.mark.parametrize(
    ("objects", "strict", "severity"),
    [
        pytest.param([], False, "note", id="no Service at all: noted"),
        pytest.param([], True, "problem", id="no Service at all, but strict"),
        pytest.param([other("Service", "x")], False, "problem", id="another Service"),
        pytest.param([other("Service", "c", "else")], False, "problem", id="elsewhere"),
        pytest.param([other("Service", "c", "here")], False, None, id="in the same namespace"),
        pytest.param([other("Service", "c")], False, None, id="in any namespace"),
    ],
)
def test_what_a_missing_service_is(
    objects: Any, strict: bool, severity: str | None, plugins: Any
) -> None:
    found = said(plugins, rollout("here", canaryService="c"), *objects, strict=strict)
    assert [line.split(": ")[0] for line in found] == ([severity] if severity else [])
    if severity == "note":
        assert found == [
            f"note: web: {CANARY}.canaryService: Service 'c' is in none of the files, and was not checked"
        ]


def test_templates_are_looked_for_by_kind(plugins: Any) -> None:
    cluster = template("t", "ClusterAnalysisTemplate")
    path = f"{CANARY}.steps[0].analysis.templates"
    assert said(plugins, analysed("t"), cluster) == [
        f"note: web: {path}: AnalysisTemplate 't' is in none of the files, and was not checked"
    ]
    assert said(plugins, analysed("t"), template("u")) == [
        f"problem: web: {path}: Invalid value: \"t\": AnalysisTemplate 't' not found"
    ]


def test_nested_and_experiments_templates_are_looked_for(plugins: Any) -> None:
    outer = template("outer", metrics=None, templates=[{"templateName": "inner"}])
    pod_set = {"name": "a", "selector": {"matchLabels": {"app": "web"}}, "template": PODS}
    experiment = other(
        "Experiment",
        "e",
        version="argoproj.io/v1alpha1",
        templates=[pod_set],
        analyses=[{"name": "a", "templateName": "gone"}, {"name": "b", "templateName": "outer"}],
    )
    assert said(plugins, outer, template("another"), experiment) == [
        "problem: outer: spec.templates: Invalid value: \"inner\": AnalysisTemplate 'inner' not found",
        'problem: e: spec.analyses[0].templateName: Invalid value: "gone": '
        "AnalysisTemplate 'gone' not found",
    ]
    assert said(plugins, experiment)[0].startswith("note: e: spec.analyses[0].templateName")


@pytest.mark.parametrize("kind", ["AnalysisTemplate", "ClusterAnalysisTemplate"])
def test_a_template_alone_in_its_file_may_nest_others_that_are_elsewhere(
    kind: str, plugins: Any
) -> None:
    nested = {"templateName": "inner", "clusterScope": kind.startswith("Cluster")}
    outer = template("outer", kind, metrics=None, templates=[nested])
    assert said(plugins, outer) == [
        f"note: outer: spec.templates: {kind} 'inner' is in none of the files, and was not checked"
    ]
    (missing,) = said(plugins, outer, strict=True)
    assert missing.startswith("problem: outer: spec.templates")


def test_what_is_wrong_with_a_template_is_not_said_again_of_its_rollouts(plugins: Any) -> None:
    metric = {
        "name": "m",
        "provider": {"newRelic": {"query": "x"}},
        "successCondition": "result > 1",
    }
    assert said(plugins, analysed("t"), template("t", metrics=[metric])) == [
        "problem: t: spec.metrics[0].provider.newRelic: no installed plugin serves 'newRelic'"
    ]


@pytest.mark.parametrize(
    ("objects", "strict", "message"),
    [
        ([], False, "note: web: {}: Route 'r' is in none of the files, and was not checked"),
        ([], True, "problem: web: {}: route not found"),
        ([other("Route", "x", version="mesh/v2")], False, "problem: web: {}: route not found"),
        ([other("Route", "r", version="mesh/v2")], False, None),
    ],
)
def test_routers_find_their_objects_in_any_version(
    objects: Any, strict: bool, message: str | None, plugins: Any
) -> None:
    services = {"canaryService": "c", "stableService": "s"}
    routed = rollout(trafficRouting={"istio": {}}, **services)
    both = [other("Service", name, selector={"app": "web"}) for name in "cs"]
    found = said(plugins, routed, *both, *objects, strict=strict)
    assert found == ([message.format(f"{CANARY}.trafficRouting.istio")] if message else [])


def test_a_wrong_block_or_an_absent_router_is_said_once(plugins: Any) -> None:
    assert said(plugins, rollout(trafficRouting={"plugins": {"a/b": {}}})) == [
        f"problem: web: {CANARY}.trafficRouting.plugins[a/b]: no installed plugin serves 'a/b'"
    ]
    assert said(plugins, rollout(trafficRouting={"plugins": {"example.com/mesh": {}}})) == []


def test_versions_names_and_kinds_are_looked_at(plugins: Any) -> None:
    old = {**rollout(), "apiVersion": "argoproj.io/v1beta1"}
    nameless = {**rollout(), "metadata": {}}
    misspelt = {**rollout(), "kind": "Rolout"}
    workflow = {**rollout(), "kind": "Workflow"}
    assert said(plugins, old, nameless, misspelt, workflow) == [
        "problem: web: apiVersion: must be argoproj.io/v1alpha1",
        "problem: : metadata.name: Required value",
        'advice: web: kind: "Rolout" is not a kind of ours; did you mean "Rollout"?',
    ]


def test_a_run_is_judged_and_may_have_a_generated_name(plugins: Any) -> None:
    run = template("t", "AnalysisRun")
    run["metadata"] = {"generateName": "t-"}
    assert said(plugins, run) == []
    run["spec"]["metrics"][0]["count"] = 2
    assert said(plugins, run) == [
        "problem: : spec.metrics[0].interval: interval must be specified when count > 1"
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replica": 3}, 'spec.replica: unknown field; did you mean "replicas"?'),
        ({"zzz": 3}, "spec.zzz: unknown field"),
        ({"zzz": None}, None),
        ({"replicas": "3"}, "spec.replicas: must be an integer, not a string"),
        ({"replicas": 3.0}, None),
        ({"replicas": True}, "spec.replicas: must be an integer, not a boolean"),
        ({"paused": 1}, "spec.paused: must be true or false, not a number"),
        ({"strategy": []}, "spec.strategy: must be an object, not a list"),
        (
            {"strategy": {"canary": {"maxSurge": {}}}},
            "spec.strategy.canary.maxSurge: must be an integer or a string, not an object",
        ),
        (
            {"template": {**PODS, "metadata": {"labels": {"app": 5}, "name": "x"}}},
            "spec.template.metadata.labels.app: must be a string, not a number",
        ),
        (
            {"template": {**PODS, "metadata": {"labels": {}, "lables": {}}}},
            'spec.template.metadata.lables: unknown field; did you mean "labels"?',
        ),
        (
            {"strategy": {"canary": {"trafficRouting": {"plugins": {"any/thing": {"goes": 1}}}}}},
            None,
        ),
        (
            {"strategy": {"blueGreen": {}}},
            "spec.strategy.blueGreen.activeService: Required value",
        ),
    ],
)
def test_shape_of_a_rollout(change: Any, message: str | None) -> None:
    raw = rollout()
    raw["spec"] |= change
    raw["status"] = {"anything": "goes"}
    found = [str(problem) for problem in manifest_problems(raw, SCHEMAS["Rollout"])]
    assert found == ([message] if message else [])


def test_shape_of_metadata_and_enums() -> None:
    raw = {**rollout(), "metadata": {"name": 5, "labels": {"a": 1}, "nmae": "x", "uid": "u"}}
    assert [str(p) for p in manifest_problems(raw, SCHEMAS["Rollout"])] == [
        "metadata.name: must be a string, not a number",
        "metadata.labels.a: must be a string, not a number",
        'metadata.nmae: unknown field; did you mean "name"?',
    ]
    assert [str(p) for p in shape_problems("b", {"type": "string", "enum": ["a"]})] == [
        'Unsupported value: "b": supported values: "a"'
    ]
    assert list(shape_problems(0.5, {"x-kubernetes-int-or-string": True, "pattern": "."})) == []


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "argoproj.io/v1alpha1"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["kind", "metadata", "name", "spec", "templates", "canary", "analyses", "strategy"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
OURS = st.fixed_dictionaries(
    {"apiVersion": st.just("argoproj.io/v1alpha1"), "kind": st.sampled_from(list(SCHEMAS))},
    optional={"metadata": JSON, "spec": JSON},
)


@given(
    objects=st.lists(
        OURS | st.dictionaries(st.sampled_from(["kind", "apiVersion"]), JSON), max_size=3
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_set_of_objects_raises(objects: Any, plugins: Any) -> None:
    said(plugins, *objects)
