"""The rules of an HTTPRoute: which of them split traffic, and what header and mirror rules look like.

In: an HTTPRoute as JSON and what is wanted. Out: views of its rules, and new rules as JSON. Pure; called by the router.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gradatim.plugin import HeaderRoute, Json, MirrorRoute, RouterError, Wanted

#: The API's own bound on matches of a rule.
MOST_MATCHES = 64
_KINDS = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}


@dataclass(frozen=True, slots=True)
class Split:
    """A rule that has both sides as backends: where it is, and where its backends are."""

    index: int
    rule: Json
    stable: int
    canary: int

    @property
    def backends(self) -> list[Json]:
        """All backends of the rule."""
        backends: list[Json] = self.rule["backendRefs"]
        return backends

    @property
    def others(self) -> list[Json]:
        """Backends that are neither side and get traffic all the same."""
        sides = (self.stable, self.canary)
        rest = [each for at, each in enumerate(self.backends) if at not in sides]
        return [each for each in rest if weight_of(each) != 0]


def rules_of(route: Json) -> list[Any]:
    """The rules as they are; none where there is no list."""
    spec = route.get("spec")
    rules = spec.get("rules") if isinstance(spec, dict) else None
    return rules if isinstance(rules, list) else []


def splits(route: Json, wanted: Wanted) -> Iterator[Split]:
    """The rules that traffic is split in."""
    for index, rule in enumerate(rules_of(route)):
        backends = rule.get("backendRefs") if isinstance(rule, dict) else None
        names = [_service(each) for each in backends] if isinstance(backends, list) else []
        sides = (wanted.stable.service, wanted.canary.service)
        if all(names.count(side) == 1 for side in sides):
            yield Split(index, rule, *map(names.index, sides))


def is_managed(rule: object, wanted: Wanted) -> bool:
    """The controller made the rule, and may change and remove it."""
    return isinstance(rule, dict) and rule.get("name") in wanted.managed_routes


def weight_of(backend: Json) -> int:
    """A backend's weight; the API's default is 1."""
    weight = backend.get("weight", 1)
    return weight if isinstance(weight, int) and not isinstance(weight, bool) else 1


def _service(backend: object) -> str | None:
    if not isinstance(backend, dict) or backend.get("kind", "Service") != "Service":
        return None
    name = backend.get("name")
    return name if isinstance(name, str) and backend.get("group", "") == "" else None


def managed_rules(own: list[Split], wanted: Wanted) -> list[Json]:
    """The header and mirror rules that are wanted, in their order of precedence.

    Raises:
        RouterError: there is no such rule in Gateway API, or not with these rules.
    """
    made = {route.name: _header_rule(own, route) for route in wanted.header_routes if route.match}
    mirrors = (route for route in wanted.mirror_routes if route.match)
    made |= {route.name: _mirror_rule(own, route, wanted) for route in mirrors}
    return [made[name] for name in wanted.managed_routes if name in made]


def _header_rule(own: list[Split], route: HeaderRoute) -> Json:
    headers = [_header(each) for each in route.match]
    matches = [
        {**base, "headers": [*base.get("headers", []), header]}
        for base in _bases(own)
        for header in headers
    ]
    canary = {**_backend(own), "weight": 1}
    return {"name": route.name, "matches": _bounded(matches), "backendRefs": [canary]}


def _mirror_rule(own: list[Split], route: MirrorRoute, wanted: Wanted) -> Json:
    matches = [_mirrored(base, match) for base in _bases(own) for match in route.match]
    mirror: Json = {"backendRef": _backend(own)}
    if route.percentage is not None and route.percentage < 100:
        mirror["percent"] = route.percentage
    return {
        "name": route.name,
        "matches": _bounded(matches),
        "filters": [{"type": "RequestMirror", "requestMirror": mirror}],
        "backendRefs": weighed(own[0], wanted),
    }


def weighed(split: Split, wanted: Wanted) -> list[Json]:
    """The backends of a rule with the weights that are wanted."""
    backends = [dict(each) for each in split.backends]
    if wanted.weight is not None:
        backends[split.canary]["weight"] = wanted.weight
        backends[split.stable]["weight"] = wanted.total - wanted.weight
    return backends


def _backend(own: list[Split]) -> Json:
    """The canary as a backend without a weight; it has to be the same in all rules."""
    kept = ("group", "kind", "namespace", "name", "port")
    found = [
        {k: each.backends[each.canary][k] for k in kept if k in each.backends[each.canary]}
        for each in own
    ]
    if any(backend != found[0] for backend in found):
        raise RouterError(
            "header and mirror routes need rules with one and the same canary backend"
        )
    return found[0]


def _bases(own: list[Split]) -> Iterator[Json]:
    """What the rules match whose traffic is split: a header rule takes its requests from these."""
    for split in own:
        matches = split.rule.get("matches")
        for match in matches if isinstance(matches, list) and matches else [{}]:
            yield dict(match) if isinstance(match, dict) else {}


def _bounded(matches: list[Json]) -> list[Json]:
    if len(matches) > MOST_MATCHES:
        raise RouterError(
            f"the route would have {len(matches)} matches, and an HTTPRoute has {MOST_MATCHES} at most"
        )
    return matches


def _header(match: Json) -> Json:
    value, name = match.get("headerValue"), match.get("headerName")
    kind, text = _only(value, "headerValue")
    if kind == "prefix":
        kind, text = "regex", f"{re.escape(text)}.*"
    return {"type": _KINDS[kind], "name": name, "value": text}


def _mirrored(base: Json, match: Json) -> Json:
    made = dict(base)
    if "method" in match:
        kind, text = _only(match["method"], "method")
        if kind != "exact":
            raise RouterError("Gateway API matches methods exactly, and in no other way")
        made["method"] = text
    if "path" in match:
        kind, text = _only(match["path"], "path")
        made["path"] = {"type": _KINDS[kind], "value": text}
    headers = match.get("headers")
    if isinstance(headers, dict) and headers:
        more = [_header({"headerName": n, "headerValue": v}) for n, v in sorted(headers.items())]
        made["headers"] = [*base.get("headers", []), *more]
    return made


def _only(value: object, what: str) -> tuple[str, str]:
    found = [(k, v) for k, v in value.items() if k in _KINDS] if isinstance(value, dict) else []
    if len(found) != 1 or not isinstance(found[0][1], str):
        raise RouterError(f"{what} must have exactly one of {', '.join(_KINDS)}")
    return found[0]


def contains(there: object, wanted: object) -> bool:
    """Is it there already? The API server fills defaults in, which nobody has asked for."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(
            key in there and contains(there[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(there, list)
            and len(there) == len(wanted)
            and all(map(contains, there, wanted))
        )
    return there == wanted
