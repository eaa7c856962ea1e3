"""Pods are followed from the first time that somebody asks for them, and only what decisions read is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gradatim.kube.cache import Cache
from gradatim.kube.client import Client
from gradatim.model.workload import parse_pod
from gradatim.run.podwatch import PodWatch, slim
from gradatim.run.world import World
from gradatim.sim import Sim, SimSettings, run_virtual

LABELS = {"app": "web", "rollouts-pod-template-hash": "h"}
CONTAINERS = [{"name": "app", "image": "app:v1"}]


def replica_set(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": CONTAINERS}},
        },
    }


def test_pods_of_rollouts_are_followed_once_asked_for() -> None:
    async def story() -> None:
        async with Sim(SimSettings(ready_after=0.5, gone_after=0.3)) as sim:
            sim.create_object(replica_set("web", LABELS), "default")
            sim.create_object(replica_set("other", {"app": "other"}), "default")
            world, told = World(), list[str]()
            client = Client(sim.transport("test"))
            watch = PodWatch(client, world.pods, None, lambda _, message: told.append(message))
            assert watch.health == ()
            uid = sim.get("ReplicaSet", "web", "default")["metadata"]["uid"]
            # asking begins to follow, and waits for nothing
            assert watch.of(("default", "web"), [uid]) is None
            await asyncio.sleep(5)
            found = watch.of(("default", "web"), [uid])
            assert found is not None
            assert [pod.ready for pod in found] == [True, True]
            assert watch.of(("default", "web"), ["of nobody"]) == ()
            # pods that are no Rollout's stay out of memory
            assert len(world.pods) == 2
            assert [health.is_synced for health in watch.health] == [True]
            assert told == []
            await watch.aclose()

    run_virtual(story())


def test_why_pods_cannot_be_read_is_said_once_of_each_rollout() -> None:
    class Refuses:
        async def send(self, method: str, path: str, **options: Any) -> Any:
            return 403, {}, {"message": "pods is forbidden", "reason": "Forbidden"}

        def stream(self, path: str, **options: Any) -> Any:
            raise AssertionError("nothing is streamed that could not be listed")

        async def aclose(self) -> None:
            pass

    async def story() -> None:
        told = list[tuple[str, str]]()
        watch = PodWatch(
            Client(Refuses()), Cache(parse_pod), None, lambda key, text: told.append((key[1], text))
        )
        for _ in range(3):
            assert watch.of(("default", "a"), []) is None
            assert watch.of(("default", "b"), []) is None
            await asyncio.sleep(1)
        assert [name for name, _ in told] == ["a", "b"]
        assert "pods is forbidden" in told[0][1]
        await watch.aclose()

    run_virtual(story())


def test_one_that_was_never_asked_ends_without_having_begun() -> None:
    async def story() -> None:
        async with Sim(SimSettings()) as sim:
            watch = PodWatch(Client(sim.transport("test")), Cache(parse_pod), None, lambda *_: None)
            await watch.aclose()

    run_virtual(story())


POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "n", "labels": {"a": "b"}, "generateName": "p-"},
    "spec": {"containers": CONTAINERS},
    "status": {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ],
        "containerStatuses": [{"name": "app"}],
    },
}


def test_what_is_kept_of_a_pod_reads_like_the_whole() -> None:
    kept = slim(POD)
    assert kept == {
        "metadata": {"name": "p", "namespace": "n", "labels": {"a": "b"}},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }
    assert parse_pod(kept) == parse_pod(POD)


@pytest.mark.parametrize("raw", [{}, {"status": 1}, {"status": {"conditions": [1, {}]}}])
def test_a_malformed_pod_is_no_fault(raw: Any) -> None:
    assert parse_pod(slim(raw)).ready is False
