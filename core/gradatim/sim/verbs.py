"""The verbs of the API: get, create, replace, patch, delete, with the API server's semantics.

In: a Target and what to do with it. Out: the stored object, shared, or an ApiError.
Called by `api.py` for clients and by the controllers of this room; the only writers of the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from gradatim.sim import failure
from gradatim.sim.clock import SimClock
from gradatim.sim.document import Json, dig
from gradatim.sim.identity import Identity
from gradatim.sim.ownership import Application, applied
from gradatim.sim.patch import json_patch, merge_patch
from gradatim.sim.resources import Catalogue, Resource
from gradatim.sim.schema_faults import schema_faults, unknown_fields
from gradatim.sim.store import Place, Store
from gradatim.sim.strategic import strategic_merge
from gradatim.sim.strategy import changed_object, new_object
from gradatim.sim.validation import causes

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Target(NamedTuple):
    """An object, or with an empty name the collection of a namespace, or of all with an empty namespace."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch: media type and body; for server-side apply the field manager and whether it takes fields by force."""

    media_type: str
    body: Any
    manager: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True)
class Writing:
    """How to write: without storing anything, and refusing fields that a custom resource's schema does not know."""

    dry_run: bool = False
    strict: bool = False


STORED = Writing()


class Verbs:
    """Reads and writes of objects. Nothing here waits, so every call is one transaction."""

    def __init__(self, clock: SimClock, store: Store, seed: int = 0) -> None:
        self.clock = clock
        self.store = store
        self.catalogue = Catalogue()
        self.identity = Identity(seed)

    def get(self, target: Target) -> Json:
        """Return the stored object.

        Raises:
            ApiError: 404.
        """
        obj = self.find(target)
        if obj is None:
            raise failure.not_found(target.resource, target.name)
        return obj

    def find(self, target: Target) -> Json | None:
        """Return the stored object, or None."""
        return self.store.find(target.resource.name, target.namespace, target.name)

    def create(self, target: Target, obj: Json, how: Writing = STORED) -> Json:
        """Store a new object and return it.

        Raises:
            ApiError: 400, 403, 404 (no such namespace), 409 (the name is taken) or 422.
        """
        resource = target.resource
        metadata = obj.get("metadata") or {}
        if metadata.get("resourceVersion"):
            text = "resourceVersion should not be set on objects to be created"
            raise failure.ApiError(500, "", text)
        name = metadata.get("name") or self._generated(metadata)
        self._admit(target, name)
        fresh = new_object(resource, obj, self._identified(target, name))
        self._check(target._replace(name=name), obj, fresh, None, how)
        if self.store.find(resource.name, target.namespace, name) is not None:
            raise failure.already_exists(resource, name)
        if resource.name == "services":
            self._allot_address(fresh)
        return fresh if how.dry_run else self.store.put(resource.name, fresh)

    def replace(self, target: Target, obj: Json, how: Writing = STORED) -> Json:
        """Store `obj` in the place of the object and return what is stored.

        A `metadata.resourceVersion` or `uid` in `obj` has to be the stored one. The write that removes the last
        finalizer of a deleted object removes it. A write that changes nothing makes no new version.

        Raises:
            ApiError: 404, 409 or 422.
        """
        old = self.get(target)
        self._check_version(target, old, obj)
        new = changed_object(target.resource, old, obj, target.subresource)
        if new is old:
            return old
        self._check(target, obj, new, old, how)
        if how.dry_run:
            return new
        stored = self.store.put(target.resource.name, new)
        return self._finish_deletion(target, stored)

    def patch(self, target: Target, patch: Patch, how: Writing = STORED) -> tuple[Json, bool]:
        """Apply a patch; return what is stored, and whether a server-side apply created it.

        Raises:
            ApiError: 400, 404, 409, 415 or 422.
        """
        if patch.media_type == APPLY_PATCH:
            return self._apply(target, patch, how)
        old = self.get(target)
        new = patched(target.resource, old, patch)
        uid = dig(new, "metadata", "uid")
        if uid and uid != old["metadata"]["uid"]:
            why = f'Invalid value: "{uid}": field is immutable'
            cause = failure.Cause("metadata.uid", "FieldValueInvalid", why)
            raise failure.invalid(target.resource, target.name, [cause])
        return self.replace(target, new, how), False

    def set_status(self, target: Target, status: Json) -> Json:
        """Store `status` as the status of the object; the controllers of this room write so."""
        old = self.get(target)
        subtarget = target._replace(subresource="status")
        return self.replace(subtarget, {**old, "status": status})

    def remove(self, target: Target, last_metadata: Json | None = None) -> Json:
        """Remove an object that nothing holds any more, and return its last state."""
        place = Place(target.resource.name, target.namespace, target.name)
        return self.store.drop(place, last_metadata)

    def _apply(self, target: Target, patch: Patch, how: Writing) -> tuple[Json, bool]:
        if not isinstance(patch.body, dict):
            raise failure.bad_request("the body of an apply patch is an object")
        if not patch.manager:
            why = "Required value: is required for apply patch"
            cause = failure.Cause("fieldManager", "FieldValueRequired", why)
            options = Resource(
                group="meta.k8s.io", versions=("v1",), kind="PatchOptions", plural=""
            )
            raise failure.invalid(options, "", [cause])
        application = Application(
            patch.manager, patch.body, patch.force, self.clock.stamp(), target.subresource
        )
        old = self.find(target)
        if old is not None:
            return self.replace(target, applied(target.resource, old, application), how), False
        if target.subresource:
            raise failure.not_found(target.resource, target.name)
        blank = {"metadata": {**(patch.body.get("metadata") or {}), "name": target.name}}
        fresh = applied(target.resource, {**patch.body, **blank}, application)
        return self.create(target, fresh, how), True

    def _generated(self, metadata: Json) -> str:
        prefix = metadata.get("generateName") or ""
        return f"{prefix[:58]}{self.identity.suffix()}" if prefix else ""

    def _identified(self, target: Target, name: str) -> Json:
        place = {"namespace": target.namespace} if target.resource.namespaced else {}
        return {
            "name": name,
            **place,
            "uid": self.identity.uid(),
            "creationTimestamp": self.clock.stamp(),
        }

    def _admit(self, target: Target, name: str) -> None:
        if not target.resource.namespaced:
            return
        namespace = self.store.find("namespaces", "", target.namespace)
        if namespace is None:
            raise failure.not_found(self.catalogue["namespaces"], target.namespace)
        if "deletionTimestamp" in namespace["metadata"]:
            why = (
                f"unable to create new content in namespace {target.namespace} "
                "because it is being terminated"
            )
            raise failure.forbidden(target.resource, name, why)

    def _allot_address(self, service: Json) -> None:
        spec = service["spec"]
        if spec["type"] != "ExternalName":
            address = spec.get("clusterIP") or self.identity.service_address()
            spec.update(clusterIP=address, clusterIPs=[address])

    def _check(
        self, target: Target, given: Json, new: Json, old: Json | None, how: Writing
    ) -> None:
        """Refuse an object that may not be stored; `given` is how the client wrote it."""
        resource = target.resource
        schema = resource.schemas.get(resource.versions[0]) if resource.custom else None
        if schema and how.strict:
            paths = sorted(unknown_fields(schema, given))
            unknown = [f'unknown field "{path}"' for path in paths]
            if unknown:
                raise failure.unknown_fields(resource, ", ".join(unknown))
        if target.subresource == "status":
            status = dig(schema, "properties", "status") or {}
            faults = schema_faults(status, new.get("status"))
            found = [replace(fault, field=f"status.{fault.field}") for fault in faults]
        else:
            found = [*causes(resource, new, old), *schema_faults(schema or {}, new)]
        if found:
            raise failure.invalid(resource, target.name, found)

    def _check_version(self, target: Target, old: Json, new: Json) -> None:
        metadata = new.get("metadata") or {}
        version, uid = metadata.get("resourceVersion"), metadata.get("uid")
        if version and version != old["metadata"]["resourceVersion"]:
            raise failure.conflict(target.resource, target.name)
        if uid and uid != old["metadata"]["uid"]:
            why = (
                f"Precondition failed: UID in precondition: {uid}, "
                f"UID in object meta: {old['metadata']['uid']}"
            )
            raise failure.conflict(target.resource, target.name, why)

    def _finish_deletion(self, target: Target, obj: Json) -> Json:
        metadata = obj["metadata"]
        if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
            return obj
        if metadata.get("deletionGracePeriodSeconds") or target.resource.name == "namespaces":
            return obj
        return self.remove(target)


def patched(resource: Resource, old: Json, patch: Patch) -> Json:
    """Return `old` with a merge, JSON or strategic merge patch applied.

    Raises:
        ApiError: 400, 415 or 422.
    """
    match patch.media_type:
        case "application/merge-patch+json":
            result = merge_patch(old, _object_body(patch.body))
        case "application/json-patch+json":
            result = json_patch(old, patch.body)
        case "application/strategic-merge-patch+json" if not resource.custom:
            result = strategic_merge(old, _object_body(patch.body))
        case _:
            kinds = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
            raise failure.unsupported_media_type(", ".join(kinds) if resource.custom else "")
    if not isinstance(result, dict):
        raise failure.patch_failed()
    return result


def _object_body(body: object) -> Json:
    if not isinstance(body, dict):
        raise failure.bad_request("invalid JSON patch")
    return body
