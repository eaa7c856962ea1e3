"""One VirtualService: the operations that make it as wanted, and what share the canary has in it.

In: the object, its entry of the block and `Wanted`. Out: a `Step`. Pure.
Called by the router for each VirtualService; `weights` and `managed` do the two halves of the work.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradatim.plugin import Json, RouterError, Wanted

from .config import IstioBlock, VirtualServiceBlock
from .managed import ManagedChange, Model, followed, managed_change, managed_names, wanted_routes
from .routes import Kind, Route, Routes, read_routes
from .sides import Side, Sides, experiments
from .weights import Weighing, WeightError, canary_part, canary_share, weighed


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done to one VirtualService.

    Attributes:
        operations: JSON Patch operations; none when it is as wanted.
        message: what they do, for the event.
        has_http: whether it has a list of HTTP routes, where managed routes could be.
        canary_falls: whether the canary loses traffic by it.
    """

    operations: tuple[Json, ...]
    message: str
    has_http: bool
    canary_falls: bool


def routes_of(entry: VirtualServiceBlock, block: IstioBlock, wanted: Wanted, obj: Json) -> Routes:
    """The routes of one VirtualService, as the wanted state sees them."""
    sides = Sides.of(wanted, block.destination_rule)
    return read_routes(obj, entry, sides, managed_names(wanted, entry.routes))


def step_of(entry: VirtualServiceBlock, block: IstioBlock, wanted: Wanted, obj: Json) -> Step:
    """What is to be done to one VirtualService.

    Raises:
        RouterError: it cannot be used; the message does not name it.
    """
    routes = routes_of(entry, block, wanted, obj)
    for fault in routes.faults:
        raise RouterError(fault)
    weighings = [_weighing(route, wanted) for route in routes.selected]
    change = _managed(routes, weighings, managed_names(wanted, entry.routes), wanted)
    weights = [operation for weighing in weighings for operation in weighing.operations]
    said = list(change.sentences)
    if weights or (change.operations and not said):
        said.insert(0, f"set to desiredWeight '{wanted.weight}'")
    return Step(
        operations=(*weights, *change.operations),
        message=f"VirtualService `{entry.name}` {', '.join(said)}",
        has_http=routes.http is not None,
        canary_falls=any(weighing.canary_falls for weighing in weighings),
    )


def observed_share(route: Route, wanted: Wanted) -> int | None:
    """The canary's share of a route; None where it cannot be told.

    A canary that has all that experiments and additional subsets leave of the wanted weight is
    observed at the wanted weight.
    """
    share = canary_share(route, wanted.total)
    if share is None or wanted.weight is None or share == wanted.weight:
        return share
    try:
        part = canary_part(route, wanted.weight, wanted.total, experiments(wanted))
    except WeightError:
        return None
    return wanted.weight if share == part else share


def _weighing(route: Route, wanted: Wanted) -> Weighing:
    if wanted.weight is None:
        return Weighing((), tuple(destination.raw for destination in route.destinations), False)
    try:
        return weighed(route, wanted.weight, wanted.total, experiments(wanted))
    except WeightError as error:
        raise RouterError(str(error)) from error


def _managed(
    routes: Routes, weighings: list[Weighing], names: tuple[str, ...], wanted: Wanted
) -> ManagedChange:
    if routes.http is None or not names:
        return ManagedChange()
    models = [
        Model(_canary(route), weighing.destinations)
        for route, weighing in zip(routes.selected, weighings, strict=True)
        if route.kind is Kind.HTTP
    ]
    if wanted.keep_routes:
        if not models or wanted.weight is None:
            return ManagedChange()
        return followed(routes.http, names, models[0])
    if models:
        return managed_change(routes.http, names, wanted_routes(wanted, models[0]))
    if wanted.header_routes or wanted.mirror_routes:
        raise RouterError("it has no HTTP route to make header and mirror routes after")
    return managed_change(routes.http, names, {})


def _canary(route: Route) -> Json:
    return next(each.raw for each in route.destinations if each.side is Side.CANARY)
