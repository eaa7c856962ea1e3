"""Views of what runs and what routes to it: ReplicaSet, Pod, Service.

In: an object's JSON. Out: a frozen view. Parsed by the cache, read by decisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import names
from .meta import Meta, read_meta
from .reading import Fault, Json, Reader, parse_time, whole_number


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSet:
    """One revision's pods: how many are wanted (`replicas`), and how many there are."""

    meta: Meta
    raw: Json = field(repr=False, default_factory=dict)
    replicas: int = 0
    min_ready_seconds: int = 0
    template: Json = field(repr=False, default_factory=dict)
    current: int = 0
    ready: int = 0
    available: int = 0
    observed_generation: int = 0
    failure: Json | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.meta.name

    @property
    def pod_hash(self) -> str:
        """The label that tells this revision's pods from others, "" if it is missing."""
        return self.meta.labels.get(names.POD_HASH, "")

    @property
    def revision(self) -> int:
        """Number of the revision, 0 if it has none yet."""
        return _number(self.meta.annotations.get(names.REVISION, ""))

    @property
    def desired(self) -> int | None:
        """`spec.replicas` of the Rollout when this set was last scaled."""
        text = self.meta.annotations.get(names.DESIRED_REPLICAS, "")
        return whole_number(text)

    @property
    def answering(self) -> int:
        """Pods that can answer and are to stay: one that is asked to go may still count as available."""
        return min(self.available, self.replicas)

    def is_saturated(self, replicas: int) -> bool:
        """It has been asked for all of the Rollout's `replicas`, and all of them can answer."""
        return self.replicas == self.desired == self.available == replicas

    @property
    def is_in_doubt(self) -> bool:
        """It was written to, and its status is from before: pods that it counts may be on their way out.

        Scaled down and up again before anybody observed it, a set has as many pods as before, and some are new.
        """
        behind = self.observed_generation < self.meta.generation
        return behind and 0 < self.available <= self.replicas

    @property
    def has_deadline(self) -> bool:
        """It waits to be scaled down, or did."""
        return bool(self.meta.annotations.get(names.SCALE_DOWN_DEADLINE))

    @property
    def deadline(self) -> datetime | None:
        """The instant after which it may be scaled to 0; None without one that can be read."""
        return parse_time(self.meta.annotations.get(names.SCALE_DOWN_DEADLINE, ""))


def _number(text: str) -> int:
    return whole_number(text) or 0


def parse_replica_set(raw: Json) -> ReplicaSet:
    """The view of a ReplicaSet. Never raises."""
    root = Reader(raw)
    meta = read_meta(root)
    spec, status = root.object("spec"), root.object("status")
    failure = next(
        (
            c
            for c in status.list("conditions")
            if isinstance(c, dict) and c.get("type") == "ReplicaFailure"
        ),
        None,
    )
    return ReplicaSet(
        meta=meta,
        raw=raw,
        replicas=spec.number("replicas", 1),
        min_ready_seconds=spec.number("minReadySeconds"),
        template=spec.json("template"),
        current=status.number("replicas"),
        ready=status.number("readyReplicas"),
        available=status.number("availableReplicas"),
        observed_generation=status.number("observedGeneration"),
        failure=failure,
        faults=tuple(root.faults),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod: whose it is, and whether it can answer."""

    meta: Meta
    phase: str = ""
    ready: bool = False
    faults: tuple[Fault, ...] = ()


def parse_pod(raw: Json) -> Pod:
    """The view of a Pod. Never raises."""
    root = Reader(raw)
    meta, status = read_meta(root), root.object("status")
    ready = any(
        c.text("type") == "Ready" and c.text("status") == "True"
        for c in status.objects("conditions")
    )
    return Pod(meta=meta, phase=status.text("phase"), ready=ready, faults=tuple(root.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Where traffic for a name goes: the pods that `selector` names."""

    meta: Meta
    selector: Mapping[str, str] = field(default_factory=dict)
    raw: Json = field(repr=False, default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @property
    def pod_hash(self) -> str:
        """The one revision it selects, "" when it selects all."""
        return self.selector.get(names.POD_HASH, "")

    @property
    def managed_by(self) -> str | None:
        """Name of the Rollout that switches it; None before the first switch."""
        return self.meta.annotations.get(names.MANAGED_BY)


def parse_service(raw: Json) -> Service:
    """The view of a Service. Never raises."""
    root = Reader(raw)
    meta = read_meta(root)
    selector: Mapping[str, Any] = root.object("spec").texts("selector")
    return Service(meta=meta, selector=selector, raw=raw, faults=tuple(root.faults))
