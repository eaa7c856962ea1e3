"""The smallest merge patch between two statuses.

In: the status as it is and as it shall be. Out: a JSON merge patch, or nothing. `apply` writes it.
"""

from __future__ import annotations

from typing import Any

from ..model.reading import Json


def merge_patch(before: Json, after: Json) -> Json:
    """What turns `before` into `after`, as RFC 7386 says it; {} if there is nothing to turn.

    A field of the status that is gone becomes null, but for one that was empty: tools write
    `abort: false` and `pauseConditions: null`, and such a field means the same as none. Further down an
    empty value may mean something: `verified: false` does.
    """
    gone = {key: None for key in before.keys() - after.keys() if not _is_empty(before[key])}
    return gone | _changed(before, after)


def _changed(before: Json, after: Json) -> Json:
    patch: Json = {}
    for key, value in after.items():
        old = before.get(key)
        if old == value and key in before:
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            gone = dict.fromkeys(old.keys() - value.keys())
            inner = gone | _changed(old, value)
            if inner:
                patch[key] = inner
        else:
            patch[key] = value
    return patch


def _is_empty(value: Any) -> bool:
    return value in (None, False, 0, "", [], {})
