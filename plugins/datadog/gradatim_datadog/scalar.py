"""The answer of Datadog's v2 scalar query: columns, of numbers and of the groups that they belong to.

In: the decoded JSON. Out: a `Measurement`. Pure.
Called by `query`.
"""

from __future__ import annotations

import json
from typing import Any, Final

from gradatim.plugin import Measurement

from .errors import writable
from .values import KEPT, UnreadableError, go_number, go_numbers, number

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
    labels = [_values(one) for one in columns if one.get("type") == "group"]
    # Datadog marks a group without data by null.
    rows = [
        (index, number(value, "columns"))
        for index, value in enumerate(_values(numeric) if numeric else ())
        if value is not None
    ]
    if not rows:
        return Measurement(text="[]", no_data=True)
    if not labels:
        return Measurement(value=rows[0][1], text=go_number(rows[0][1]))
    return _grouped([(_label(labels, index), value) for index, value in rows])


def _grouped(groups: list[tuple[str, float]]) -> Measurement:
    values = [value for _, value in groups]
    metadata = {"groups": _groups_json(groups)}
    if len(groups) > _MOST_GROUPS:
        metadata["groups_truncated"] = "true"
    if len(groups) > KEPT:
        metadata["values_truncated"] = "true"
    return Measurement(value=values, text=go_numbers(values), metadata=metadata)


def _groups_json(groups: list[tuple[str, float]]) -> str:
    """At most a hundred groups, the lowest and the highest: an object may not be of any size."""
    if len(groups) > _MOST_GROUPS:
        half = _MOST_GROUPS // 2
        ordered = sorted(groups, key=lambda group: group[1])
        groups = [*ordered[:half], *ordered[-half:]]
    told = ",".join(
        f'{{"name":{json.dumps(name, ensure_ascii=False)},"value":{go_number(value)}}}'
        for name, value in groups
    )
    return f"[{told}]"


def _columns(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data = answer.get("data")
    data = data if isinstance(data, dict) else {}
    # Documented beside `data`; the reference reads it inside.
    for errors in (answer.get("errors"), data.get("errors")):
        if errors:
            raise UnreadableError(f"the query failed: {_joined(errors)}")
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


def _label(columns: list[list[Any]], index: int) -> str:
    """The tags of one row, through all group columns: one for each tag that the query is grouped by."""
    tags: list[str] = []
    for column in columns:
        entry = column[index] if index < len(column) else None
        if (
            not isinstance(entry, list)
            or not entry
            or not all(isinstance(tag, str) for tag in entry)
        ):
            raise UnreadableError("a group has no label, so its value belongs to nobody")
        tags += entry
    return writable(",".join(tags))[:_LONGEST_GROUP]


def _joined(errors: object) -> str:
    return "; ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
