"""The answer of Datadog's v2 scalar query: columns, of numbers and of the groups that they belong to.

In: the decoded JSON. Out: a `Measurement`. Pure.
Called by `query`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from gradatim.plugin import Measurement, Numbers, Series
from gradatim.plugin.texts import MOST_VALUES, number_text, numbers_text, writable

from .reasons import reason_of
from .values import UnreadableError, number

_MOST_GROUPS: Final = 100
_LONGEST_GROUP: Final = 200


def scalar_measurement(answer: dict[str, Any]) -> Measurement:
    """A float; for a query grouped by tags always a list of floats, even of one group.

    Groups without a value are left out. The metadata `groups` names the others.

    Raises:
        UnreadableError: the answer says that the query failed, or cannot be read.
    """
    columns = _columns(answer)
    numeric = next((one for one in columns if one.get("type") in (None, "", "number")), None)
    groups = [one for one in columns if one.get("type") == "group"]
    # Datadog marks a group without data by null.
    rows = [
        (index, number(value, "columns"))
        for index, value in enumerate(_values(numeric) if numeric else ())
        if value is not None
    ]
    if not rows:
        return Measurement(text="[]", no_data=True)
    if not groups:
        return Measurement(value=rows[0][1], text=number_text(rows[0][1]))
    told = [(_tags(groups, index), value) for index, value in rows]
    series = tuple(Series(tags, (value,)) for tags, value in told)
    named = [(_name(tags), value) for tags, value in told]
    return replace(_grouped(named), series=series)


def _grouped(groups: list[tuple[str, float]]) -> Measurement:
    values = Numbers(value for _, value in groups)
    metadata = {"groups": _groups_json(groups)}
    if len(groups) > _MOST_GROUPS:
        metadata["groups_truncated"] = "true"
    if len(groups) > MOST_VALUES:
        metadata["values_truncated"] = "true"
    return Measurement(value=values, text=numbers_text(values), metadata=metadata)


def _groups_json(groups: list[tuple[str, float]]) -> str:
    """At most a hundred groups, the lowest and the highest: an object may not be of any size."""
    if len(groups) > _MOST_GROUPS:
        half = _MOST_GROUPS // 2
        ordered = sorted(groups, key=lambda group: group[1])
        groups = [*ordered[:half], *ordered[-half:]]
    told = ",".join(
        f'{{"name":{json.dumps(name, ensure_ascii=False)},"value":{number_text(value)}}}'
        for name, value in groups
    )
    return f"[{told}]"


def _columns(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data = answer.get("data")
    data = data if isinstance(data, dict) else {}
    # Documented beside `data`; the reference reads it inside.
    if answer.get("errors") or data.get("errors"):
        raise UnreadableError(f"the query failed: {reason_of(answer) or 'without a reason'}")
    attributes = data.get("attributes")
    columns = attributes.get("columns") if isinstance(attributes, dict) else None
    if columns is None:
        return []
    if not isinstance(columns, list) or not all(isinstance(one, dict) for one in columns):
        raise UnreadableError("columns is not a list of objects")
    return columns


def _values(column: dict[str, Any]) -> list[Any]:
    values = column.get("values")
    if values is None:
        return []
    if not isinstance(values, list):
        raise UnreadableError("the values of a column are not a list")
    return values


def _tags(groups: list[dict[str, Any]], index: int) -> dict[str, str]:
    """The tags of one row, through all group columns: one for each tag that the query is grouped by."""
    tags: dict[str, str] = {}
    for place, column in enumerate(groups):
        values = _values(column)
        entry = values[index] if index < len(values) else None
        if (
            not isinstance(entry, list)
            or not entry
            or not all(isinstance(tag, str) for tag in entry)
        ):
            raise UnreadableError("a group has no label, so its value belongs to nobody")
        name = str(column.get("name") or place)
        tags[f"{name} {place}" if name in tags else name] = writable(",".join(entry))
    return tags


def _name(tags: Mapping[str, str]) -> str:
    return ",".join(tags.values())[:_LONGEST_GROUP]
