"""Managed routes: the header and mirror routes that the controller makes in front of a VirtualService's own.

In: `spec.http`, the wanted routes and what the weighted route looks like. Out: JSON Patch operations and what they
do, in words. Pure. Called by the router for each VirtualService, after the weights of its routes are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradatim.plugin import HeaderRoute, Json, MirrorRoute, Wanted


@dataclass(frozen=True, slots=True)
class Model:
    """The route that carries the weights, which managed routes are made after.

    Attributes:
        canary: its destination for the canary, as JSON.
        destinations: all of its destinations with the weights that are wanted, as JSON.
    """

    canary: Json
    destinations: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class ManagedChange:
    """Operations on `spec.http`, and for the event what they do."""

    operations: tuple[Json, ...] = ()
    sentences: tuple[str, ...] = ()


def managed_names(wanted: Wanted, own_routes: Iterable[str]) -> tuple[str, ...]:
    """Names of managed routes in order of precedence, without those that the block gives weights to."""
    named = (
        *wanted.managed_routes,
        *(route.name for route in wanted.header_routes),
        *(route.name for route in wanted.mirror_routes),
    )
    own = {"", *own_routes}
    return tuple(name for name in dict.fromkeys(named) if name not in own)


def wanted_routes(wanted: Wanted, model: Model) -> dict[str, Json]:
    """The managed routes that shall be there, by name.

    A route without a match would take all traffic; the reference writes one for `match: []`, here
    it is no route at all.
    """
    made = {
        route.name: _header_route(route, model) for route in wanted.header_routes if route.match
    }
    made |= {
        route.name: _mirror_route(route, model) for route in wanted.mirror_routes if route.match
    }
    return made


def managed_change(
    http: Sequence[Json], names: Sequence[str], made: dict[str, Json]
) -> ManagedChange:
    """Put the `made` routes first, in the order of `names`, and take away the others of that name."""
    operations: list[Json] = []
    sentences: list[str] = []
    work = list(http)
    head: dict[str, Json] = {}
    gone: list[str] = []
    for index, route in enumerate(http):
        name = route.get("name")
        if not isinstance(name, str) or name not in names:
            continue
        if name not in made or name in head:
            gone.append(name)
            continue
        if not _same(route, made[name]):
            work[index] = made[name]
            operations.append({"op": "replace", "path": f"/spec/http/{index}", "value": made[name]})
            sentences.append(_set(made[name]))
        head[name] = work[index]
    for name in names:
        if name in made and name not in head:
            head[name] = made[name]
            sentences.append(_set(made[name]))
    after = [head[name] for name in names if name in head]
    after += [route for route in http if route.get("name") not in names]
    operations += _rearranged(work, after)
    if gone:
        removed = "removed all managed routes." if not head else f"removed {_listed(gone)}"
        sentences.append(removed)
    elif operations and not sentences:
        sentences.append("put the managed routes in order")
    return ManagedChange(tuple(operations), tuple(sentences))


def followed(http: Sequence[Json], names: Sequence[str], model: Model) -> ManagedChange:
    """Let mirror routes that stay have the weights of the weighted route.

    What is mirrored is also answered: a mirror route left behind at an old weight would keep its
    share of requests on a canary that was taken back.
    """
    route = [_without_zero(destination) for destination in model.destinations]
    operations: list[Json] = []
    for index, existing in enumerate(http):
        if existing.get("name") not in names or existing.get("mirror") is None:
            continue
        if not _same(existing, {**existing, "route": route}):
            op = "replace" if "route" in existing else "add"
            operations.append({"op": op, "path": f"/spec/http/{index}/route", "value": route})
    return ManagedChange(tuple(operations))


def http_routes(obj: Json) -> Sequence[Json]:
    """All of `spec.http`; none where it cannot be read."""
    spec = obj.get("spec")
    routes = spec.get("http") if isinstance(spec, dict) else None
    if not isinstance(routes, list) or not all(isinstance(route, dict) for route in routes):
        return ()
    return routes


def _header_route(route: HeaderRoute, model: Model) -> Json:
    return {
        "name": route.name,
        "match": [{"headers": _header_match(match)} for match in route.match],
        "route": [{**model.canary, "weight": 100}],
    }


def _header_match(match: Json) -> Json:
    value = match.get("headerValue")
    kinds = value if isinstance(value, dict) else {}
    chosen = {kind: kinds[kind] for kind in ("exact", "regex", "prefix") if kinds.get(kind)}
    return {str(match.get("headerName", "")): chosen}


def _mirror_route(route: MirrorRoute, model: Model) -> Json:
    return {
        "name": route.name,
        "match": [_mirror_match(match) for match in route.match],
        "route": [_without_zero(destination) for destination in model.destinations],
        "mirror": model.canary["destination"],
        "mirrorPercentage": {"value": 100 if route.percentage is None else route.percentage},
    }


def _mirror_match(match: Json) -> Json:
    parts = {
        "method": match.get("method"),
        "uri": match.get("path"),
        "headers": match.get("headers"),
    }
    return {field: value for field, value in parts.items() if value is not None}


def _without_zero(destination: Json) -> Json:
    """The destination as the reference writes it into a mirror route: a weight of 0 is left out."""
    if destination.get("weight"):
        return destination
    return {field: value for field, value in destination.items() if field != "weight"}


def _same(one: Json, other: Json) -> bool:
    return _plain(one) == _plain(other)


def _plain(route: Json) -> Json:
    """The route with its zero weights left out, for those that the reference wrote out again later."""
    destinations = route.get("route")
    if not isinstance(destinations, list):
        return route
    plain = [_without_zero(item) if isinstance(item, dict) else item for item in destinations]
    return {**route, "route": plain}


def _rearranged(before: list[Json], after: list[Json]) -> list[Json]:
    """Operations that make one list of routes into the other; routes are told apart by identity."""
    kept = {id(route) for route in after}
    work = list(before)
    operations: list[Json] = []
    for index in reversed(range(len(work))):
        if id(work[index]) not in kept:
            operations.append({"op": "remove", "path": f"/spec/http/{index}"})
            del work[index]
    for index, route in enumerate(after):
        place = f"/spec/http/{index}"
        found = next((i for i in range(index, len(work)) if work[i] is route), None)
        if found is None:
            operations.append({"op": "add", "path": place, "value": route})
            work.insert(index, route)
        elif found != index:
            operations.append({"op": "move", "from": f"/spec/http/{found}", "path": place})
            work.insert(index, work.pop(found))
    # One object that stands twice in the list (a YAML alias) outlives the first pass.
    surplus = reversed(range(len(after), len(work)))
    operations += [{"op": "remove", "path": f"/spec/http/{index}"} for index in surplus]
    return operations


def _set(route: Json) -> str:
    kind = "mirrorRoute" if "mirror" in route else "headerRoute"
    return f"set {kind} '{route['name']}'"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"route '{name}'" for name in dict.fromkeys(names))
