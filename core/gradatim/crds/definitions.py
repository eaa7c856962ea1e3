"""The five CustomResourceDefinitions.

In: the tables of this room and of `gradatim.model.podspec`. Out: manifests as plain dicts, for any Kubernetes
from 1.25 on. `gradatim crds` writes them, and the tests hold `deploy/crds/` against them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gradatim.crds.analysis import ANALYSIS
from gradatim.crds.experiment import EXPERIMENT
from gradatim.crds.pod_template import published_table
from gradatim.crds.providers import PROVIDERS
from gradatim.crds.rollout import ROLLOUT
from gradatim.crds.routers import ROUTERS
from gradatim.crds.schema import Json, struct_schema
from gradatim.model.podspec import STEP, Table, read_table

GROUP: Final = "argoproj.io"
VERSION: Final = "v1alpha1"


@dataclass(frozen=True, slots=True)
class _Resource:
    kind: str
    short: str
    doc: str
    spec: str
    status: str = ""
    scope: str = "Namespaced"
    #: name, type and JSON path of what `kubectl get` shows before the age
    columns: tuple[tuple[str, str, str], ...] = ()

    @property
    def plural(self) -> str:
        return f"{self.kind.lower()}s"


_PHASE: Final = (("Status", "string", ".status.phase"),)

#: Without categories: `kubectl delete all --all` must not take Rollouts along.
_RESOURCES: Final = (
    _Resource(
        "Rollout",
        "ro",
        "A Rollout runs pods, and brings in new versions of them step by step.",
        "RolloutSpec",
        "RolloutStatus",
        columns=(
            ("Desired", "integer", ".spec.replicas"),
            ("Current", "integer", ".status.replicas"),
            ("Up-to-date", "integer", ".status.updatedReplicas"),
            ("Available", "integer", ".status.availableReplicas"),
        ),
    ),
    _Resource(
        "AnalysisTemplate",
        "at",
        "An AnalysisTemplate says what to measure, for all Rollouts of its namespace.",
        "AnalysisTemplateSpec",
    ),
    _Resource(
        "ClusterAnalysisTemplate",
        "cat",
        "A ClusterAnalysisTemplate says what to measure, for the Rollouts of all namespaces.",
        "AnalysisTemplateSpec",
        scope="Cluster",
    ),
    _Resource(
        "AnalysisRun",
        "ar",
        "An AnalysisRun measures, and judges what it measured.",
        "AnalysisRunSpec",
        "AnalysisRunStatus",
        columns=_PHASE,
    ),
    _Resource(
        "Experiment",
        "exp",
        "An Experiment runs sets of pods for a while, and measures them.",
        "ExperimentSpec",
        "ExperimentStatus",
        columns=_PHASE,
    ),
)

KINDS: Final = tuple(resource.kind for resource in _RESOURCES)

#: Only the Rollout has subresources: the reference writes the status of the others with the object itself, and so
#: do its tools.
_ROLLOUT_SUBRESOURCES: Final[Json] = {
    "status": {},
    "scale": {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.HPAReplicas",
        "labelSelectorPath": ".status.selector",
    },
}
_IMMUTABLE_SELECTOR: Final = [{"rule": "self == oldSelf", "message": ".spec.selector is immutable"}]


def api_table() -> Table:
    """Every struct of the API, as the CRDs show it."""
    steps = published_table(STEP)
    return read_table(ANALYSIS, PROVIDERS, ROUTERS, ROLLOUT, EXPERIMENT, known=steps)


def custom_resource_definitions() -> list[Json]:
    """The CustomResourceDefinitions of all five kinds, in the order of `KINDS`."""
    table = api_table()
    return [_definition(resource, table) for resource in _RESOURCES]


def _definition(resource: _Resource, table: Table) -> Json:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{resource.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": resource.scope,
            "names": {
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "shortNames": [resource.short],
            },
            "versions": [_version(resource, table)],
        },
    }


def _version(resource: _Resource, table: Table) -> Json:
    version: Json = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            *(_column(*column) for column in resource.columns),
            _column("Age", "date", ".metadata.creationTimestamp"),
        ],
    }
    if resource.kind == "Rollout":
        version["subresources"] = _ROLLOUT_SUBRESOURCES
    version["schema"] = {"openAPIV3Schema": _object_schema(resource, table)}
    return version


def _column(name: str, kind: str, path: str) -> Json:
    return {"name": name, "type": kind, "jsonPath": path}


def _object_schema(resource: _Resource, table: Table) -> Json:
    properties: dict[str, Any] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": struct_schema(table, resource.spec),
    }
    if resource.status:
        properties["status"] = struct_schema(table, resource.status)
    if resource.kind == "Rollout":
        selector = properties["spec"]["properties"]["selector"]
        selector["x-kubernetes-validations"] = _IMMUTABLE_SELECTOR
    return {
        "description": resource.doc,
        "type": "object",
        "required": ["spec"],
        "properties": properties,
    }
