"""The CustomResourceDefinitions: what they accept, keep, default and forbid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradatim.crds import KINDS, custom_resource_definitions, yaml_text
from gradatim.crds.definitions import api_table
from gradatim.model.podspec import POD_TEMPLATE

DEPLOYED = Path(__file__).parents[2] / "deploy" / "crds"
DEFINITIONS = {crd["spec"]["names"]["kind"]: crd for crd in custom_resource_definitions()}

Json = dict[str, Any]


def version(kind: str) -> Json:
    found: Json = DEFINITIONS[kind]["spec"]["versions"][0]
    return found


def schema(kind: str, path: str = "") -> Json:
    """The schema at a dotted path; `[]` steps into a list."""
    found: Json = version(kind)["schema"]["openAPIV3Schema"]
    for name in path.replace("[]", ".[]").split(".") if path else []:
        found = found["items"] if name == "[]" else found["properties"][name]
    return found


def nodes(node: Json, path: str) -> Iterator[tuple[str, Json]]:
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(node.get(key), dict):
            yield from nodes(node[key], path + mark)


ALL_NODES = [
    pair for kind in KINDS for pair in nodes(version(kind)["schema"]["openAPIV3Schema"], kind)
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_deployed_manifest_is_what_the_command_writes(kind: str) -> None:
    text = (DEPLOYED / f"{kind.lower()}s.yaml").read_text(encoding="utf-8")
    assert text.partition("\n")[2] == yaml_text(DEFINITIONS[kind]), (
        "run `gradatim crds --out deploy/crds`"
    )


def test_nothing_else_is_deployed() -> None:
    assert {path.name for path in DEPLOYED.iterdir()} == {f"{kind.lower()}s.yaml" for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_side_apply_can_remember_it(kind: str) -> None:
    assert len(json.dumps(DEFINITIONS[kind])) < 262_144


@pytest.mark.parametrize(
    ("kind", "short", "scope", "columns"),
    [
        ("Rollout", "ro", "Namespaced", ["Desired", "Current", "Up-to-date", "Available", "Age"]),
        ("AnalysisTemplate", "at", "Namespaced", ["Age"]),
        ("ClusterAnalysisTemplate", "cat", "Cluster", ["Age"]),
        ("AnalysisRun", "ar", "Namespaced", ["Status", "Age"]),
        ("Experiment", "exp", "Namespaced", ["Status", "Age"]),
    ],
)
def test_kubectl_shows_and_abbreviates_each_kind_as_before(
    kind: str, short: str, scope: str, columns: list[str]
) -> None:
    spec = DEFINITIONS[kind]["spec"]
    assert DEFINITIONS[kind]["metadata"]["name"] == f"{kind.lower()}s.argoproj.io"
    assert (spec["names"]["shortNames"], spec["scope"]) == ([short], scope)
    assert [column["name"] for column in version(kind)["additionalPrinterColumns"]] == columns


def test_only_the_rollout_has_subresources() -> None:
    assert [kind for kind in KINDS if "subresources" in version(kind)] == ["Rollout"]
    assert version("Rollout")["subresources"]["scale"] == {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.HPAReplicas",
        "labelSelectorPath": ".status.selector",
    }


def test_the_selector_cannot_be_changed() -> None:
    [rule] = schema("Rollout", "spec.selector")["x-kubernetes-validations"]
    assert rule["rule"] == "self == oldSelf"


def test_every_node_is_structural() -> None:
    for path, node in ALL_NODES:
        untyped = node.get("x-kubernetes-int-or-string") or node.get(
            "x-kubernetes-preserve-unknown-fields"
        )
        assert "type" in node or untyped, path
        assert set(node.get("required", ())) <= set(node.get("properties", ())), path


def test_keys_of_merged_lists_are_always_there() -> None:
    for path, node in ALL_NODES:
        for key in node.get("x-kubernetes-list-map-keys", ()):
            item = node["items"]
            assert key in item.get("required", ()) or "default" in item["properties"][key], path


def test_every_field_of_the_rollout_api_is_described() -> None:
    of_kubernetes = set(POD_TEMPLATE) | {"ContainerResources"}
    jobs = {"JobSpec"} | {
        name for name in api_table() if name.startswith(("PodFailure", "SuccessP"))
    }
    silent = [
        f"{struct.name}.{field.name}"
        for struct in api_table().values()
        if struct.name not in of_kubernetes | jobs
        for field in struct.fields
        if not field.doc
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Rollout", "spec.template.spec.volumes"),
        ("Rollout", "spec.template.spec.containers[].resources.limits"),
        ("Rollout", "spec.template.spec.initContainers[].resources.requests"),
        ("Rollout", "spec.template.spec.ephemeralContainers[].resources.limits"),
        ("Rollout", "spec.strategy.canary.steps[].plugin.config"),
        ("Rollout", "spec.strategy.canary.trafficRouting.plugins"),
        ("Rollout", "status.canary.stepPluginStatuses[].status"),
        ("AnalysisTemplate", "spec.metrics[].provider.plugin"),
        ("AnalysisRun", "spec.metrics[].provider.web.jsonBody"),
    ],
)
def test_what_has_no_schema_is_kept_whole(kind: str, path: str) -> None:
    assert schema(kind, path)["x-kubernetes-preserve-unknown-fields"] is True


def test_pod_metadata_knows_only_labels_and_annotations() -> None:
    metadata = schema("Rollout", "spec.template.metadata")
    assert list(metadata["properties"]) == ["labels", "annotations"]


def test_datadog_has_the_defaults_and_choices_of_argo_rollouts() -> None:
    datadog = schema("AnalysisTemplate", "spec.metrics[].provider.datadog")["properties"]
    defaults = {name: node["default"] for name, node in datadog.items() if "default" in node}
    assert defaults == {"apiVersion": "v1", "interval": "5m", "requestTimeout": "10s"}
    assert datadog["apiVersion"]["enum"] == ["v1", "v2"]
    assert len(datadog["aggregator"]["enum"]) == 9


def test_only_datadog_has_choices() -> None:
    assert {path.rpartition(".provider.")[2] for path, node in ALL_NODES if "enum" in node} == {
        "datadog.apiVersion",
        "datadog.aggregator",
    }


@pytest.mark.parametrize(
    ("kind", "path", "required"),
    [
        ("Rollout", "", ["spec"]),
        ("Rollout", "spec.strategy.blueGreen", ["activeService"]),
        ("Rollout", "spec.strategy.canary.trafficRouting.alb", ["servicePort"]),
        ("Rollout", "spec.strategy.canary.steps[].setMirrorRoute", ["name"]),
        ("Rollout", "status.pauseConditions[]", ["reason", "startTime"]),
        ("AnalysisRun", "spec", ["metrics"]),
        ("AnalysisRun", "status", ["phase"]),
        ("AnalysisTemplate", "spec.metrics[]", ["name", "provider"]),
        ("Experiment", "spec.templates[]", ["name", "selector", "template"]),
    ],
)
def test_these_fields_are_required(kind: str, path: str, required: list[str]) -> None:
    assert schema(kind, path)["required"] == required


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Rollout", "spec"),
        ("Rollout", "spec.workloadRef"),
        ("Rollout", "spec.strategy.canary.steps[].setHeaderRoute"),
        ("Rollout", "spec.strategy.canary.steps[].analysis.templates[]"),
        ("AnalysisTemplate", "spec"),
        ("Experiment", "status"),
    ],
)
def test_nothing_is_required_where_argo_rollouts_requires_nothing(kind: str, path: str) -> None:
    assert "required" not in schema(kind, path)


def test_numbers_that_may_be_templated_take_both_forms() -> None:
    metric = schema("AnalysisTemplate", "spec.metrics[]")["properties"]
    both = {name for name, node in metric.items() if node.get("x-kubernetes-int-or-string")}
    assert both == {
        "count",
        "failureLimit",
        "inconclusiveLimit",
        "consecutiveErrorLimit",
        "consecutiveSuccessLimit",
    }


def test_a_newer_field_says_which_kubernetes_it_needs() -> None:
    field = schema("Rollout", "spec.template.spec.schedulingGroup")
    assert field["description"] == "Kubernetes 1.36 and newer."
