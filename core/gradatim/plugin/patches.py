"""The two kinds of patch of the Kubernetes API, carried out on plain dicts.

In: an object and a `Patch` of a router. Out: the object as the API server would keep it; nothing is mutated.
Called by the decision, to see a state before it is written, and by the contract suite for routers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from .metric import Json
from .traffic import ObjectRef, Patch


class PatchError(ValueError):
    """The API server would refuse this patch: a path that is not there, or a test that does not hold."""


def apply_patch(obj: Json, patch: Patch) -> Json:
    """`obj` with one patch carried out (RFC 7386 for merge, RFC 6902 for JSON Patch).

    Raises:
        PatchError: the patch does not fit the object.
    """
    held = obj.get("metadata", {}).get("resourceVersion", "")
    if patch.resource_version and held and patch.resource_version != held:
        raise PatchError(f"planned against version {patch.resource_version}, object has {held}")
    if patch.kind == "merge":
        if not isinstance(patch.body, dict):
            raise PatchError("the body of a merge patch is an object")
        merged: Json = _merged(obj, patch.body)
        return merged
    result: Any = copy.deepcopy(obj)
    for operation in patch.body:
        if not isinstance(operation, dict):
            raise PatchError("the body of a JSON Patch is a list of operations")
        result = _operated(result, operation)
    if not isinstance(result, dict):
        raise PatchError("what is left is no object")
    return result


def apply_patches(
    objects: Mapping[ObjectRef, Json], patches: Iterable[Patch]
) -> dict[ObjectRef, Json]:
    """All `objects` with the patches carried out in their order.

    Raises:
        PatchError: a patch does not fit, or is for an object that is not there.
    """
    result = dict(objects)
    for patch in patches:
        if patch.ref not in result:
            raise PatchError(f"{patch.ref} is not there")
        result[patch.ref] = apply_patch(result[patch.ref], patch)
    return result


def _merged(target: object, body: Any) -> Any:
    if not isinstance(body, dict):
        return copy.deepcopy(body)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in body.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _operated(document: Any, operation: Json) -> Any:
    name, pointer = operation.get("op"), _pointer(operation.get("path"))
    match name:
        case "add" | "replace" | "test" if "value" not in operation:
            raise PatchError(f"the operation {name} has no value")
        case "add":
            return _added(document, pointer, copy.deepcopy(operation["value"]))
        case "remove":
            return _removed(document, pointer)
        case "replace":
            _found(document, pointer)
            document = _removed(document, pointer) if pointer else None
            return _added(document, pointer, copy.deepcopy(operation["value"]))
        case "move":
            source = _pointer(operation.get("from"))
            value = _found(document, source)
            return _added(_removed(document, source), pointer, value)
        case "copy":
            value = copy.deepcopy(_found(document, _pointer(operation.get("from"))))
            return _added(document, pointer, value)
        case "test":
            if _found(document, pointer) != operation["value"]:
                raise PatchError(f"the test of {operation['path']} does not hold")
            return document
    raise PatchError(f"{name!r} is no operation of JSON Patch")


def _pointer(text: object) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"{text!r} is no JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _found(document: Any, pointer: list[str]) -> Any:
    for part in pointer:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(part, len(document) - 1)]
        else:
            raise PatchError(f"there is nothing at {'/'.join(pointer)}")
    return document


def _added(document: Any, pointer: list[str], value: Any) -> Any:
    if not pointer:
        return value
    parent, last = _found(document, pointer[:-1]), pointer[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(last, len(parent)), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise PatchError(f"nothing can be added at {'/'.join(pointer)}")
    return document


def _removed(document: Any, pointer: list[str]) -> Any:
    _found(document, pointer)
    if not pointer:
        raise PatchError("the whole object cannot be removed by a patch")
    parent, last = _found(document, pointer[:-1]), pointer[-1]
    if isinstance(parent, list):
        del parent[_index(last, len(parent) - 1)]
    else:
        del parent[last]
    return document


def _index(part: str, highest: int) -> int:
    if not (part.isascii() and part.isdigit()) or (part != "0" and part.startswith("0")):
        raise PatchError(f"{part!r} is no index of a list")
    if int(part) > highest:
        raise PatchError(f"index {part} is past the end")
    return int(part)
