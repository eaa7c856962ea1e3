"""The body of a new AnalysisRun, the names it may take, and whether one that is there already will do.

In: a `RunSpec` and the run's identity. Out: the object's JSON.
The Rollout's and the Experiment's decisions call it; `apply` creates what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradatim.model.analysisrun import AnalysisRun
from gradatim.model.reading import Reader
from gradatim.plugin import Json

from .policy import run_settings
from .templates import RunSpec

_COMPARED = ("metrics", "dryRun", "measurementRetention", "args")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a new run is.

    Attributes:
        owner: the Rollout or Experiment that it belongs to, as stored (kind, apiVersion, name, uid and our own
            annotations are read).
    """

    name: str
    namespace: str
    owner: Json
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def analysis_run(identity: Identity, spec: RunSpec) -> Json:
    """The AnalysisRun to create."""
    metadata: Json = {"name": identity.name, "namespace": identity.namespace}
    if identity.labels:
        metadata["labels"] = dict(identity.labels)
    owner = Reader(identity.owner).object("metadata").texts("annotations")
    settings = run_settings(owner, spec.templates)
    if annotations := {**settings, **identity.annotations}:
        metadata["annotations"] = annotations
    metadata["ownerReferences"] = [_owner_reference(identity.owner)]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": metadata,
        "spec": spec.json(),
    }


def _owner_reference(owner: Json) -> Json:
    metadata = owner.get("metadata") or {}
    return {
        "apiVersion": owner.get("apiVersion", "argoproj.io/v1alpha1"),
        "kind": owner.get("kind", "Rollout"),
        "name": metadata.get("name", ""),
        "uid": metadata.get("uid", ""),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def collision_names(name: str) -> Iterator[str]:
    """The names to try while each is taken: `name`, `name.1`, `name.2`, …"""
    yield name
    number = 1
    while True:
        yield f"{name}.{number}"
        number += 1


def same_spec(run: Json, spec: RunSpec) -> bool:
    """The run measures just this. `terminate` and the time to live do not count."""
    theirs, ours = run.get("spec"), spec.json()
    if not isinstance(theirs, dict):
        return False
    return all(plain(theirs.get(key)) == plain(ours.get(key)) for key in _COMPARED)


def is_same_run(run: AnalysisRun, spec: RunSpec, owner_uid: str) -> bool:
    """A run of that name is ours, not completed, and measures just this: it need not be created again.

    So it is when the cache had not seen yet that we created it.
    """
    is_ours = bool(owner_uid) and run.meta.owner_uid == owner_uid
    return is_ours and not run.phase.is_completed and same_spec(run.raw, spec)


def plain(value: Any) -> Any:
    """Without what the API server does not tell from absence: null, and empty lists and objects."""
    match value:
        case dict():
            items = {key: plain(item) for key, item in value.items()}
            return {key: item for key, item in items.items() if item is not None} or None
        case list():
            return [plain(item) for item in value] or None
        case _:
            return value
