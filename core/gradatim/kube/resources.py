"""Kinds of objects and where they live: what a path of the API is made of.

In: group, version and plural, a namespace and a name. Out: request paths, and addresses to hand to the client.
Every module of this room uses it, and so do `apply` and `run/`, which name the kinds they touch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from gradatim.kube.errors import Invalid


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind, as the API serves it. `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As it stands in an object's apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str = ""
    ) -> str:
        """The request path: of one object, or of a collection where `name` is None.

        Raises:
            Invalid: a part that no object can have, such as an empty name or one with a slash.
        """
        parts = [group_path(self.group, self.version)]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", _segment(namespace)]
        parts.append(_segment(self.plural))
        if name is not None:
            parts.append(_segment(name))
            parts += [_segment(part) for part in subresource.split("/") if part]
        return "/".join(parts)

    def at(self, namespace: str, name: str) -> Address:
        """The place of one object; `namespace` is empty for a cluster-wide kind."""
        return Address(self, namespace, name)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True)
class Address:
    """Where one object is: its kind, namespace, name, and the part of it that is meant."""

    resource: Resource
    namespace: str
    name: str
    subresource: str = ""

    @property
    def path(self) -> str:
        """The request path. Raises Invalid as `Resource.path` does."""
        namespace = self.namespace if self.resource.namespaced else None
        return self.resource.path(namespace, self.name, self.subresource)

    def sub(self, subresource: str) -> Address:
        """The same object's subresource: `status`, `scale`, `eviction`."""
        return replace(self, subresource=subresource)

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else str(self.resource)
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{what} {where}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind: `namespace` None is all of them, selectors are the API's own text."""

    resource: Resource
    namespace: str | None = None
    labels: str = ""
    fields: str = ""

    @property
    def path(self) -> str:
        """The collection's request path."""
        return self.resource.path(self.namespace)

    def query(self) -> dict[str, str]:
        """The query parameters that select."""
        pairs = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: value for key, value in pairs.items() if value}

    def __str__(self) -> str:
        return f"{self.resource} {self.namespace or 'in all namespaces'}"


def group_path(group: str, version: str) -> str:
    """The path under which a group's version is served. Raises Invalid as `Resource.path` does."""
    if group:
        return f"/apis/{_segment(group)}/{_segment(version)}"
    return f"/api/{_segment(version)}"


def split_api_version(api_version: str) -> tuple[str, str]:
    """Group and version: `v1` → ("", "v1"), `apps/v1` → ("apps", "v1")."""
    group, _, version = api_version.rpartition("/")
    return group, version


def _segment(part: str) -> str:
    # An empty name would turn a GET into a list and a DELETE into a delete of everything, and `..`
    # would leave the collection: both can come out of a manifest (a Service's name, say).
    if part in {"", ".", ".."} or "/" in part or "%" in part:
        raise Invalid(f"{part[:64]!r} cannot be the name of an object")
    return quote(part, safe=":")


NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
EVENTS = Resource("", "v1", "events", "Event")
ENDPOINTS = Resource("", "v1", "endpoints", "Endpoints")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
JOBS = Resource("batch", "v1", "jobs", "Job")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
POD_DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout")
ANALYSIS_RUNS = Resource("argoproj.io", "v1alpha1", "analysisruns", "AnalysisRun")
ANALYSIS_TEMPLATES = Resource("argoproj.io", "v1alpha1", "analysistemplates", "AnalysisTemplate")
CLUSTER_ANALYSIS_TEMPLATES = Resource(
    "argoproj.io", "v1alpha1", "clusteranalysistemplates", "ClusterAnalysisTemplate", False
)
EXPERIMENTS = Resource("argoproj.io", "v1alpha1", "experiments", "Experiment")
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
)

#: kinds of Kubernetes itself, whose plural needs no asking
BUILT_IN = (
    NAMESPACES,
    PODS,
    SERVICES,
    SECRETS,
    CONFIG_MAPS,
    EVENTS,
    ENDPOINTS,
    ENDPOINT_SLICES,
    REPLICA_SETS,
    DEPLOYMENTS,
    JOBS,
    LEASES,
    POD_DISRUPTION_BUDGETS,
    CUSTOM_RESOURCE_DEFINITIONS,
)
