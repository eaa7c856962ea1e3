"""Proxies that follow weights, subsets and selectors late, and the requests that get no answer meanwhile.

It reads the objects itself, without router and without decisions, so that a mistake there is seen here.
Routes and endpoints reach a proxy by different ways: any weight of the last `lag` may meet any binding of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gradatim.decide import Snapshot
from gradatim.model import names

#: Where requests go, by destination ("host" or "host/subset"): weights, and the hash of the pods ("" for all).
Weights = frozenset[tuple[str, int]]
Bindings = tuple[tuple[str, str], ...]


@dataclass
class Mesh:
    """What proxies may still believe."""

    lag: timedelta
    weights: list[tuple[datetime, Weights]] = field(default_factory=list)
    bindings: list[tuple[datetime, Bindings]] = field(default_factory=list)
    #: those of the router's own route only: the managed ones take what their match says, whatever the weight
    shares: list[tuple[datetime, Weights]] = field(default_factory=list)
    served: set[str] = field(default_factory=set)
    excused: set[str] = field(default_factory=set)

    def note(self, snapshot: Snapshot, now: datetime) -> None:
        """See what is written now."""
        weights, bindings = _weights(snapshot), _bindings(snapshot)
        if not self.weights or self.weights[-1][1] != weights:
            self.weights.append((now, weights))
        shares = _weights(snapshot, managed=False)
        if not self.shares or self.shares[-1][1] != shares:
            self.shares.append((now, shares))
        if not self.bindings or self.bindings[-1][1] != bindings:
            self.bindings.append((now, bindings))
        self.served |= {r.pod_hash for r in snapshot.replica_sets if r.available}

    def check_load(self, before: Snapshot, snapshot: Snapshot, now: datetime) -> None:
        """Fail if a write leaves a dynamic stable fewer pods than it may be asked for by some proxy.

        That is one which scales it down, or one which gives it more weight: by whatever names it has been known.
        """
        rollout = snapshot.rollout
        canary, stable = rollout.canary, rollout.status.stable_hash
        if canary is None or not canary.dynamic_stable_scale or canary.threshold or not stable:
            return
        present = (_weights(snapshot, managed=False), _bindings(snapshot))
        pods = {r.pod_hash: min(r.available, r.replicas) for r in snapshot.replica_sets}
        asked = {r.pod_hash: r.replicas for r in snapshot.replica_sets}
        shrunk = asked.get(stable, 0) < _asked(before, stable)
        more = _share(*present, stable) > _share(
            _weights(before, managed=False), _bindings(before), stable
        )
        earlier = [_weights(before, managed=False), *self._believed(self.shares[:-1], now)]
        for weights in self._believed(self.shares, now) if shrunk else [present[0]]:
            for bindings in self._believed(self.bindings, now):
                for pod_hash in {h for _, h in bindings if h}:
                    needed = rollout.replicas * _share(weights, bindings, pod_hash) // 100
                    if shrunk and pod_hash == stable:
                        assert asked[stable] >= needed, f"{now}: stable is scaled below {needed}"
                    if more and sum(pods.values()) > pods.get(stable, 0):
                        host = dict(present[1]).get
                        old = [n for n, h in bindings if host(n) == stable and h == pod_hash]
                        load = _load(weights, old)
                        if load <= max(_load(known, old) for known in earlier):
                            # who has not heard of the names' move asks where it asked before, and for no more
                            continue
                        needed = rollout.replicas * load // 100
                        have = pods.get(pod_hash, 0)
                        assert have >= needed, f"{now}: {old} at {pod_hash}: {have} of {needed}"

    def check(self, snapshot: Snapshot, now: datetime) -> None:
        """Fail if some proxy sends requests where nobody answers, and that by our doing."""
        alive = {r.pod_hash for r in snapshot.replica_sets if min(r.available, r.replicas)}
        self.excused -= alive
        if not snapshot.rollout.status.stable_hash or snapshot.rollout.replicas == 0:
            # nobody is to answer, and after that not until pods had the time to come
            self.excused |= {r.pod_hash for r in snapshot.replica_sets} - alive
            return
        failures = list(self._failures(snapshot, now))
        assert not failures, f"{now}: {failures}"

    def check_takeover(self, before: Snapshot, snapshot: Snapshot, now: datetime) -> None:
        """Fail if a write gives a canary's name to another one while some proxy still sends a greater weight there.

        The newer canary would get what was meant for the earlier one, which still answers. One that is about to be
        stable has all pods, or as many as suffice by the author's threshold.
        """
        stable, replicas = snapshot.rollout.status.stable_hash, _sufficient(snapshot)
        alive = {r.pod_hash: min(r.available, r.replicas) for r in snapshot.replica_sets}
        bound = dict(_bindings(before))
        present = dict(_weights(snapshot, managed=False))
        for host, pods in _bindings(snapshot):
            old = bound.get(host, "")
            if pods == old or not replicas or not alive.get(old) or stable in ("", pods, old):
                continue
            if alive.get(pods, 0) >= replicas:
                continue
            for weights in self._believed(self.shares, now):
                believed = dict(weights).get(host, 0)
                if believed > present.get(host, 0):
                    raise AssertionError(
                        f"{now}: {host} goes to {pods} while a proxy may send {believed} there"
                    )

    def _failures(self, snapshot: Snapshot, now: datetime) -> Iterator[str]:
        alive = {r.pod_hash: min(r.available, r.replicas) for r in snapshot.replica_sets}
        asked = {r.pod_hash: r.replicas for r in snapshot.replica_sets}
        for weights in self._believed(self.weights, now):
            for bindings in self._believed(self.bindings, now):
                bound = dict(bindings)
                for host, weight in weights:
                    pods = bound.get(host, "")
                    if weight == 0 or not pods or alive.get(pods):
                        continue
                    ours = asked.get(pods, 0) == 0 or pods not in self.served
                    if ours and pods not in self.excused:
                        yield f"{weight} to {host} at {pods}, where nobody answers"

    def _believed(self, history: list[tuple[datetime, Any]], now: datetime) -> list[Any]:
        """All that proxies may follow now: what was written within the lag, and what was so before it."""
        since = now - self.lag
        first = max((i for i, (at, _) in enumerate(history) if at <= since), default=0)
        return [seen for _, seen in history[first:]]


def _sufficient(snapshot: Snapshot) -> int:
    """Pods of a revision with which a release may end."""
    replicas, canary = snapshot.rollout.replicas, snapshot.rollout.canary
    threshold = canary.threshold if canary else None
    if threshold is None or threshold.value < 0:
        return replicas
    if threshold.kind == "Pods":
        return min(replicas, threshold.value)
    return -(-replicas * threshold.value // 100)


def _load(weights: Any, hosts: list[str]) -> int:
    return sum(weight for host, weight in weights if host in hosts)


def _asked(snapshot: Snapshot, pod_hash: str) -> int:
    return sum(r.replicas for r in snapshot.replica_sets if r.pod_hash == pod_hash)


def _share(weights: Weights, bindings: Bindings, pod_hash: str) -> int:
    bound = dict(bindings)
    return sum(weight for host, weight in weights if bound.get(host) == pod_hash)


def _weights(snapshot: Snapshot, *, managed: bool = True) -> Weights:
    found: set[tuple[str, int]] = set()
    for route in snapshot.routes:
        for ref, raw in route.objects.items():
            if ref.kind != "VirtualService":
                continue
            routes = raw["spec"].get("http", [])
            for http in routes if managed else routes[-1:]:
                destinations = http.get("route", [])
                only = 100 if len(destinations) == 1 else 0
                for destination in destinations:
                    target = destination["destination"]
                    host = "/".join(filter(None, [target["host"], target.get("subset")]))
                    found.add((host, destination.get("weight", only)))
    return frozenset(found)


def _bindings(snapshot: Snapshot) -> Bindings:
    bound = {name: service.pod_hash for name, service in snapshot.services.items()}
    for route in snapshot.routes:
        for ref, raw in route.objects.items():
            if ref.kind == "DestinationRule":
                for subset in raw["spec"].get("subsets", []):
                    labels = subset.get("labels", {})
                    bound[f"{raw['spec']['host']}/{subset['name']}"] = labels.get(
                        names.POD_HASH, ""
                    )
    return tuple(sorted(bound.items()))
