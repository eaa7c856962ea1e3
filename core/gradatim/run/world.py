"""The caches that all passes read: one for each kind that the controller follows.

In: a client and what to follow. Out: caches, filled by watches. Made by `controller.py`, read by `gather.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ..kube.cache import Cache
from ..kube.client import Client
from ..kube.reflector import Reflector
from ..kube.resources import (
    ANALYSIS_RUNS,
    ANALYSIS_TEMPLATES,
    CLUSTER_ANALYSIS_TEMPLATES,
    EXPERIMENTS,
    PODS,
    REPLICA_SETS,
    ROLLOUTS,
    SERVICES,
    Address,
    Resource,
    Selection,
)
from ..kube.watch import Watch
from ..model import names
from ..model.analysis import Template, parse_template
from ..model.analysisrun import AnalysisRun, parse_analysis_run
from ..model.experiment import Experiment, parse_experiment
from ..model.reading import Json
from ..model.rollout import Rollout, parse_rollout
from ..model.workload import (
    Pod,
    ReplicaSet,
    Service,
    parse_pod,
    parse_replica_set,
    parse_service,
)

#: Index of ReplicaSets, pods, Services, AnalysisRuns and Experiments by the uid of the object that controls them.
BY_OWNER: Final = "owner"
#: Index of ReplicaSets that nobody controls, by namespace.
ORPHANS: Final = "orphans"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the controller looks after.

    Attributes:
        namespace: the one namespace; None: all.
        instance_id: only objects with this label's value; "": only those without the label.
        is_analysis_only: AnalysisRuns and nothing else, whoever made them.
    """

    namespace: str | None = None
    instance_id: str = ""
    is_analysis_only: bool = False

    @property
    def labels(self) -> str:
        """The label selector that says so."""
        if self.instance_id:
            return f"{names.INSTANCE_ID}={self.instance_id}"
        return f"!{names.INSTANCE_ID}"


@dataclass(slots=True)
class World:
    """The caches by kind, and what fills them; those of pods are filled by `podwatch.py` when somebody needs them."""

    rollouts: Cache[Rollout] = field(default_factory=lambda: Cache(parse_rollout))
    replica_sets: Cache[ReplicaSet] = field(default_factory=lambda: Cache(parse_replica_set))
    pods: Cache[Pod] = field(default_factory=lambda: Cache(parse_pod))
    services: Cache[Service] = field(default_factory=lambda: Cache(parse_service))
    runs: Cache[AnalysisRun] = field(default_factory=lambda: Cache(parse_analysis_run))
    experiments: Cache[Experiment] = field(default_factory=lambda: Cache(parse_experiment))
    templates: Cache[Template] = field(default_factory=lambda: Cache(parse_template))
    cluster_templates: Cache[Template] = field(default_factory=lambda: Cache(parse_template))

    def __post_init__(self) -> None:
        owned = (self.replica_sets, self.pods, self.services, self.runs, self.experiments)
        for cache in owned:
            cache.index(BY_OWNER, owner_uids)
        self.replica_sets.index(ORPHANS, _orphaned_in)

    def selections(self, scope: Scope) -> Iterator[tuple[Cache[Any], Selection]]:
        """Each cache with what it holds."""
        where, ours = scope.namespace, scope.labels
        if scope.is_analysis_only:
            yield self.runs, Selection(ANALYSIS_RUNS, where, ours)
            return
        yield self.rollouts, Selection(ROLLOUTS, where, ours)
        # the label is on every ReplicaSet of a Rollout, and keeps all others out of memory
        yield self.replica_sets, Selection(REPLICA_SETS, where, names.POD_HASH)
        yield self.services, Selection(SERVICES, where)
        yield self.runs, Selection(ANALYSIS_RUNS, where, ours)
        yield self.experiments, Selection(EXPERIMENTS, where, ours)
        yield self.templates, Selection(ANALYSIS_TEMPLATES, where)
        if where is None:
            # who looks after one namespace has no right to list what is in none; the reference leaves them out, too
            yield self.cluster_templates, Selection(CLUSTER_ANALYSIS_TEMPLATES)

    def reflectors(self, client: Client, scope: Scope) -> list[Reflector[Any]]:
        """What fills the caches, to be run as tasks."""
        return [
            Reflector(Watch(client, selection), cache)
            for cache, selection in self.selections(scope)
        ]

    def of(self, resource: Resource) -> Cache[Any] | None:
        """The cache of a kind."""
        caches: dict[Resource, Cache[Any]] = {
            ROLLOUTS: self.rollouts,
            REPLICA_SETS: self.replica_sets,
            PODS: self.pods,
            SERVICES: self.services,
            ANALYSIS_RUNS: self.runs,
            EXPERIMENTS: self.experiments,
        }
        return caches.get(resource)


def owner_uids(raw: Json) -> Iterator[str]:
    """The uid of the object that controls this one."""
    owners = (raw.get("metadata") or {}).get("ownerReferences")
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, dict) and owner.get("controller"):
            yield str(owner.get("uid", ""))


def _orphaned_in(raw: Json) -> Iterator[str]:
    """The object's namespace, where nobody controls it."""
    if not any(owner_uids(raw)):
        yield str((raw.get("metadata") or {}).get("namespace", ""))


def address_of(resource: Resource, obj: Json) -> Address:
    """Where an object is."""
    meta = obj.get("metadata") or {}
    return resource.at(str(meta.get("namespace", "")), str(meta.get("name", "")))
