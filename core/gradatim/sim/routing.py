"""Paths of the API: what they address, and the discovery documents.

In: a path. Out: a Route to a resource, or a discovery document.
Called by `api.py` for every request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gradatim.sim import failure
from gradatim.sim.document import Json
from gradatim.sim.resources import Catalogue, Resource
from gradatim.sim.verbs import Target

#: The release whose behaviour is followed; clients read features from it.
SERVER_VERSION: Json = {
    "major": "1",
    "minor": "31",
    "gitVersion": "v1.31.0+gradatim",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2024-08-13T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}

_ACCESS_REVIEW = Resource(
    group="authorization.k8s.io",
    versions=("v1",),
    kind="SelfSubjectAccessReview",
    plural="selfsubjectaccessreviews",
    namespaced=False,
)
_POD_SUBRESOURCES = {"eviction": ("policy", "v1", "Eviction"), "binding": ("", "v1", "Binding")}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


class Route(NamedTuple):
    """What a path addresses, and the version that it speaks."""

    target: Target
    version: str


def route(catalogue: Catalogue, path: str) -> Route | None:
    """Return what the path addresses, None for a path above the resources.

    Raises:
        ApiError: 404, there is no such resource or subresource.
    """
    group, version, rest = _split(path)
    if not rest:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "")[:3]
    resource = _find(catalogue, group, version, plural)
    if len(rest) > 3 or (namespace and not resource.namespaced):
        raise failure.no_such_resource()
    if subresource and subresource not in _subresources(resource):
        # the real one looks the object up for a custom resource, and does not find it under that path
        raise failure.not_found(resource, name) if resource.custom else failure.no_such_resource()
    if name and resource.namespaced and not namespace:
        raise failure.no_such_resource()
    return Route(Target(resource, namespace, name, subresource), version)


def _split(path: str) -> tuple[str, str, list[str]]:
    steps = [step for step in path.split("/") if step]
    match steps:
        case ["api", version, *rest]:
            return "", version, rest
        case ["apis", group, version, *rest]:
            return group, version, rest
        case _:
            return "", "", []


def _find(catalogue: Catalogue, group: str, version: str, plural: str) -> Resource:
    resource = catalogue.find(group, version, plural)
    if resource is None and (group, plural) == (_ACCESS_REVIEW.group, _ACCESS_REVIEW.plural):
        resource = _ACCESS_REVIEW
    if resource is None:
        raise failure.no_such_resource()
    return resource


def _subresources(resource: Resource) -> list[str]:
    found = ["status"] if resource.has_status else []
    found += ["scale"] if resource.scale else []
    found += list(_POD_SUBRESOURCES) if resource.name == "pods" else []
    return found + (["finalize"] if resource.name == "namespaces" else [])


def discovered(catalogue: Catalogue, path: str) -> Json | None:
    """Return the discovery document at `path`, None where there is none."""
    steps = [step for step in path.split("/") if step]
    groups = _groups(catalogue)
    match steps:
        case ["version"]:
            return SERVER_VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            listed = [_group(name, versions) for name, versions in groups.items() if name]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
        case ["api", "v1"]:
            return _resource_list(catalogue, "", "v1")
        case ["apis", group] if group in groups:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, groups[group])}
        case ["apis", group, version] if version in groups.get(group, ()):
            return _resource_list(catalogue, group, version)
        case _:
            return None


def _groups(catalogue: Catalogue) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for resource in (*catalogue, _ACCESS_REVIEW):
        versions = groups.setdefault(resource.group, [])
        versions += [version for version in resource.versions if version not in versions]
    return groups


def _group(name: str, versions: list[str]) -> Json:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _resource_list(catalogue: Catalogue, group: str, version: str) -> Json:
    entries = [
        entry
        for resource in (*catalogue, _ACCESS_REVIEW)
        if resource.group == group and version in resource.versions
        for entry in _entries(resource)
    ]
    group_version = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": entries,
    }


def _entries(resource: Resource) -> Iterator[Json]:
    entry: Json = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": ["create"] if resource is _ACCESS_REVIEW else _VERBS,
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    yield entry
    for name in _subresources(resource):
        kind: Json = {"kind": resource.kind, "verbs": ["get", "patch", "update"]}
        if name == "scale":
            kind.update(kind="Scale", group="autoscaling", version="v1")
        elif name in _POD_SUBRESOURCES:
            group, version, word = _POD_SUBRESOURCES[name]
            kind = {"kind": word, "group": group, "version": version, "verbs": ["create"]}
        yield {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            **kind,
        }
