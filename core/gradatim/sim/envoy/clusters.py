"""Envoy's clusters and their endpoints, pure: one cluster for each Service and one for each of its subsets.

In: what a proxy knows. Out: resources of Envoy's API, version 3. Called by `files.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gradatim.sim.document import Json
from gradatim.sim.envoy.known import Known, cluster_name
from gradatim.sim.mesh import Host

CLUSTER: Final = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINTS: Final = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"


def cluster_names(known: Known) -> dict[str, tuple[Host, Mapping[str, str]]]:
    """All clusters by name, with their Service and the labels of their pods."""
    return dict(_clusters(known))


def cluster(name: str, endpoints_file: str) -> Json:
    """A cluster that reads its endpoints from a file, and balances as Istio has it by default."""
    return {
        "@type": CLUSTER,
        "name": name,
        "type": "EDS",
        "connect_timeout": "2s",
        "lb_policy": "LEAST_REQUEST",
        # as Istio has it: no request goes to an endpoint that is not ready
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "eds_cluster_config": {
            "eds_config": {
                "resource_api_version": "V3",
                "path_config_source": {"path": endpoints_file},
            }
        },
    }


def endpoints(known: Known, name: str) -> Json:
    """The ready endpoints of a cluster.

    Raises:
        KeyError: there is no such cluster.
    """
    host, labels = cluster_names(known)[name]
    listed = [_endpoint(port) for port in known.addresses(host, labels)]
    return {"@type": ENDPOINTS, "cluster_name": name, "endpoints": [{"lb_endpoints": listed}]}


def _endpoint(port: int) -> Json:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {"endpoint": {"address": address}}


def _clusters(known: Known) -> Iterator[tuple[str, tuple[Host, Mapping[str, str]]]]:
    for host in sorted(known.hosts()):
        yield cluster_name(host), (host, {})
        for subset, labels in known.subsets(host).items():
            yield cluster_name(host, subset), (host, labels)
