"""What is wrong with an `istio` block, found in the manifest alone.

In: the block as JSON, whatever it holds, and its path. Out: Problems. Pure, and never raises.
Called by the validation hook, and by `config` to know whether a block is sound.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from gradatim.plugin import FieldPath, Json, Problem

from .names import split_name

Validator: TypeAlias = Callable[[object, FieldPath], Iterator[Problem]]

MAX_PORT: Final = 65535

#: A DNS subdomain, as the API server wants names to be; with it no name can break a message's line.
_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

_BLOCK_FIELDS: Final = ("virtualService", "virtualServices", "destinationRule")
_VIRTUAL_SERVICE_FIELDS: Final = ("name", "routes", "tlsRoutes", "tcpRoutes")
_DESTINATION_RULE_FIELDS: Final = (
    "name",
    "canarySubsetName",
    "stableSubsetName",
    "additionalSubsetNames",
)


def problems(config: object, path: FieldPath) -> Iterator[Problem]:
    """All that is wrong with the block as far as the manifest tells, misspelt fields included."""
    yield from block_faults(config, path)
    if isinstance(config, dict):
        yield from _unknown_fields(config, path)


def block_faults(config: object, path: FieldPath) -> Iterator[Problem]:
    """What makes the block useless. Never raises, whatever JSON it is given."""
    if not isinstance(config, dict):
        yield Problem(path, f"must be an object, not {type_name(config)}")
        return
    single, several = config.get("virtualService"), config.get("virtualServices")
    if (single is None) == (several is None):
        which = "neither is" if single is None else "both are"
        yield Problem(
            path,
            "Internal error: either VirtualService or VirtualServices must be configured, "
            f"and {which}",
        )
    if single is not None:
        yield from _virtual_service_faults(single, path / "virtualService")
    if several is not None:
        yield from _virtual_services_faults(several, path / "virtualServices")
    if config.get("destinationRule") is not None:
        yield from _destination_rule_faults(config["destinationRule"], path / "destinationRule")


def _virtual_services_faults(entries: object, path: FieldPath) -> Iterator[Problem]:
    yield from _each(entries, path, _virtual_service_faults)
    if not isinstance(entries, list):
        return
    if not entries:
        yield Problem(path, "must name at least one VirtualService")
    seen: dict[tuple[str, str], int] = {}
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        first = seen.setdefault(split_name(name), index)
        if first != index:
            yield Problem(
                path / index / "name",
                f'"{name}" is already entry {first}; list all its routes there',
            )


def _virtual_service_faults(entry: object, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(entry, dict):
        yield Problem(path, f"must be an object, not {type_name(entry)}")
        return
    yield from _object_name_faults(entry.get("name"), path / "name")
    yield from _optional_list(entry, "routes", path, _text_faults)
    yield from _optional_list(entry, "tlsRoutes", path, _tls_route_faults)
    yield from _optional_list(entry, "tcpRoutes", path, _port_route_faults)


def _port_route_faults(route: object, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(route, dict):
        yield Problem(path, f"must be an object, not {type_name(route)}")
        return
    port = route.get("port")
    if port is not None and not (type(port) is int and 0 <= port <= MAX_PORT):
        yield Problem(path / "port", f"must be a port number, 1 to {MAX_PORT}")


def _tls_route_faults(route: object, path: FieldPath) -> Iterator[Problem]:
    yield from _port_route_faults(route, path)
    if isinstance(route, dict):
        yield from _optional_list(route, "sniHosts", path, _text_faults)


def _destination_rule_faults(rule: object, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(rule, dict):
        yield Problem(path, f"must be an object, not {type_name(rule)}")
        return
    yield from _object_name_faults(rule.get("name"), path / "name")
    for field in ("canarySubsetName", "stableSubsetName"):
        yield from _text_faults(rule.get(field), path / field)
    canary, stable = rule.get("canarySubsetName"), rule.get("stableSubsetName")
    if isinstance(canary, str) and canary and canary == stable:
        yield Problem(
            path / "stableSubsetName",
            f'must differ from canarySubsetName; both are "{canary}"',
        )
    yield from _optional_list(rule, "additionalSubsetNames", path, _text_faults)
    additional = rule.get("additionalSubsetNames")
    for index, name in enumerate(additional if isinstance(additional, list) else ()):
        if isinstance(name, str) and name and name in (canary, stable):
            yield Problem(
                path / "additionalSubsetNames" / index,
                f'"{name}" is already the canary\'s or the stable subset',
            )


def _optional_list(owner: Json, field: str, path: FieldPath, each: Validator) -> Iterator[Problem]:
    if owner.get(field) is not None:
        yield from _each(owner[field], path / field, each)


def _each(items: object, path: FieldPath, each: Validator) -> Iterator[Problem]:
    if not isinstance(items, list):
        yield Problem(path, f"must be a list, not {type_name(items)}")
        return
    for index, item in enumerate(items):
        yield from each(item, path / index)


def _text_faults(value: object, path: FieldPath) -> Iterator[Problem]:
    if value is None or value == "":
        yield Problem(path, "Required value: must not be empty")
    elif not isinstance(value, str):
        yield Problem(path, f"must be a string, not {type_name(value)}")


def _object_name_faults(name: object, path: FieldPath) -> Iterator[Problem]:
    yield from _text_faults(name, path)
    if isinstance(name, str) and name and not _OBJECT_NAME.fullmatch(name):
        yield Problem(path, f"{name[:256]!r} cannot be the name of an object")


def _unknown_fields(config: Json, path: FieldPath) -> Iterator[Problem]:
    yield from _unknown_in(config, _BLOCK_FIELDS, path)
    yield from _unknown_in(
        config.get("destinationRule"), _DESTINATION_RULE_FIELDS, path / "destinationRule"
    )
    yield from _unknown_in_service(config.get("virtualService"), path / "virtualService")
    for index, entry in enumerate(_items(config.get("virtualServices"))):
        yield from _unknown_in_service(entry, path / "virtualServices" / index)


def _unknown_in_service(entry: object, path: FieldPath) -> Iterator[Problem]:
    yield from _unknown_in(entry, _VIRTUAL_SERVICE_FIELDS, path)
    if isinstance(entry, dict):
        for index, route in enumerate(_items(entry.get("tlsRoutes"))):
            yield from _unknown_in(route, ("port", "sniHosts"), path / "tlsRoutes" / index)
        for index, route in enumerate(_items(entry.get("tcpRoutes"))):
            yield from _unknown_in(route, ("port",), path / "tcpRoutes" / index)


def _unknown_in(value: object, known: tuple[str, ...], path: FieldPath) -> Iterator[Problem]:
    if isinstance(value, dict):
        for field in value:
            if field not in known:
                close = difflib.get_close_matches(str(field)[:64], known, n=1)
                hint = f'; did you mean "{close[0]}"?' if close else ""
                yield Problem(path / str(field), f"unknown field{hint}")


def _items(value: object) -> Iterable[Any]:
    return value if isinstance(value, list) else ()


def type_name(value: object) -> str:
    """What JSON calls the type of `value`, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
