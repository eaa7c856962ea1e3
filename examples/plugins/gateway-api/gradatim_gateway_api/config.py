"""The block: which HTTPRoutes, and which of them get header and mirror routes.

In: the block as JSON. Out: `RouteName`s, or Problems. Pure; called by the router and by its hook.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gradatim.plugin import FieldPath, Json, Problem

FIELDS = ("httpRoute", "httpRoutes", "namespace")
OF_A_ROUTE = ("name", "useHeaderRoutes")


@dataclass(frozen=True, slots=True)
class RouteName:
    """One HTTPRoute of the block. `namespace` "": the Rollout's. `place`: where the block names it."""

    name: str
    namespace: str
    is_for_headers: bool
    place: tuple[str | int, ...]


def route_names(config: Json) -> tuple[RouteName, ...]:
    """The routes of a sound block; none for another."""
    if any(problems(config, FieldPath())):
        return ()
    namespace = config.get("namespace", "")
    if "httpRoute" in config:
        return (RouteName(config["httpRoute"], namespace, True, ("httpRoute",)),)
    entries = config["httpRoutes"]
    chosen = any(entry.get("useHeaderRoutes") for entry in entries)
    return tuple(
        RouteName(
            entry["name"],
            namespace,
            not chosen or entry.get("useHeaderRoutes") is True,
            ("httpRoutes", index, "name"),
        )
        for index, entry in enumerate(entries)
    )


def problems(config: object, path: FieldPath) -> Iterator[Problem]:
    """What is wrong with the block, as far as it alone can tell."""
    if not isinstance(config, dict):
        yield Problem(path, "must be an object")
        return
    yield from _unknown(config, FIELDS, path)
    if ("httpRoute" in config) == ("httpRoutes" in config):
        yield Problem(path, "needs httpRoute or httpRoutes, and not both")
    for field in ("httpRoute", "namespace"):
        if field in config:
            yield from _name(config[field], path / field)
    entries = config.get("httpRoutes", [])
    if not isinstance(entries, list) or ("httpRoutes" in config and not entries):
        yield Problem(path / "httpRoutes", "must be a list with one route at least")
        return
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        yield from _entry(entry, path / "httpRoutes" / index, seen)


def _entry(entry: object, path: FieldPath, seen: set[str]) -> Iterator[Problem]:
    if not isinstance(entry, dict):
        yield Problem(path, "must be an object with a name")
        return
    yield from _unknown(entry, OF_A_ROUTE, path)
    name = entry.get("name")
    yield from _name(name, path / "name")
    if isinstance(name, str) and name in seen:
        yield Problem(path / "name", f"{name} is listed twice")
    seen.add(str(name))
    if not isinstance(entry.get("useHeaderRoutes", False), bool):
        yield Problem(path / "useHeaderRoutes", "must be true or false")


def _name(value: object, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield Problem(path, "must be the name of an object")


def _unknown(block: Json, known: tuple[str, ...], path: FieldPath) -> Iterator[Problem]:
    for key in block:
        if key not in known:
            yield Problem(path / str(key), f"is not known here; there are {', '.join(known)}")
