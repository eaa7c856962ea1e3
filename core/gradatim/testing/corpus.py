"""JSON that nobody meant to write: what validators and readers of answers must survive.

In: nothing, or a sound document. Out: hostile values, and the document with each of its leaves made hostile.
Called by the contract suites; a fixed list and no random data, so that a failure is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

#: Values of every JSON type, at the edges where parsers break. Treat them as read-only.
HOSTILE_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**400,
    1.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    "",
    " ",
    "0",
    "-1",
    "١",  # a digit to str.isdigit and to int(), and to nobody else
    "1e400",
    "null",
    "{{args.a}}",
    "{{",
    "\x00\x1b[31m",
    "line\nbreak",
    "\ud800",  # half of a surrogate pair: cannot be encoded
    "../../etc/passwd",
    "http://",
    "http://[::1",
    "http://user:pass@host:99999999/",
    "file:///etc/passwd",
    "{.a[",
    "x" * 70_000,
    "(" * 2_000,
    [],
    [None],
    [[]],
    [{}],
    ["a", 1, None],
    [{"name": None}],
    {},
    {"": ""},
    {"name": None},
    {"key": "a", "value": {"b": []}},
    {"a": {"b": {"c": {"d": [{}, None, ""]}}}},
)

#: Bodies of an answer that are not what the service promised.
HOSTILE_BODIES: Final[tuple[bytes, ...]] = (
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b'"text"',
    b"[]",
    b"{}",
    b'{"data": null}',
    b'{"data": []}',
    b'{"data": {"result": null}}',
    b'{"error": "no"}',
    b'{"a": 1',
    b"<html><body>Bad gateway</body></html>",
    b"\xff\xfe\x00",
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b"NaN",
    b"[1e999]",
    b"1" * 5_000,
    b"[" * 100_000,
    b'{"a":' * 50_000,
)


def hostile_blocks(sound: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Blocks made from a sound one: each part in turn replaced by each hostile value, or left out."""
    for value in HOSTILE_VALUES:
        if isinstance(value, dict):
            yield value
    for place in places(sound):
        yield without(sound, place)
        for value in HOSTILE_VALUES:
            yield replaced(sound, place, value)


def places(document: Any) -> Iterator[tuple[str | int, ...]]:
    """The way to each part of a document, below its root: outer parts before inner ones."""
    items: Any = ()
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list):
        items = enumerate(document)
    for key, value in items:
        yield (key,)
        yield from ((key, *rest) for rest in places(value))


def at(document: Any, place: tuple[str | int, ...]) -> Any:
    """The part of a document at one of its `places`."""
    for key in place:
        document = document[key]
    return document


def replaced(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """The document with another value at one of its `places`; the rest is shared, not copied."""
    if not place:
        return value
    result = document.copy()
    result[place[0]] = replaced(document[place[0]], place[1:], value)
    return result


def without(document: Any, place: tuple[str | int, ...]) -> Any:
    """The document without what is at one of its `places`."""
    result = document.copy()
    if len(place) == 1:
        del result[place[0]]
    else:
        result[place[0]] = without(document[place[0]], place[1:])
    return result
