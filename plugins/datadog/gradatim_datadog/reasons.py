"""What Datadog says went wrong, in all the shapes in which it says so.

In: the decoded JSON of an answer. Out: its words, "" where there are none. Pure.
Called by `query` for refusals, and by `series` and `scalar` for answers of status 200 that say that the query failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_MOST: Final = 10
_FIELDS: Final = ("detail", "title", "message", "error", "status")


def reason_of(answer: Mapping[str, Any]) -> str:
    """The words of `error` (v1), `errors` beside or inside `data`, whose items are texts (v1) or objects (v2)."""
    data = answer.get("data")
    inside = data.get("errors") if isinstance(data, dict) else None
    for told in (answer.get("errors"), inside, answer.get("error")):
        if told:
            return joined(told)
    return ""


def joined(told: object) -> str:
    """One text of the items of `errors`, or of what stands in their place."""
    items = told if isinstance(told, list) else [told]
    return "; ".join(filter(None, map(_words, items[:_MOST])))


def _words(item: object) -> str:
    """JSON:API's errors have a title and a detail; the detail says more."""
    if isinstance(item, dict):
        return next((str(item[name]) for name in _FIELDS if item.get(name)), "")
    return "" if item is None else str(item)
