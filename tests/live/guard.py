"""Watches every moment of an embedded cluster: a breach of the traffic-safety rules fails the test at once.

In: the change feed of a `Sim`. Out: a `BreachError` with the moment, the rule and the objects. Installed for all
clusters of the tests by `tests/conftest.py`; `unguarded()` is for those that play a wrong order on purpose. What a
write is judged by stands in `rules.py`; here is what is known at every moment, with the data plane's lag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rules import judged
from scenery import Scenery
from ways import HASH, ROLLOUTS, RULES, VIRTUAL_SERVICES, Json, Way, ways

from gradatim.model.duration import DurationError, duration_seconds
from gradatim.sim import Sim
from gradatim.sim.store import Event

#: How old what the controller knows may be, in seconds: it is judged by the best that it may have seen.
SLACK = 1.0
_DELAY = 5.0
#: Times are sums of floats.
_MOMENT = 0.001
_DELAY_ANNOTATION = "gradatim.dev/traffic-propagation-delay"
_CONFIG = frozenset({"services", RULES, VIRTUAL_SERVICES, ROLLOUTS})
_SETS = "replicasets.apps"


class BreachError(AssertionError):
    """A rule of the traffic-safety plan was broken."""


@dataclass
class Guarding:
    """Whether new clusters are watched, and how old the knowledge of their controllers may be."""

    slack: float = SLACK
    is_on: bool = True


GUARDING = Guarding()


@contextmanager
def unguarded() -> Iterator[None]:
    """Clusters that start in here may break the rules."""
    before, GUARDING.is_on = GUARDING.is_on, False
    try:
        yield
    finally:
        GUARDING.is_on = before


@contextmanager
def patient(slack: float) -> Iterator[None]:
    """Clusters that start in here have controllers that know what was so `slack` seconds ago."""
    before, GUARDING.slack = GUARDING.slack, slack
    try:
        yield
    finally:
        GUARDING.slack = before


def watch(sim: Sim) -> None:
    """Watch a cluster that starts."""
    if GUARDING.is_on:
        Guard(sim, GUARDING.slack)


@dataclass
class _Believed:
    """The ways of a namespace as proxies may know them: the versions of the last `lag` seconds, and the one before."""

    versions: list[tuple[float, tuple[Way, ...]]] = field(default_factory=list)

    @property
    def now(self) -> tuple[Way, ...]:
        return self.versions[-1][1] if self.versions else ()

    def note(self, at: float, found: tuple[Way, ...]) -> None:
        if not self.versions or self.versions[-1][1] != found:
            self.versions.append((at, found))

    def ways(self, since: float) -> set[Way]:
        """Any weight may meet any binding: routes and endpoints reach a proxy by different ways."""
        while len(self.versions) > 1 and self.versions[1][0] <= since:
            del self.versions[0]
        if len(self.versions) == 1:
            return set(self.versions[0][1])
        bound: dict[tuple[str, str, str], set[str]] = {}
        for _, version in self.versions:
            for way in version:
                key = (way.entry, way.target, way.rollout)
                bound.setdefault(key, set()).add(way.pod_hash)
        return {
            way._replace(pod_hash=pods)
            for _, version in self.versions
            for way in version
            for pods in bound[way.entry, way.target, way.rollout]
        }


class Guard:
    """Follows one cluster."""

    def __init__(self, sim: Sim, slack: float) -> None:
        self._sim = sim
        self._task = asyncio.current_task()
        self._believed: dict[str, _Believed] = {}
        self._excused: set[tuple[str, str]] = set()
        #: what the controller itself wrote last: putting that right after somebody else is no new weight
        self._written: dict[tuple[str, str], int] = {}
        self.scenery = Scenery(sim.store, sim.clock.elapsed, slack)
        self.breaches: list[str] = []
        sim.store.subscribe(["*"], self._changed)
        sim.at_close.append(self.assert_kept)

    def assert_kept(self) -> None:
        """Fail if a rule was broken.

        Raises:
            BreachError: it was; the first breach is what it says.
        """
        if self.breaches:
            raise BreachError(self.breaches[0])

    def _changed(self, event: Event) -> None:
        if event.resource not in _CONFIG and event.resource not in (_SETS, "pods"):
            return
        namespace = event.new["metadata"].get("namespace", "")
        if not self._sim.store.listed(ROLLOUTS, namespace) or self.breaches:
            self.scenery.note(event)
            return
        before = self._believed.setdefault(namespace, _Believed())
        known = before.now
        self.scenery.note(event)
        if event.resource in _CONFIG:
            before.note(self._sim.clock.elapsed(), ways(self._sim.store, namespace))
        is_ours = self._sim.api.speaking.startswith("gradatim")
        if event.resource in _CONFIG and not is_ours:
            self._excuse(namespace, known, before.now)
        found = [*self._failing(namespace)]
        if is_ours:
            believed = before.ways(self._sim.clock.elapsed() - self._lag(namespace) + _MOMENT)
            found += judged(self.scenery, event, self._as_written(known), before.now, believed)
            if event.resource == VIRTUAL_SERVICES:
                self._written |= {way[:2]: way.weight for way in before.now}
        if found:
            self._fail(event, found, before.now)

    def _failing(self, namespace: str) -> Iterator[str]:
        """Requests that get no answer now for the unluckiest proxy, and that by our doing."""
        scenery = self.scenery
        since = self._sim.clock.elapsed() - self._lag(namespace) + _MOMENT
        for way in sorted(self._believed[namespace].ways(since)):
            key = (namespace, way.pod_hash)
            if not way.weight or not way.pod_hash or scenery.alive(key):
                self._excused.discard(key) if scenery.alive(key) else None
                continue
            if (
                scenery.least_replicas(namespace, way.rollout) == 0
                or not scenery.is_settled(namespace, way.rollout)
                # all pods might go, and did: an author who then wants some to stay has to wait for them
                or scenery.all_may_go(namespace, way)
            ):
                self._excused.add(key)
            ours = scenery.asked(key) == 0 or key not in scenery.served
            if ours and key not in self._excused:
                yield f"{way.weight} % go to {way.target} at {way.pod_hash}, where nobody answers"

    def _excuse(self, namespace: str, known: tuple[Way, ...], now: tuple[Way, ...]) -> None:
        """Somebody else sent requests somewhere: that is theirs until pods answer there."""
        for way in set(now) - set(known):
            if way.pod_hash and not self.scenery.alive((namespace, way.pod_hash)):
                self._excused.add((namespace, way.pod_hash))

    def _as_written(self, known: tuple[Way, ...]) -> tuple[Way, ...]:
        """A weight of ours that somebody else took away is ours to give again."""
        written = self._written
        return tuple(
            way._replace(weight=max(way.weight, written.get(way[:2], way.weight))) for way in known
        )

    def _lag(self, namespace: str) -> float:
        """The mesh's lag, but no longer than the Rollouts were told that it is."""
        if not self._sim.mesh.lag:
            return 0.0
        found = self._sim.store.listed(ROLLOUTS, namespace)
        return min([self._sim.mesh.lag, *map(_told_delay, found)])

    def _fail(self, event: Event, found: list[str], now: tuple[Way, ...]) -> None:
        metadata = event.new["metadata"]
        place = f"{event.type} {event.resource} {metadata.get('namespace')}/{metadata['name']}"
        by = self._sim.api.speaking or "the cluster"
        lines = [
            f"at {self._sim.clock.elapsed():.3f} s, {place} by {by}: {'; '.join(found)}",
            *(f"  {way.entry}: {way.weight} to {way.target} at {way.pod_hash}" for way in now),
            *self.scenery.lines(metadata.get("namespace", "")),
        ]
        self.breaches.append("\n".join(lines))
        if self._task is not None:
            self._task.cancel()


def _told_delay(rollout: Json) -> float:
    text: Any = (rollout["metadata"].get("annotations") or {}).get(_DELAY_ANNOTATION)
    try:
        return duration_seconds(text) if text else _DELAY
    except DurationError:
        return _DELAY


__all__ = ["GUARDING", "HASH", "BreachError", "Guard", "patient", "unguarded", "watch"]
