"""The mesh, pure: where requests go, given what a proxy knows and which pods answer.

In: a VirtualService, DestinationRules and the endpoints of Services. Out: the share of each pod hash, and of failures.
Called by `propagation.py` for every version of these that a proxy may have; the demo prints its shares.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gradatim.sim.document import Json, dig, named

#: The labels by which ReplicaSets mark their pods; Argo's Rollouts use the first.
_HASH_LABELS = ("rollouts-pod-template-hash", "pod-template-hash")


class Host(NamedTuple):
    """A Service by namespace and name."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pod behind a Service, as a proxy knows it."""

    pod: str
    labels: Mapping[str, str]

    @property
    def pod_hash(self) -> str:
        """The hash of the pod's template, empty where it has none."""
        found = (self.labels[label] for label in _HASH_LABELS if label in self.labels)
        return next(found, "")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What one proxy knows: rules, and the ready endpoints of each Service; and which pods really answer."""

    rules: Sequence[Json]
    endpoints: Mapping[Host, Sequence[Endpoint]]
    answering: Container[str]


@dataclass(frozen=True, slots=True)
class Split:
    """Where requests go: shares by pod hash and the share that fails, together 1. `why` explains a failure."""

    shares: Mapping[str, float] = field(default_factory=dict)
    failing: float = 0.0
    why: str = ""


def resolved(host: str, namespace: str) -> Host:
    """Return the Service that a host names, seen from `namespace`."""
    name, _, rest = host.partition(".")
    return Host(rest.partition(".")[0] or namespace, name)


def split(
    virtual_service: Json, known: Knowledge, headers: Mapping[str, str] | None = None
) -> Split:
    """Return where plain requests with these headers go: the first route that matches decides.

    TCP and TLS routes count where there is no HTTP route.
    """
    spec = virtual_service.get("spec") or {}
    routes = spec.get("http") or [*(spec.get("tcp") or ()), *(spec.get("tls") or ())]
    for route in routes:
        if _matches(route, headers or {}):
            return route_split(route, virtual_service["metadata"]["namespace"], known)
    return Split({}, 1.0, "no route matches")


def worst_split(virtual_service: Json, known: Knowledge) -> Split:
    """Return the split of the route of which most fails, whatever it matches."""
    namespace = virtual_service["metadata"]["namespace"]
    splits = [route_split(route, namespace, known) for route in _all_routes(virtual_service)]
    return max(splits, key=lambda found: found.failing, default=Split())


def service_split(host: Host, known: Knowledge) -> Split:
    """Return where requests to a Service go that no VirtualService routes."""
    return _joined([(1.0, *_targets(host, None, known))])


def route_split(route: Json, namespace: str, known: Knowledge) -> Split:
    """Return where the requests of one route go."""
    destinations = route.get("route") or []
    weights = [destination.get("weight") for destination in destinations]
    if len(weights) == 1 and weights[0] is None:
        weights = [1]
    total = sum(weight or 0 for weight in weights)
    if not total:
        return Split({}, 1.0, "no destination has weight")
    parts = []
    for destination, weight in zip(destinations, weights, strict=True):
        if weight:
            host = resolved(dig(destination, "destination", "host") or "", namespace)
            subset = dig(destination, "destination", "subset")
            parts.append((weight / total, *_targets(host, subset, known)))
    return _joined(parts)


def services_of(virtual_service: Json) -> frozenset[Host]:
    """Return the Services that any route of a VirtualService leads to."""
    namespace = virtual_service["metadata"]["namespace"]
    return frozenset(
        resolved(dig(destination, "destination", "host") or "", namespace)
        for route in _all_routes(virtual_service)
        for destination in route["route"]
    )


def _all_routes(virtual_service: Json) -> Iterator[Json]:
    spec = virtual_service.get("spec") or {}
    for protocol in ("http", "tcp", "tls"):
        yield from (route for route in spec.get(protocol) or () if route.get("route"))


def _joined(parts: Iterable[tuple[float, Sequence[Endpoint], str]]) -> Split:
    shares: dict[str, float] = {}
    failing, why = 0.0, ""
    for share, endpoints, trouble in parts:
        if trouble:
            failing, why = failing + share, trouble
        for endpoint in endpoints:
            each = share / len(endpoints)
            shares[endpoint.pod_hash] = shares.get(endpoint.pod_hash, 0.0) + each
    return Split(shares, failing, why)


def _targets(host: Host, subset: str | None, known: Knowledge) -> tuple[Sequence[Endpoint], str]:
    """Return the endpoints that answer, or why none does.

    A request to an endpoint that is gone is tried again on another one of the same destination, as Istio's default
    retries do; so a destination fails only when none of its endpoints answers.
    """
    place = f"{host.name}.{host.namespace}" + (f" subset {subset}" if subset else "")
    if host not in known.endpoints:
        return (), f"{place}: no such Service"
    endpoints = known.endpoints[host]
    if subset:
        labels = _subset_labels(host, subset, known.rules)
        if labels is None:
            return (), f"{place}: no such subset"
        endpoints = [e for e in endpoints if labels.items() <= e.labels.items()]
    answering = [endpoint for endpoint in endpoints if endpoint.pod in known.answering]
    if answering:
        return answering, ""
    return (), f"{place}: no endpoint" + (" answers" if endpoints else "")


def _subset_labels(host: Host, subset: str, rules: Sequence[Json]) -> Mapping[str, str] | None:
    for rule in rules:
        rule_host = resolved(dig(rule, "spec", "host") or "", rule["metadata"]["namespace"])
        found = named(dig(rule, "spec", "subsets"), "name", subset) if rule_host == host else None
        if found is not None:
            return found.get("labels") or {}
    return None


def _matches(route: Json, headers: Mapping[str, str]) -> bool:
    """Tell whether a request for `/` with these headers takes the route. Matches of one route are alternatives."""
    matches = route.get("match")
    if not matches:
        return True
    return any(
        all(_matches_text(headers.get(name), how) for name, how in wanted.items())
        and ("uri" not in match or _matches_text("/", match["uri"]))
        for match in matches
        for wanted in [match.get("headers") or {}]
    )


def _matches_text(value: str | None, how: Json) -> bool:
    if value is None:
        return False
    if "exact" in how:
        return bool(value == how["exact"])
    if "prefix" in how:
        return value.startswith(how["prefix"])
    if "regex" in how:
        return re.fullmatch(how["regex"], value) is not None
    return True
