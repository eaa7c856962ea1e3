"""Merge patches (RFC 7396) and JSON patches (RFC 6902).

In: a document and a patch. Out: the patched document; the given one is not changed and unchanged parts are shared.
Called by `verbs.py`; strategic merge patches are in `strategic.py`.
"""

from __future__ import annotations

from typing import Any

from gradatim.sim.document import Json
from gradatim.sim.failure import bad_request, patch_failed

#: The API server refuses longer JSON patches.
MAX_OPERATIONS = 10_000


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` with the merge patch applied; null removes a key, lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    result: Json = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: Json, operations: object) -> Any:
    """Return `target` after the operations, all or none.

    Raises:
        ApiError: 400 for a patch that is no list of operations, 422 when a test fails or a path is not there.
    """
    if not isinstance(operations, list) or not all(isinstance(item, dict) for item in operations):
        raise bad_request("error decoding patch: a JSON patch is a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise bad_request(f"the allowed maximum operations in a JSON patch is {MAX_OPERATIONS}")
    result: Any = target
    for operation in operations:
        result = _operate(result, operation)
    return result


def _operate(document: Any, operation: Json) -> Any:
    path = _pointer(operation.get("path"))
    match operation.get("op"):
        case "test":
            if _look_up(document, path, missing_is_null=True) != operation.get("value"):
                raise patch_failed()
            return document
        case "add":
            return _edit(document, path, operation.get("value"), "add")
        case "replace":
            return _edit(document, path, operation.get("value"), "replace")
        case "remove":
            return _edit(document, path, None, "remove")
        case "copy":
            value = _look_up(document, _pointer(operation.get("from")))
            return _edit(document, path, value, "add")
        case "move":
            origin = _pointer(operation.get("from"))
            value = _look_up(document, origin)
            return _edit(_edit(document, origin, None, "remove"), path, value, "add")
        case other:
            raise bad_request(f"Unexpected kind: {other}")


def _pointer(text: object) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise patch_failed()
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _look_up(document: Any, path: list[str], missing_is_null: bool = False) -> Any:
    value = document
    for step, key in enumerate(path):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif missing_is_null and step == len(path) - 1 and isinstance(value, dict):
            return None  # the API server's library tests a missing member as null
        else:
            raise patch_failed()
    return value


def _edit(document: Any, path: list[str], value: Any, how: str) -> Any:
    """Return `document` with the place at `path` added, replaced or removed; copies only the way there."""
    if not path:
        if how == "remove":
            raise patch_failed()
        return value
    if isinstance(document, dict):
        return _edit_member(document, path, value, how)
    if isinstance(document, list):
        return _edit_item(document, path, value, how)
    raise patch_failed()


def _edit_member(document: Json, path: list[str], value: Any, how: str) -> Json:
    head, *rest = path
    if head not in document and (rest or how != "add"):
        raise patch_failed()
    result = dict(document)
    if rest:
        result[head] = _edit(document[head], rest, value, how)
    elif how == "remove":
        del result[head]
    else:
        result[head] = value
    return result


def _edit_item(document: list[Any], path: list[str], value: Any, how: str) -> list[Any]:
    head, *rest = path
    appends = head == "-" and not rest and how == "add"
    if not appends and not head.isdigit():
        raise patch_failed()
    index = len(document) if appends else int(head)
    if index > len(document) or (index == len(document) and (rest or how != "add")):
        raise patch_failed()
    result = list(document)
    if rest:
        result[index] = _edit(document[index], rest, value, how)
    elif how == "add":
        result.insert(index, value)
    elif how == "remove":
        del result[index]
    else:
        result[index] = value
    return result
