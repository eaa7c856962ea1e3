"""Envoy's chains for connections that it does not look into, pure: the TCP and TLS routes of VirtualServices.

In: what a proxy knows. Out: a listener of Envoy's API, version 3: one chain for the names of each TLS route, which are
told by the first message of a client (SNI), and one for all else, the TCP route. Called by `files.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gradatim.sim.document import Json
from gradatim.sim.envoy.known import Known, UntranslatableError, cluster_name
from gradatim.sim.mesh import resolved

NAME: Final = "streams"

_LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"
_PROXY: Final = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_INSPECTOR: Final = (
    "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
)
_MATCH_FIELDS: Final = {"tcp": frozenset({"port"}), "tls": frozenset({"port", "sniHosts"})}


def stream_listener(known: Known, address: Json) -> Json | None:
    """The listener; None where no VirtualService has such a route. Ports of a match are not told apart.

    Raises:
        UntranslatableError: an object says what is not translated, or has several TCP routes.
    """
    chains = [*_tls_chains(known), *_tcp_chains(known)]
    if not chains:
        return None
    inspector = {"name": "tls_inspector", "typed_config": {"@type": _INSPECTOR}}
    return {
        "@type": _LISTENER,
        "name": NAME,
        "address": address,
        "listener_filters": [inspector],
        "filter_chains": chains,
    }


def _tls_chains(known: Known) -> Iterator[Json]:
    for number, (namespace, route) in enumerate(_routes(known, "tls")):
        names = [name for match in route.get("match") or () for name in match.get("sniHosts") or ()]
        chain = _chain(f"tls-{number}", route, namespace)
        yield {**chain, "filter_chain_match": {"server_names": names}}


def _tcp_chains(known: Known) -> Iterator[Json]:
    found = list(_routes(known, "tcp"))
    if len(found) > 1:
        raise UntranslatableError(
            "several TCP routes cannot be translated: they have one port here"
        )
    for namespace, route in found:
        yield {
            **_chain("tcp", route, namespace),
            "filter_chain_match": {"transport_protocol": "raw_buffer"},
        }


def _routes(known: Known, protocol: str) -> Iterator[tuple[str, Json]]:
    for virtual_service in known.virtual_services:
        for route in (virtual_service.get("spec") or {}).get(protocol) or ():
            given = {key for match in route.get("match") or () for key in match}
            unknown = sorted((given - _MATCH_FIELDS[protocol]) | (set(route) - {"match", "route"}))
            if unknown:
                raise UntranslatableError(
                    f"{', '.join(unknown)} of a {protocol} route cannot be translated"
                )
            yield virtual_service["metadata"]["namespace"], route


def _chain(name: str, route: Json, namespace: str) -> Json:
    proxy: dict[str, Any] = {"@type": _PROXY, "stat_prefix": name}
    clusters = [_cluster(each, namespace) for each in route.get("route") or ()]
    if len(clusters) == 1:
        proxy["cluster"] = clusters[0]["name"]
    else:
        weighted = [each for each in clusters if each["weight"]]
        proxy["weighted_clusters"] = {"clusters": weighted}
    return {"name": name, "filters": [{"name": "tcp", "typed_config": proxy}]}


def _cluster(each: Json, namespace: str) -> Json:
    destination = each.get("destination") or {}
    host = resolved(destination.get("host") or "", namespace)
    name = cluster_name(host, destination.get("subset") or "")
    return {"name": name, "weight": each.get("weight", 0)}
