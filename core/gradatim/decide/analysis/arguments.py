"""Arguments of an analysis: their values from the Rollout, and merged with those that templates declare.

In: arguments as JSON, the Rollout and its pod hashes. Out: arguments with values, and Problems.
The Rollout's decision calls it before it makes a run, and `validate/` to see that it could.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from gradatim.plugin import FieldPath, Json, Problem

_SUBSCRIPTED: Final = re.compile(r"(.+?)\['(.*)'\]", re.DOTALL)
_SEPARATORS: Final = re.compile(r"[.\[\]]+")
_INDEX: Final = re.compile(r"[+-]?[0-9]{1,9}")
_QUALIFIED_NAME: Final = re.compile(
    r"([A-Za-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
_ARGS: Final = FieldPath("args")


class _FieldError(ValueError):
    """The field that a `fieldRef` names cannot be read."""


def resolve_arguments(
    rollout: Json, args: Iterable[Json], stable_hash: str, latest_hash: str
) -> tuple[list[Json], list[Problem]]:
    """The values of a Rollout's analysis arguments, and what could not be resolved.

    Args:
        rollout: the Rollout, as it is stored.
        args: elements of the analysis' `args`.
        stable_hash, latest_hash: what `podTemplateHashValue` stands for.

    Returns:
        One `{name, value}` for each argument (value "" where there is a Problem), and the Problems, with
        paths from `args`.
    """
    resolved, problems = [], []
    for index, arg in enumerate(args):
        source = arg.get("valueFrom")
        value = arg.get("value")
        text = value if isinstance(value, str) else ""
        if isinstance(source, dict):
            try:
                text = _from_source(
                    rollout, source, {"Stable": stable_hash, "Latest": latest_hash}, text
                )
            except _FieldError as error:
                path = _ARGS / index / "valueFrom" / "fieldRef" / "fieldPath"
                problems.append(Problem(path, str(error)))
                text = ""
        resolved.append({"name": arg.get("name", ""), "value": text})
    return resolved, problems


def _from_source(rollout: Json, source: Json, hashes: dict[str, str], value: str) -> str:
    if (which := source.get("podTemplateHashValue")) is not None:
        return hashes.get(str(which), value)
    field = source.get("fieldRef")
    if not isinstance(field, dict):
        return value
    path = str(field.get("fieldPath", ""))
    return _metadata(rollout, path) if path.startswith("metadata") else _field(rollout, path)


def _metadata(rollout: Json, path: str) -> str:
    """What the downward API would say: only these few fields."""
    metadata = _object(rollout.get("metadata"))
    if match := _SUBSCRIPTED.fullmatch(path):
        return _subscripted(metadata, path, *match.groups())
    match path:
        case "metadata.name" | "metadata.namespace" | "metadata.uid":
            return str(metadata.get(path.removeprefix("metadata."), ""))
        case "metadata.labels" | "metadata.annotations":
            entries = _object(metadata.get(path.removeprefix("metadata.")))
            return "\n".join(f"{key}={_quoted(entries[key])}" for key in sorted(entries))
        case _:
            raise _FieldError(f"unsupported fieldPath: {path}")


def _subscripted(metadata: Json, path: str, whole: str, key: str) -> str:
    if whole not in {"metadata.labels", "metadata.annotations"}:
        raise _FieldError(f"fieldPath {_quoted(path)} does not support subscript")
    if not _QUALIFIED_NAME.fullmatch(key):
        raise _FieldError(f"invalid key subscript in {path}: must be a qualified name")
    return str(_object(metadata.get(whole.removeprefix("metadata."))).get(key, ""))


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _field(rollout: Json, path: str) -> str:
    """Any other field: keys and indexes, parted by dots and brackets."""
    value: Any = rollout
    for section in filter(None, _SEPARATORS.split(path)):
        match value:
            case list():
                value = _item(value, section)
            case dict():
                value = value.get(section)
            case _:
                raise _FieldError(f"invalid path {path} in rollout")
    if value is None:
        raise _FieldError(f"invalid path {path} in rollout")
    if isinstance(value, dict | list):
        raise _FieldError(f"path {path} in rollout must terminate in a primitive value")
    return _go_text(value)


def _item(items: list[Any], section: str) -> Any:
    if not _INDEX.fullmatch(section):
        raise _FieldError(f"invalid index '{section}'")
    index = int(section)
    if not 0 <= index < len(items):
        raise _FieldError(f"index {index} out of range")
    return items[index]


def _go_text(value: str | float | bool) -> str:
    """As Go's `%v` prints what it read from JSON, where every number is a float64: 1e+06."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
    return _go_number(float(value))


def _go_number(number: float) -> str:
    exact = Decimal(repr(number)).normalize()
    digits = "".join(map(str, exact.as_tuple().digits))
    exponent = exact.adjusted() if number else 0
    if -5 < exponent < 6:
        return format(exact, "f")
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    sign, power_sign = "-" if number < 0 else "", "-" if exponent < 0 else "+"
    return f"{sign}{digits[0]}{point}e{power_sign}{abs(exponent):02d}"


def _quoted(text: object) -> str:
    return json.dumps(text, ensure_ascii=False)


def merge_arguments(
    declared: Sequence[Json], provided: Iterable[Json]
) -> tuple[list[Json], list[Problem]]:
    """The declared arguments with the provided values; a provided one that nobody declared is dropped.

    Declared and provided are elements of `args`. A provided value wins over the template's own.
    """
    merged = [dict(arg) for arg in declared]
    for arg in provided:
        target = next((known for known in merged if known.get("name") == arg.get("name")), None)
        if target is None:
            continue
        if arg.get("value") is not None:
            target["value"] = arg["value"]
        elif arg.get("valueFrom") is not None:
            target["valueFrom"] = arg["valueFrom"]
    missing = [
        Problem(_ARGS / index, f"args.{arg.get('name', '')} was not resolved")
        for index, arg in enumerate(merged)
        if arg.get("value") is None and arg.get("valueFrom") is None
    ]
    return merged, missing
