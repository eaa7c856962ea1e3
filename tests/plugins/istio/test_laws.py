"""What holds for every plan: total, quiet, exact, minimal, and blind to what is not its own."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gradatim.plugin import (
    Destination,
    FieldPath,
    HeaderRoute,
    Json,
    MirrorRoute,
    ObjectRef,
    Patch,
    RouterError,
    Target,
    Wanted,
)
from gradatim.testing import apply_patches
from gradatim_istio.router import IstioRouter

VIRTUAL = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "shop", "web")
RULE = ObjectRef("networking.istio.io/v1alpha3", "DestinationRule", "shop", "web")

Objects = dict[ObjectRef, Json]

RULE_BLOCK = {
    "name": "web",
    "canarySubsetName": "canary",
    "stableSubsetName": "stable",
    "additionalSubsetNames": ["pinned"],
}

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 200)
    | st.floats(0, 9)
    | st.sampled_from(["", "canary", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "http",
                    "route",
                    "destination",
                    "host",
                    "weight",
                    "name",
                    "match",
                    "subsets",
                    "labels",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)

WEIGHTS = st.integers(0, 100)
SERVICES = st.sampled_from(["stable", "canary", "exp-a", "exp-b", "other", "other.edge"])


def sound_destination(service: str, weight: int | None, subset: str) -> Json:
    where: Json = {"host": service} | ({"subset": subset} if subset else {})
    return {"destination": where, "theirs": 1} | ({} if weight is None else {"weight": weight})


DESTINATIONS = st.builds(
    sound_destination,
    SERVICES,
    st.none() | WEIGHTS,
    st.sampled_from(["", "", "canary", "stable", "other"]),
)


@st.composite
def routes(draw: st.DrawFn, name: str = "") -> Json:
    """A route with a stable and a canary's destination, of hosts and subsets, in any company."""
    canary = draw(WEIGHTS)
    company = draw(st.lists(DESTINATIONS, max_size=3))
    own = [
        sound_destination("stable", 100 - canary, "stable"),
        sound_destination("canary", canary, "canary"),
    ]
    named: Json = {"name": name} if name else {}
    return named | {"route": draw(st.permutations(own + company)), "theirs": draw(st.integers())}


@st.composite
def specs(draw: st.DrawFn, selected: list[str]) -> Json:
    """A VirtualService whose selected routes can be used, most of the time."""
    names = [*selected, "other"] if selected else [draw(st.sampled_from(["", "primary"]))]
    names += draw(st.lists(st.sampled_from(["by-header", "mirror"]), max_size=3))
    spec = {
        "hosts": draw(ANYTHING),
        "http": [draw(routes(name)) for name in draw(st.permutations(names))],
    }
    for kind in draw(st.sets(st.sampled_from(["tcp", "tls"]))):
        spec[kind] = [draw(routes())]
    return spec


SUBSETS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["canary", "stable", "exp-a", "theirs"])},
        optional={
            "labels": st.dictionaries(
                st.sampled_from(["rollouts-pod-template-hash", "app"]), st.sampled_from(["a", "b"])
            ),
            "trafficPolicy": ANYTHING,
        },
    ),
    max_size=3,
).map(lambda more: [{"name": "canary"}, {"name": "stable"}, *more])


def as_read(spec: Any, subsets: Any) -> Objects:
    """Objects as the API server gives them: plain JSON, in which nothing is shared."""
    objects = {
        VIRTUAL: {"metadata": {"name": "web", "resourceVersion": "1"}, "spec": spec},
        RULE: {
            "metadata": {"name": "web", "resourceVersion": "2"},
            "spec": {"host": "web", "subsets": subsets},
        },
    }
    return {ref: json.loads(json.dumps(obj)) for ref, obj in objects.items()}


HOSTILE = st.builds(as_read, specs([]) | ANYTHING, SUBSETS | ANYTHING) | st.dictionaries(
    st.sampled_from([VIRTUAL, RULE]), ANYTHING
)

BLOCKS: st.SearchStrategy[Json] = st.builds(
    lambda routes, rule: (
        {"virtualService": {"name": "web", "routes": routes}}
        | ({"destinationRule": RULE_BLOCK} if rule else {})
    ),
    st.sampled_from([[], [], ["primary"], ["primary", "second"]]),
    st.booleans(),
)
HASHES = st.sampled_from([None, "", "a", "b"])
HEADER = HeaderRoute("by-header", ({"headerName": "x", "headerValue": {"exact": "y"}},))
MIRROR = MirrorRoute("mirror", ({"method": {"exact": "GET"}},), 10)


@st.composite
def states(draw: st.DrawFn) -> Wanted:
    keep = draw(st.booleans())
    return Wanted(
        rollout="web",
        namespace="shop",
        config=draw(BLOCKS),
        stable=Target("stable", draw(HASHES)),
        canary=Target("canary", draw(HASHES)),
        weight=draw(st.none() | WEIGHTS),
        additional=tuple(
            Destination(name, draw(st.sampled_from(["", "e"])), draw(st.integers(0, 20)))
            for name in draw(st.sets(st.sampled_from(["exp-a", "exp-b"])))
        ),
        managed_routes=draw(
            st.sampled_from([(), ("by-header", "mirror"), ("mirror", "by-header")])
        ),
        header_routes=() if keep else draw(st.sampled_from([(), (HEADER,)])),
        mirror_routes=() if keep else draw(st.sampled_from([(), (MIRROR,)])),
        keep_routes=keep,
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Wanted, Objects]:
    """A wanted state, and objects that it can be planned for, most of the time."""
    state = draw(states())
    selected = state.config["virtualService"]["routes"]
    return state, as_read(draw(specs(selected)), draw(SUBSETS))


def planned(state: Wanted, objects: Objects) -> list[Patch] | None:
    """The patches; None where the plan was refused, which must name the object in one line."""
    try:
        return list(IstioRouter().plan(state, objects))
    except RouterError as error:
        said = str(error)
    assert said.startswith(("VirtualService shop/web", "DestinationRule shop/web"))
    assert "\n" not in said
    return None


@given(states(), HOSTILE)
def test_total_no_object_raises_anything_but_a_router_error(
    state: Wanted, objects: Objects
) -> None:
    before = copy.deepcopy(objects)
    router = IstioRouter()
    patches = planned(state, objects)
    problems = list(router.check(state, objects, FieldPath("istio")))
    router.observed(state, objects)
    router.bound_hashes(state.config, "shop", objects)
    list(router.released("web", state.config, "shop", objects))
    assert objects == before
    assert (
        patches is not None
        or problems
        or state.additional
        or state.header_routes
        or state.mirror_routes
    )


@given(worlds())
def test_quiet_a_carried_out_plan_is_not_planned_again(world: tuple[Wanted, Objects]) -> None:
    state, objects = world
    patches = planned(state, objects)
    if patches is None:
        return
    after = apply_patches(objects, patches)
    assert planned(state, after) == []
    observed = IstioRouter().observed(state, after)
    assert observed.weight == state.weight or state.weight is None
    if "destinationRule" in state.config:
        for target, bound in (
            (state.canary, observed.canary_hash),
            (state.stable, observed.stable_hash),
        ):
            assert target.pod_hash is None or (target.pod_hash or None) == bound


@given(worlds())
def test_exact_the_weights_of_a_touched_route_add_up(world: tuple[Wanted, Objects]) -> None:
    state, objects = world
    patches = planned(state, objects)
    if patches is None or state.weight is None:
        return
    after = apply_patches(objects, patches)[VIRTUAL]["spec"]
    before = objects[VIRTUAL]["spec"]
    for kind in ("http", "tcp", "tls"):
        for route in after.get(kind, []):
            if route not in before[kind] and "mirror" != route.get("name") != "by-header":
                assert sum(each.get("weight", 0) for each in route["route"]) == 100
                assert all(each.get("weight", 0) >= 0 for each in route["route"])


@given(worlds())
def test_minimal_every_operation_changes_something(world: tuple[Wanted, Objects]) -> None:
    state, objects = world
    for patch in planned(state, objects) or ():
        assert patch.kind == "json"
        assert patch.body
        obj = objects[patch.ref]
        for operation in patch.body:
            assert isinstance(operation, dict)
            if operation["op"] == "replace" and operation["path"].endswith("/weight"):
                assert value_at(obj, operation["path"]) != operation["value"]
        alone = apply_patches({patch.ref: obj}, [patch])[patch.ref]
        assert alone != obj


@given(worlds())
def test_blind_what_is_not_its_own_stays(world: tuple[Wanted, Objects]) -> None:
    state, objects = world
    patches = planned(state, objects) or []
    after = apply_patches(objects, patches)
    for ref, obj in objects.items():
        assert {**after[ref], "metadata": 0, "spec": 0} == {**obj, "metadata": 0, "spec": 0}
    assert stripped(after[VIRTUAL], state) == stripped(objects[VIRTUAL], state)
    assert after[RULE]["spec"]["host"] == "web"
    theirs = [subset for subset in objects[RULE]["spec"]["subsets"] if not is_made(subset)]
    kept = [subset for subset in after[RULE]["spec"]["subsets"] if not is_made(subset)]
    if "destinationRule" not in state.config:
        assert after[RULE] == objects[RULE]
    elif not any(patch.ref == RULE for patch in patches):
        assert kept == theirs
    for subset in theirs:
        if subset["name"] == "theirs":
            assert subset in kept


def is_made(subset: Json) -> bool:
    return subset.keys() == {"name", "labels"} and subset["labels"].keys() == {
        "rollouts-pod-template-hash"
    }


def stripped(obj: Json, state: Wanted) -> Any:
    """The VirtualService without weights, destinations of others, and managed routes."""
    spec = copy.deepcopy(obj["spec"])
    for kind in ("http", "tcp", "tls"):
        routes = spec.get(kind, [])
        if kind == "http":
            mine = state.managed_routes + (("by-header",) if state.header_routes else ())
            mine += ("mirror",) if state.mirror_routes else ()
            routes = [route for route in routes if route.get("name") not in mine]
        for route in routes:
            route["route"] = [
                {**each, "weight": 0}
                for each in route["route"]
                if each["destination"]["host"] in ("stable", "canary")
                and each["destination"].get("subset") != "other"
            ]
        spec[kind] = routes
    return spec


def value_at(obj: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        obj = obj[int(part)] if isinstance(obj, list) else obj[part]
    return obj
