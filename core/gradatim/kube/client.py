"""The API server's verbs as methods: plain JSON in, plain JSON out, `KubeError` when it refuses.

In: addresses and bodies as dicts. Out: objects as dicts, without managedFields.
`apply` writes through it, `watch.py` lists, `lease.py` and `events.py` keep their own objects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from gradatim.kube.errors import Gone, KubeError, NotFound, Unreachable, error_of
from gradatim.kube.ownership import (
    without_managed_fields,
    without_others_fields,
    without_ours,
)
from gradatim.kube.request import (
    CONTENT_TYPES,
    FIELD_MANAGER,
    PatchKind,
    Request,
    WriteOptions,
    page_request,
    query_of,
    request_on,
)
from gradatim.kube.resources import Address, Resource, Selection
from gradatim.kube.retry import Retries
from gradatim.kube.transport import Answer, Json, Transport

Propagation = Literal["Background", "Foreground", "Orphan"]

#: A write is repeated for so many seconds: what it was decided on is too old after that, and is looked at again.
_FRESH: Final = 1.0

#: verb, kind, namespace, name (`N/A` for a collection), status code (0: no answer)
Observer = Callable[[str, str, str, str, int], None]


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects of a collection, and the resource version they were all read at."""

    items: tuple[Json, ...]
    resource_version: str


class Client:
    """Sends requests through a transport, and again where that is safe.

    A read is sent again after 429, 5xx and no answer at all; a write only after 429 and where it was never
    sent (connection refused), because else it may have been carried out already, and only within a second.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        retries: Retries | None = None,
        timeout: float = 30.0,
        observe: Observer | None = None,
    ) -> None:
        self._transport = transport
        self._retries = retries or Retries()
        self._timeout = timeout
        self._observe = observe

    async def get(self, address: Address) -> Json:
        """Read one object."""
        return await self._object(request_on(address, "get", "GET"))

    async def give_back(self, address: Address) -> Json | None:
        """Take our entries off the object's managedFields, so that nothing in it counts as ours any more.

        None where there is none of ours, or no object. Raises Conflict where somebody writes at the same moment.
        """
        try:
            raw = (await self._send(request_on(address, "get", "GET")))[2]
        except NotFound:
            return None
        operations = without_ours(raw)
        return None if operations is None else await self.patch(address, operations, kind="json")

    async def fetch(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """Read a document that is no object: discovery, `/version`, the first page of a collection."""
        labels = ("N/A", "N/A", "N/A")
        return (await self._send(Request("get", "GET", path, f"get {path}", labels, query or {})))[
            2
        ]

    async def list(self, selection: Selection, *, page: int = 500) -> Listing:
        """Read a whole collection, `page` objects a request.

        A page that comes too late (its continue token expired) makes it start over in one piece.
        """
        try:
            return await self._pages(selection, page)
        except Gone:
            return await self._pages(selection, 0)

    async def create(
        self, resource: Resource, body: Json, options: WriteOptions | None = None
    ) -> Json:
        """Create the object; its namespace is read from its metadata. Raises AlreadyExists."""
        metadata = body["metadata"]
        namespace = metadata.get("namespace")
        name = metadata.get("name") or f"{metadata.get('generateName', '')}…"
        request = Request(
            "create",
            "POST",
            resource.path(namespace),
            f"create {resource} {namespace}/{name}" if namespace else f"create {resource} {name}",
            (resource.kind, namespace or "", name),
            query_of(options),
            body,
        )
        return await self._object(request)

    async def update(
        self, address: Address, body: Json, options: WriteOptions | None = None
    ) -> Json:
        """Replace the object. Raises Conflict when its resourceVersion is not the current one."""
        # what we keep of managedFields is no list that the API server could read
        request = request_on(
            address, "update", "PUT", query=query_of(options), body=without_managed_fields(body)
        )
        return await self._object(request)

    async def patch(
        self,
        address: Address,
        body: object,
        *,
        kind: PatchKind = "merge",
        options: WriteOptions | None = None,
    ) -> Json:
        """Change the object. `body` is a dict, or for `json` a list of operations.

        A merge patch with `metadata.resourceVersion` raises Conflict where that is not current. Custom
        resources know no `strategic`.
        """
        query = query_of(options)
        if kind == "apply":
            query.setdefault("fieldManager", FIELD_MANAGER)
        request = request_on(address, "patch", "PATCH", query=query, body=body)
        return await self._object(replace(request, content_type=CONTENT_TYPES[kind]))

    async def delete(
        self,
        address: Address,
        *,
        propagation: Propagation = "Background",
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> Json:
        """Delete the object, if it is still the one with that uid and version, else Conflict.

        Gives the object as it is going, or a Status where it is gone at once.
        """
        body: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        known = {"uid": uid, "resourceVersion": resource_version}
        if preconditions := {key: value for key, value in known.items() if value is not None}:
            body["preconditions"] = preconditions
        if dry_run:
            body["dryRun"] = ["All"]
        return await self._object(request_on(address, "delete", "DELETE", body=body))

    async def evict(self, pod: Address, *, dry_run: bool = False) -> None:
        """Delete a pod as far as its disruption budget lets one.

        Raises Throttled at once when it does not: that is the answer and no reason to insist.
        """
        body: Json = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            "deleteOptions": {"dryRun": ["All"]} if dry_run else {},
        }
        request = request_on(pod.sub("eviction"), "create", "POST", body=body)
        await self._send(replace(request, repeats_when_throttled=False))

    @asynccontextmanager
    async def watch(
        self, selection: Selection, query: Mapping[str, str], *, idle: float
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """Open a watch once, without retrying: the lines of it as dicts.

        Raises:
            KubeError: as the server answered.
            OSError or TimeoutError: no answer, a broken stream, or silence for `idle` seconds.
        """
        wanted = {**selection.query(), **query, "watch": "true"}
        async with self._transport.stream(selection.path, query=wanted, idle=idle) as opened:
            status, lines = opened
            self._observed(
                "watch", (selection.resource.kind, selection.namespace or "", "N/A"), status
            )
            if status != 200:
                body: Json = await anext(lines, {})
                raise error_of(f"watch {selection}", status, {}, body)
            yield lines

    async def aclose(self) -> None:
        """Release the transport's connections."""
        await self._transport.aclose()

    async def _object(self, request: Request) -> Json:
        return without_others_fields((await self._send(request))[2])

    async def _pages(self, selection: Selection, page: int) -> Listing:
        items: list[Json] = []
        token = version = ""
        while True:
            body = (await self._send(page_request(selection, page, token)))[2]
            items += _items(body, selection.resource)
            metadata = body.get("metadata") or {}
            version, token = metadata.get("resourceVersion", ""), metadata.get("continue", "")
            if not token:
                return Listing(tuple(items), version)

    async def _send(self, request: Request) -> Answer:
        attempt, waited = 0, 0.0
        while True:
            try:
                return await self._once(request)
            except KubeError as error:
                if attempt + 1 >= self._retries.attempts or not request.may_repeat(error):
                    raise
                pause = self._retries.pause(attempt, error)
                waited += pause
                if waited > _FRESH and request.method != "GET":
                    raise
            await self._retries.sleep(pause)
            attempt += 1

    async def _once(self, request: Request) -> Answer:
        try:
            answer = await self._transport.send(
                request.method,
                request.path,
                query=request.query,
                body=request.body,
                content_type=request.content_type,
                timeout=self._timeout,
            )
        except (OSError, TimeoutError) as error:
            self._observed(request.verb, request.labels, 0)
            raise unreachable(request.saying, error) from error
        status, headers, body = answer
        self._observed(request.verb, request.labels, status)
        if status >= 300:
            raise error_of(request.saying, status, headers, body)
        return answer

    def _observed(self, verb: str, labels: tuple[str, str, str], status: int) -> None:
        if self._observe is not None:
            self._observe(verb, *labels, status)


def unreachable(request: str, error: Exception) -> Unreachable:
    """The KubeError of a request without an answer."""
    said = str(error)[:200] or type(error).__name__
    return Unreachable(f"{request}: no answer from the API server: {said}")


def _items(body: Json, resource: Resource) -> list[Json]:
    # Items of built-in kinds come without apiVersion and kind; everyone behind us may rely on them.
    named: dict[str, Any] = {"apiVersion": resource.api_version, "kind": resource.kind}
    return [without_others_fields({**named, **item}) for item in body.get("items") or ()]
