"""Label and field selectors.

In: a selector's text from a query, or a LabelSelector object. Out: a predicate over objects.
Called by lists, watches, and the controllers of this room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from gradatim.sim.document import Json, dig
from gradatim.sim.failure import bad_request
from gradatim.sim.resources import Resource

#: Answers whether an object, or a set of labels, is selected.
Labels: TypeAlias = Mapping[str, str]
LabelMatch: TypeAlias = Callable[[Labels], bool]
ObjectMatch: TypeAlias = Callable[[Json], bool]

_SET_BASED = re.compile(r"^([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)$")
_EQUALITY = re.compile(r"^([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)$")
_EXISTENCE = re.compile(r"^(!?)\s*([^\s!=,()]+)$")
_BETWEEN = re.compile(r",(?![^()]*\))")

#: Fields beyond metadata.name and metadata.namespace that a field selector may name.
_SELECTABLE: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "status.phase",
        "status.podIP",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "replicasets.apps": ("status.replicas",),
    "jobs.batch": ("status.successful",),
}


def _requirement(text: str) -> LabelMatch:
    if found := _SET_BASED.match(text):
        key, operator, inner = found.groups()
        values = {value.strip() for value in inner.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUALITY.match(text):
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTENCE.match(text):
        absent, key = found.groups()
        return lambda labels: (key in labels) is not bool(absent)
    raise bad_request(f"unable to parse requirement: {text!r}")


def label_selector(text: str) -> LabelMatch | None:
    """Return the predicate of a `labelSelector` query, None when it selects everything.

    Raises:
        ApiError: 400, the selector cannot be read.
    """
    parts = [part.strip() for part in _BETWEEN.split(text)] if text.strip() else []
    tests = [_requirement(part) for part in parts]
    if not tests:
        return None
    return lambda labels: all(test(labels) for test in tests)


def _expression(expression: Mapping[str, Any]) -> LabelMatch:
    key, values = str(expression.get("key")), set(expression.get("values") or ())
    match expression.get("operator"):
        case "In":
            return lambda labels: labels.get(key) in values
        case "NotIn":
            return lambda labels: labels.get(key) not in values
        case "Exists":
            return lambda labels: key in labels
        case "DoesNotExist":
            return lambda labels: key not in labels
        case operator:
            raise bad_request(f"{operator!r} is not a valid label selector operator")


def object_selector(selector: Mapping[str, Any] | None) -> LabelMatch:
    """Return the predicate of a LabelSelector object; an absent one selects nothing."""
    if selector is None:
        return lambda _labels: False
    wanted = tuple((selector.get("matchLabels") or {}).items())
    tests = [_expression(expression) for expression in selector.get("matchExpressions") or ()]
    if not tests:
        return lambda labels: all(labels.get(key) == value for key, value in wanted)
    return lambda labels: (
        all(labels.get(key) == value for key, value in wanted)
        and all(test(labels) for test in tests)
    )


def selector_text(selector: object) -> str:
    """Return a LabelSelector object as the text that kubectl and the scale subresource show."""
    if not isinstance(selector, dict):
        return selector if isinstance(selector, str) else ""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression.get("key"), ",".join(sorted(expression.get("values") or ()))
        match expression.get("operator"):
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(f"{key}")
            case _:
                parts.append(f"!{key}")
    return ",".join(parts)


def field_selector(resource: Resource, text: str) -> ObjectMatch | None:
    """Return the predicate of a `fieldSelector` query, None when it selects everything.

    Raises:
        ApiError: 400, the selector cannot be read or names a field that is not selectable.
    """
    tests: list[tuple[tuple[str, ...], str, bool]] = []
    allowed = ("metadata.name", "metadata.namespace", *_SELECTABLE.get(resource.name, ()))
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = re.match(r"^([^=!]+)(==|=|!=)(.*)$", part)
        if not found:
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        path, operator, value = found.groups()
        if path not in allowed:
            known = ", ".join(f'"{name}"' for name in allowed)
            raise bad_request(f'"{path}" is not a known field selector: only {known}')
        tests.append((tuple(path.split(".")), value, operator != "!="))
    if not tests:
        return None
    return lambda obj: all(
        (str(_default_empty(dig(obj, *path))) == value) is equal for path, value, equal in tests
    )


def _default_empty(value: object) -> object:
    return "" if value is None else value
