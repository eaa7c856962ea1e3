"""Structural schemas of custom resources: pruning and defaulting.

In: an object and the openAPIV3Schema of its version. Out: the object without unknown fields, with `default:` values.
Called by `strategy.py` when the applied CustomResourceDefinition has a schema; `schema_faults.py` checks types.
"""

from __future__ import annotations

from typing import Any

from gradatim.sim.document import Json, checked

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
#: every object has these, whether the schema names them or not
ENVELOPE = ("apiVersion", "kind", "metadata")


def structured(schema: Json, value: Any, root: bool = True) -> Any:
    """Return `value` pruned and defaulted by `schema`; it is a new value where anything differs.

    A value whose type is not the schema's is returned as it is: a controller has to cope with what an older schema
    let in.
    """
    if isinstance(value, dict):
        return _object(schema, value, root)
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        return [structured(items, item, root=False) for item in value]
    return value


def _object(schema: Json, value: Json, root: bool) -> Json:
    properties: Json = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    envelope = ENVELOPE if root or schema.get(EMBEDDED) else ()
    keeps = bool(schema.get(PRESERVE)) or others is True
    kept: Json = {}
    for key, item in value.items():
        inner = properties.get(key)
        if key in envelope:
            kept[key] = item
        elif inner is not None:
            if item is None and "default" in inner and not inner.get("nullable"):
                continue  # a null that may not be null gives way to the default
            kept[key] = structured(inner, item, root=False)
        elif isinstance(others, dict):
            kept[key] = structured(others, item, root=False)
        elif keeps:
            kept[key] = item
    for key, inner in properties.items():
        if key not in kept and "default" in inner:
            kept[key] = structured(inner, checked(inner["default"]), root=False)
    return kept
