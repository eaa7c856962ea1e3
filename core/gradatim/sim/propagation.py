"""The mesh in time: every change reaches the proxies late, and not all of them at once.

In: the changes of VirtualServices, DestinationRules, EndpointSlices and pods, and a lag. Out: the split of traffic
now, the share that fails for the unluckiest proxy, and the worst moment so far. Held by `Sim` as `sim.mesh`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from gradatim.sim.clock import SimClock
from gradatim.sim.document import Json, dig
from gradatim.sim.endpointslices import SERVICE_NAME
from gradatim.sim.failure import ApiError
from gradatim.sim.mesh import (
    Endpoint,
    Host,
    Knowledge,
    Split,
    resolved,
    service_split,
    services_of,
    split,
    worst_split,
)
from gradatim.sim.pods import condition, is_finished
from gradatim.sim.store import Event, Store
from gradatim.sim.timeline import Timeline

_SERVICES = "virtualservices.networking.istio.io"
_RULES = "destinationrules.networking.istio.io"
_SLICES = "endpointslices.discovery.k8s.io"

#: Seconds by which a look at the end of the lag comes after it.
_JUST_AFTER = 0.001

Endpoints: TypeAlias = tuple[Endpoint, ...]
#: The VirtualServices and DestinationRules of a namespace, by resource and name.
Configs: TypeAlias = Mapping[tuple[str, str], Json]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which requests failed: when (seconds since the start), for which host, how large a share, and why."""

    at: float
    host: Host
    failing: float
    why: str


class Ages(NamedTuple):
    """Seconds that a proxy is behind with each kind of what it knows; in real meshes one may come before another."""

    routes: float
    rules: float
    endpoints: float


class _EndpointsAt(Mapping[Host, Sequence[Endpoint]]):
    """The endpoints of all Services at one time, looked up when asked."""

    def __init__(self, timelines: Mapping[Host, Timeline[Endpoints | None]], time: float) -> None:
        self._timelines = timelines
        self._time = time

    def __getitem__(self, host: Host) -> Endpoints:
        found = self._timelines[host].at(self._time)
        if found is None:
            raise KeyError(host)
        return found

    def __iter__(self) -> Iterator[Host]:
        return (host for host in self._timelines if host in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Answering(Container[str]):
    """The pods of a namespace that answer: one that is being deleted does, until its containers are gone."""

    def __init__(self, store: Store, namespace: str) -> None:
        self._store = store
        self._namespace = namespace

    def __contains__(self, name: object) -> bool:
        pod = self._store.find("pods", self._namespace, str(name))
        if pod is None or is_finished(pod):
            return False
        return (condition(pod, "ContainersReady") or {}).get("status") == "True"


class Mesh:
    """What the proxies do.

    `lag` is the time in seconds until the last proxy has learnt of a change; a proxy learns of changes in the order in
    which they were made, unless `ordered` is false: then rules and endpoints may come in any order. What never worked
    does not fail: a host counts from the first moment on at which all its requests were answered.
    """

    def __init__(self, store: Store, clock: SimClock, lag: float, ordered: bool = True) -> None:
        self.lag = lag
        self.ordered = ordered
        self.worst: Moment | None = None
        self._store = store
        self._clock = clock
        self._configs: dict[str, Timeline[Configs]] = {}
        self._endpoints: dict[Host, Timeline[Endpoints | None]] = {}
        self._routed: dict[Host, frozenset[Host]] = {}
        self._users: dict[Host, set[Host]] = {}
        self._behind: dict[tuple[str, str], set[Host]] = {}
        self._watched: set[Host] = set()
        self._proven: set[Host] = set()
        self._dirty: set[Host] = set()
        self._soon: asyncio.Handle | None = None
        store.subscribe([_SERVICES, _RULES], self._config_changed)
        store.subscribe([_SLICES], self._slice_changed)
        store.subscribe(["pods"], self._pod_changed)

    def watch(self, service: str, namespace: str = "default") -> None:
        """Count failures of a Service that no VirtualService routes, as of a blue-green rollout's active Service."""
        host = Host(namespace, service)
        self._watched.add(host)
        self._users.setdefault(host, set()).add(host)
        self._mark({host})

    def split(
        self,
        name: str,
        namespace: str = "default",
        headers: Mapping[str, str] | None = None,
        age: float | None = None,
    ) -> dict[str, float]:
        """Return the share of each pod hash in the requests to a VirtualService or Service.

        `age` is how many seconds behind the proxy is; by default as much as the slowest. Shares that are missing to 1
        fail.

        Raises:
            ApiError: 404, there is neither.
        """
        found = self.outcome(name, namespace, headers, age)
        return dict(found.shares)

    def outcome(
        self,
        name: str,
        namespace: str = "default",
        headers: Mapping[str, str] | None = None,
        age: float | Ages | None = None,
    ) -> Split:
        """Return the same with the share that fails, and why."""
        behind = self.lag if age is None else age
        ages = behind if isinstance(behind, Ages) else Ages(behind, behind, behind)
        routes, rules, endpoints = (self._clock.elapsed() - each for each in ages)
        known = self._knowledge(namespace, rules, endpoints)
        service = self._virtual_service(namespace, name, routes)
        if service is not None:
            return split(service, known, headers)
        host = Host(namespace, name)
        if host not in known.endpoints:
            raise ApiError(404, "NotFound", f"the mesh knows no host {name} in {namespace}")
        return service_split(host, known)

    def failing(self) -> float:
        """Return the largest share of requests to one host that fails now, for the unluckiest proxy."""
        return max(
            (moment.failing for moment in self._moments(set(self._routed) | self._watched)),
            default=0.0,
        )

    def _moments(self, hosts: set[Host]) -> Iterator[Moment]:
        now = self._clock.elapsed()
        for host in sorted(hosts):
            found = self._worst_of(host, now)
            if found is None:
                continue
            if not found.failing:
                self._proven.add(host)
            elif host in self._proven:
                yield Moment(now, host, found.failing, found.why)

    def _worst_of(self, host: Host, now: float) -> Split | None:
        """Return what the unluckiest of all proxies sees of a host, None when no proxy knows it."""
        found: Split | None = None
        for config_time, endpoint_time in self._views(host, now):
            known = self._knowledge(host.namespace, config_time, endpoint_time)
            service = self._virtual_service(host.namespace, host.name, config_time)
            if service is not None:
                seen = worst_split(service, known)
            elif host in self._watched:
                seen = service_split(host, known)
            else:
                continue
            found = seen if found is None or seen.failing > found.failing else found
        return found

    def _views(self, host: Host, now: float) -> Iterator[tuple[float, float]]:
        """Return the times at which a proxy may stand, with its configuration and with its endpoints."""
        since = now - self.lag
        timeline = self._configs.get(host.namespace)
        configs = {since, now, *(timeline.changes(since) if timeline else ())}
        endpoints = {since, now}
        for service in self._routed.get(host, {host}):
            if service in self._endpoints:
                endpoints.update(self._endpoints[service].changes(since))
        if self.ordered:
            yield from ((time, time) for time in sorted(configs | endpoints))
        else:
            yield from ((one, other) for one in sorted(configs) for other in sorted(endpoints))

    def _knowledge(self, namespace: str, config_time: float, endpoint_time: float) -> Knowledge:
        configs = self._configs_at(namespace, config_time)
        return Knowledge(
            rules=[obj for (resource, _), obj in configs.items() if resource == _RULES],
            endpoints=_EndpointsAt(self._endpoints, endpoint_time),
            answering=_Answering(self._store, namespace),
        )

    def _configs_at(self, namespace: str, time: float) -> Configs:
        timeline = self._configs.get(namespace)
        return (timeline.at(time) if timeline else None) or {}

    def _virtual_service(self, namespace: str, name: str, time: float) -> Json | None:
        return self._configs_at(namespace, time).get((_SERVICES, name))

    def _config_changed(self, event: Event) -> None:
        namespace, name = event.new["metadata"]["namespace"], event.new["metadata"]["name"]
        now = self._clock.elapsed()
        configs = dict(self._configs_at(namespace, now))
        if event.type == "DELETED":
            configs.pop((event.resource, name), None)
        else:
            configs[event.resource, name] = event.new
        self._configs.setdefault(namespace, Timeline(self.lag)).note(now, configs)
        if event.resource == _SERVICES:
            host = Host(namespace, name)
            self._routed[host] = services_of(event.new)
            for service in self._routed[host]:
                self._users.setdefault(service, set()).add(host)
            self._mark({host})
        else:
            service = resolved(dig(event.new, "spec", "host") or "", namespace)
            self._mark(self._users.get(service, ()))

    def _slice_changed(self, event: Event) -> None:
        metadata = event.new["metadata"]
        service = (metadata.get("labels") or {}).get(SERVICE_NAME)
        if service:
            gone = event.type == "DELETED"
            self._note(Host(metadata["namespace"], service), None if gone else event.new)

    def _note(self, host: Host, found: Json | None) -> None:
        endpoints = None
        if found is not None:
            ready = [e for e in found["endpoints"] if dig(e, "conditions", "ready")]
            endpoints = tuple(self._endpoint(host, dig(e, "targetRef", "name")) for e in ready)
        timeline = self._endpoints.setdefault(host, Timeline(self.lag))
        timeline.note(self._clock.elapsed(), endpoints)
        self._mark(self._users.get(host, ()))

    def _endpoint(self, host: Host, name: str) -> Endpoint:
        self._behind.setdefault((host.namespace, name), set()).add(host)
        pod = self._store.find("pods", host.namespace, name)
        return Endpoint(name, dig(pod, "metadata", "labels") or {})

    def _pod_changed(self, event: Event) -> None:
        metadata = event.new["metadata"]
        hosts = self._behind.get((metadata["namespace"], metadata["name"]), set())
        if event.type == "DELETED":
            self._behind.pop((metadata["namespace"], metadata["name"]), None)
        elif event.old and event.old["metadata"].get("labels") != metadata.get("labels"):
            for found in self._store.listed(_SLICES, metadata["namespace"]) if hosts else ():
                service = (found["metadata"].get("labels") or {}).get(SERVICE_NAME, "")
                if Host(metadata["namespace"], service) in hosts:
                    self._note(Host(metadata["namespace"], service), found)
        for host in hosts:
            self._mark(self._users.get(host, ()))

    def _mark(self, hosts: Iterable[Host]) -> None:
        """Look at these hosts before anything else can change."""
        self._dirty.update(hosts)
        if self._soon is None and self._dirty:
            self._soon = asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._soon = None
        dirty, self._dirty = self._dirty, set()
        for moment in self._moments(dirty):
            if self.worst is None or moment.failing > self.worst.failing:
                self.worst = moment
        unproven = dirty - self._proven
        if unproven:
            # it may work from the moment on at which the last proxy knows, when nothing else tells of a change
            loop = asyncio.get_running_loop()
            loop.call_later(self.lag + _JUST_AFTER, lambda: list(self._moments(unproven)))
