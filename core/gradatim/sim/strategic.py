"""Strategic merge patches for built-in resources.

In: an object and a patch with the directives that kubectl writes. Out: the patched object, sharing what did not change.
Called by `verbs.py`; `merge_key` is also what server-side apply merges lists by.
"""

from __future__ import annotations

from typing import Any

from gradatim.sim.document import Json
from gradatim.sim.failure import bad_request

#: The keys by which the items of a list are the same item, by the list's field name.
_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "ports": ("containerPort", "port"),
    "resourceClaims": ("name",),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
#: Lists of strings whose items are merged as a set.
_SETS = frozenset({"finalizers"})
_ORDER = "$setElementOrder/"
_REMOVED = "$deleteFromPrimitiveList/"


def merge_key(field: str, items: list[Any]) -> str | None:
    """Return the member that tells the items of the list `field` apart, None for an atomic list."""
    objects = [item for item in items if isinstance(item, dict)]
    if not objects or len(objects) != len(items):
        return None
    for key in _MERGE_KEYS.get(field, ()):
        if any(key in item for item in objects):
            return key
    return None


def strategic_merge(target: Json, patch: Json) -> Json:
    """Return `target` with a strategic merge patch applied.

    Raises:
        ApiError: 400, a directive that cannot be read.
    """
    match patch.get("$patch"):
        case "replace":
            return {key: value for key, value in patch.items() if not key.startswith("$")}
        case "delete":
            return {}
        case None | "merge":
            pass
        case other:
            raise bad_request(f"Unknown patch type found: {other}")
    result = dict(target)
    for key, value in patch.items():
        if key.startswith(_REMOVED):
            field = key.removeprefix(_REMOVED)
            result[field] = [item for item in result.get(field) or () if item not in value]
        elif not key.startswith("$"):
            _merge_member(result, key, value)
    _arrange_and_retain(result, target, patch)
    return result


def _merge_member(result: Json, key: str, value: Any) -> None:
    old = result.get(key)
    if value is None:
        result.pop(key, None)
    elif isinstance(value, dict):
        result[key] = strategic_merge(old if isinstance(old, dict) else {}, value)
    elif isinstance(value, list):
        result[key] = _merge_list(key, old if isinstance(old, list) else [], value)
    else:
        result[key] = value


def _merge_list(field: str, old: list[Any], patch: list[Any]) -> list[Any]:
    if field in _SETS:
        return [*old, *(item for item in patch if item not in old)]
    directives = [item for item in patch if isinstance(item, dict) and "$patch" in item]
    if any(item["$patch"] == "replace" for item in directives):
        return [item for item in patch if item not in directives]
    key = merge_key(field, [*old, *(item for item in patch if item not in directives)])
    if key is None and directives:
        key = next((name for name in _MERGE_KEYS.get(field, ()) if name in directives[0]), None)
    if key is None:
        return patch
    result = list(old)
    for item in patch:
        _merge_item(result, key, item)
    return result


def _merge_item(result: list[Any], key: str, item: Json) -> None:
    if key not in item:
        raise bad_request(f"map: {item} does not contain declared merge key: {key}")
    same = [n for n, old in enumerate(result) if old.get(key) == item[key]]
    if item.get("$patch") == "delete":
        result[:] = [old for n, old in enumerate(result) if n not in same]
    elif same:
        result[same[0]] = strategic_merge(result[same[0]], item)
    else:
        result.append(strategic_merge({}, item))


def _arrange_and_retain(result: Json, target: Json, patch: Json) -> None:
    retained = patch.get("$retainKeys")
    if isinstance(retained, list):
        for key in [key for key in result if key not in retained]:
            del result[key]
    for field, items in result.items():
        wanted = patch.get(_ORDER + field, patch.get(field))
        if isinstance(items, list) and isinstance(wanted, list) and items is not wanted:
            result[field] = _arranged(field, items, wanted, target.get(field) or [])


def _arranged(field: str, items: list[Any], wanted: list[Any], before: list[Any]) -> list[Any]:
    """Return the items in the order of the patch, with the others where they stood among them.

    An item that only the server has comes before the next one of the patch if it stood before it; so a new item of the
    patch comes first, as with the real API server.
    """
    key = merge_key(field, items)

    def name(item: Any) -> Any:
        return item.get(key) if key else str(item)

    places = {name(item): place for place, item in enumerate(before)}
    ranks = {name(item): rank for rank, item in enumerate(wanted) if not key or key in item}
    named_by_patch = [item for item in items if name(item) in ranks]
    named_by_patch.sort(key=lambda item: ranks[name(item)])
    others = [item for item in items if name(item) not in ranks]
    result = []
    while others and named_by_patch:
        mine, theirs = name(others[0]), name(named_by_patch[0])
        stood_before = theirs in places and places.get(mine, -1) < places[theirs]
        result.append((others if stood_before else named_by_patch).pop(0))
    return [*result, *named_by_patch, *others]
