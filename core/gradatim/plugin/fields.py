"""Checks of the fields of a plugin's block, for the hooks that validate.

In: a value as it stands in a manifest, and its path. Out: `Problem`s; never an exception, whatever the JSON.
A text that still holds an argument (`{{args.…}}`) passes every check of its content: it is not known yet.

    def problems(config, path):
        yield from block(config, path, {"address": url, "timeout": whole_number(1, 60), "user": text})
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from .duration import parse_duration
from .problem import FieldPath, Problem

#: One field's check: the value and its path to what is wrong with it. Checks are made of checks.
Check: TypeAlias = Callable[[object, FieldPath], Iterator[Problem]]

_ARGUMENT: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
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


def said(value: object, name: str) -> bool:
    """Does this block say anything under that name? null, an empty text, list or object says nothing."""
    return isinstance(value, dict) and value.get(name) not in (None, "", [], {})


def is_open(value: object) -> bool:
    """Is it a text in which an argument is still to be put?"""
    return isinstance(value, str) and _ARGUMENT.search(value) is not None


def has_open_text(value: object) -> bool:
    """Does any text in this JSON, however deep, still wait for an argument?"""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if is_open(value):
            return True
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


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


def all_or_none(
    value: object, path: FieldPath, checks: Mapping[str, Check], *, optional: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """A `block` that is empty, or has all its fields but for the optional ones."""
    yield from block(value, path, checks)
    if any(said(value, name) for name in checks):
        needed = (name for name in checks if name not in optional)
        yield from missing(value, path, needed)


def missing(value: object, path: FieldPath, names: Iterator[str]) -> Iterator[Problem]:
    """A Problem for each of these fields of which the block says nothing."""
    for name in names:
        if not said(value, name):
            yield Problem(path / name, "is missing")


def text(value: object, path: FieldPath) -> Iterator[Problem]:
    """Any text."""
    if not isinstance(value, str):
        yield Problem(path, f"must be text, not {json_type(value)}")


def texts(value: object, path: FieldPath) -> Iterator[Problem]:
    """A list of texts."""
    if not isinstance(value, list):
        yield Problem(path, f"must be a list of texts, not {json_type(value)}")
        return
    for index, one in enumerate(value):
        yield from text(one, path / index)


def flag(value: object, path: FieldPath) -> Iterator[Problem]:
    """true or false."""
    if not isinstance(value, bool):
        yield Problem(path, f"must be true or false, not {json_type(value)}")


def one_of(allowed: tuple[str, ...]) -> Check:
    """One of these texts, or "". No argument may stand for it: the CRD lists the values."""

    def check(value: object, path: FieldPath) -> Iterator[Problem]:
        if value not in ("", *allowed):
            yield Problem(path, f"must be one of {', '.join(allowed)}")

    return check


def whole_number(least: int, most: int, unit: str = "") -> Check:
    """A whole number within these bounds; `unit` is for messages, as "seconds"."""
    of = f" of {unit}" if unit else ""
    shown = f" {unit}" if unit else ""

    def check(value: object, path: FieldPath) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield Problem(path, f"must be a whole number{of}, not {json_type(value)}")
        elif not least <= value <= most:
            yield Problem(path, f"must be from {least} to {most}{shown}")

    return check


def duration(least: float = 0.0) -> Check:
    """A Go duration, as `1h30m`: longer than 0, and of so many seconds at least. "" says nothing."""

    def check(value: object, path: FieldPath) -> Iterator[Problem]:
        yield from text(value, path)
        if not isinstance(value, str) or not value or is_open(value):
            return
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            yield Problem(path, str(error))
            return
        if seconds <= 0 and not least:
            yield Problem(path, "must be longer than 0")
        elif seconds < least:
            yield Problem(path, f"must be at least {least:g}s")

    return check


def url(value: object, path: FieldPath) -> Iterator[Problem]:
    """An http or https URL with a host; "" says nothing. The message never repeats it: it may hold a password."""
    yield from text(value, path)
    if isinstance(value, str) and value and not is_open(value) and not is_url(value):
        yield Problem(path, "must be a URL with http:// or https:// and a host")


def is_url(value: str) -> bool:
    """Is it something that HTTP can be spoken to?"""
    if any(char.isspace() or not char.isprintable() for char in value):
        return False
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def headers(value: object, path: FieldPath) -> Iterator[Problem]:
    """HTTP headers as Argo Rollouts' manifests write them: a list of objects with `key` and `value`."""
    if not isinstance(value, list):
        yield Problem(path, f"must be a list of objects with key and value, not {json_type(value)}")
        return
    for index, header in enumerate(value):
        where = path / index
        yield from block(header, where, {"key": _header_name, "value": _header_value})
        if isinstance(header, dict):
            # An empty value is one; only a field that is not there is missing.
            for name in ("key", "value"):
                if header.get(name) is None:
                    yield Problem(where / name, "is missing")


def _header_name(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if isinstance(value, str) and not is_open(value) and not _HEADER_NAME.fullmatch(value):
        yield Problem(path, "must be the name of an HTTP header: letters, digits and dashes")


def _header_value(value: object, path: FieldPath) -> Iterator[Problem]:
    yield from text(value, path)
    if isinstance(value, str) and _CONTROL.search(value.strip()):
        yield Problem(path, "must not have line breaks or other control characters")


def _suggestion(name: str, known: Mapping[str, Check]) -> str:
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name[:100].lower(), by_lower, n=1)
    if close:
        return f"; did you mean {by_lower[close[0]]}?"
    return f"; the fields here are {', '.join(sorted(known))}"
