"""The pods of a Deployment go one for one, and never before the Rollout has an available one in their place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from world import World, istio, manifest, routed

from gradatim.decide import Snapshot
from gradatim.decide.effects import PatchWorkload
from gradatim.model.rollout import parse_rollout
from gradatim.model.workloadref import Workload, parse_workload, read_workload_ref

MODES = ["never", "onsuccess", "progressively"]
BEFORE = "gradatim.dev/replicas-before-rollout"


def workload(mode: str, replicas: int, kind: str = "Deployment") -> Workload:
    ref = {"apiVersion": "apps/v1", "kind": kind, "name": "old", "scaleDown": mode}
    meta = {"name": "old", "namespace": "default", "generation": 7}
    return parse_workload(
        read_workload_ref(ref), {"metadata": meta, "spec": {"replicas": replicas}}
    )


def world(mode: str, deployed: int, replicas: int = 4, **canary: Any) -> World:
    return World.of(manifest(replicas, **canary), workload=workload(mode, deployed))


def left(world: World) -> int:
    assert world.snapshot.workload is not None
    return world.snapshot.workload.replicas


def in_all(world: World) -> int:
    """Pods that answer: those of the Deployment, and of the Rollout."""
    return left(world) + sum(min(r.available, r.replicas) for r in world.snapshot.replica_sets)


def history(world: World, pods: int | None = 1) -> Iterator[World]:
    """The world after each pass and each move of pods."""
    for _ in range(40):
        world.carry_out(world.decide())
        yield world
        world.kubelet(pods)
        world.pass_time(1)
        yield world


@pytest.mark.parametrize(
    ("mode", "deployed", "replicas", "stays"),
    [
        pytest.param("never", 4, 4, 4, id="never: the Deployment is not touched"),
        pytest.param("onsuccess", 4, 4, 0, id="on success: all of it goes"),
        pytest.param("progressively", 4, 4, 0, id="progressively: all of it goes"),
        pytest.param("onsuccess", 10, 4, 6, id="a larger Deployment keeps what has no place yet"),
        pytest.param("progressively", 10, 1, 9, id="the Rollout's autoscaler has not begun yet"),
        pytest.param("progressively", 2, 4, 0, id="a smaller Deployment goes earlier"),
        pytest.param("onsuccess", 0, 4, 0, id="a Deployment without pods"),
    ],
)
def test_what_becomes_of_the_deployment(
    mode: str, deployed: int, replicas: int, stays: int
) -> None:
    made = world(mode, deployed, replicas)
    made.run()
    assert made.phase == ("Healthy", "")
    assert left(made) == stays


@pytest.mark.parametrize("pods", [1, 3, None])
@pytest.mark.parametrize("mode", MODES)
def test_there_are_never_fewer_pods_than_before(mode: str, pods: int | None) -> None:
    made = world(mode, 5, 5)
    assert all(in_all(each) >= 5 for each in history(made, pods))


def test_on_success_no_pod_goes_before_the_rollout_is_healthy() -> None:
    made = world("onsuccess", 4)
    for each in history(made):
        assert left(each) == 4 or each.phase == ("Healthy", "")
    assert left(made) == 0


def test_pods_that_never_get_ready_replace_nobody() -> None:
    made = World.of(manifest(4, "app:bad"), workload=workload("progressively", 4))
    assert all(left(each) == 4 for each in history(made))


def test_when_the_rollout_grows_the_rest_of_a_larger_deployment_goes() -> None:
    made = world("progressively", 10, 1)
    made.run()
    made.scale(10)
    assert all(in_all(each) >= 10 for each in history(made))
    assert left(made) == 0


def test_a_deployment_that_grows_meanwhile_is_followed() -> None:
    made = world("progressively", 4, 4)
    made.carry_out(made.decide())
    grown = replace(made.snapshot.workload, replicas=6)  # type: ignore[type-var]
    made.snapshot = replace(made.snapshot, workload=grown)
    assert all(in_all(each) >= 6 for each in history(made))
    assert left(made) == 2


def test_a_handover_that_began_goes_on_in_a_later_revision() -> None:
    made = world("progressively", 4, 4)
    made.run(seconds=0)
    made.carry_out(made.decide())
    made.image("app:v2")
    made.run()
    assert made.rollout.meta.annotations["rollout.argoproj.io/revision"] == "2"
    assert left(made) == 0


def test_pods_that_are_there_for_a_release_only_replace_nobody() -> None:
    block = istio(steps=[{"setWeight": 50}, {"pause": {}}])
    made = routed(manifest(4, **block), workload=workload("progressively", 10))
    made.run()
    made.image("app:v2")
    made.run()
    # four of stable, and two of the canary
    assert in_all(made) - left(made) == 6
    assert left(made) == 6


def test_a_deployment_that_is_scaled_up_after_its_handover_is_left_alone() -> None:
    made = world("progressively", 4, 4)
    made.run()
    made.image("app:v2")
    made.run()
    # somebody goes back to the Deployment
    made.snapshot = replace(made.snapshot, workload=workload("progressively", 4))
    made.run()
    assert left(made) == 4


def test_a_paused_rollout_takes_no_pods() -> None:
    made = world("progressively", 4, 4)
    made.pause()
    made.run()
    assert left(made) == 4


@pytest.mark.parametrize("kind", ["ReplicaSet", "PodTemplate"])
def test_only_deployments_give_up_pods(kind: str) -> None:
    raw = manifest(2)
    made = World.of(raw, workload=workload("progressively", 3, kind=kind))
    made.run()
    assert not [e for e in made.log if isinstance(e, PatchWorkload)]


def test_the_generation_is_noted_on_the_rollout_its_replica_set_and_its_status() -> None:
    made = world("never", 1, 1)
    made.run()
    key = "rollout.argoproj.io/workload-generation"
    assert made.rollout.meta.annotations[key] == "7"
    assert made.of_revision(1).meta.annotations[key] == "7"
    assert made.status["workloadObservedGeneration"] == "7"


@pytest.mark.parametrize("mode", MODES)
def test_a_second_decision_writes_at_most_that_the_handover_is_over(mode: str) -> None:
    made = world(mode, 3, 3)
    for each in history(made):
        each.carry_out(each.decide())
        again = each.decide()
        assert again.status == each.status
        assert again.is_quiet or (left(each) == 0 and len(again.effects) == 1)
    assert made.decide().is_quiet
    assert BEFORE not in made.rollout.meta.annotations
    assert BEFORE not in made.of_revision(1).meta.annotations


@pytest.mark.parametrize("note", ["-3", "many", "1e3", ""])
def test_a_note_that_is_no_number_begins_anew(note: str) -> None:
    raw = manifest(2)
    raw["metadata"]["annotations"] = {BEFORE: note}
    made = World.of(raw, workload=workload("progressively", 2))
    assert all(in_all(each) >= 2 for each in history(made))
    assert left(made) == 0


@pytest.mark.parametrize(
    ("version", "kind", "known"),
    [
        ("apps/v1", "Deployment", "apps/v1"),
        ("apps/v1", "ReplicaSet", "apps/v1"),
        ("v1", "PodTemplate", "v1"),
        ("apps/v1", "StatefulSet", ""),
        ("v1", "Deployment", ""),
    ],
)
def test_the_kinds_that_can_be_referred_to(version: str, kind: str, known: str) -> None:
    assert read_workload_ref({"apiVersion": version, "kind": kind}).api_version == known


def test_without_a_workload_nothing_is_noted() -> None:
    made = World(Snapshot(rollout=parse_rollout(manifest(1))))
    made.run()
    assert "workloadObservedGeneration" not in made.status
