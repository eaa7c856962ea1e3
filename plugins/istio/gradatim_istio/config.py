"""The `istio` block of a Rollout as values.

In: the block as JSON and the Rollout's namespace. Out: an `IstioBlock`, or None for one that is not sound. Pure.
Called by the router before it reads any object; what is wrong with a block is told by `block_problems`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from gradatim.plugin import FieldPath, Json

from .block_problems import block_faults
from .names import split_name


@dataclass(frozen=True, slots=True)
class TlsSelector:
    """Chooses the TLS routes that match on one port (0: on none) and on exactly these SNI hosts."""

    port: int
    sni_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VirtualServiceBlock:
    """One VirtualService to work on, and which of its routes.

    Attributes:
        name: the object's name.
        namespace: its namespace; the Rollout's where the block names none.
        routes: names of HTTP routes. Empty: the only one that is not managed.
        tls: selectors of TLS routes. Empty: the only one.
        tcp: ports of TCP routes. Empty: the only one.
        place: keys from the block to this entry.
    """

    name: str
    namespace: str
    routes: tuple[str, ...]
    tls: tuple[TlsSelector, ...]
    tcp: tuple[int, ...]
    place: tuple[str | int, ...]

    def path(self, block: FieldPath) -> FieldPath:
        """Path of this entry's name, under the path of the block."""
        return FieldPath(*block.parts, *self.place, "name")


@dataclass(frozen=True, slots=True)
class DestinationRuleBlock:
    """The DestinationRule whose subsets follow the pod hashes; it is in the Rollout's namespace."""

    name: str
    canary_subset: str
    stable_subset: str
    additional_subsets: frozenset[str]


@dataclass(frozen=True, slots=True)
class IstioBlock:
    """A sound `istio` block."""

    virtual_services: tuple[VirtualServiceBlock, ...]
    destination_rule: DestinationRuleBlock | None


def parse(config: object, namespace: str) -> IstioBlock | None:
    """What the block says; None when `block_faults` has something to say about it.

    It is asked several times in each pass, so it is read once for each text that a block has.
    """
    if not isinstance(config, dict):
        return None
    try:
        return _parse_text(json.dumps(config), namespace)
    except (TypeError, ValueError, RecursionError):
        # no JSON: read for what it is
        return _parse(config, namespace)


@lru_cache(maxsize=1024)
def _parse_text(text: str, namespace: str) -> IstioBlock | None:
    return _parse(json.loads(text), namespace)


def _parse(config: Json, namespace: str) -> IstioBlock | None:
    if any(block_faults(config, FieldPath())):
        return None
    single, several = config.get("virtualService"), config.get("virtualServices")
    if single is not None:
        services = [_virtual_service(single, namespace, ("virtualService",))]
    else:
        services = [
            _virtual_service(entry, namespace, ("virtualServices", index))
            for index, entry in enumerate(several or ())
        ]
    rule = config.get("destinationRule")
    return IstioBlock(tuple(services), _destination_rule(rule) if rule is not None else None)


def _virtual_service(
    entry: Json, namespace: str, place: tuple[str | int, ...]
) -> VirtualServiceBlock:
    name, named_namespace = split_name(entry["name"])
    return VirtualServiceBlock(
        name=name,
        namespace=named_namespace or namespace,
        routes=tuple(dict.fromkeys(entry.get("routes") or ())),
        tls=tuple(
            TlsSelector(route.get("port") or 0, tuple(route.get("sniHosts") or ()))
            for route in entry.get("tlsRoutes") or ()
        ),
        tcp=tuple(route.get("port") or 0 for route in entry.get("tcpRoutes") or ()),
        place=place,
    )


def _destination_rule(rule: Json) -> DestinationRuleBlock:
    return DestinationRuleBlock(
        name=rule["name"],
        canary_subset=rule["canarySubsetName"],
        stable_subset=rule["stableSubsetName"],
        additional_subsets=frozenset(rule.get("additionalSubsetNames") or ()),
    )
