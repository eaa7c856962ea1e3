"""Values out of a VirtualService, as far as they are what Istio's schema says.

In: parts of the object as JSON and where they stand. Out: the value, or an `UnreadableError`. Pure.
Called by `routes`, which makes faults of the errors; no such error leaves it.
"""

from __future__ import annotations

from gradatim.plugin import Json

from .block_problems import type_name


class UnreadableError(Exception):
    """A value is not what Istio's schema says."""


def match_port(match: Json, place: str) -> int:
    """The port of a match block; 0 where there is none."""
    value = match.get("port")
    if value is not None and type(value) is not int:
        raise UnreadableError(f"{place}.port is {type_name(value)}")
    return value or 0


def weight(raw: Json) -> int:
    """The weight that is written there; 0 where there is none, as Istio reads it."""
    value = raw.get("weight")
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        raise UnreadableError("weight is no whole number")
    return value


def text(owner: Json, field: str, place: str) -> str:
    """A string; "" where there is none."""
    value = owner.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableError(f"{place}.{field} is {type_name(value)}")
    return value


def objects(value: object, place: str) -> list[Json]:
    """A list of JSON objects; null and a missing list are empty, as they are to the API server."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableError(f"{place} is {type_name(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise UnreadableError(f"{place}[{index}] is {type_name(item)}")
    return value
