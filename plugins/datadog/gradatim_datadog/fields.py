"""Checks of single fields of a JSON block, for `config.py`.

In: a value as it stands in a manifest, and its path. Out: `Problem`s; never an exception, whatever the JSON.
A text with a `{{placeholder}}` passes every check of its content: what it will say is not known yet.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from gradatim.plugin import FieldPath, Problem

Check: TypeAlias = Callable[[object, FieldPath], Iterator[Problem]]

_PLACEHOLDER: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_JSON_TYPES: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


def json_type(value: object) -> str:
    """What a JSON value is, in words."""
    return _JSON_TYPES.get(type(value), "null")


def holds_placeholder(value: object) -> bool:
    """Is it a text that still has a `{{…}}` in it?"""
    return isinstance(value, str) and _PLACEHOLDER.search(value) is not None


def block(value: object, path: FieldPath, checks: Mapping[str, Check]) -> Iterator[Problem]:
    """An object whose fields have these checks and no others. A field that is null is as good as absent."""
    if not isinstance(value, dict):
        yield Problem(path, f"must be an object, not {json_type(value)}")
        return
    for name, field in value.items():
        check = checks.get(name)
        if check is None:
            yield Problem(path / str(name), f"unknown field{_suggestion(str(name), checks)}")
        elif field is not None:
            yield from check(field, path / name)


def text(value: object, path: FieldPath) -> Iterator[Problem]:
    """Any text."""
    if not isinstance(value, str):
        yield Problem(path, f"must be text, not {json_type(value)}")


def flag(value: object, path: FieldPath) -> Iterator[Problem]:
    """true or false."""
    if not isinstance(value, bool):
        yield Problem(path, f"must be true or false, not {json_type(value)}")


def said(value: object, name: str) -> bool:
    """Does this block say anything under that name? An empty text, list or object says nothing."""
    return isinstance(value, dict) and value.get(name) not in (None, "", [], {})


def _suggestion(name: str, known: Mapping[str, Check]) -> str:
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name[:100].lower(), by_lower, n=1)
    if close:
        return f"; did you mean {by_lower[close[0]]}?"
    return f"; the fields here are {', '.join(sorted(known))}"
