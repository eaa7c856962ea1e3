"""Envoy's routes, pure: the HTTP routes of VirtualServices, and Services that no VirtualService routes.

In: what a proxy knows. Out: a RouteConfiguration of Envoy's API, version 3. Called by `files.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from gradatim.sim.document import Json, dig
from gradatim.sim.envoy.known import Known, UntranslatableError, cluster_name, domains
from gradatim.sim.mesh import Host, resolved

ROUTES: Final = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
NAME: Final = "mesh"

_ROUTE_FIELDS: Final = frozenset(
    {"name", "match", "route", "mirror", "mirrors", "mirrorPercentage", "timeout", "retries"}
)
_MATCH_FIELDS: Final = frozenset({"name", "uri", "headers", "withoutHeaders", "method"})
_DESTINATION_FIELDS: Final = frozenset({"destination", "weight"})
_RETRY_FIELDS: Final = frozenset({"attempts", "perTryTimeout", "retryOn"})
_BY_CODE: Final = "retriable-status-codes"
#: Istio has a retry leave out the pods that have failed at the request.
_OTHER_HOSTS: Final = "envoy.retry_host_predicates.previous_hosts"
_OTHER_TYPE: Final = (
    "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
)
_RETRY_ON: Final = "connect-failure,refused-stream,unavailable,cancelled,503"


def route_configuration(known: Known) -> Json:
    """All routes. A VirtualService stands before a Service of the same name, the first of two before the second.

    Raises:
        UntranslatableError: an object says what is not translated, or what nobody can read.
    """
    hosts = [*_of_virtual_services(known), *_of_services(known)]
    return {"@type": ROUTES, "name": NAME, "virtual_hosts": list(_without_repetition(hosts))}


def _of_virtual_services(known: Known) -> Iterator[Json]:
    ordered = sorted(known.virtual_services, key=lambda each: _name(each))
    for virtual_service in ordered:
        namespace, name = _name(virtual_service)
        spec = virtual_service.get("spec") or {}
        routes = [r for route in spec.get("http") or () for r in _routes(route, namespace)]
        called = [d for host in spec.get("hosts") or () for d in _domains(host, namespace)]
        yield {"name": f"{name}.{namespace}", "domains": called, "routes": routes}


def _of_services(known: Known) -> Iterator[Json]:
    for host in sorted(known.hosts()):
        route = {"match": {"prefix": "/"}, "route": _action([(cluster_name(host), None)])}
        name = f"service {host.name}.{host.namespace}"
        yield {"name": name, "domains": domains(host), "routes": [route]}


def _without_repetition(hosts: Iterable[Json]) -> Iterator[Json]:
    """Envoy refuses the whole when two have one domain."""
    taken: set[str] = set()
    for host in hosts:
        free = [domain for domain in dict.fromkeys(host["domains"]) if domain not in taken]
        taken.update(free)
        if free:
            yield {**host, "domains": free}


def _name(obj: Json) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _domains(host: str, namespace: str) -> list[str]:
    return [host] if "." in host or host == "*" else domains(Host(namespace, host))


def _routes(route: Json, namespace: str) -> Iterator[Json]:
    """A route for each of its matches, which are alternatives."""
    _only(route, _ROUTE_FIELDS, "route")
    destinations = [_destination(each, namespace) for each in route.get("route") or ()]
    action = {**_action(destinations), **_options(route, namespace)}
    what = {"route": action} if _has_weight(destinations) else {"direct_response": {"status": 503}}
    for match in route.get("match") or [{}]:
        yield {"name": route.get("name", ""), "match": _match(match), **what}


def _has_weight(destinations: list[tuple[str, int | None]]) -> bool:
    return len(destinations) == 1 or any(weight for _, weight in destinations)


def _destination(each: Json, namespace: str) -> tuple[str, int | None]:
    _only(each, _DESTINATION_FIELDS, "destination")
    return _cluster_of(each.get("destination") or {}, namespace), each.get("weight")


def _cluster_of(destination: Json, namespace: str) -> str:
    host = resolved(destination.get("host") or "", namespace)
    return cluster_name(host, destination.get("subset") or "")


def _action(destinations: list[tuple[str, int | None]]) -> Json:
    """One cluster, or several by weight; like Istio, those of weight 0 are left out."""
    if len(destinations) == 1:
        return {"cluster": destinations[0][0], "timeout": "0s"}
    clusters = [{"name": name, "weight": weight} for name, weight in destinations if weight]
    return {"weighted_clusters": {"clusters": clusters}, "timeout": "0s"}


def _options(route: Json, namespace: str) -> Json:
    options: Json = {}
    mirrors = [_mirror(each, namespace) for each in _mirrors(route)]
    if mirrors:
        options["request_mirror_policies"] = mirrors
    if "timeout" in route:
        options["timeout"] = route["timeout"]
    if route.get("retries"):
        options["retry_policy"] = _retries(route["retries"])
    return options


def _mirrors(route: Json) -> Iterator[tuple[Json, float]]:
    if route.get("mirror"):
        share = dig(route, "mirrorPercentage", "value")
        yield route["mirror"], 100.0 if share is None else share
    for mirror in route.get("mirrors") or ():
        share = dig(mirror, "percentage", "value")
        yield mirror["destination"], 100.0 if share is None else share


def _mirror(mirror: tuple[Json, float], namespace: str) -> Json:
    destination, percent = mirror
    share = {"numerator": round(percent * 10_000), "denominator": "MILLION"}
    name = _cluster_of(destination, namespace)
    return {"cluster": name, "runtime_fraction": {"default_value": share}}


def _retries(retries: Json) -> Json:
    _only(retries, _RETRY_FIELDS, "retries")
    reasons = [each.strip() for each in (retries.get("retryOn") or _RETRY_ON).split(",")]
    codes = [int(each) for each in reasons if each.isdecimal()]
    named = [each for each in reasons if not each.isdecimal()]
    if codes and _BY_CODE not in named:
        named.append(_BY_CODE)
    policy: Json = {
        "retry_on": ",".join(named),
        "num_retries": retries.get("attempts", 2),
        "retriable_status_codes": codes,
        "retry_host_predicate": [{"name": _OTHER_HOSTS, "typed_config": {"@type": _OTHER_TYPE}}],
        "host_selection_retry_max_attempts": 5,
    }
    if "perTryTimeout" in retries:
        policy["per_try_timeout"] = retries["perTryTimeout"]
    return policy


def _match(match: Json) -> Json:
    _only(match, _MATCH_FIELDS, "match")
    headers = [_header(name, how) for name, how in (match.get("headers") or {}).items()]
    without = (match.get("withoutHeaders") or {}).items()
    headers += [{**_header(name, how), "invert_match": True} for name, how in without]
    if "method" in match:
        headers.append(_header(":method", match["method"]))
    found: Json = {**_path(match.get("uri"))}
    return {**found, "headers": headers} if headers else found


def _path(uri: Json | None) -> Json:
    if not uri:
        return {"prefix": "/"}
    kind, value = _text(uri)
    return {"path": value} if kind == "exact" else {kind: value}


def _header(name: str, how: Json | None) -> Json:
    if not how:
        return {"name": name, "present_match": True}
    kind, value = _text(how)
    return {"name": name, "string_match": {kind: value}}


def _text(how: Json) -> tuple[str, Any]:
    """How a text is compared: exact, prefix or safe_regex, and with what. Istio's expressions match the whole, too."""
    _only(how, frozenset({"exact", "prefix", "regex"}), "match of a text")
    (kind, value), *more = how.items()
    if more:
        raise UntranslatableError(f"a text is compared in more than one way: {how}")
    return ("safe_regex", {"regex": value}) if kind == "regex" else (kind, value)


def _only(given: Json, fields: frozenset[str], what: str) -> None:
    unknown = sorted(set(given) - fields)
    if unknown:
        raise UntranslatableError(f"{', '.join(unknown)} of a {what} cannot be translated")
