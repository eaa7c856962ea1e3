"""What is wrong with the objects that an `istio` block names, all of it at once.

In: the block, what is wanted, the objects and the block's path. Out: Problems, worded as the reference words them
where it looks at all. Pure, and never raises. Called by the router's `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from gradatim.plugin import FieldPath, Json, Problem, Wanted

from . import subsets
from .config import DestinationRuleBlock, IstioBlock, VirtualServiceBlock
from .managed import managed_names
from .routes import Routes
from .sides import Side
from .virtual_service import routes_of
from .weights import WeightError, canary_part

#: The object of an entry, or None.
Find: TypeAlias = Callable[[VirtualServiceBlock | DestinationRuleBlock], Json | None]


def object_problems(
    block: IstioBlock, wanted: Wanted, find: Find, path: FieldPath
) -> Iterator[Problem]:
    """Problems of every VirtualService and of the DestinationRule."""
    host = ""
    if block.destination_rule:
        yield from _destination_rule_problems(
            block.destination_rule, find, path / "destinationRule"
        )
        host = subsets.host(find(block.destination_rule) or {})
    seen: set[tuple[str, str]] = set()
    for entry in block.virtual_services:
        name = entry.path(path)
        if (entry.namespace, entry.name) in seen:
            yield _invalid(name, entry.name, "the same VirtualService is named twice")
            continue
        seen.add((entry.namespace, entry.name))
        obj = find(entry)
        if obj is None:
            yield _invalid(
                name, entry.name, f'virtualservices.networking.istio.io "{entry.name}" not found'
            )
            continue
        yield from _virtual_service_problems(block, entry, wanted, obj, path)
        if host:
            routes = routes_of(entry, block, wanted, obj)
            yield from _host_problems(routes, host, path / "destinationRule" / "name")


def _virtual_service_problems(
    block: IstioBlock, entry: VirtualServiceBlock, wanted: Wanted, obj: Json, path: FieldPath
) -> Iterator[Problem]:
    name = entry.path(path)
    routes = routes_of(entry, block, wanted, obj)
    for fault in routes.faults:
        yield _invalid(name, entry.name, fault)
    if not routes.faults:
        yield from _weight_problems(routes, entry, wanted, name)
        if routes.http is None and managed_names(wanted, entry.routes):
            yield _invalid(name, entry.name, "it has no spec.http for the routes of managedRoutes")
    for route in entry.routes:
        if route in wanted.managed_routes:
            yield _invalid(
                name,
                entry.name,
                f"route {route!r} is also one of managedRoutes, which the controller removes",
            )


def _weight_problems(
    routes: Routes, entry: VirtualServiceBlock, wanted: Wanted, name: FieldPath
) -> Iterator[Problem]:
    for route in routes.selected:
        try:
            canary_part(route, 0, wanted.total, {})
        except WeightError as error:
            yield _invalid(name, entry.name, f"spec.{route.kind}[{route.index}]: {error}")


def _host_problems(routes: Routes, host: str, path: FieldPath) -> Iterator[Problem]:
    """The subsets of a route are those of its own host: another's would answer with 503 NR."""
    others = {
        destination.service
        for route in routes.selected
        for destination in route.destinations
        if destination.side in (Side.CANARY, Side.STABLE)
        and destination.subset
        and destination.service != host
    }
    for other in sorted(others):
        yield Problem(
            path, f"the DestinationRule is for host {host!r}, but a route sends to {other!r}"
        )


def _destination_rule_problems(
    rule: DestinationRuleBlock, find: Find, path: FieldPath
) -> Iterator[Problem]:
    obj = find(rule)
    if obj is None:
        text = f'destinationrules.networking.istio.io "{rule.name}" not found'
        yield _invalid(path / "name", rule.name, text)
        return
    for field, text in subsets.faults(obj, rule):
        yield Problem(path / field, text)


def _invalid(path: FieldPath, value: str, text: str) -> Problem:
    return Problem(path, f'Invalid value: "{value}": {text}')
