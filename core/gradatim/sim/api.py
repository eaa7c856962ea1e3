"""The API of the embedded cluster, free of any socket.

In: a Request: method, path, query, body. Out: a status code and a JSON body, or a Watch.
Called by the in-process transport and by the HTTP face, which both only carry.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from gradatim.sim import failure
from gradatim.sim.counts import Write, Writes
from gradatim.sim.deletion import DeleteOptions, delete
from gradatim.sim.document import Json, dig
from gradatim.sim.listing import list_objects, selection
from gradatim.sim.routing import Route, discovered, route
from gradatim.sim.subresources import bind, evict, scale_of, write_scale
from gradatim.sim.verbs import Patch, Verbs, Writing
from gradatim.sim.watching import Watch, WatchRequest

#: status code and body
Reply: TypeAlias = tuple[int, Json]

_VERB = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
#: Resources whose DELETE answers with the object in place of a Status.
_RETURNED = frozenset({"pods", "services", "serviceaccounts", "namespaces"})
#: Seconds that a watch lasts when the client does not say.
_WATCH_LASTS = 2400.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `body` is the decoded JSON, None where there is none; it is not changed."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    content_type: str = "application/json"
    user_agent: str = ""

    @property
    def is_watch(self) -> bool:
        """Whether the answer is a stream."""
        return self.method == "GET" and self.query.get("watch", "").lower() in ("1", "true")

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is to be stored."""
        in_body = self.body.get("dryRun") if isinstance(self.body, dict) else None
        return "All" in (self.query.get("dryRun", ""), *(in_body or ()))

    @property
    def how(self) -> Writing:
        """How the client wants the write to be done."""
        strict = self.query.get("fieldValidation") == "Strict"
        return Writing(self.is_dry_run, strict)


class Api:
    """Answers requests from the verbs."""

    def __init__(self, verbs: Verbs, bookmark_every: float) -> None:
        self.verbs = verbs
        self.writes = Writes()
        #: the client whose request is being answered; "" at any other time, as for the cluster's own controllers
        self.speaking = ""
        self._bookmark_every = bookmark_every
        self._watches: weakref.WeakSet[Watch] = weakref.WeakSet()

    def answer(self, request: Request) -> Reply:
        """Answer any request but a watch. A refusal is an answer with a Status object."""
        found: Route | None = None
        self.speaking = request.user_agent
        try:
            found = route(self.verbs.catalogue, request.path)
            if found is None:
                document = discovered(self.verbs.catalogue, request.path)
                if document is None:
                    raise failure.no_such_resource()
                return 200, document
            code, body = self._dispatch(found, request)
            body = _shown(found, body)
        except failure.ApiError as refused:
            code, body = refused.code, refused.status()
        finally:
            self.speaking = ""
        if found and request.method in _VERB:
            self._count(found, request, code)
        return code, body

    def watch(self, request: Request) -> Watch:
        """Open a watch.

        Raises:
            ApiError: 400, 404, 410, or 422 for a watch that is to begin with a list, as servers of old answer.
        """
        found = route(self.verbs.catalogue, request.path)
        if found is None:
            raise failure.no_such_resource()
        query = request.query
        if query.get("sendInitialEvents"):
            text = (
                'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: '
                "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            )
            raise failure.ApiError(422, "Invalid", text)
        if found.target.name:
            query = {**query, "fieldSelector": f"metadata.name={found.target.name}"}
        resource = found.target.resource
        bookmarks = query.get("allowWatchBookmarks", "").lower() in ("1", "true")
        watch = Watch(
            self.verbs.store,
            WatchRequest(
                resource=resource,
                namespace=found.target.namespace or None,
                version=resource.api_version(found.version),
                revision=_revision(query.get("resourceVersion", "")),
                selects=selection(resource, query),
                lasts=float(query.get("timeoutSeconds") or _WATCH_LASTS),
                bookmarks=self._bookmark_every if bookmarks else None,
            ),
        )
        self._watches.add(watch)
        return watch

    def end_watches(self) -> None:
        """End all open watches, as a restart of an API server does."""
        for watch in list(self._watches):
            watch.close()

    def _dispatch(self, found: Route, request: Request) -> Reply:
        match request.method, bool(found.target.name):
            case "GET", True:
                return 200, self._read(found)
            case "GET", False:
                return 200, self._list(found, request)
            case "POST", _:
                return self._create(found, request)
            case "PUT", True:
                return 200, self._replace(found, request)
            case "PATCH", True:
                return self._patch(found, request)
            case "DELETE", True:
                return 200, self._delete(found, request)
            case "DELETE", False:
                return 200, self._delete_collection(found, request)
            case _:
                raise failure.method_not_allowed()

    def _read(self, found: Route) -> Json:
        obj = self.verbs.get(found.target)
        return scale_of(found.target, obj) if found.target.subresource == "scale" else obj

    def _list(self, found: Route, request: Request) -> Json:
        target = found.target
        namespace = target.namespace or None
        return list_objects(self.verbs.store, target.resource, namespace, request.query)

    def _create(self, found: Route, request: Request) -> Reply:
        target, obj = found.target, _object_body(request)
        match target.subresource:
            case "eviction":
                options = _delete_options(request, obj.get("deleteOptions"))
                return 201, evict(self.verbs, target, obj, options)
            case "binding":
                return 201, bind(self.verbs, target, obj)
            case _ if target.name:
                raise failure.method_not_allowed()
        if target.resource.plural == "selfsubjectaccessreviews":
            return 201, {**obj, "status": {"allowed": True}}
        _check_fits(found, obj)
        if target.resource.namespaced and not target.namespace:
            raise failure.method_not_allowed()
        return 201, self.verbs.create(target, obj, request.how)

    def _replace(self, found: Route, request: Request) -> Json:
        target, obj = found.target, _object_body(request)
        if target.subresource == "scale":
            return write_scale(self.verbs, target, obj, request.how)
        _check_fits(found, obj)
        if target.resource.custom and not dig(obj, "metadata", "resourceVersion"):
            self.verbs.get(target)
            raise failure.version_required(target.resource, target.name)
        return self.verbs.replace(target, obj, request.how)

    def _patch(self, found: Route, request: Request) -> Reply:
        query = request.query
        media_type = request.content_type.partition(";")[0].strip()
        forced = query.get("force", "").lower() in ("1", "true")
        patch = Patch(media_type, request.body, query.get("fieldManager", ""), forced)
        if found.target.subresource == "scale":
            return 200, write_scale(self.verbs, found.target, patch, request.how)
        obj, is_new = self.verbs.patch(found.target, patch, request.how)
        return (201 if is_new else 200), obj

    def _delete(self, found: Route, request: Request) -> Json:
        target = found.target
        if target.subresource:
            raise failure.method_not_allowed()
        obj, gone = delete(self.verbs, target, _delete_options(request, request.body))
        if not gone or target.resource.name in _RETURNED:
            return obj
        details = {
            "name": target.name,
            **({"group": target.resource.group} if target.resource.group else {}),
            "kind": target.resource.plural,
            "uid": obj["metadata"]["uid"],
        }
        envelope = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return {**envelope, "details": details}

    def _delete_collection(self, found: Route, request: Request) -> Json:
        listed = self._list(found, request)
        options = _delete_options(request, request.body)
        for obj in listed["items"]:
            metadata = obj["metadata"]
            place = found.target._replace(
                namespace=metadata.get("namespace", ""), name=metadata["name"]
            )
            delete(self.verbs, place, options)
        return listed

    def _count(self, found: Route, request: Request, code: int) -> None:
        target = found.target
        resource = "/".join(filter(None, (target.resource.name, target.subresource)))
        verb = _VERB[request.method]
        at = self.verbs.clock.elapsed()
        write = Write(at, request.user_agent, verb, resource, target.namespace, target.name, code)
        self.writes.add(write)


def _object_body(request: Request) -> Json:
    if not isinstance(request.body, dict):
        raise failure.bad_request("the body of the request is not an object")
    return request.body


def _check_fits(found: Route, obj: Json) -> None:
    """Refuse an object that belongs elsewhere than the path says."""
    target = found.target
    kind, name = obj.get("kind"), dig(obj, "metadata", "name")
    if kind and kind != target.resource.kind:
        version = found.version
        text = f'{kind} in version "{version}" cannot be handled as a {target.resource.kind}'
        raise failure.bad_request(text)
    expected = target.resource.api_version(found.version)
    if obj.get("apiVersion") and obj["apiVersion"] != expected:
        text = (
            f"the API version in the data ({obj['apiVersion']}) does not match the expected "
            f"API version ({expected})"
        )
        raise failure.bad_request(text)
    if target.name and name and name != target.name:
        text = f"the name of the object ({name}) does not match the name on the URL ({target.name})"
        raise failure.bad_request(text)
    namespace = dig(obj, "metadata", "namespace")
    if namespace and target.resource.namespaced and namespace != target.namespace:
        text = (
            "the namespace of the provided object does not match the namespace sent on the request"
        )
        raise failure.bad_request(text)


def _delete_options(request: Request, body: object) -> DeleteOptions:
    given = body if isinstance(body, dict) else {}
    query = request.query
    grace = given.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    policy = given.get("propagationPolicy") or query.get("propagationPolicy")
    orphans = given.get("orphanDependents", query.get("orphanDependents"))
    if policy is None and orphans is not None:
        policy = "Orphan" if str(orphans).lower() == "true" else "Background"
    options = DeleteOptions(
        grace=None if grace is None else int(grace),
        policy=policy,
        uid=dig(given, "preconditions", "uid") or "",
        version=dig(given, "preconditions", "resourceVersion") or "",
        dry_run=request.is_dry_run,
    )
    options.check()
    return options


def _revision(text: str) -> int | None:
    if not text:
        return None
    if not text.isdigit():
        raise failure.bad_request(f"invalid resource version: {text}")
    return int(text)


def _shown(found: Route, body: Json) -> Json:
    """Return an object or a list under the version that the path asks for."""
    resource = found.target.resource
    version = resource.api_version(found.version)
    if version == resource.stored_version or body.get("apiVersion") != resource.stored_version:
        return body
    if "items" in body:
        items = [{**item, "apiVersion": version} for item in body["items"]]
        return {**body, "apiVersion": version, "items": items}
    return {**body, "apiVersion": version}
