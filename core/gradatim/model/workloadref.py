"""A workload that a Rollout takes its template from: a Deployment, a ReplicaSet or a PodTemplate.

In: the JSON of `spec.workloadRef` and of the object that it names. Out: frozen values. `run/` resolves, `decide/` hands
the pods of a Deployment over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .meta import read_meta
from .reading import Json, Reader

#: apiVersion by group and kind, of the workloads that there can be.
_SUPPORTED: Final = {
    ("", "PodTemplate"): "v1",
    ("apps", "Deployment"): "apps/v1",
    ("apps", "ReplicaSet"): "apps/v1",
}

NEVER: Final = "never"
ON_SUCCESS: Final = "onsuccess"
PROGRESSIVELY: Final = "progressively"


@dataclass(frozen=True, slots=True)
class WorkloadRef:
    """`spec.workloadRef`. `api_version` is "" for a kind that cannot be referred to."""

    api_version: str
    kind: str
    name: str
    scale_down: str = NEVER
    written_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The object that a `workloadRef` names.

    Attributes:
        template, selector: what the Rollout takes over; no selector for a PodTemplate.
        scale_down: what becomes of its pods; `never` for all but Deployments.
    """

    ref: WorkloadRef
    namespace: str = ""
    generation: int = 0
    resource_version: str = ""
    template: Json = field(default_factory=dict, repr=False)
    selector: Json = field(default_factory=dict)
    replicas: int = 0
    scale_down: str = NEVER


def read_workload_ref(raw: Json) -> WorkloadRef:
    """The reference. Never raises."""
    reader = Reader(raw)
    version, kind = reader.text("apiVersion"), reader.text("kind")
    group, _, _ = version.rpartition("/")
    return WorkloadRef(
        api_version=_SUPPORTED.get((group, kind), ""),
        kind=kind,
        name=reader.text("name"),
        scale_down=reader.text("scaleDown").lower() or NEVER,
        written_version=version,
    )


def parse_workload(ref: WorkloadRef, raw: Json) -> Workload:
    """The view of the object. Never raises."""
    root = Reader(raw)
    meta, spec = read_meta(root), root.object("spec")
    holder = root if ref.kind == "PodTemplate" else spec
    return Workload(
        ref=ref,
        namespace=meta.namespace,
        generation=meta.generation,
        resource_version=meta.resource_version,
        template=holder.json("template"),
        selector=spec.json("selector") if holder is spec else {},
        replicas=spec.number("replicas", 1),
        scale_down=ref.scale_down if ref.kind == "Deployment" else NEVER,
    )
