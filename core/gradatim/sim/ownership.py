"""Server-side apply: who applied which field.

In: the stored object and an applied configuration with its field manager. Out: the merged object with `managedFields`.
Called by `verbs.py`. Simpler than the real one: only managers that apply are recorded (a plain update takes no field
away from them), and lists of custom resources are atomic.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from gradatim.sim.document import Json
from gradatim.sim.failure import ApiError
from gradatim.sim.resources import Resource
from gradatim.sim.strategic import merge_key

#: Fields as paths of FieldsV1 members: `f:spec`, `k:{"name":"app"}`; only leaves are listed.
Fields: TypeAlias = frozenset[tuple[str, ...]]

_NOBODYS = frozenset({"apiVersion", "kind", "status"})
_NOBODYS_METADATA = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
    }
)


@dataclass(frozen=True, slots=True)
class Application:
    """A configuration that `manager` applies; `forced` takes fields away from others. `time` is its timestamp."""

    manager: str
    config: Json
    forced: bool
    time: str
    subresource: str = ""


def applied(resource: Resource, live: Json, application: Application) -> Json:
    """Return `live` with the configuration applied.

    Raises:
        ApiError: 409, another manager applied a different value to a field, and `forced` is false.
    """
    config = _claimable(application.config, application.subresource)
    wanted = frozenset(_paths(resource, config, ()))
    entries = list(live["metadata"].get("managedFields") or ())
    mine = [entry for entry in entries if _is_of(entry, application)]
    others = [entry for entry in entries if not _is_of(entry, application)]
    contested = _contested(live, config, wanted, others)
    if contested and not application.forced:
        raise _conflict(contested)
    taken = {path for _, path in contested}
    others = [_without(entry, taken) for entry in others]
    kept = wanted.union(*(_parsed(entry["fieldsV1"]) for entry in others))
    given_up = frozenset().union(*(_parsed(entry["fieldsV1"]) for entry in mine)) - kept
    merged = _merged(resource, "", live, config)
    # whole items first: without its key an item could not be found again
    for path in sorted(given_up, key=lambda path: (path[-1] != ".", -len(path), path)):
        merged = _removed(merged, path)
    entry = {
        "manager": application.manager,
        "operation": "Apply",
        "apiVersion": application.config.get("apiVersion", resource.stored_version),
        "time": application.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": _tree(wanted),
        **({"subresource": application.subresource} if application.subresource else {}),
    }
    if mine and {**mine[0], "time": ""} == {**entry, "time": ""}:
        entry = mine[
            0
        ]  # nothing new was applied: the time stays, so that the write changes nothing
    managed = [*(other for other in others if other["fieldsV1"]), entry]
    return {**merged, "metadata": {**merged["metadata"], "managedFields": managed}}


def _is_of(entry: Json, application: Application) -> bool:
    return (
        entry.get("manager") == application.manager
        and entry.get("operation") == "Apply"
        and entry.get("subresource", "") == application.subresource
    )


def _claimable(config: Json, subresource: str) -> Json:
    if subresource == "status":
        return {key: value for key, value in config.items() if key == "status"}
    rest = {key: value for key, value in config.items() if key not in _NOBODYS}
    metadata = rest.get("metadata") or {}
    claimed = {k: v for k, v in metadata.items() if k not in _NOBODYS_METADATA}
    return (
        {**rest, "metadata": claimed}
        if claimed
        else {k: v for k, v in rest.items() if k != "metadata"}
    )


def _key(resource: Resource, field: str, items: list[Any]) -> str | None:
    if resource.custom and field != "ownerReferences":
        return None
    return merge_key(field, items)


def _paths(resource: Resource, value: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    field = path[-1].removeprefix("f:") if path else ""
    if isinstance(value, dict) and value:
        found = [
            p for key, item in value.items() for p in _paths(resource, item, (*path, f"f:{key}"))
        ]
        return [*found, (*path, ".")] if path and path[-1].startswith("k:") else found
    if isinstance(value, list) and (key := _key(resource, field, value)):
        return [
            found
            for item in value
            for found in _paths(resource, item, (*path, _item_name(key, item)))
        ]
    return [path] if path else []


def _item_name(key: str, item: Json) -> str:
    return "k:" + json.dumps({key: item.get(key)}, separators=(",", ":"))


def _contested(
    live: Json, config: Json, wanted: Fields, others: list[Json]
) -> list[tuple[str, tuple[str, ...]]]:
    """Return the managers and the fields that they applied with another value than `config` has."""
    return [
        (other["manager"], path)
        for other in others
        if other.get("operation") == "Apply"
        for path in sorted(_parsed(other["fieldsV1"]) & wanted)
        if path[-1] != "." and _value(live, path) != _value(config, path)
    ]


def _conflict(contested: list[tuple[str, tuple[str, ...]]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}"',
            "field": _readable(path),
        }
        for manager, path in contested
    ]
    plural = "s" if len(causes) > 1 else ""
    listed = ", ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    text = f"Apply failed with {len(causes)} conflict{plural}: {listed}"
    return ApiError(409, "Conflict", text, {"causes": causes})


def _readable(path: tuple[str, ...]) -> str:
    parts = []
    for step in path:
        if step.startswith("k:"):
            (key, value), *_ = json.loads(step[2:]).items()
            parts.append(f"[{key}={json.dumps(value)}]")
        else:
            parts.append(f".{step.removeprefix('f:')}")
    return "".join(parts)


def _position(items: list[Any], step: str) -> int | None:
    (key, value), *_ = json.loads(step[2:]).items()
    found = (n for n, item in enumerate(items) if isinstance(item, dict) and item.get(key) == value)
    return next(found, None)


def _value(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if step.startswith("k:") and isinstance(document, list):
            position = _position(document, step)
            document = None if position is None else document[position]
        else:
            document = document.get(step[2:]) if isinstance(document, dict) else None
    return document


def _removed(document: Any, path: tuple[str, ...]) -> Any:
    """Return `document` without what stands at `path`; an emptied object on the way goes with it."""
    head, *rest = path
    if head.startswith("k:") and isinstance(document, list):
        position = _position(document, head)
        if position is None:
            return document
        inner = None if rest == ["."] else _removed(document[position], tuple(rest))
        before, after = document[:position], document[position + 1 :]
        return [*before, *([] if inner is None else [inner]), *after]
    key = head.removeprefix("f:")
    if not isinstance(document, dict) or key not in document:
        return document
    others = {name: value for name, value in document.items() if name != key}
    if not rest:
        return others
    inner = _removed(document[key], tuple(rest))
    return others if inner in ({}, []) else {**document, key: inner}


def _merged(resource: Resource, field: str, live: Any, config: Any) -> Any:
    if isinstance(config, dict) and config:
        base = live if isinstance(live, dict) else {}
        added = {key: _merged(resource, key, base.get(key), item) for key, item in config.items()}
        return {**base, **added}
    if (
        isinstance(config, list)
        and isinstance(live, list)
        and (key := _key(resource, field, config))
    ):
        result = list(live)
        for item in config:
            position = _position(result, _item_name(key, item))
            if position is None:
                result.append(item)
            else:
                result[position] = _merged(resource, "", result[position], item)
        return result
    return config


def _without(entry: Json, taken: set[tuple[str, ...]]) -> Json:
    if not taken or entry.get("operation") != "Apply":
        return entry
    return {**entry, "fieldsV1": _tree(_parsed(entry["fieldsV1"]) - taken)}


def _tree(fields: Fields) -> Json:
    root: Json = {}
    for path in sorted(fields):
        node = root
        for step in path:
            node = node.setdefault(step, {})
    return root


def _parsed(tree: Json, path: tuple[str, ...] = ()) -> Fields:
    if not tree:
        return frozenset({path}) if path else frozenset()
    return frozenset().union(*(_parsed(below, (*path, step)) for step, below in tree.items()))
