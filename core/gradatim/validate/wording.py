"""Problems in the words of Kubernetes' field errors, which Argo Rollouts uses too.

In: a path, the value that is wrong, a detail. Out: a `Problem` such as `Invalid value: 120: must be …`.
Every module of this room makes its Problems here, so that tools which match those messages keep working.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from gradatim.model.gojson import go_json
from gradatim.plugin import FieldPath, Problem

_LONGEST: Final = 1_024


def shown(value: object) -> str:
    """A value as a message shows it: texts in quotes, the rest as JSON, in one line and not endless."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    else:
        text = go_json(_sorted(value)).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _sorted(value: object) -> object:
    """Labels and other maps come in the order of their keys, as Go writes them."""
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return {key: value[key] for key in sorted(value)}
    return value


def invalid(path: FieldPath, value: object, detail: str) -> Problem:
    """The value cannot be what it is."""
    return Problem(path, f"Invalid value: {shown(value)}: {detail}")


def required(path: FieldPath, detail: str = "") -> Problem:
    """There must be a value."""
    return Problem(path, f"Required value: {detail}" if detail else "Required value")


def forbidden(path: FieldPath, detail: str) -> Problem:
    """There must be no value."""
    return Problem(path, f"Forbidden: {detail}")


def duplicate(path: FieldPath, value: object) -> Problem:
    """The same value stands at an earlier place."""
    return Problem(path, f"Duplicate value: {shown(value)}")


def not_found(path: FieldPath, value: object) -> Problem:
    """The value names something that is not there."""
    return Problem(path, f"Not found: {shown(value)}")


def unsupported(path: FieldPath, value: object, supported: Iterable[str]) -> Problem:
    """The value is none of the known ones."""
    known = ", ".join(shown(each) for each in supported)
    return Problem(path, f"Unsupported value: {shown(value)}: supported values: {known}")


def not_negative(path: FieldPath, value: int) -> Iterable[Problem]:
    """The number must be 0 or more."""
    if value < 0:
        yield invalid(path, value, "must be greater than or equal to 0")
