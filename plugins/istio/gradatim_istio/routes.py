"""A VirtualService's routes: which of them carry the rollout's traffic, and to whom each destination belongs.

In: the object as JSON, its entry of the block and the `Sides` to tell apart. Out: `Routes`, faults included. Pure.
Called by the router for each VirtualService; `weights`, `managed` and `check` work on what it returns.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from gradatim.plugin import Json

from .block_problems import type_name
from .config import TlsSelector, VirtualServiceBlock
from .names import short_host
from .schema import UnreadableError, match_port, objects, text, weight
from .sides import Side, Sides


class Kind(enum.StrEnum):
    """The three lists of routes in a VirtualService; the value is the list's field."""

    HTTP = "http"
    TLS = "tls"
    TCP = "tcp"


#: What the block calls the list that selects routes of each kind.
_SELECTED_BY: Final = {Kind.HTTP: "routes", Kind.TLS: "tlsRoutes", Kind.TCP: "tcpRoutes"}


@dataclass(frozen=True, slots=True)
class RouteDestination:
    """One weighted destination of a route. `raw` is its JSON."""

    side: Side
    service: str
    subset: str
    weight: int
    raw: Json


@dataclass(frozen=True, slots=True)
class Route:
    """A selected route: the `index`th of its list."""

    kind: Kind
    index: int
    destinations: tuple[RouteDestination, ...]


@dataclass(frozen=True, slots=True)
class Routes:
    """What a VirtualService holds for a rollout.

    Attributes:
        selected: the routes that get the weights, http before tls before tcp.
        http: all of `spec.http`; None where there is none.
        faults: what makes it unusable; when there are none, every selected route has a canary's and
            a stable destination.
    """

    selected: tuple[Route, ...]
    http: tuple[Json, ...] | None
    faults: tuple[str, ...]


def read_routes(
    obj: Json, block: VirtualServiceBlock, sides: Sides, managed: Iterable[str]
) -> Routes:
    """The routes of one VirtualService, and all that is wrong with them. Never raises.

    `managed` are the names of routes that the controller makes: they are never selected, unless the
    block names them. (The reference selects nothing as soon as a managed route stands beside the
    only other one and `routes` is left out, and reports a weight that was never set.)
    """
    spec = obj.get("spec")
    lists = {kind: spec.get(kind.value) if isinstance(spec, dict) else None for kind in Kind}
    if all(items is None for items in lists.values()):
        said = "Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService"
        return Routes((), None, (said,))
    reader = _Reader(block, sides, frozenset(managed) - set(block.routes))
    for kind, items in lists.items():
        # what the block says of a list that is not there concerns nobody, in the reference too
        if items is not None:
            reader.read(kind, items)
    if not reader.selected and not reader.faults:
        reader.faults.append("it has no route whose weights could be set")
    http = lists[Kind.HTTP]
    return Routes(
        selected=tuple(reader.selected),
        http=tuple(http) if isinstance(http, list) else None,
        faults=tuple(reader.faults),
    )


class _Reader:
    """Collects selected routes and faults, one list of routes after the other."""

    def __init__(self, block: VirtualServiceBlock, sides: Sides, managed: frozenset[str]) -> None:
        self.selected: list[Route] = []
        self.faults: list[str] = []
        self._block = block
        self._sides = sides
        self._managed = managed

    def read(self, kind: Kind, items: object) -> None:
        """Select routes from one list of the VirtualService."""
        try:
            routes = objects(items, f"spec.{kind}")
            match kind:
                case Kind.HTTP:
                    indexes = self._http(routes)
                case Kind.TLS:
                    indexes = self._by_match(kind, routes, self._block.tls, _tls_matches)
                case Kind.TCP:
                    indexes = self._by_match(kind, routes, self._block.tcp, _tcp_matches)
            for index in dict.fromkeys(indexes):
                route = Route(kind, index, self._destinations(kind, index, routes[index]))
                self.selected.append(route)
                self._check_sides(route)
        except UnreadableError as error:
            said = f"Unable to get {kind.upper()} routes for Istio VirtualService: {error}"
            self.faults.append(said)

    def _http(self, routes: list[Json]) -> Iterator[int]:
        names = [text(route, "name", f"spec.http[{i}]") for i, route in enumerate(routes)]
        for name in self._block.routes:
            if name in names:
                yield names.index(name)
            else:
                self._fault(
                    Kind.HTTP, f"HTTP Route '{name}' is not found in the defined Virtual Service."
                )
        if not self._block.routes:
            yield from self._only(
                Kind.HTTP, [i for i, name in enumerate(names) if name not in self._managed]
            )

    def _by_match(
        self,
        kind: Kind,
        routes: list[Json],
        selectors: tuple[Any, ...],
        matches: Callable[[Any, Json, str], bool],
    ) -> Iterator[int]:
        for selector in selectors:
            found = [
                i for i, route in enumerate(routes) if matches(selector, route, f"spec.{kind}[{i}]")
            ]
            if not found:
                self._fault(
                    kind,
                    f"No matching {kind.upper()} routes found in the defined Virtual Service "
                    f"for {_told(selector)}.",
                )
            yield from found
        if not selectors:
            yield from self._only(kind, list(range(len(routes))))

    def _only(self, kind: Kind, indexes: list[int]) -> list[int]:
        if len(indexes) > 1:
            self._fault(
                kind,
                f"spec.{kind}[] should be set in VirtualService and it must have exactly one route "
                "when omitting spec.strategy.canary.trafficRouting.istio.virtualService."
                f"{_SELECTED_BY[kind]}",
            )
        return indexes[:1]

    def _destinations(self, kind: Kind, index: int, route: Json) -> tuple[RouteDestination, ...]:
        place = f"spec.{kind.value}[{index}].route"
        found: list[RouteDestination] = []
        for raw in objects(route.get("route"), place):
            try:
                found.append(self._destination(raw))
            except UnreadableError as error:
                raise UnreadableError(f"{place}[{len(found)}].{error}") from error
        return tuple(found)

    def _destination(self, raw: Json) -> RouteDestination:
        destination = raw.get("destination")
        if not isinstance(destination, dict):
            raise UnreadableError(f"destination is {type_name(destination)}")
        service = short_host(text(destination, "host", "destination"))
        if not service:
            raise UnreadableError("destination has no host")
        subset = text(destination, "subset", "destination")
        side = self._sides.side(service, subset)
        return RouteDestination(side, service, subset, weight(raw), raw)

    def _check_sides(self, route: Route) -> None:
        rule = self._sides.rule
        if rule:
            # A host alone does not do here: without its subset it would reach the pods of both.
            subsets = {destination.subset for destination in route.destinations}
            self._require(
                rule.canary_subset in subsets, route, _subset("Canary", rule.canary_subset)
            )
            self._require(
                rule.stable_subset in subsets, route, _subset("Stable", rule.stable_subset)
            )
            return
        sides = {destination.side for destination in route.destinations}
        canary, stable = self._sides.canary_service, self._sides.stable_service
        self._require(Side.CANARY in sides, route, f"Canary Service '{canary}'")
        self._require(Side.STABLE in sides, route, f"Stable Service '{stable}'")

    def _require(self, is_there: bool, route: Route, what: str) -> None:
        if not is_there:
            self._fault(route.kind, f"{what} not found in route")

    def _fault(self, kind: Kind, what: str) -> None:
        whole = f"Istio VirtualService has invalid {kind.upper()} routes. Error: {what}"
        self.faults.append(" ".join(whole.split()))


def _subset(side: str, name: str) -> str:
    return f"{side} DestinationRule subset '{name}'"


def _told(selector: TlsSelector | int) -> str:
    if isinstance(selector, int):
        return f"port {selector}" if selector else "no port"
    port = f"port {selector.port}" if selector.port else "no port"
    return f"{port} and SNI hosts [{', '.join(selector.sni_hosts)}]"


def _tls_matches(selector: TlsSelector, route: Json, place: str) -> bool:
    found: set[str] = set()
    for i, match in enumerate(objects(route.get("match"), f"{place}.match")):
        hosts = match.get("sniHosts")
        if not isinstance(hosts, list | None) or not all(isinstance(h, str) for h in hosts or ()):
            raise UnreadableError(f"{place}.match[{i}].sniHosts is no list of strings")
        found.update(hosts or ())
    same_hosts = len(found) == len(selector.sni_hosts) and found == set(selector.sni_hosts)
    return same_hosts and _tcp_matches(selector.port, route, place)


def _tcp_matches(port: int, route: Json, place: str) -> bool:
    """Whether all match blocks are for this one port; a block without a port counts as port 0."""
    ports = {
        match_port(match, f"{place}.match[{i}]")
        for i, match in enumerate(objects(route.get("match"), f"{place}.match"))
    }
    return ports == {port} or (not ports and port == 0)
