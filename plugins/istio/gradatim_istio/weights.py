"""The weights of one route: what each destination shall get, and the operations that bring it about.

In: a `Route` and the wanted weight. Out: a `Weighing` with JSON Patch operations, or a `WeightError`. Pure.
Called by the router for each selected route; also tells what share the canary has now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradatim.plugin import Json

from .routes import Route, RouteDestination
from .sides import Side


class WeightError(Exception):
    """These weights cannot add up. The router says it with the object's name."""


@dataclass(frozen=True, slots=True)
class Weighing:
    """One route with its weights.

    Attributes:
        operations: JSON Patch operations; none where the weights are already right.
        destinations: the route's destinations as they are afterwards.
        canary_falls: whether the canary gets less than it has.
    """

    operations: tuple[Json, ...]
    destinations: tuple[Json, ...]
    canary_falls: bool


def weighed(route: Route, weight: int, total: int, experiments: Mapping[str, int]) -> Weighing:
    """The route with `weight` for the canary; all weights add up to `total`.

    A foreign destination with a weight is taken out, as the reference does: its share could not be
    accounted for. One without a weight stays. A canary's weight beyond what the experiments and the
    additional subsets leave is cut to that.

    Raises:
        WeightError: the experiments and the additional subsets alone are more than `total`.
    """
    parts = _parts(route.destinations, weight, total, experiments)
    shares = {side: iter(_divided(part, route, side)) for side, part in parts.items()}
    left_out = dict(experiments)
    operations: list[Json] = []
    kept: list[Json] = []
    removed: list[Json] = []
    pointer = f"/spec/{route.kind.value}/{route.index}/route"
    for index, destination in enumerate(route.destinations):
        share = _share(destination, shares, left_out)
        if share is None:
            removed.insert(0, {"op": "remove", "path": f"{pointer}/{index}"})
            continue
        if share == destination.weight:
            kept.append(destination.raw)
            continue
        op = "replace" if "weight" in destination.raw else "add"
        operations.append({"op": op, "path": f"{pointer}/{index}/weight", "value": share})
        kept.append({**destination.raw, "weight": share})
    added = [
        {"destination": {"host": service}, "weight": share}
        for service, share in sorted(left_out.items())
        if share
    ]
    operations += removed
    operations += [{"op": "add", "path": f"{pointer}/-", "value": more} for more in added]
    falls = parts[Side.CANARY] < _sum(route.destinations, Side.CANARY)
    return Weighing(tuple(operations), (*kept, *added), falls)


def canary_share(route: Route, total: int) -> int | None:
    """What the canary has of `total` in this route; None where the weights do not tell."""
    canary = _sum(route.destinations, Side.CANARY)
    everything = sum(destination.weight for destination in route.destinations)
    if everything == total or (canary == 0 and everything > 0):
        return canary
    return None


def further_weights(route: Route) -> dict[str, int]:
    """What destinations get that are neither the canary's nor stable's, such as those of experiments, by Service."""
    found: dict[str, int] = {}
    for destination in route.destinations:
        if destination.side in (Side.EXPERIMENT, Side.FOREIGN) and destination.weight:
            found[destination.service] = found.get(destination.service, 0) + destination.weight
    return found


def canary_part(route: Route, weight: int, total: int, experiments: Mapping[str, int]) -> int:
    """What a canary of `weight` gets in this route, beside experiments and additional subsets.

    Raises:
        WeightError: they alone are more than `total`.
    """
    return _parts(route.destinations, weight, total, experiments)[Side.CANARY]


def _parts(
    destinations: Sequence[RouteDestination],
    weight: int,
    total: int,
    experiments: Mapping[str, int],
) -> dict[Side, int]:
    if not 0 <= weight <= total or min(experiments.values(), default=0) < 0:
        raise WeightError(
            f"the weights {[weight, *experiments.values()]} are not within 0 and {total}"
        )
    others = sum(experiments.values()) + _sum(destinations, Side.ADDITIONAL)
    if others > total:
        raise WeightError(f"experiments and additional subsets have {others} of {total}")
    canary = min(weight, total - others)
    return {Side.CANARY: canary, Side.STABLE: total - others - canary}


def _share(
    destination: RouteDestination,
    shares: Mapping[Side, Iterator[int]],
    experiments: dict[str, int],
) -> int | None:
    """The destination's weight, None: it goes. Takes an experiment's weight out of `experiments`."""
    match destination.side:
        case Side.CANARY | Side.STABLE:
            return next(shares[destination.side])
        case Side.EXPERIMENT:
            return experiments.pop(destination.service, 0)
        case Side.ADDITIONAL:
            return destination.weight
        case Side.FOREIGN:
            return None if destination.weight else 0


def _divided(part: int, route: Route, side: Side) -> list[int]:
    """A side's part over all of its destinations.

    Where a route names a side twice the reference writes the whole weight at each, and the sum is
    no longer the total, which older versions of Istio refuse.
    """
    count = sum(1 for destination in route.destinations if destination.side is side)
    return [part // count + (index < part % count) for index in range(count)]


def _sum(destinations: Sequence[RouteDestination], side: Side) -> int:
    return sum(destination.weight for destination in destinations if destination.side is side)
