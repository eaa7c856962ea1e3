"""The refusals that a controller can run into: names, selectors, templates, immutable fields.

In: a resource, an object about to be stored and its former state. Out: the causes of a 422.
Called by `verbs.py`; far from all that the real API server checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from gradatim.sim.document import Json, dig
from gradatim.sim.failure import Cause
from gradatim.sim.resources import Resource
from gradatim.sim.selectors import object_selector

_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
_LABEL_VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
_RFC_1035 = frozenset({"services"})
_LABEL_NAMES = frozenset({"namespaces", "services"})
_FREE_NAMES = frozenset(
    {
        "roles.rbac.authorization.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "clusterrolebindings.rbac.authorization.k8s.io",
    }
)
_TEMPLATED = frozenset({"replicasets.apps", "deployments.apps", "jobs.batch"})
_SELECTING = frozenset({"replicasets.apps", "deployments.apps"})


def _required(field: str, message: str = "Required value") -> Cause:
    return Cause(field, "FieldValueRequired", message)


def _wrong(field: str, value: object, why: str) -> Cause:
    shown = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return Cause(field, "FieldValueInvalid", f"Invalid value: {shown}: {why}")


def causes(resource: Resource, obj: Json, old: Json | None) -> list[Cause]:
    """Return why `obj` cannot be stored after `old` (None: it is new)."""
    found = [] if old else [*_name(resource, obj["metadata"].get("name", ""))]
    found += _labels(obj["metadata"])
    if old:
        found += _finalizers(resource, old, obj)
    if resource.name in _SELECTING:
        found += _selector(obj, old)
    if resource.name in _TEMPLATED:
        found += _containers("spec.template.spec", dig(obj, "spec", "template", "spec") or {})
    if resource.name == "jobs.batch" and old:
        found += _immutable("spec.template", obj, old)
    if resource.name == "pods" and not old:
        found += _containers("spec", obj.get("spec") or {})
    if resource.name == "services":
        found += _ports(obj.get("spec") or {})
    return found


def _name(resource: Resource, name: str) -> Iterator[Cause]:
    limit = 63 if resource.name in _LABEL_NAMES else 253
    pattern = _LABEL if resource.name in _LABEL_NAMES else _SUBDOMAIN
    if not name:
        yield _required("metadata.name", "Required value: name or generateName is required")
    elif len(name) > limit:
        yield _wrong("metadata.name", name, f"must be no more than {limit} characters")
    elif resource.name in _FREE_NAMES:
        if "/" in name or "%" in name:
            yield _wrong("metadata.name", name, "may not contain '/' or '%'")
    elif not pattern.match(name) or (resource.name in _RFC_1035 and name[0].isdigit()):
        why = "must consist of lower case alphanumeric characters, '-' or '.'"
        yield _wrong("metadata.name", name, why)


def _labels(metadata: Json) -> Iterator[Cause]:
    for key, value in (metadata.get("labels") or {}).items():
        if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.match(value):
            yield _wrong("metadata.labels", value, f"is not a valid label value of {key}")


def _finalizers(resource: Resource, old: Json, obj: Json) -> Iterator[Cause]:
    if "deletionTimestamp" not in old["metadata"] or resource.name == "namespaces":
        return
    before = old["metadata"].get("finalizers") or ()
    added = [name for name in obj["metadata"].get("finalizers") or () if name not in before]
    if added:
        listed = "[]string{" + ", ".join(f'"{name}"' for name in added) + "}"
        why = f"no new finalizers can be added if the object is being deleted, found new finalizers {listed}"
        yield Cause("metadata.finalizers", "FieldValueForbidden", f"Forbidden: {why}")


def _selector(obj: Json, old: Json | None) -> Iterator[Cause]:
    selector = dig(obj, "spec", "selector")
    labels = dig(obj, "spec", "template", "metadata", "labels") or {}
    if not selector:
        yield _required("spec.selector")
    if not selector or not object_selector(selector)(labels):
        yield _wrong(
            "spec.template.metadata.labels", labels, "`selector` does not match template `labels`"
        )
    if old:
        yield from _immutable("spec.selector", obj, old)


def _immutable(field: str, obj: Json, old: Json) -> Iterator[Cause]:
    path = field.split(".")
    if dig(obj, *path) != dig(old, *path):
        yield _wrong(field, dig(obj, *path), "field is immutable")


def _containers(path: str, spec: Json) -> Iterator[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        yield _required(f"{path}.containers")
    names: set[str] = set()
    for index, container in enumerate(containers):
        place = f"{path}.containers[{index}]"
        name = container.get("name", "")
        if not name:
            yield _required(f"{place}.name")
        if not container.get("image"):
            yield _required(f"{place}.image")
        if name and name in names:
            yield Cause(f"{place}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"')
        names.add(name)


def _ports(spec: Json) -> Iterator[Cause]:
    headless = spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName"
    ports = spec.get("ports") or []
    if not ports and not headless:
        yield _required("spec.ports")
    for index, port in enumerate(ports):
        number = port.get("port")
        if not isinstance(number, int) or not 0 < number < 65536:
            yield _wrong(
                f"spec.ports[{index}].port", number, "must be between 1 and 65535, inclusive"
            )
        if len(ports) > 1 and not port.get("name"):
            yield _required(f"spec.ports[{index}].name")
