"""Keeps Envoy's files as the cluster is, or as it was a while ago.

In: the change feed of the cluster and a lag. Out: files, written in the order in which they may be believed.
Held by `realmesh.py`. It is what Istio's control plane is there: it sees late, and tells what it sees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gradatim.sim.document import Json
from gradatim.sim.envoy.clusters import cluster_names
from gradatim.sim.envoy.files import CLUSTERS, LISTENERS, ROUTES, files
from gradatim.sim.envoy.folder import write
from gradatim.sim.envoy.known import Known, UntranslatableError
from gradatim.sim.envoy.program import Envoy
from gradatim.sim.store import Event, Place, Store, place_of

_VIRTUAL_SERVICES: Final = "virtualservices.networking.istio.io"
_DESTINATION_RULES: Final = "destinationrules.networking.istio.io"
_SLICES: Final = "endpointslices.discovery.k8s.io"
_RULES: Final = (_VIRTUAL_SERVICES, _DESTINATION_RULES)
_ENDPOINTS: Final = ("services", "pods", _SLICES)


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds between the write of an object and the file for Envoy: of VirtualServices and DestinationRules, and of
    pods, Services and their endpoints."""

    rules: float = 0.0
    endpoints: float = 0.0


class Follower:
    """Follows the cluster. `fault` says what could not be translated; then the files stay as they were."""

    def __init__(self, store: Store, ports: Mapping[str, int], lag: Lag) -> None:
        self.lag = lag
        self.fault = ""
        self._store = store
        self._ports = ports
        self._seen: dict[Place, Json] = {}
        self._written: dict[str, str] = {}
        self._news = asyncio.Event()
        for resource in (*_RULES, *_ENDPOINTS):
            for obj in store.listed(resource):
                self._seen[place_of(resource, obj)] = obj
        store.subscribe(_RULES, self._changed)
        store.subscribe(_ENDPOINTS, self._changed)

    def known(self) -> Known:
        """What a proxy knows now."""
        return Known(
            virtual_services=self._listed(_VIRTUAL_SERVICES),
            destination_rules=self._listed(_DESTINATION_RULES),
            services=self._listed("services"),
            slices=self._listed(_SLICES),
            pods={p[1:]: pod for p, pod in self._seen.items() if p.resource == "pods"},
            ports=self._ports,
        )

    def write_all(self, envoy: Envoy) -> None:
        """Write every file, before Envoy starts.

        Raises:
            UntranslatableError: an object says what is not translated.
        """
        self._written = files(str(envoy.folder), self.known())
        write(envoy.folder, self._written)

    async def follow(self, envoy: Envoy) -> None:
        """Write what changes, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._bring_up_to_date(envoy, self.known())
                self.fault = ""
            except UntranslatableError as error:
                self.fault = str(error)

    async def _bring_up_to_date(self, envoy: Envoy, known: Known) -> None:
        wanted = files(str(envoy.folder), known)
        changed = {n: text for n, text in wanted.items() if self._written.get(n) != text}
        routes: dict[str, str] = {n: changed.pop(n) for n in (ROUTES, LISTENERS) if n in changed}
        write(envoy.folder, changed)
        if CLUSTERS in changed:
            await envoy.has_made(set(cluster_names(known)))
        write(envoy.folder, routes)
        self._written = wanted

    def _listed(self, resource: str) -> list[Json]:
        return [obj for place, obj in self._seen.items() if place.resource == resource]

    def _changed(self, event: Event) -> None:
        lag = self.lag.rules if event.resource in _RULES else self.lag.endpoints
        if lag:
            asyncio.get_running_loop().call_later(lag, self._learn, event)
        else:
            self._learn(event)

    def _learn(self, event: Event) -> None:
        place = place_of(event.resource, event.new)
        if event.type == "DELETED":
            self._seen.pop(place, None)
        else:
            self._seen[place] = event.new
        self._news.set()
