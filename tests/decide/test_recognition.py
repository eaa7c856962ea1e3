"""A ReplicaSet is known by its template, whatever hash another controller gave it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from world import START, World, manifest

from gradatim.decide import Snapshot, decide
from gradatim.decide.creation import new_replica_set
from gradatim.decide.recognition import needs_defaults, own_hash, recognised_hash
from gradatim.model.reading import Json
from gradatim.model.rollout import Rollout, parse_rollout
from gradatim.model.workload import ReplicaSet, parse_replica_set

HASH = "rollouts-pod-template-hash"
OTHER = "6f8d4f79b5"
ANTI = {"matchExpressions": [{"key": HASH, "operator": "In", "values": ["5d8"]}]}
TERM = {"labelSelector": ANTI, "topologyKey": "kubernetes.io/hostname"}
WEIGHTED = {"weight": 100, "podAffinityTerm": TERM}
ZONE = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"}


def rollout(**spec: Any) -> Rollout:
    raw = manifest()
    raw["spec"]["template"]["spec"] |= spec
    return parse_rollout(raw)


def defaulted(template: Json) -> Json:
    """The template as an API server stores it."""
    spec = {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "securityContext": {}}
    if template["spec"].get("serviceAccount"):
        spec["serviceAccountName"] = template["spec"]["serviceAccount"]
    if template["spec"].get("serviceAccountName"):
        spec["serviceAccount"] = template["spec"]["serviceAccountName"]
    containers = [{"imagePullPolicy": "Always", **c} for c in template["spec"]["containers"]]
    return {**template, "spec": {**spec, **template["spec"], "containers": containers}}


def left(made_of: Rollout, pod_hash: str = OTHER, **changes: Any) -> ReplicaSet:
    """The ReplicaSet that another controller made of a Rollout."""
    raw = new_replica_set(made_of, pod_hash=pod_hash, revision=1)
    raw["spec"]["template"] = defaulted(raw["spec"]["template"])
    raw["spec"]["template"]["spec"] |= changes
    return parse_replica_set(raw)


def known(wanted: Rollout, *sets: ReplicaSet) -> str | None:
    template = defaulted(wanted.template)
    return recognised_hash(Snapshot(rollout=wanted, replica_sets=sets, defaulted_template=template))


LIMITS = [{"name": "app", "image": "app:v1", "resources": {"limits": {"cpu": "1000m"}}}]


@pytest.mark.parametrize(
    ("asked", "live"),
    [
        pytest.param({}, {}, id="nothing but the defaults differs"),
        pytest.param(
            {"serviceAccountName": "a"}, {}, id="the deprecated serviceAccount is beside it"
        ),
        pytest.param(
            {"serviceAccount": "a"}, {}, id="only the deprecated serviceAccount is asked for"
        ),
        pytest.param(
            {"containers": LIMITS},
            {
                "containers": [
                    {
                        **LIMITS[0],
                        "imagePullPolicy": "Always",
                        "resources": {"limits": {"cpu": "1"}},
                    }
                ]
            },
            id="a quantity is written in another way",
        ),
        pytest.param(
            {}, {"nodeSelector": {}, "tolerations": []}, id="empty values are written out"
        ),
        pytest.param(
            {},
            {
                "affinity": {
                    "podAntiAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [WEIGHTED]
                    }
                }
            },
            id="a preferred term that keeps off stable's nodes was injected",
        ),
        pytest.param(
            {
                "affinity": {
                    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [ZONE]}
                }
            },
            {
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [ZONE, TERM]
                    }
                }
            },
            id="a required term was injected beside one of the author's",
        ),
    ],
)
def test_a_set_of_the_same_pods_is_known(asked: Json, live: Json) -> None:
    wanted = rollout(**asked)
    there = left(wanted, **live)
    assert needs_defaults(wanted, [there])
    assert known(wanted, there) == OTHER


@pytest.mark.parametrize(
    "live",
    [
        pytest.param({"hostNetwork": True}, id="a field that nobody asked for"),
        pytest.param({"dnsPolicy": "Default"}, id="another value than the default"),
        pytest.param(
            {
                "affinity": {
                    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [ZONE]}
                }
            },
            id="a term of an author",
        ),
    ],
)
def test_a_set_of_other_pods_is_not_known_though_it_does_not_contradict(live: Json) -> None:
    wanted = rollout()
    there = left(wanted, **live)
    assert needs_defaults(wanted, [there])
    assert known(wanted, there) == own_hash(wanted)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"containers": [{"name": "app", "image": "app:v2"}]}, id="another image"),
        pytest.param({"hostNetwork": True}, id="a field more"),
        pytest.param({"containers": []}, id="a container less"),
    ],
)
def test_a_set_that_contradicts_the_template_needs_no_defaults(asked: Json) -> None:
    wanted, there = rollout(**asked), left(rollout())
    assert not needs_defaults(wanted, [there])
    assert recognised_hash(Snapshot(rollout=wanted, replica_sets=(there,))) == own_hash(wanted)


def test_our_own_hash_comes_first_and_needs_no_defaults() -> None:
    wanted = rollout()
    older, own = left(wanted), left(wanted, own_hash(wanted))
    assert not needs_defaults(wanted, [older, own])
    assert recognised_hash(Snapshot(rollout=wanted, replica_sets=(older, own))) == own_hash(wanted)


def test_of_several_equal_sets_the_oldest_is_meant() -> None:
    wanted = rollout()
    late, early = left(wanted, "late"), left(wanted, "early")
    late = replace(late, meta=replace(late.meta, created=START + timedelta(days=1)))
    early = replace(early, meta=replace(early.meta, created=START))
    assert known(wanted, late, early) == "early"


def test_a_set_that_is_being_deleted_or_has_no_hash_is_not_known() -> None:
    wanted = rollout()
    going = left(wanted)
    going = replace(going, meta=replace(going.meta, deleting=True))
    assert not needs_defaults(wanted, [going, left(wanted, "")])


@pytest.mark.parametrize(
    ("recorded", "found"),
    [
        pytest.param(json.dumps({"labels": {"role": "canary"}}), True, id="as it was recorded"),
        pytest.param("{", False, id="the record cannot be read"),
        pytest.param("[" * 100_000, False, id="the record is hostile"),
        pytest.param(json.dumps({"labels": ["role"]}), False, id="the record is no map"),
    ],
)
def test_metadata_that_was_injected_for_a_role_does_not_count(recorded: str, found: bool) -> None:
    wanted = rollout()
    there = left(wanted)
    template = {**there.template}
    labels = {**template["metadata"]["labels"], "role": "canary"}
    template["metadata"] = {"labels": labels}
    annotations = {"rollout.argoproj.io/ephemeral-metadata": recorded}
    there = replace(there, template=template, meta=replace(there.meta, annotations=annotations))
    assert known(wanted, there) == (OTHER if found else own_hash(wanted))


def test_metadata_that_the_author_asks_for_counts_though_it_was_injected_once() -> None:
    raw = manifest()
    raw["spec"]["template"]["metadata"]["labels"]["role"] = "canary"
    wanted = parse_rollout(raw)
    there = left(wanted)
    annotations = {"rollout.argoproj.io/ephemeral-metadata": '{"labels": {"role": "canary"}}'}
    there = replace(there, meta=replace(there.meta, annotations=annotations))
    assert known(wanted, there) == OTHER


def test_before_the_defaults_are_known_nothing_is_done() -> None:
    wanted = rollout()
    world = World(Snapshot(rollout=wanted, replica_sets=(left(wanted),)))
    decision = decide(world.snapshot, START)
    assert decision.is_quiet
    assert decision.status == world.status
    assert decision.look_again_in is not None


@pytest.mark.parametrize("template", [{}, {"metadata": 1, "spec": []}, {"spec": {"affinity": 3}}])
def test_templates_of_any_shape_are_compared(template: Json) -> None:
    wanted = replace(rollout(), template=template)
    there = replace(left(rollout()), template={"metadata": [], "spec": {"affinity": []}})
    snapshot = Snapshot(rollout=wanted, replica_sets=(there,), defaulted_template=template)
    assert recognised_hash(snapshot)
