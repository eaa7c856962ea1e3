"""Manifests as compact YAML, the same on every machine.

In: a manifest as plain JSON. Out: YAML text; what is small stands on one line. `gradatim crds` calls it.
Not PyYAML's dumper: its line breaks depend on whether libyaml is there, and a schema would take five times the lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_WIDTH: Final = 120
#: What JSON leaves as it is, and YAML forbids or takes for the end of a line.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SMALL: Final = 16
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./-]*")
_WORDS_OF_YAML: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def yaml_text(manifest: dict[str, Any]) -> str:
    """One YAML document, with a newline at its end and without `---`."""
    return "\n".join(_lines(manifest, "")) + "\n"


def _lines(value: dict[str, Any], indent: str) -> Iterator[str]:
    for name, item in value.items():
        head = f"{indent}{_scalar(name)}:"
        line = f"{head} {_flow(item)}" if _is_small(item) else ""
        if line and (len(line) <= _WIDTH or not item or not isinstance(item, (dict, list))):
            yield line
        elif isinstance(item, dict):
            yield head
            yield from _lines(item, f"{indent}  ")
        else:
            yield head
            yield from _items(item, indent)


def _items(values: list[Any], indent: str) -> Iterator[str]:
    for value in values:
        if value and isinstance(value, dict) and not _fits(value, len(indent)):
            first, *rest = _lines(value, f"{indent}  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{indent}- {_flow(value)}"


def _fits(value: Any, indent: int) -> bool:
    return _is_small(value) and indent + len("- ") + len(_flow(value)) <= _WIDTH


def _is_small(value: Any) -> bool:
    """Whether it may fit on a line: a bound, so that no large schema is written out only to be found too long."""
    return _count(value, _SMALL) <= _SMALL


def _count(value: Any, limit: int) -> int:
    """How many scalars the value holds, or some number above `limit`."""
    if not isinstance(value, (dict, list)):
        return 1
    total = 0
    for item in value.values() if isinstance(value, dict) else value:
        total += _count(item, limit - total)
        if total > limit:
            break
    return total


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return _UNPRINTABLE.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False)
    )
