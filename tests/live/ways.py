"""Where requests go, read from live objects: entries, their shares, and the pods that each share is bound to.

In: the store of an embedded cluster and a namespace. Out: `Way`s. Called by `guard.py` for every version of the
objects. It shares no code with the controller and its plugins, so that a mistake there is seen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from gradatim.sim.store import Store

Json = dict[str, Any]

HASH = "rollouts-pod-template-hash"
ROLLOUTS = "rollouts.argoproj.io"
VIRTUAL_SERVICES = "virtualservices.networking.istio.io"
RULES = "destinationrules.networking.istio.io"


class Way(NamedTuple):
    """A share of the requests that come in at one place.

    `weight` is of 100; `pod_hash` is "" where the selector does not name a revision. `whole` says that all pods of the
    Rollout have to answer for weight 100; else, as for a header's route, one suffices.
    """

    entry: str
    target: str
    weight: int
    pod_hash: str
    rollout: str
    whole: bool = True


def ways(store: Store, namespace: str) -> tuple[Way, ...]:
    """All ways into the Rollouts of a namespace."""
    return tuple(
        way
        for rollout in store.listed(ROLLOUTS, namespace)
        for way in (*_routed(store, rollout), *_named(store, rollout))
    )


def weights(store: Store, rollout: Json) -> Iterator[tuple[str, list[int]]]:
    """The weights of every route of a Rollout's VirtualServices."""
    for service in _virtual_services(store, rollout):
        for entry, destinations in _routes(service):
            alone = 100 if len(destinations) == 1 else 0
            yield entry, [each.get("weight", alone) for each in destinations]


def _routed(store: Store, rollout: Json) -> Iterator[Way]:
    namespace, name = rollout["metadata"]["namespace"], rollout["metadata"]["name"]
    subsets = _subsets(store, namespace)
    managed, own = _managed(rollout), _own(rollout)
    for service in _virtual_services(store, rollout):
        for entry, destinations in _routes(service):
            alone = 100 if len(destinations) == 1 else 0
            for each in destinations:
                host, subset = each["destination"]["host"], each["destination"].get("subset", "")
                pods = _selected(store, namespace, host) or subsets.get((host, subset), "")
                target = f"{host}/{subset}" if subset else host
                whole = entry.rpartition(" ")[2] not in managed
                whole = whole and bool(subset or host in own)
                yield Way(entry, target, each.get("weight", alone), pods, name, whole)


def _named(store: Store, rollout: Json) -> Iterator[Way]:
    """The Services to which requests come without a router."""
    namespace, name = rollout["metadata"]["namespace"], rollout["metadata"]["name"]
    strategy = rollout["spec"].get("strategy") or {}
    active = (strategy.get("blueGreen") or {}).get("activeService")
    canary = strategy.get("canary") or {}
    stable = "" if canary.get("trafficRouting") else canary.get("stableService")
    for service, whole in ((active, True), (stable, False)):
        if service:
            pods = _selected(store, namespace, service)
            yield Way(f"Service {service}", service, 100, pods, name, whole)


def _managed(rollout: Json) -> set[str]:
    """Header and mirror routes: some of the requests, nobody knows how many."""
    canary = (rollout["spec"].get("strategy") or {}).get("canary") or {}
    routes = (canary.get("trafficRouting") or {}).get("managedRoutes") or ()
    return {each["name"] for each in routes}


def _own(rollout: Json) -> set[str]:
    """Its Services; a route's others are those of an Experiment, of which one pod suffices."""
    canary = (rollout["spec"].get("strategy") or {}).get("canary") or {}
    names = {canary.get(side) for side in ("stableService", "canaryService")}
    return {*filter(None, names), *(canary.get("pingPong") or {}).values()}


def _virtual_services(store: Store, rollout: Json) -> Iterator[Json]:
    canary = (rollout["spec"].get("strategy") or {}).get("canary") or {}
    istio = (canary.get("trafficRouting") or {}).get("istio") or {}
    named = [istio.get("virtualService"), *(istio.get("virtualServices") or ())]
    for each in filter(None, named):
        namespace = rollout["metadata"]["namespace"]
        found = store.find(VIRTUAL_SERVICES, namespace, str(each.get("name")))
        if found is not None:
            yield found


def _routes(service: Json) -> Iterator[tuple[str, list[Json]]]:
    spec = service.get("spec") or {}
    for protocol in ("http", "tcp", "tls"):
        for number, route in enumerate(spec.get(protocol) or ()):
            if route.get("route"):
                which = route.get("name") or f"{protocol}[{number}]"
                yield f"VirtualService {service['metadata']['name']} {which}", route["route"]


def _subsets(store: Store, namespace: str) -> dict[tuple[str, str], str]:
    return {
        (rule["spec"].get("host", ""), subset["name"]): (subset.get("labels") or {}).get(HASH, "")
        for rule in store.listed(RULES, namespace)
        for subset in rule["spec"].get("subsets") or ()
    }


def _selected(store: Store, namespace: str, service: str) -> str:
    found = store.find("services", namespace, service) or {}
    selector = (found.get("spec") or {}).get("selector") or {}
    return str(selector.get(HASH, ""))
