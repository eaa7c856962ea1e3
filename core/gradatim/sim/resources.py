"""The resources that the embedded cluster serves.

In: the table below, and CustomResourceDefinitions as they come. Out: Resource values, found by path or by kind.
Used by the router, the verbs and the discovery documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gradatim.sim.document import Json


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the scale subresource finds its three values in the object."""

    spec_replicas: tuple[str, ...] = ("spec", "replicas")
    status_replicas: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] = ("spec", "selector")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource:
    """One resource: its names, versions and subresources. The first version is the stored one."""

    group: str
    versions: tuple[str, ...]
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False
    counts_generation: bool = False
    scale: ScalePaths | None = None
    custom: bool = False
    schemas: Mapping[str, Json] = field(default_factory=dict)
    columns: Mapping[str, list[Json]] = field(default_factory=dict)
    name: str = field(init=False)
    stored_version: str = field(init=False)

    def __post_init__(self) -> None:
        suffix = f".{self.group}" if self.group else ""
        object.__setattr__(self, "name", self.plural + suffix)
        object.__setattr__(self, "stored_version", self.api_version(self.versions[0]))

    def api_version(self, version: str) -> str:
        """Return `version` as it stands in an object of this resource."""
        return f"{self.group}/{version}" if self.group else version

    @property
    def singular(self) -> str:
        """The name for one object, in lower case."""
        return self.kind.lower()

    @property
    def qualified_kind(self) -> str:
        """The kind with its group, as refusals name it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table: kind, plural, short names and which of the usual traits it has."""

    kind: str
    plural: str
    short: str = ""
    traits: str = ""


# Traits: s status subresource, g counts generations, x scale subresource, a in the category `all`, c cluster-scoped.
_TABLE: dict[tuple[str, tuple[str, ...]], tuple[_Row, ...]] = {
    ("", ("v1",)): (
        _Row("Namespace", "namespaces", "ns", "sc"),
        _Row("Node", "nodes", "no", "sc"),
        _Row("Pod", "pods", "po", "sga"),
        _Row("Service", "services", "svc", "sa"),
        _Row("Secret", "secrets"),
        _Row("ConfigMap", "configmaps", "cm"),
        _Row("Event", "events", "ev"),
        _Row("Endpoints", "endpoints", "ep"),
        _Row("ServiceAccount", "serviceaccounts", "sa"),
    ),
    ("apps", ("v1",)): (
        _Row("ReplicaSet", "replicasets", "rs", "sgxa"),
        _Row("Deployment", "deployments", "deploy", "sgxa"),
    ),
    ("batch", ("v1",)): (_Row("Job", "jobs", "", "sga"),),
    ("autoscaling", ("v2",)): (
        _Row("HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "sa"),
    ),
    ("coordination.k8s.io", ("v1",)): (_Row("Lease", "leases"),),
    ("discovery.k8s.io", ("v1",)): (_Row("EndpointSlice", "endpointslices", "", "g"),),
    ("policy", ("v1",)): (_Row("PodDisruptionBudget", "poddisruptionbudgets", "pdb", "sg"),),
    ("rbac.authorization.k8s.io", ("v1",)): (
        _Row("Role", "roles"),
        _Row("RoleBinding", "rolebindings"),
        _Row("ClusterRole", "clusterroles", "", "c"),
        _Row("ClusterRoleBinding", "clusterrolebindings", "", "c"),
    ),
    ("admissionregistration.k8s.io", ("v1",)): (
        _Row("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", traits="gc"),
    ),
    ("apiextensions.k8s.io", ("v1",)): (
        _Row("CustomResourceDefinition", "customresourcedefinitions", "crd,crds", "sgc"),
    ),
}

# Served before any CustomResourceDefinition is applied, so that tests need none; an applied one takes their place.
_CUSTOM: dict[tuple[str, tuple[str, ...]], tuple[_Row, ...]] = {
    ("argoproj.io", ("v1alpha1",)): (
        _Row("Rollout", "rollouts", "ro", "sgx"),
        _Row("AnalysisRun", "analysisruns", "ar", "g"),
        _Row("AnalysisTemplate", "analysistemplates", "at", "g"),
        _Row("ClusterAnalysisTemplate", "clusteranalysistemplates", "cat", "gc"),
        _Row("Experiment", "experiments", "exp", "g"),
    ),
    ("networking.istio.io", ("v1", "v1beta1", "v1alpha3")): (
        _Row("VirtualService", "virtualservices", "vs", "sg"),
        _Row("DestinationRule", "destinationrules", "dr", "sg"),
    ),
}

_ROLLOUT_SCALE = ScalePaths(
    status_replicas=("status", "HPAReplicas"), selector=("status", "selector")
)


def _resource(group: str, versions: tuple[str, ...], row: _Row, custom: bool) -> Resource:
    scale = _ROLLOUT_SCALE if custom else ScalePaths()
    return Resource(
        group=group,
        versions=versions,
        kind=row.kind,
        plural=row.plural,
        namespaced="c" not in row.traits,
        short_names=tuple(row.short.split(",")) if row.short else (),
        categories=("all",) if "a" in row.traits else (),
        has_status="s" in row.traits,
        counts_generation="g" in row.traits,
        scale=scale if "x" in row.traits else None,
        custom=custom,
    )


class Catalogue:
    """The resources served now. Custom ones come and go with their definitions."""

    def __init__(self) -> None:
        self._by_name: dict[str, Resource] = {}
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        for custom, table in ((False, _TABLE), (True, _CUSTOM)):
            for (group, versions), rows in table.items():
                for row in rows:
                    self.add(_resource(group, versions, row, custom))

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> Resource:
        return self._by_name[name]

    def add(self, resource: Resource) -> None:
        """Serve `resource`, in the place of one with the same name."""
        self.remove(resource.name)
        self._by_name[resource.name] = resource
        self._by_kind[resource.group, resource.kind] = resource
        for version in resource.versions:
            self._by_path[resource.group, version, resource.plural] = resource

    def remove(self, name: str) -> None:
        """Stop serving the resource called `name`, if there is one."""
        gone = self._by_name.pop(name, None)
        if gone:
            self._by_kind.pop((gone.group, gone.kind), None)
            for version in gone.versions:
                self._by_path.pop((gone.group, version, gone.plural), None)

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the resource at that place of the API."""
        return self._by_path.get((group, version, plural))

    def of_kind(self, group: str, kind: str) -> Resource | None:
        """Return the resource whose objects have that kind."""
        return self._by_kind.get((group, kind))

    def of_object(self, obj: Json) -> Resource | None:
        """Return the resource that `obj` belongs to, by its apiVersion and kind."""
        group = str(obj.get("apiVersion", "")).rpartition("/")[0]
        return self.of_kind(group, str(obj.get("kind", "")))
