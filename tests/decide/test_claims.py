"""Whose ReplicaSets are: what is adopted, what is let go, and what is nobody's business."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from world import START, World, manifest

from gradatim.decide import Snapshot, decide
from gradatim.decide.claims import claimed, claims
from gradatim.decide.creation import new_replica_set
from gradatim.decide.effects import AdoptReplicaSet, ReleaseReplicaSet
from gradatim.decide.recognition import own_hash
from gradatim.model.rollout import parse_rollout
from gradatim.model.workload import ReplicaSet, parse_replica_set

ROLLOUT = parse_rollout(manifest())


def replica_set(name: str = "web-1", pod_hash: str = "1", **meta: Any) -> ReplicaSet:
    raw = new_replica_set(ROLLOUT, pod_hash=pod_hash, revision=1)
    found = parse_replica_set(raw)
    given = {"name": name, "uid": f"uid-{name}", "owner_uid": "", **meta}
    return replace(found, meta=replace(found.meta, **given))


@pytest.mark.parametrize(
    ("orphan", "adopted"),
    [
        pytest.param(replica_set(), True, id="its labels are selected"),
        pytest.param(replica_set(labels={"app": "x"}), False, id="its labels are not selected"),
        pytest.param(replica_set(deleting=True), False, id="it is being deleted"),
        pytest.param(replica_set(owner_uid="other"), False, id="somebody controls it"),
    ],
)
def test_an_orphan_is_adopted_if(orphan: ReplicaSet, adopted: bool) -> None:
    snapshot = Snapshot(rollout=ROLLOUT, orphans=(orphan,))
    assert claims(snapshot) == ([AdoptReplicaSet("web-1", "uid-web-1")] if adopted else [])
    assert claimed(snapshot) == ((orphan,) if adopted else ())


def test_a_rollout_that_is_going_claims_nothing() -> None:
    going = replace(ROLLOUT, meta=replace(ROLLOUT.meta, deleting=True))
    stranger = replica_set("web-2", labels={})
    snapshot = Snapshot(rollout=going, orphans=(replica_set(),), replica_sets=(stranger,))
    assert claims(snapshot) == []
    assert decide(snapshot, START).is_quiet


def test_a_rollout_without_a_selector_claims_nothing() -> None:
    snapshot = Snapshot(rollout=replace(ROLLOUT, selector={}), orphans=(replica_set(),))
    assert claims(snapshot) == []


def test_a_set_that_the_selector_does_not_name_any_more_is_let_go() -> None:
    stranger = replica_set(labels={"app": "x"}, owner_uid="u-1")
    snapshot = Snapshot(rollout=ROLLOUT, replica_sets=(stranger,))
    assert claims(snapshot) == [ReleaseReplicaSet("web-1", "uid-web-1")]
    assert claimed(snapshot) == ()


def test_what_was_adopted_counts_in_the_same_decision() -> None:
    own = own_hash(ROLLOUT)
    world = World(Snapshot(rollout=ROLLOUT, orphans=(replica_set(f"web-{own}", own),)))
    decision = world.decide()
    assert decision.effects[0] == AdoptReplicaSet(f"web-{own}", f"uid-web-{own}")
    world.run()
    # one revision, with the pods that it had
    assert world.phase == ("Healthy", "")
    assert [r.name for r in world.snapshot.replica_sets] == [f"web-{own}"]
