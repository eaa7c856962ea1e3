"""Refusals of the API, with the Status objects of the real API server.

In: what was asked and why it cannot be. Out: an ApiError that knows its Status body.
Raised by the verbs and the router; `api.py` turns it into an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradatim.sim.document import Json
from gradatim.sim.resources import Resource


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why an object is invalid: the field's path, the machine's word and the sentence."""

    field: str
    reason: str
    message: str

    def body(self) -> Json:
        """Return the cause as it stands in a Status."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


@dataclass(slots=True)
class ApiError(Exception):
    """A refused request: HTTP code, machine-readable reason, sentence and details."""

    code: int
    reason: str
    message: str
    details: Json | None = None

    def status(self) -> Json:
        """Return the Status object of this refusal."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return {**body, "code": self.code}

    def __str__(self) -> str:
        return f"{self.code} {self.reason}: {self.message}"


def _details(resource: Resource, name: str, kind: str) -> Json:
    group = {"group": resource.group} if resource.group else {}
    return {**({"name": name} if name else {}), **group, "kind": kind}


def not_found(resource: Resource, name: str) -> ApiError:
    """Return the 404 for an object that is not there."""
    details = _details(resource, name, resource.plural)
    return ApiError(404, "NotFound", f'{resource.name} "{name}" not found', details)


def already_exists(resource: Resource, name: str) -> ApiError:
    """Return the 409 for a name that is taken."""
    details = _details(resource, name, resource.plural)
    return ApiError(409, "AlreadyExists", f'{resource.name} "{name}" already exists', details)


def conflict(resource: Resource, name: str, why: str = "") -> ApiError:
    """Return the 409 for a write that was based on another version of the object."""
    if why:
        text = f'Operation cannot be fulfilled on {resource.qualified_kind} "{name}": {why}'
        return ApiError(409, "Conflict", text, _details(resource, name, resource.kind))
    text = (
        f'Operation cannot be fulfilled on {resource.name} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiError(409, "Conflict", text, _details(resource, name, resource.plural))


def invalid(resource: Resource, name: str, causes: list[Cause]) -> ApiError:
    """Return the 422 for an object whose fields are wrong."""
    sentences = [f"{cause.field}: {cause.message}" for cause in causes]
    text = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    details = {
        **_details(resource, name, resource.kind),
        "causes": [cause.body() for cause in causes],
    }
    return ApiError(
        422, "Invalid", f'{resource.qualified_kind} "{name}" is invalid: {text}', details
    )


def unknown_fields(resource: Resource, listed: str) -> ApiError:
    """Return the 400 for fields that the schema does not know, when the client asks for strictness."""
    kind = resource.kind
    text = f'{kind} in version "{resource.versions[0]}" cannot be handled as a {kind}'
    return ApiError(400, "BadRequest", f"{text}: strict decoding error: {listed}")


def version_required(resource: Resource, name: str) -> ApiError:
    """Return the 422 for a replacement of a custom resource that does not say what it replaces."""
    cause = Cause(
        "metadata.resourceVersion",
        "FieldValueInvalid",
        "Invalid value: 0: must be specified for an update",
    )
    details = {**_details(resource, name, resource.plural), "causes": [cause.body()]}
    text = f'{resource.name} "{name}" is invalid: {cause.field}: {cause.message}'
    return ApiError(422, "Invalid", text, details)


def bad_request(message: str) -> ApiError:
    """Return the 400 for a request that cannot be read."""
    return ApiError(400, "BadRequest", message)


def patch_failed() -> ApiError:
    """Return the 422 for a patch whose test failed or whose path is not there."""
    text = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", text, {})


def expired(message: str) -> ApiError:
    """Return the 410 for a version that the history no longer holds."""
    return ApiError(410, "Expired", message)


def forbidden(resource: Resource, name: str, why: str) -> ApiError:
    """Return the 403 for a write that the state of the cluster does not allow."""
    details = _details(resource, name, resource.plural)
    return ApiError(403, "Forbidden", f'{resource.name} "{name}" is forbidden: {why}', details)


def method_not_allowed() -> ApiError:
    """Return the 405 for a verb that a resource does not have."""
    text = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", text, {})


def no_such_resource() -> ApiError:
    """Return the 404 for a path that names no resource."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def unsupported_media_type(accepted: str = "") -> ApiError:
    """Return the 415 for a body in a type that the resource does not take."""
    if accepted:
        text = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        return ApiError(415, "UnsupportedMediaType", text)
    return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def disruption_refused(message: str) -> ApiError:
    """Return the 429 for an eviction that a disruption budget forbids."""
    details = {"causes": [{"reason": "DisruptionBudget", "message": message}]}
    text = "Cannot evict pod as it would violate the pod's disruption budget."
    return ApiError(429, "TooManyRequests", text, details)
