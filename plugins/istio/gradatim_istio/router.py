"""Istio's traffic router: from what is wanted to patches of VirtualServices and of a DestinationRule.

In: `Wanted` and the objects that `references` names. Out: patches, at most one for each object, and answers about
the objects. Called by the controller; it does no I/O.

Patches are JSON Patch, tied to the resource version that was read. A merge patch could only send a list of routes
as a whole: the same bytes would be written over every route of the user, and what is in an audit log would not be
the change. An operation on `/spec/http/0/route/1/weight` is the change. It names routes by their index, which is
right as long as nobody wrote in between; if somebody did the version no longer fits, the API server answers 409,
and the plan is made anew. So operations need no `test` before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final

from gradatim.plugin import (
    Capability,
    FieldPath,
    Json,
    ObjectRef,
    Observed,
    Patch,
    Problem,
    RouterError,
    TrafficRouter,
    Wanted,
)

from . import subsets
from .block_problems import block_faults
from .check import object_problems
from .config import DestinationRuleBlock, IstioBlock, VirtualServiceBlock, parse
from .managed import http_routes, managed_change
from .status import taken_over
from .virtual_service import Step, observed_share, routes_of, step_of
from .weights import further_weights

GROUP: Final = "networking.istio.io"

#: Served by every release of Istio, and the reference's default. v1beta1 is served since 1.5, v1 since 1.22.
DEFAULT_API_VERSION: Final = "v1alpha3"


class IstioRouter(TrafficRouter):
    """Weights of VirtualServices, subsets of a DestinationRule, header and mirror routes.

    Args:
        api_version: version of the API to use, `v1` or `networking.istio.io/v1`.
    """

    key: ClassVar[str] = "istio"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.WEIGHT,
            Capability.SUBSETS,
            Capability.HEADER,
            Capability.MIRROR,
            Capability.EXPERIMENTS,
            Capability.PING_PONG,
            Capability.VERIFY,
        }
    )

    #: Istio's own objects are in its config cluster, which is another one where several share a mesh.
    cluster_secrets: ClassVar[Mapping[str, str]] = {GROUP: "istio.argoproj.io/primary-cluster=true"}

    def __init__(self, *, api_version: str = DEFAULT_API_VERSION) -> None:
        self._api_version = api_version if "/" in api_version else f"{GROUP}/{api_version}"

    def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
        """The VirtualServices and the DestinationRule; none for a block that is not sound."""
        block = parse(config, namespace)
        if block is None:
            return ()
        refs = [self._ref(entry, namespace) for entry in block.virtual_services]
        if block.destination_rule:
            refs.append(self._ref(block.destination_rule, namespace))
        return tuple(dict.fromkeys(refs))

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        """One patch for each object that is not as wanted.

        The DestinationRule comes first, so that a subset means pods before it gets traffic; where
        the canary loses traffic it comes last, so that the traffic is gone before the pods change.

        Raises:
            RouterError: the block or an object cannot be used; the message names it.
        """
        block = _sound(wanted.config, wanted.namespace)
        rule_patches = self._rule_patches(block, wanted, objects)
        steps = self._steps(block, wanted, objects)
        patches = [
            _patch(ref, objects[ref], step.operations, "Updated VirtualService", step.message)
            for ref, step in steps.items()
            if step.operations
        ]
        if any(step.canary_falls for step in steps.values()):
            return [*patches, *rule_patches]
        return [*rule_patches, *patches]

    def check(
        self, wanted: Wanted, objects: Mapping[ObjectRef, Json], path: FieldPath
    ) -> Iterable[Problem]:
        """All that is wrong with the objects, or with the block when they cannot be looked for."""
        block = parse(wanted.config, wanted.namespace)
        if block is None:
            return list(block_faults(wanted.config, path))

        def find(entry: VirtualServiceBlock | DestinationRuleBlock) -> Json | None:
            return _found(objects, self._ref(entry, wanted.namespace))

        return list(object_problems(block, wanted, find, path))

    def observed(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Observed:
        """The canary's weight if all selected routes agree on it, the hashes of the subsets, and what others get."""
        block = parse(wanted.config, wanted.namespace)
        if block is None:
            return Observed()
        shares: set[int | None] = set()
        additional: dict[str, int] = {}
        for entry in block.virtual_services:
            obj = _found(objects, self._ref(entry, wanted.namespace))
            routes = routes_of(entry, block, wanted, obj or {})
            shares.update(observed_share(route, wanted) for route in routes.selected)
            shares.update(None for _ in routes.faults)
            for route in routes.selected:
                additional |= further_weights(route)
        weight = shares.pop() if len(shares) == 1 else None
        rule = block.destination_rule
        if rule is None:
            return Observed(weight=weight, additional=additional)
        obj = _found(objects, self._ref(rule, wanted.namespace)) or {}
        return Observed(
            weight=weight,
            canary_hash=subsets.pod_hash(obj, rule.canary_subset),
            stable_hash=subsets.pod_hash(obj, rule.stable_subset),
            additional=additional,
        )

    def bound_hashes(
        self, config: Json, namespace: str, objects: Mapping[ObjectRef, Json]
    ) -> frozenset[str]:
        """The pod hashes of all subsets of the DestinationRule, whoever wrote them."""
        rule = self._rule(config, namespace)
        if rule is None:
            return frozenset()
        return subsets.pod_hashes(_found(objects, self._ref(rule, namespace)) or {})

    def released(
        self, rollout: str, config: Json, namespace: str, objects: Mapping[ObjectRef, Json]
    ) -> Iterable[Patch]:
        """Take the annotation and the hashes off the DestinationRule."""
        rule = self._rule(config, namespace)
        if rule is None:
            return ()
        ref = self._ref(rule, namespace)
        obj = _found(objects, ref)
        operations = subsets.release(obj, rule, rollout) if obj is not None else []
        return [_patch(ref, obj or {}, operations)] if operations else ()

    def without_routes(
        self,
        names: Sequence[str],
        config: Json,
        namespace: str,
        objects: Mapping[ObjectRef, Json],
    ) -> Iterable[Patch]:
        """Take the managed routes out of the VirtualServices; a route that the block gives weights to stays."""
        block = parse(config, namespace)
        patches = []
        for entry in block.virtual_services if block else ():
            ref = self._ref(entry, namespace)
            obj = _found(objects, ref) or {}
            removed = [name for name in names if name and name not in entry.routes]
            change = managed_change(http_routes(obj), removed, {})
            if change.operations:
                patches.append(_patch(ref, obj, change.operations))
        return patches

    async def verify(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> bool | None:
        """False while the objects are not as wanted; after that what Istio says, which may be nothing.

        Raises:
            RouterError: as `plan`.
        """
        if any(self.plan(wanted, objects)):
            return False
        return taken_over(objects[ref] for ref in self.references(wanted.config, wanted.namespace))

    def _ref(self, entry: VirtualServiceBlock | DestinationRuleBlock, namespace: str) -> ObjectRef:
        if isinstance(entry, VirtualServiceBlock):
            return ObjectRef(self._api_version, "VirtualService", entry.namespace, entry.name)
        return ObjectRef(self._api_version, "DestinationRule", namespace, entry.name)

    @staticmethod
    def _rule(config: Json, namespace: str) -> DestinationRuleBlock | None:
        block = parse(config, namespace)
        return block.destination_rule if block else None

    def _rule_patches(
        self, block: IstioBlock, wanted: Wanted, objects: Mapping[ObjectRef, Json]
    ) -> list[Patch]:
        rule = block.destination_rule
        if rule is None:
            return []
        ref = self._ref(rule, wanted.namespace)
        obj = _needed(objects, ref)
        for _, text in subsets.faults(obj, rule):
            raise RouterError(f"{ref}: {text}")
        operations = subsets.operations(obj, rule, wanted)
        canary, stable = wanted.canary.pod_hash, wanted.stable.pod_hash
        if canary is None:
            canary = subsets.pod_hash(obj, rule.canary_subset) or ""
        if stable is None:
            stable = subsets.pod_hash(obj, rule.stable_subset) or ""
        message = (
            f"DestinationRule {rule.name} subset updated "
            f"({rule.canary_subset}: {canary}, {rule.stable_subset}: {stable})"
        )
        patch = _patch(ref, obj, operations, "UpdatedDestinationRule", message)
        return [patch] if operations else []

    def _steps(
        self, block: IstioBlock, wanted: Wanted, objects: Mapping[ObjectRef, Json]
    ) -> dict[ObjectRef, Step]:
        steps: dict[ObjectRef, Step] = {}
        for entry in block.virtual_services:
            ref = self._ref(entry, wanted.namespace)
            if ref in steps:
                raise RouterError(f"{ref} is named twice in virtualServices")
            obj = _needed(objects, ref)
            try:
                steps[ref] = step_of(entry, block, wanted, obj)
            except RouterError as error:
                raise RouterError(f"{ref}: {error}") from error
        needs_http = bool(wanted.header_routes or wanted.mirror_routes)
        if needs_http and not any(step.has_http for step in steps.values()):
            raise RouterError(f"{next(iter(steps))} has no spec.http for header and mirror routes")
        return steps


def _sound(config: Json, namespace: str) -> IstioBlock:
    block = parse(config, namespace)
    if block is None:
        fault = next(block_faults(config, FieldPath("istio")))
        raise RouterError(" ".join(str(fault).split()))
    return block


def _found(objects: Mapping[ObjectRef, Json], ref: ObjectRef) -> Json | None:
    obj: object = objects.get(ref)
    return obj if isinstance(obj, dict) else None


def _needed(objects: Mapping[ObjectRef, Json], ref: ObjectRef) -> Json:
    obj = _found(objects, ref)
    if obj is None:
        raise RouterError(f"{ref} not found")
    return obj


def _patch(
    ref: ObjectRef, obj: Json, operations: Sequence[Json], reason: str = "", message: str = ""
) -> Patch:
    metadata = obj.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return Patch(
        ref=ref,
        body=list(operations),
        kind="json",
        resource_version=version if isinstance(version, str) else "",
        reason=reason,
        message=message,
    )
