"""Traffic routers: what is wanted of them, the patches they answer with, and the class they extend.

In: `Wanted`, a whole state of the traffic, and the objects as they are. Out: `Patch`es that make them so.
Called by the safety plan, which decides *when* which state is wanted; a router never decides that.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from .metric import Json
from .problem import FieldPath, Problem


class Capability(enum.StrEnum):
    """What a router can do. Validation asks for these, never for the names of routers."""

    WEIGHT = "weight"
    SUBSETS = "subsets"  #: moves traffic by pod hash (DestinationRule), so Services may be absent
    HEADER = "header"
    MIRROR = "mirror"
    EXPERIMENTS = "experiments"  #: weights for further destinations
    PING_PONG = "ping-pong"
    VERIFY = "verify"
    MAX_WEIGHT = "max-weight"  #: weights of a total other than 100


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One Kubernetes object. `namespace` is "" for a cluster-scoped one."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


@dataclass(frozen=True, slots=True)
class Target:
    """Pods behind a Service.

    Attributes:
        service: name of the Service in the Rollout's namespace ("" where none is configured).
        pod_hash: value of the label `rollouts-pod-template-hash` on the pods. None: leave whatever is
            set now as it is. "": there are none, take the label away.
    """

    service: str = ""
    pod_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A further destination with a weight of its own, as an experiment's."""

    service: str
    pod_hash: str
    weight: int


@dataclass(frozen=True, slots=True)
class HeaderRoute:
    """Requests whose headers match go to the canary. `match` is the step's own list, as JSON."""

    name: str
    match: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class MirrorRoute:
    """Matching requests are copied to the canary. `match` is the step's own list, as JSON."""

    name: str
    match: tuple[Json, ...] = ()
    percentage: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A whole state of the traffic of one Rollout, for one router.

    Attributes:
        rollout: name of the Rollout.
        namespace: its namespace.
        config: the router's block under `trafficRouting`.
        stable: target of what is not canary.
        canary: target of `weight`.
        weight: share of the canary, 0…`total`. None: leave the weights as they are.
        additional: further destinations with their weights; stable gets what is left of `total`.
        total: what all weights add up to; 100 unless the router can do MAX_WEIGHT.
        managed_routes: names of the routes that the controller may create and remove, in order of
            precedence.
        header_routes: managed header routes that shall be there. Others among `managed_routes` go.
        mirror_routes: the same for mirror routes.
        keep_routes: leave all managed routes as they are; the two fields above are then empty.
    """

    rollout: str
    namespace: str
    config: Json
    stable: Target = Target()
    canary: Target = Target()
    weight: int | None = None
    additional: tuple[Destination, ...] = ()
    total: int = 100
    managed_routes: tuple[str, ...] = ()
    header_routes: tuple[HeaderRoute, ...] = ()
    mirror_routes: tuple[MirrorRoute, ...] = ()
    keep_routes: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """One write of one object.

    Attributes:
        ref: which object.
        body: a JSON merge patch (an object) or a JSON Patch (a list of operations).
        kind: which of the two.
        resource_version: the version the patch was planned against; the API server refuses it when
            somebody else wrote in between, and the plan is made anew.
        reason: reason of the event that tells of the write ("" for none).
        message: its message.
    """

    ref: ObjectRef
    body: Json | Sequence[Json]
    kind: Literal["merge", "json"] = "merge"
    resource_version: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the router's objects say now.

    Attributes:
        weight: share of the canary in them; None when it cannot be read.
        canary_hash: pod hash that the canary's target is bound to; None where the router binds none.
        stable_hash: the same for stable.
        extra: whatever else a router wants to show, for logs.
        additional: weights of destinations that are neither canary nor stable, by their Services.
    """

    weight: int | None = None
    canary_hash: str | None = None
    stable_hash: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    additional: Mapping[str, int] = field(default_factory=dict)


class TrafficRouter(ABC):
    """Routes the traffic of Rollouts whose `trafficRouting` has a block under `key`.

    A router for Kubernetes objects is pure: the core reads, watches and writes what it names. One for
    an outside control plane yields no patches and overrides `apply`. Constructed without arguments.
    """

    #: The block's key: the CRD's own field (`istio`), or `org/name` for one under `plugins:`.
    key: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.WEIGHT})

    #: Where its objects are, if not in the cluster of the Rollouts: for an API group the label (`key=value`) of the
    #: Secret in the controller's namespace that holds the other cluster's kubeconfig. Without such a Secret: here.
    cluster_secrets: ClassVar[Mapping[str, str]] = {}

    def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
        """The objects that `plan` reads, to be watched and put into the snapshot. No I/O."""
        del config, namespace
        return ()

    @abstractmethod
    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        """The writes that turn `objects` into what is `wanted`, in the order they must be made.

        Pure and idempotent: no patch where an object is already as wanted; fields that are not ours
        stay as they are. `objects` holds those of `references` that exist.

        Raises:
            RouterError: it cannot be done with these objects; the message names the object.
        """

    def check(
        self, wanted: Wanted, objects: Mapping[ObjectRef, Json], path: FieldPath
    ) -> Iterable[Problem]:
        """What is wrong with the objects that the block names: missing, or without the route. Pure.

        `wanted` has the targets' Services; `path` is the path of the router's block.
        """
        del wanted, objects, path
        return ()

    def observed(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Observed:
        """What the objects say now. Pure."""
        del wanted, objects
        return Observed()

    def bound_hashes(
        self, config: Json, namespace: str, objects: Mapping[ObjectRef, Json]
    ) -> frozenset[str]:
        """Pod hashes that the objects still send traffic to; those are never scaled down. Pure."""
        del config, namespace, objects
        return frozenset()

    def released(
        self, rollout: str, config: Json, namespace: str, objects: Mapping[ObjectRef, Json]
    ) -> Iterable[Patch]:
        """The writes that take our marks off again, when a Rollout goes or names other objects. Pure."""
        del rollout, config, namespace, objects
        return ()

    def without_routes(
        self,
        names: Sequence[str],
        config: Json,
        namespace: str,
        objects: Mapping[ObjectRef, Json],
    ) -> Iterable[Patch]:
        """The writes that remove managed routes of these names, when their Rollout goes. Pure."""
        del names, config, namespace, objects
        return ()

    async def apply(self, wanted: Wanted) -> None:
        """For control planes that are not Kubernetes objects: bring about what is wanted.

        Raises:
            RouterError: it could not be done.
        """
        del wanted

    async def verify(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> bool | None:
        """Has the data plane taken over what is wanted? None: cannot say."""
        del wanted, objects
        return None

    async def aclose(self) -> None:
        """Release connections, at the end of the controller."""
        return
