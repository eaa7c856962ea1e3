"""Outages and annoyances that users of Argo Rollouts reported, by thread number, as far as a router can cause them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradatim.plugin import Destination, HeaderRoute, Json, ObjectRef, RouterError, Target, Wanted
from gradatim.testing import apply_patches
from gradatim_istio.router import IstioRouter

VIRTUAL = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "shop", "web")
RULE = ObjectRef("networking.istio.io/v1alpha3", "DestinationRule", "shop", "web")
BY_HOST = {"virtualService": {"name": "web"}}
BY_SUBSET = BY_HOST | {
    "destinationRule": {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}
}
HASH = "rollouts-pod-template-hash"


def to(host: str, weight: int, **more: Any) -> Json:
    return {"destination": {"host": host} | more, "weight": weight}


def wanted(**changes: Any) -> Wanted:
    fields: dict[str, Any] = {
        "rollout": "web",
        "namespace": "shop",
        "config": BY_HOST,
        "stable": Target("stable"),
        "canary": Target("canary"),
    }
    return Wanted(**(fields | changes))


def with_subsets(canary_weight: int) -> dict[ObjectRef, Json]:
    route = [
        to("web", 100 - canary_weight, subset="stable"),
        to("web", canary_weight, subset="canary"),
    ]
    subsets = [
        {"name": "stable", "labels": {HASH: "one"}},
        {"name": "canary", "labels": {HASH: "two"}},
    ]
    return {
        VIRTUAL: {"metadata": {}, "spec": {"http": [{"route": route}]}},
        RULE: {"metadata": {"annotations": {}}, "spec": {"host": "web", "subsets": subsets}},
    }


def after(state: Wanted, objects: dict[ObjectRef, Json]) -> dict[ObjectRef, Json]:
    return apply_patches(objects, IstioRouter().plan(state, objects))


def test_4775_a_superseded_canary_keeps_its_subset_until_it_is_told_otherwise() -> None:
    state = wanted(config=BY_SUBSET, canary=Target("", None), stable=Target("", None), weight=0)
    planned = after(state, with_subsets(20))
    assert planned[RULE] == with_subsets(20)[RULE]
    assert [each["weight"] for each in planned[VIRTUAL]["spec"]["http"][0]["route"]] == [100, 0]


def test_4390_and_4752_traffic_leaves_a_subset_before_its_pods_change() -> None:
    state = wanted(config=BY_SUBSET, canary=Target("", "three"), stable=Target("", "one"), weight=0)
    refs = [patch.ref for patch in IstioRouter().plan(state, with_subsets(20))]
    assert refs == [VIRTUAL, RULE]


def test_2507_a_subset_is_never_taken_for_bound_before_it_is() -> None:
    objects = with_subsets(0)
    objects[RULE]["spec"]["subsets"] = [{"name": "stable"}, {"name": "canary"}]
    observed = IstioRouter().observed(wanted(config=BY_SUBSET, weight=0), objects)
    assert (observed.canary_hash, observed.stable_hash) == (None, None)


def test_4390_pods_that_a_subset_still_means_are_named() -> None:
    assert IstioRouter().bound_hashes(BY_SUBSET, "shop", with_subsets(20)) == {"one", "two"}


@pytest.mark.parametrize(
    "weight", [pytest.param(-100, id="as it was reported"), pytest.param(200, id="its mirror")]
)
def test_4424_no_weight_outside_of_its_range_is_written(weight: int) -> None:
    objects = {
        VIRTUAL: {
            "metadata": {},
            "spec": {"http": [{"route": [to("stable", 100), to("canary", 0)]}]},
        }
    }
    with pytest.raises(RouterError, match="not within 0 and 100"):
        IstioRouter().plan(wanted(weight=weight), objects)


def test_4831_no_destination_of_an_experiment_is_left_behind() -> None:
    route = [to("exp-a", 5), to("stable", 60), to("exp-b", 5), to("exp-c", 10), to("canary", 20)]
    objects = {VIRTUAL: {"metadata": {}, "spec": {"http": [{"route": route}]}}}
    planned = after(wanted(weight=20), objects)
    assert planned[VIRTUAL]["spec"]["http"][0]["route"] == [to("stable", 80), to("canary", 20)]


def test_4831_experiments_are_always_added_in_the_same_order() -> None:
    names = ["exp-c", "exp-a", "exp-b"]
    objects = {
        VIRTUAL: {
            "metadata": {},
            "spec": {"http": [{"route": [to("stable", 100), to("canary", 0)]}]},
        }
    }
    more = tuple(Destination(name, "", 5) for name in names)
    planned = after(wanted(weight=20, additional=more), objects)
    hosts = [each["destination"]["host"] for each in planned[VIRTUAL]["spec"]["http"][0]["route"]]
    assert hosts == ["stable", "canary", *sorted(names)]


def test_2526_header_routes_do_not_keep_a_rollout_from_its_end() -> None:
    objects = {
        VIRTUAL: {
            "metadata": {},
            "spec": {"http": [{"route": [to("stable", 0), to("canary", 100)]}]},
        }
    }
    header = HeaderRoute("by-header", ({"headerName": "x", "headerValue": {"exact": "y"}},))
    during = after(
        wanted(weight=100, managed_routes=("by-header",), header_routes=(header,)), objects
    )
    done = after(wanted(weight=0, managed_routes=("by-header",)), during)
    assert done[VIRTUAL]["spec"]["http"] == [{"route": [to("stable", 100), to("canary", 0)]}]


def test_3854_nothing_but_the_weights_is_in_the_write() -> None:
    spec = {
        "hosts": ["a"],
        "http": [{"timeout": "1s", "route": [to("stable", 100), to("canary", 0)]}],
    }
    (patch,) = IstioRouter().plan(wanted(weight=10), {VIRTUAL: {"metadata": {}, "spec": spec}})
    paths = [each["path"] for each in patch.body if isinstance(each, dict)]
    assert paths == ["/spec/http/0/route/0/weight", "/spec/http/0/route/1/weight"]


def test_2463_weights_that_a_sync_put_back_are_planned_again() -> None:
    spec = {"http": [{"route": [to("stable", 100), to("canary", 0)]}]}
    objects = {VIRTUAL: {"metadata": {}, "spec": json.loads(json.dumps(spec))}}
    state = wanted(weight=40)
    routed = after(state, objects)
    assert not list(IstioRouter().plan(state, routed))
    reverted = {VIRTUAL: {"metadata": {}, "spec": spec}}
    assert after(state, reverted) == routed
