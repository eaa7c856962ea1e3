"""OpenAPI documents: just enough for kubectl to trust the server with validation.

In: the catalogue. Out: version 3 documents that name each resource and its write parameters, and an empty version 2.
Called by `http.py`. No schemas: kubectl then leaves validation to the server.
"""

from __future__ import annotations

from gradatim.sim.document import Json
from gradatim.sim.resources import Catalogue, Resource

_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")
_TITLE = "Gradatim"


def _group_path(resource: Resource, version: str) -> str:
    return f"apis/{resource.group}/{version}" if resource.group else f"api/{version}"


def index(catalogue: Catalogue) -> Json:
    """Return the document at /openapi/v3: where each group's own document is."""
    paths = {
        _group_path(resource, version) for resource in catalogue for version in resource.versions
    }
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in sorted(paths)}}


def group_document(catalogue: Catalogue, path: str) -> Json | None:
    """Return the document of a group and version, such as `apis/apps/v1`; None where there is none."""
    paths: Json = {}
    for resource in catalogue:
        for version in resource.versions:
            if _group_path(resource, version) == path:
                place = "/namespaces/{namespace}" if resource.namespaced else ""
                operations = {"patch": _operation(resource, version)}
                paths[f"/{path}{place}/{resource.plural}/{{name}}"] = operations
    if not paths:
        return None
    return {"openapi": "3.0.0", "info": {"title": _TITLE, "version": "v1"}, "paths": paths}


def _operation(resource: Resource, version: str) -> Json:
    return {
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string"}} for name in _PARAMETERS
        ],
        "responses": {},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "kind": resource.kind,
            "version": version,
        },
    }


def version_2() -> Json:
    """Return the version 2 document: valid, and empty."""
    info = {"title": _TITLE, "version": "v1"}
    return {"swagger": "2.0", "info": info, "paths": {}, "definitions": {}}


def version_2_protobuf() -> bytes:
    """Return the same as protobuf, the only form that kubectl before 1.24 reads.

    The message is openapi.v2.Document: field 1 is `swagger`, field 2 `info` with `title` and `version` as its fields 1
    and 2, field 8 `paths`.
    """
    info = _field(1, _TITLE.encode()) + _field(2, b"v1")
    return _field(1, b"2.0") + _field(2, info) + _field(8, b"")


def _field(number: int, content: bytes) -> bytes:
    # wire type 2: a length, here always under 128, and as many bytes
    return bytes([number << 3 | 2, len(content)]) + content
