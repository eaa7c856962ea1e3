"""The router: from what is wanted to patches of HTTPRoutes.

In: `Wanted` and the HTTPRoutes that the block names. Out: patches, at most one for each; answers about them. No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

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

from .config import RouteName, problems, route_names
from .rules import Split, contains, is_managed, managed_rules, rules_of, splits, weight_of

API_VERSION = "gateway.networking.k8s.io/v1"


class GatewayApiRouter(TrafficRouter):
    """Weights, header and mirror routes of HTTPRoutes. The key is that of Argo Rollouts' plugin for the same."""

    key: ClassVar[str] = "argoproj-labs/gatewayAPI"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.WEIGHT,
            Capability.HEADER,
            Capability.MIRROR,
            Capability.PING_PONG,
            Capability.MAX_WEIGHT,
            Capability.VERIFY,
        }
    )

    def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
        """The HTTPRoutes of the block."""
        return tuple(_ref(name, namespace) for name in route_names(config))

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        """One patch for each HTTPRoute that is not as wanted.

        Raises:
            RouterError: the block or a route cannot be used; the message names it.
        """
        names = route_names(wanted.config)
        if not names:
            raise RouterError(str(next(iter(problems(wanted.config, FieldPath("config"))))))
        return [patch for name in names if (patch := _patch(name, wanted, objects)) is not None]

    def check(
        self, wanted: Wanted, objects: Mapping[ObjectRef, Json], path: FieldPath
    ) -> Iterable[Problem]:
        """What is wrong with the HTTPRoutes."""
        names = route_names(wanted.config)
        if not names:
            return list(problems(wanted.config, path))
        return [
            Problem(FieldPath(*path.parts, *name.place), fault)
            for name in names
            for fault in _faults(objects.get(_ref(name, wanted.namespace)), wanted)
        ]

    def observed(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Observed:
        """The canary's weight, where all rules agree on it."""
        shares = {
            _share(split, wanted)
            for ref in self.references(wanted.config, wanted.namespace)
            for split in splits(objects.get(ref, {}), wanted)
        }
        return Observed(weight=shares.pop() if len(shares) == 1 else None)

    def without_routes(
        self,
        names: Sequence[str],
        config: Json,
        namespace: str,
        objects: Mapping[ObjectRef, Json],
    ) -> Iterable[Patch]:
        """Take managed rules out, when their Rollout goes."""
        gone = Wanted(rollout="", namespace=namespace, config=config, managed_routes=tuple(names))
        found = (
            (ref, objects[ref]) for ref in self.references(config, namespace) if ref in objects
        )
        return [
            _as_patch(ref, route, operations, "")
            for ref, route in found
            if (operations := _removed(_managed_at(route, gone)))
        ]

    async def verify(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> bool | None:
        """False while an HTTPRoute is not as wanted, or its Gateways have not seen it yet; then nobody can say more.

        Raises:
            RouterError: as `plan`.
        """
        if any(self.plan(wanted, objects)):
            return False
        refs = self.references(wanted.config, wanted.namespace)
        return False if any(_is_behind(objects[ref]) for ref in refs) else None


def _ref(name: RouteName, namespace: str) -> ObjectRef:
    return ObjectRef(API_VERSION, "HTTPRoute", name.namespace or namespace, name.name)


def _share(split: Split, wanted: Wanted) -> int | None:
    canary, stable = (weight_of(split.backends[at]) for at in (split.canary, split.stable))
    if canary + stable == wanted.total or (canary == 0 and stable > 0):
        return canary
    return None


def _faults(route: Json | None, wanted: Wanted) -> Iterator[str]:
    if route is None:
        yield "there is no such HTTPRoute"
        return
    own = [s for s in splits(route, wanted) if not is_managed(s.rule, wanted)]
    if not own:
        sides = f"{wanted.stable.service} and {wanted.canary.service}"
        yield f"no rule of the HTTPRoute has both {sides} as backends"
    for split in own:
        if split.others:
            names = ", ".join(str(each.get("name")) for each in split.others)
            yield f"rule {split.index} has further backends ({names}), whose share would change with every step"


def _patch(name: RouteName, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Patch | None:
    ref = _ref(name, wanted.namespace)
    route = objects.get(ref)
    for fault in _faults(route, wanted):
        raise RouterError(f"{ref}: {fault}")
    if route is None:
        return None
    try:
        operations = [*_weights(route, wanted), *_routes(route, wanted, name)]
    except RouterError as error:
        raise RouterError(f"{ref}: {error}") from error
    message = f"HTTPRoute {name.name}: weight {wanted.weight}"
    return _as_patch(ref, route, operations, message) if operations else None


def _weights(route: Json, wanted: Wanted) -> Iterator[Json]:
    if wanted.weight is None:
        return
    for split in splits(route, wanted):
        for at, weight in (
            (split.canary, wanted.weight),
            (split.stable, wanted.total - wanted.weight),
        ):
            backend = split.backends[at]
            if "weight" not in backend or backend["weight"] != weight:
                op = "replace" if "weight" in backend else "add"
                path = f"/spec/rules/{split.index}/backendRefs/{at}/weight"
                yield {"op": op, "path": path, "value": weight}


def _routes(route: Json, wanted: Wanted, name: RouteName) -> list[Json]:
    """The operations that make the managed rules those that are wanted, before all others."""
    if wanted.keep_routes:
        return []
    own = [s for s in splits(route, wanted) if not is_managed(s.rule, wanted)]
    rules = managed_rules(own, wanted) if name.is_for_headers else []
    places = _managed_at(route, wanted)
    there = [rules_of(route)[place] for place in places]
    if places == list(range(len(rules))) and all(map(contains, there, rules)):
        return []
    added = [
        {"op": "add", "path": f"/spec/rules/{at}", "value": rule} for at, rule in enumerate(rules)
    ]
    return [*_removed(places), *added]


def _managed_at(route: Json, wanted: Wanted) -> list[int]:
    return [at for at, rule in enumerate(rules_of(route)) if is_managed(rule, wanted)]


def _removed(places: Sequence[int]) -> list[Json]:
    return [{"op": "remove", "path": f"/spec/rules/{at}"} for at in reversed(places)]


def _is_behind(route: Json) -> bool:
    """A Gateway speaks of an earlier generation of the route."""
    metadata, status = route.get("metadata"), route.get("status")
    generation = metadata.get("generation") if isinstance(metadata, dict) else None
    parents = status.get("parents") if isinstance(status, dict) else None
    if not isinstance(generation, int) or not isinstance(parents, list):
        return False
    seen = [
        condition.get("observedGeneration")
        for parent in parents
        if isinstance(parent, dict) and isinstance(parent.get("conditions"), list)
        for condition in parent["conditions"]
        if isinstance(condition, dict)
    ]
    return any(isinstance(each, int) and each < generation for each in seen)


def _as_patch(ref: ObjectRef, route: Json, operations: list[Json], message: str) -> Patch:
    metadata = route.get("metadata")
    version = metadata.get("resourceVersion", "") if isinstance(metadata, dict) else ""
    reason = "UpdatedHTTPRoute" if message else ""
    return Patch(
        ref=ref,
        body=operations,
        kind="json",
        resource_version=version if isinstance(version, str) else "",
        reason=reason,
        message=message,
    )
