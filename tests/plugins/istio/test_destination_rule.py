"""The DestinationRule: its subsets follow the pod hashes, and everything else in it stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradatim.plugin import Destination, FieldPath, Json, ObjectRef, RouterError, Target, Wanted
from gradatim.testing import apply_patches
from gradatim_istio.router import IstioRouter

VIRTUAL = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "shop", "web")
RULE = ObjectRef("networking.istio.io/v1alpha3", "DestinationRule", "shop", "web-rule")
HASH = "rollouts-pod-template-hash"
MANAGED_BY = "argo-rollouts.argoproj.io/managed-by-rollouts"
BLOCK = {
    "virtualService": {"name": "web"},
    "destinationRule": {
        "name": "web-rule",
        "canarySubsetName": "canary",
        "stableSubsetName": "stable",
        "additionalSubsetNames": ["pinned"],
    },
}


def subset(name: str, pod_hash: str = "", **more: Any) -> Json:
    return {"name": name} | ({"labels": {HASH: pod_hash}} if pod_hash else {}) | more


def objects(*subsets: Any, metadata: Any = None, canary: int = 0) -> dict[ObjectRef, Json]:
    route = [
        {"destination": {"host": "web", "subset": "stable"}, "weight": 100 - canary},
        {"destination": {"host": "web", "subset": "canary"}, "weight": canary},
    ]
    rule = {
        "metadata": {"name": "web-rule", "resourceVersion": "9"} if metadata is None else metadata,
        "spec": {
            "host": "web",
            "trafficPolicy": {"tls": {"mode": "SIMPLE"}},
            "subsets": list(subsets),
        },
    }
    return {
        VIRTUAL: {"metadata": {"name": "web"}, "spec": {"http": [{"route": route}]}},
        RULE: rule,
    }


def wanted(stable: str | None = "aaa", canary: str | None = "bbb", **changes: Any) -> Wanted:
    fields: dict[str, Any] = {
        "rollout": "web",
        "namespace": "shop",
        "config": BLOCK,
        "stable": Target("", stable),
        "canary": Target("", canary),
        "weight": None,
    }
    return Wanted(**(fields | changes))


PLAIN = (subset("stable"), subset("canary"))


@pytest.mark.parametrize(
    ("before", "state", "after"),
    [
        pytest.param(
            PLAIN,
            wanted(),
            [subset("stable", "aaa"), subset("canary", "bbb")],
            id="labels are made",
        ),
        pytest.param(
            (subset("stable", "old"), subset("canary", "old")),
            wanted(),
            [subset("stable", "aaa"), subset("canary", "bbb")],
            id="labels are changed",
        ),
        pytest.param(
            (subset("stable", labels=None), subset("canary", labels={"app": "web"})),
            wanted(),
            [subset("stable", "aaa"), subset("canary", labels={"app": "web", HASH: "bbb"})],
            id="other labels stay, null becomes labels",
        ),
        pytest.param(
            (subset("stable", "aaa"), subset("canary", "bbb")),
            wanted(canary=""),
            [subset("stable", "aaa"), subset("canary", labels={})],
            id="an empty hash takes the label away",
        ),
        pytest.param(
            PLAIN, wanted(stable="", canary=""), list(PLAIN), id="or there is none to take away"
        ),
        pytest.param(
            (subset("stable", labels={}), subset("canary")),
            wanted(stable="", canary=""),
            [subset("stable", labels={}), subset("canary")],
            id="nor among other labels",
        ),
        pytest.param(
            (subset("stable", "old"), subset("canary", "old")),
            wanted(stable=None),
            [subset("stable", "old"), subset("canary", "bbb")],
            id="None leaves what is there",
        ),
        pytest.param(
            (subset("stable", "aaa", trafficPolicy={"x": 1}, other=[2]), subset("canary", "bbb")),
            wanted(canary="ccc"),
            [subset("stable", "aaa", trafficPolicy={"x": 1}, other=[2]), subset("canary", "ccc")],
            id="unknown fields stay",
        ),
        pytest.param(
            (subset("others", labels={"version": "v1"}), *PLAIN, subset("pinned", "zzz")),
            wanted(),
            [
                subset("others", labels={"version": "v1"}),
                subset("stable", "aaa"),
                subset("canary", "bbb"),
                subset("pinned", "zzz"),
            ],
            id="subsets of others stay",
        ),
        pytest.param(
            PLAIN,
            wanted(additional=(Destination("exp-b", "e2", 5), Destination("exp-a", "e1", 5))),
            [
                subset("stable", "aaa"),
                subset("canary", "bbb"),
                subset("exp-a", "e1"),
                subset("exp-b", "e2"),
            ],
            id="experiments get subsets",
        ),
        pytest.param(
            (subset("exp-a", "old"), *PLAIN, subset("exp-b", "e2"), subset("exp-c", "e3")),
            wanted(additional=(Destination("exp-a", "e1", 5), Destination("exp-d", "", 5))),
            [subset("exp-a", "e1"), subset("stable", "aaa"), subset("canary", "bbb")],
            id="experiments that are over lose theirs",
        ),
    ],
)
def test_subsets(before: tuple[Json, ...], state: Wanted, after: list[Json]) -> None:
    given = json.loads(json.dumps(objects(*before)[RULE]))
    both = objects() | {RULE: given}
    patched = apply_patches(both, IstioRouter().plan(state, both))
    assert patched[RULE]["spec"]["subsets"] == after
    assert patched[RULE]["spec"]["trafficPolicy"] == {"tls": {"mode": "SIMPLE"}}
    assert patched[RULE]["metadata"]["annotations"] == {MANAGED_BY: "web"}
    assert list(IstioRouter().plan(state, patched)) == []


def test_a_change_is_told_with_both_hashes_and_tied_to_the_version_that_was_read() -> None:
    given = objects(subset("stable", "aaa"), subset("canary", "old"))
    (patch,) = IstioRouter().plan(wanted(stable=None), given)
    assert (patch.ref, patch.kind, patch.resource_version) == (RULE, "json", "9")
    assert patch.reason == "UpdatedDestinationRule"
    assert patch.message == "DestinationRule web-rule subset updated (canary: bbb, stable: aaa)"
    assert list(patch.body) == [
        {"op": "add", "path": "/metadata/annotations", "value": {MANAGED_BY: "web"}},
        {"op": "replace", "path": f"/spec/subsets/1/labels/{HASH}", "value": "bbb"},
    ]


def test_nothing_wanted_of_the_subsets_is_nothing_written() -> None:
    assert list(IstioRouter().plan(wanted(stable=None, canary=None), objects(*PLAIN))) == []


MARK = "/metadata/annotations/argo-rollouts.argoproj.io~1managed-by-rollouts"


def test_the_mark_is_one_annotation_beside_others() -> None:
    given = objects(
        subset("stable", "aaa"), subset("canary", "bbb"), metadata={"annotations": {"team": "a"}}
    )
    (patch,) = IstioRouter().plan(wanted(), given)
    assert list(patch.body) == [{"op": "add", "path": MARK, "value": "web"}]


def marked(by: str, *subsets: Json) -> dict[ObjectRef, Json]:
    return objects(*subsets, metadata={"annotations": {MANAGED_BY: by}})


def test_a_mark_is_taken_over_from_another_rollout_with_the_first_subset() -> None:
    (patch,) = IstioRouter().plan(wanted(), marked("before", subset("stable"), subset("canary")))
    mark, *rest = patch.body
    assert mark == {"op": "replace", "path": MARK, "value": "web"}
    assert len(rest) == 2


def test_rollouts_that_share_a_rule_do_not_fight_over_its_mark() -> None:
    bound = (subset("stable", "aaa"), subset("canary", "bbb"), subset("stable-b", "ccc"))
    assert list(IstioRouter().plan(wanted(), marked("other", *bound))) == []


def test_nor_over_the_subset_of_an_experiment() -> None:
    bound = (subset("stable", "aaa"), subset("canary", "bbb"))
    of_other: Json = {"name": "exp", "labels": {HASH: "e1"}}
    assert list(IstioRouter().plan(wanted(), marked("other", *bound, of_other))) == []
    (patch,) = IstioRouter().plan(wanted(), marked("web", *bound, of_other))
    assert list(patch.body) == [{"op": "remove", "path": "/spec/subsets/2"}]


def test_who_has_the_mark_takes_no_subset_that_another_ones_experiment_gets_requests_by() -> None:
    bound = (subset("stable", "aaa"), subset("canary", "bbb"))
    of_other = subset("stable-shop", "ccc", labels={"app": "shop", HASH: "ccc"})
    tried: Json = {"name": "shop-exp", "labels": {HASH: "e1"}}
    own: Json = {"name": "web-exp", "labels": {HASH: "e2"}}
    shared = marked("web", *bound, of_other, tried, own)
    (patch,) = IstioRouter().plan(wanted(), shared)
    assert list(patch.body) == [{"op": "remove", "path": "/spec/subsets/4"}]
    assert tried in released("web", shared)[RULE]["spec"]["subsets"]


@pytest.mark.parametrize(
    ("now", "weight", "order"),
    [
        pytest.param(0, 20, [RULE, VIRTUAL], id="pods before traffic"),
        pytest.param(50, 0, [VIRTUAL, RULE], id="traffic leaves before the pods change"),
    ],
)
def test_the_order_of_the_writes(now: int, weight: int, order: list[ObjectRef]) -> None:
    patches = IstioRouter().plan(wanted(weight=weight), objects(*PLAIN, canary=now))
    assert [patch.ref for patch in patches] == order


def test_what_the_subsets_are_bound_to() -> None:
    given = objects(
        subset("stable", "aaa"), subset("canary", "bbb"), subset("others", "ccc"), subset("x")
    )
    router = IstioRouter()
    assert router.bound_hashes(BLOCK, "shop", given) == {"aaa", "bbb", "ccc"}
    observed = router.observed(wanted(), given)
    assert (observed.canary_hash, observed.stable_hash) == ("bbb", "aaa")
    unbound = router.observed(wanted(), objects(*PLAIN))
    assert (unbound.canary_hash, unbound.stable_hash) == (None, None)


def released(rollout: str, given: dict[ObjectRef, Json]) -> dict[ObjectRef, Json]:
    return apply_patches(given, IstioRouter().released(rollout, BLOCK, "shop", given))


def test_a_released_rule_is_as_its_author_wrote_it() -> None:
    author = objects(
        subset("stable", labels={"app": "web"}),
        subset("canary", labels={}),
        subset("x", "mine", y=1),
    )
    author[RULE]["metadata"]["annotations"] = {"team": "a"}
    state = wanted(additional=(Destination("web-exp", "e1", 5),))
    managed = apply_patches(author, IstioRouter().plan(state, author))
    assert managed[RULE] != author[RULE]
    assert released("web", managed)[RULE] == author[RULE]


@pytest.mark.parametrize(
    "name", [pytest.param("other", id="another Rollout's"), pytest.param("", id="no name")]
)
def test_the_marks_of_others_stay(name: str) -> None:
    managed = apply_patches(objects(*PLAIN), IstioRouter().plan(wanted(), objects(*PLAIN)))
    assert released(name, managed) == managed
    assert not list(IstioRouter().released("web", BLOCK, "shop", {}))


@pytest.mark.parametrize(
    ("subsets", "expected"),
    [
        pytest.param(
            (subset("stable"), subset("v1")),
            "istio.destinationRule.canarySubsetName: "
            "DestinationRule 'web-rule' has no subset 'canary'; it has: 'stable', 'v1'",
            id="a subset is missing",
        ),
        pytest.param(
            (subset("canary"), subset("stable", labels=["x"])),
            "istio.destinationRule.name: spec.subsets[1].labels of the DestinationRule is a list",
            id="labels are no object",
        ),
        pytest.param(
            (subset("canary"), subset("stable"), None),
            "istio.destinationRule.name: spec.subsets[2] of the DestinationRule is null",
            id="a subset is null",
        ),
    ],
)
def test_an_unusable_rule_is_a_problem_and_a_router_error(
    subsets: tuple[Any, ...], expected: str
) -> None:
    given, router = objects(*subsets), IstioRouter()
    assert [str(problem) for problem in router.check(wanted(), given, FieldPath("istio"))] == [
        expected
    ]
    with pytest.raises(RouterError) as raised:
        router.plan(wanted(), given)
    assert str(raised.value) == f"DestinationRule shop/web-rule: {expected.partition(': ')[2]}"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({"metadata": {}}, ["canarySubsetName", "stableSubsetName"], id="no spec"),
        pytest.param({"metadata": {}, "spec": {"subsets": {}}}, ["name"], id="subsets are no list"),
        pytest.param({"spec": {"subsets": [*PLAIN]}}, ["name"], id="no metadata"),
    ],
)
def test_half_a_rule_is_found(rule: Json, expected: list[str]) -> None:
    given = objects() | {RULE: rule}
    problems = IstioRouter().check(wanted(), given, FieldPath("istio"))
    assert [problem.path.parts[-1] for problem in problems] == expected


def test_everything_is_found_at_once() -> None:
    config = {
        "virtualServices": [{"name": "web"}, {"name": "api.edge"}],
        "destinationRule": BLOCK["destinationRule"],
    }
    problems = IstioRouter().check(wanted(config=config), {}, FieldPath("istio"))
    assert [str(problem) for problem in problems] == [
        'istio.destinationRule.name: Invalid value: "web-rule": destinationrules.networking.istio.io "web-rule" not found',
        'istio.virtualServices[0].name: Invalid value: "web": virtualservices.networking.istio.io "web" not found',
        'istio.virtualServices[1].name: Invalid value: "api": virtualservices.networking.istio.io "api" not found',
    ]


def test_a_missing_virtual_service_reads_as_in_argo_rollouts() -> None:
    path = FieldPath("spec", "strategy", "canary", "trafficRouting", "istio")
    (problem,) = IstioRouter().check(wanted(config={"virtualService": {"name": "web"}}), {}, path)
    assert str(problem) == (
        'spec.strategy.canary.trafficRouting.istio.virtualService.name: Invalid value: "web": '
        'virtualservices.networking.istio.io "web" not found'
    )


@pytest.mark.parametrize(
    ("host", "said"),
    [
        pytest.param("web.shop.svc.cluster.local", [], id="the same host in full"),
        pytest.param("*.shop.svc.cluster.local", [], id="a wildcard"),
        pytest.param(None, [], id="none, which Istio refuses by itself"),
        pytest.param(
            "api",
            [
                "istio.destinationRule.name: the DestinationRule is for host 'api', but a route sends to 'web'"
            ],
            id="another host",
        ),
    ],
)
def test_a_rule_for_another_host_is_found(host: str | None, said: list[str]) -> None:
    given = objects(*PLAIN)
    given[RULE]["spec"]["host"] = host
    assert [
        str(problem) for problem in IstioRouter().check(wanted(), given, FieldPath("istio"))
    ] == said


def test_additional_subsets_with_too_much_weight_are_found() -> None:
    given = objects(*PLAIN)
    pinned = {"destination": {"host": "web", "subset": "pinned"}, "weight": 110}
    given[VIRTUAL]["spec"]["http"][0]["route"].append(pinned)
    (problem,) = IstioRouter().check(wanted(), given, FieldPath("istio"))
    assert problem.message == (
        'Invalid value: "web": spec.http[0]: experiments and additional subsets have 110 of 100'
    )
