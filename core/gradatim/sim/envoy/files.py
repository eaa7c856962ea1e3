"""The files that Envoy reads, pure: what it is started with, its listener, clusters, endpoints and routes.

In: a folder's path and what a proxy knows. Out: texts by file name. Called by `program.py` and `follower.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from gradatim.sim.document import Json
from gradatim.sim.envoy.clusters import cluster, cluster_names, endpoints
from gradatim.sim.envoy.known import Known
from gradatim.sim.envoy.routes import NAME, route_configuration
from gradatim.sim.envoy.streams import stream_listener

BOOTSTRAP: Final = "bootstrap.json"
LISTENERS: Final = "listeners.json"
CLUSTERS: Final = "clusters.json"
ROUTES: Final = "routes.json"

_LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"
_MANAGER: Final = (
    "type.googleapis.com/envoy.extensions.filters.network"
    ".http_connection_manager.v3.HttpConnectionManager"
)
_ROUTER: Final = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
#: Any free port of this machine, and of this machine only.
_ANYWHERE: Final = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}


def starting_files(folder: str) -> dict[str, str]:
    """What Envoy is started with; listeners, clusters and routes come from files beside it."""
    return {BOOTSTRAP: _text(_bootstrap(folder))}


def files(folder: str, known: Known) -> dict[str, str]:
    """All that follows the cluster, in the order in which Envoy must learn of it: nothing names what comes later.

    Raises:
        UntranslatableError: an object says what is not translated.
    """
    names = cluster_names(known)
    found = {endpoints_file(name): _resources([endpoints(known, name)]) for name in names}
    found[CLUSTERS] = _resources(cluster(n, f"{folder}/{endpoints_file(n)}") for n in names)
    found[ROUTES] = _resources([route_configuration(known)])
    streams = stream_listener(known, _ANYWHERE)
    found[LISTENERS] = _resources([_listener(folder), *([streams] if streams else [])])
    return found


def endpoints_file(cluster_name: str) -> str:
    """The file of a cluster's endpoints."""
    return f"endpoints-{hashlib.blake2b(cluster_name.encode(), digest_size=8).hexdigest()}.json"


def _bootstrap(folder: str) -> Json:
    return {
        "node": {"id": "gradatim", "cluster": "gradatim"},
        "admin": {"address": _ANYWHERE},
        "dynamic_resources": {
            "lds_config": _read_from(f"{folder}/{LISTENERS}"),
            "cds_config": _read_from(f"{folder}/{CLUSTERS}"),
        },
    }


def _read_from(path: str) -> Json:
    return {"resource_api_version": "V3", "path_config_source": {"path": path}}


def _listener(folder: str) -> Json:
    manager = {
        "@type": _MANAGER,
        "stat_prefix": NAME,
        "strip_any_host_port": True,
        "rds": {"route_config_name": NAME, "config_source": _read_from(f"{folder}/{ROUTES}")},
        "http_filters": [{"name": "router", "typed_config": {"@type": _ROUTER}}],
        # an answer of Envoy's own says why there is no other: its response flags, as in its access log
        "local_reply_config": {
            "body_format": {
                "text_format_source": {"inline_string": "%RESPONSE_FLAGS% %LOCAL_REPLY_BODY%"}
            }
        },
    }
    filters = [{"name": "http", "typed_config": manager}]
    chains = [{"filters": filters}]
    return {"@type": _LISTENER, "name": NAME, "address": _ANYWHERE, "filter_chains": chains}


def _resources(resources: Iterable[Json]) -> str:
    """A discovery response; its version is its content, so that Envoy can tell two of them apart."""
    listed = list(resources)
    digest = hashlib.blake2b(_text(listed).encode(), digest_size=8).hexdigest()
    return _text({"version_info": digest, "resources": listed})


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
