"""The embedded cluster as one object.

In: how fast things happen. Out: a running Sim: a transport for a client, YAML in and objects out, and ways to wait.
Made by tests, benchmarks, demonstrations and `gradatim sim`; it needs a running event loop, real or virtual.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from gradatim.sim import failure
from gradatim.sim.agenda import Agenda
from gradatim.sim.api import Api
from gradatim.sim.budgets import Budgets
from gradatim.sim.clock import SimClock
from gradatim.sim.counts import Writes
from gradatim.sim.definitions import Definitions
from gradatim.sim.deletion import DeleteOptions, delete
from gradatim.sim.deployments import Deployments
from gradatim.sim.document import Json, checked, dig
from gradatim.sim.endpointslices import EndpointSlices
from gradatim.sim.garbage import GarbageCollector
from gradatim.sim.jobs import Jobs
from gradatim.sim.kubelet import Kubelet, NodeSettings
from gradatim.sim.manifests import documents
from gradatim.sim.propagation import Mesh
from gradatim.sim.replicasets import ReplicaSets
from gradatim.sim.resources import Resource
from gradatim.sim.store import HISTORY, Store
from gradatim.sim.transport import InProcessTransport, Line
from gradatim.sim.verbs import MERGE_PATCH, Patch, Target, Verbs

if TYPE_CHECKING:
    from gradatim.sim.http import HttpFace

_NAMESPACES = ("default", "kube-system", "gradatim")
#: Seconds between two looks at a condition that no change of an object announces.
_LOOK_AGAIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SimSettings:
    """How the cluster behaves; all times are in seconds.

    `controllers_lag` is how late the cluster's own controllers notice a change, `mesh_lag` how long the mesh takes to
    carry a change to the last proxy. `history` is the number of changes that a watch may look back.
    """

    ready_after: float = 0.2
    gone_after: float = 0.1
    job_lasts: float = 0.1
    controllers_lag: float = 0.0
    mesh_lag: float = 0.0
    bookmark_every: float = 60.0
    history: int = HISTORY
    seed: int = 0
    start: datetime | None = None


class Sim:
    """An embedded Kubernetes cluster. `async with Sim() as sim:` starts and closes it.

    `observers` are shown every cluster that starts, before anything is in it; what they put into its `at_close` is
    called when it is closed.
    """

    observers: ClassVar[list[Callable[[Sim], None]]] = []

    def __init__(self, settings: SimSettings | None = None) -> None:
        self.settings = settings or SimSettings()
        self.clock = SimClock(self.settings.start)
        self.store = Store(self.settings.history)
        self.verbs = Verbs(self.clock, self.store, self.settings.seed)
        self.api = Api(self.verbs, self.settings.bookmark_every)
        self.agenda = Agenda(self.settings.controllers_lag)
        node = NodeSettings(
            self.settings.ready_after, self.settings.gone_after, self.settings.job_lasts
        )
        self.at_close: list[Callable[[], None]] = []
        self._faces: list[HttpFace] = []
        self._changed = asyncio.Event()
        self.store.subscribe(["*"], lambda _event: self._changed.set())
        self.kubelet = Kubelet(self.verbs, self.agenda, node)
        self.mesh = Mesh(self.store, self.clock, self.settings.mesh_lag)
        self._controllers = (
            Definitions(self.verbs, self.agenda),
            ReplicaSets(self.verbs, self.agenda),
            Deployments(self.verbs, self.agenda),
            Jobs(self.verbs, self.agenda),
            EndpointSlices(self.verbs, self.agenda),
            Budgets(self.verbs, self.agenda),
            GarbageCollector(self.verbs, self.agenda),
        )

    @property
    def writes(self) -> Writes:
        """What clients have written."""
        return self.api.writes

    async def __aenter__(self) -> Sim:
        await self.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Make the first namespaces and the node."""
        for observe in self.observers:
            observe(self)
        for name in _NAMESPACES:
            self._ensure_namespace(name)
        node = self.kubelet.settings.name
        self.create_object({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        await self.settle()

    async def aclose(self) -> None:
        """Stop serving, and stop the cluster's controllers."""
        for face in self._faces:
            await face.aclose()
        self.agenda.close()
        await asyncio.sleep(0)
        for act in self.at_close:
            act()

    def transport(
        self, user_agent: str = "gradatim", line: Line | None = None
    ) -> InProcessTransport:
        """Return a client's way to the cluster; its writes are counted under `user_agent`."""
        return InProcessTransport(self.api, user_agent, line or Line())

    async def serve(self, port: int = 0) -> str:
        """Serve the API on loopback, until the cluster is closed, and return its URL. Real time only.

        Raises:
            OSError: the port is taken.
        """
        # not at the top: most clusters live without a socket, and aiohttp is slow to import
        from gradatim.sim.http import HttpFace

        face = HttpFace(self.api)
        url = await face.start(port)
        self._faces.append(face)
        return url

    def create(self, text: str, namespace: str = "default") -> list[Json]:
        """Create the objects of a YAML text and return them. Missing namespaces are made.

        Raises:
            ApiError: the API refuses one of them.
        """
        return [self.create_object(document, namespace) for document in documents(text)]

    def create_object(self, obj: Json, namespace: str = "default") -> Json:
        """Create one object and return it as it is stored.

        Raises:
            ApiError: the API refuses it.
        """
        resource = self.verbs.catalogue.of_object(obj)
        if resource is None:
            raise failure.no_such_resource()
        place = dig(obj, "metadata", "namespace") or namespace
        if resource.namespaced:
            self._ensure_namespace(place)
        target = Target(resource, place if resource.namespaced else "")
        return self.verbs.create(target, checked(obj))

    def get(self, kind: str, name: str, namespace: str = "default") -> Json:
        """Return an object by its kind (`Rollout`) or its resource (`rollouts`).

        Raises:
            ApiError: 404.
        """
        return self.verbs.get(self._target(kind, name, namespace))

    def find(self, kind: str, name: str, namespace: str = "default") -> Json | None:
        """Return an object, or None where there is none."""
        return self.verbs.find(self._target(kind, name, namespace))

    def list(self, kind: str, namespace: str | None = "default", **labels: str) -> list[Json]:
        """Return the objects of a kind that carry these labels, by name; with namespace None, of all namespaces."""
        resource = self._resource(kind)
        found = self.store.listed(resource.name, namespace if resource.namespaced else None)
        chosen = (o for o in found if labels.items() <= (o["metadata"].get("labels") or {}).items())
        return sorted(
            chosen, key=lambda obj: (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        )

    def patch(self, kind: str, name: str, patch: str | Json, namespace: str = "default") -> Json:
        """Apply a merge patch, given as YAML text or as an object. A key `status` goes to the status subresource.

        Raises:
            ApiError: the API refuses it.
        """
        body: Json = checked(documents(patch)[0] if isinstance(patch, str) else patch)
        target = self._target(kind, name, namespace)
        if target.resource.has_status and set(body) == {"status"}:
            target = target._replace(subresource="status")
        return self.verbs.patch(target, Patch(MERGE_PATCH, body))[0]

    def delete(self, kind: str, name: str, namespace: str = "default") -> None:
        """Delete an object as kubectl does: in the background.

        Raises:
            ApiError: 404.
        """
        target = self._target(kind, name, namespace)
        delete(self.verbs, target, DeleteOptions(policy="Background"))

    def kill_pods(self, names: Iterable[str], namespace: str = "default") -> None:
        """Remove pods at once, as the loss of their machine does."""
        for name in names:
            with suppress(failure.ApiError):
                target = self._target("Pod", name, namespace)
                delete(self.verbs, target, DeleteOptions(grace=0))

    async def settle(self) -> None:
        """Wait until the cluster's own controllers and pods have nothing left to do."""
        await asyncio.sleep(0)
        await self.agenda.settled()

    async def until(self, predicate: Callable[[], Any], within: float = 300.0) -> None:
        """Wait until `predicate()` is true; it is asked after every change, and now and then.

        Raises:
            TimeoutError: it was not true `within` seconds.
        """
        loop = asyncio.get_running_loop()
        limit = loop.time() + within
        while not predicate():
            if loop.time() >= limit:
                raise TimeoutError(f"not so within {within} s")
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):
                    await self._changed.wait()

    def _resource(self, kind: str) -> Resource:
        for resource in self.verbs.catalogue:
            if kind in (resource.kind, resource.plural, resource.name, *resource.short_names):
                return resource
        raise failure.no_such_resource()

    def _target(self, kind: str, name: str, namespace: str) -> Target:
        resource = self._resource(kind)
        return Target(resource, namespace if resource.namespaced else "", name)

    def _ensure_namespace(self, name: str) -> None:
        if self.store.find("namespaces", "", name) is None:
            target = Target(self.verbs.catalogue["namespaces"])
            self.verbs.create(target, {"metadata": {"name": name}})
