"""Which proxy, if any, stands between us and the API server, by the environment.

In: the server's URL and the environment. Out: a proxy's URL or None.
`login.py` asks once; the session would look it up, in a thread, for each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def proxy_of(server: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that HTTPS_PROXY or HTTP_PROXY names for `server`, unless NO_PROXY excludes it.

    NO_PROXY is read as Go does, networks such as 10.0.0.0/8 included: in a cluster the API server is an address.
    """
    parts = urlsplit(server)
    host = (parts.hostname or "").lower()
    name = f"{parts.scheme}_proxy"
    proxy = environ.get(name) or environ.get(name.upper())
    excluded = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if not proxy or host == "localhost" or _is_loopback(host):
        return None
    if any(_excludes(rule.strip().lower(), host, parts.port) for rule in excluded.split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _excludes(rule: str, host: str, port: int | None) -> bool:
    if rule in {"", "*"}:
        return rule == "*"
    if "/" in rule:
        return _is_in(host, rule)
    name, _, wanted = rule.rpartition(":") if rule.count(":") == 1 else (rule, "", "")
    if wanted and wanted != str(port):
        return False
    name = name.removeprefix("*")
    return host == name.removeprefix(".") or host.endswith("." + name.removeprefix("."))


def _is_in(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
