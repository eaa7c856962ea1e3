"""Rollouts that take the template of a Deployment, a ReplicaSet or a PodTemplate, and the pods of a Deployment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livecluster import Json, Live, play, rollout, service

STEPS: list[Json] = [{"setWeight": 50}, {"pause": {}}]


def template(image: str = "app:v1") -> Json:
    spec = {"containers": [{"name": "app", "image": image}]}
    return {"metadata": {"labels": {"app": "web"}}, "spec": spec}


def deployment(replicas: int = 3, kind: str = "Deployment") -> Json:
    selector = {"matchLabels": {"app": "web"}}
    spec = {"replicas": replicas, "selector": selector, "template": template()}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "old"}, "spec": spec}


def referring(replicas: int = 3, **ref: Any) -> Json:
    """A Rollout without a template."""
    made = rollout(replicas=replicas, steps=STEPS)
    del made["spec"]["template"], made["spec"]["selector"]
    named = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "old", **ref}
    made["spec"]["workloadRef"] = named
    return made


def image(live: Live, name: str, kind: str = "Deployment") -> None:
    containers = [{"name": "app", "image": name}]
    live.sim.patch(kind, "old", {"spec": {"template": {"spec": {"containers": containers}}}})


def left(live: Live) -> int:
    return int(live.sim.get("Deployment", "old")["spec"]["replicas"])


def own(live: Live) -> dict[str, int]:
    """Pods asked for by image, of the Rollout's ReplicaSets."""
    return {
        each["spec"]["template"]["spec"]["containers"][0]["image"]: each["spec"]["replicas"]
        for each in live.sim.list("ReplicaSet")
        if each["metadata"].get("ownerReferences", [{}])[0].get("kind") == "Rollout"
    }


def answering(live: Live) -> int:
    return sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])
        for pod in live.sim.list("Pod", app="web")
        if "deletionTimestamp" not in pod["metadata"] and "conditions" in pod.get("status", {})
    )


@pytest.mark.parametrize(("mode", "stays"), [("never", 3), ("onsuccess", 0), ("progressively", 0)])
def test_a_deployment_is_taken_over_without_a_moment_with_fewer_pods(mode: str, stays: int) -> None:
    async def story(live: Live) -> None:
        # Given a Deployment with three pods that answer
        live.apply(service("web"), deployment())
        await live.sim.until(lambda: answering(live) == 3)
        least = [3]

        async def watch() -> None:
            while True:
                least.append(answering(live))
                await asyncio.sleep(0.05)

        watching = asyncio.create_task(watch())
        # When a Rollout refers to it
        live.apply(referring(scaleDown=mode))
        await live.until("Healthy")
        await asyncio.sleep(30)
        watching.cancel()
        # Then its pods are replaced, and at no time did fewer than three answer
        assert own(live) == {"app:v1": 3}
        assert left(live) == stays
        assert min(least) == 3
        found = live.sim.get("Rollout", "web")
        generation = str(live.sim.get("Deployment", "old")["metadata"]["generation"])
        key = "rollout.argoproj.io/workload-generation"
        assert found["metadata"]["annotations"][key] == generation
        assert found["status"]["workloadObservedGeneration"] == generation
        # and template and selector are nowhere written into the Rollout
        assert not {"template", "selector"} & set(found["spec"])
        assert found["status"]["selector"] == "app=web"
        # When the Deployment changes, then a release of it begins
        image(live, "app:v2")
        await live.until("Paused")
        assert set(own(live)) == {"app:v1", "app:v2"}
        assert left(live) == stays

    play(story)


def test_with_pods_that_never_get_ready_the_deployment_keeps_its_own() -> None:
    async def story(live: Live) -> None:
        made = deployment()
        live.apply(made)
        await live.sim.until(lambda: answering(live) == 3)
        await asyncio.sleep(1)
        live.sim.patch("Deployment", "old", {"spec": {"paused": True}})
        image(live, "bad:v1")
        live.apply(referring(scaleDown="progressively"))
        await asyncio.sleep(60)
        assert left(live) == 3
        assert answering(live) == 3

    play(story)


def test_with_a_template_of_its_own_again_it_has_seen_no_workload() -> None:
    async def story(live: Live) -> None:
        # Given a Rollout that has the template of a Deployment
        live.apply(deployment(0), referring())
        await live.until("Healthy")
        assert live.sim.get("Rollout", "web")["status"]["workloadObservedGeneration"]
        # When it gets a template of its own, the very same
        spec = {"workloadRef": None, "selector": {"matchLabels": {"app": "web"}}}
        live.sim.patch("Rollout", "web", {"spec": {**spec, "template": template()}})
        # Then nothing is left of the Deployment's generation, and no release began
        await live.sim.until(
            lambda: "workloadObservedGeneration" not in live.sim.get("Rollout", "web")["status"],
            within=10,
        )
        assert own(live) == {"app:v1": 3}

    play(story)


def test_a_workload_that_is_not_there_is_named_and_awaited() -> None:
    async def story(live: Live) -> None:
        live.apply(referring())
        await live.until("Degraded")
        assert "spec.workloadRef" in live.message()
        assert 'Deployment "old" not found' in live.message()
        live.apply(deployment())
        await live.until("Healthy", within=10)

    play(story)


def test_a_kind_that_cannot_be_referred_to_is_named() -> None:
    async def story(live: Live) -> None:
        live.apply(referring(kind="StatefulSet"))
        await live.until("Degraded")
        assert "apps/v1/StatefulSet is not supported" in live.message()

    play(story)


def test_a_replica_set_gives_its_template_and_keeps_its_pods() -> None:
    async def story(live: Live) -> None:
        live.apply(deployment(2, kind="ReplicaSet"))
        live.apply(referring(kind="ReplicaSet", scaleDown="progressively"))
        await live.until("Healthy")
        assert own(live) == {"app:v1": 3}
        assert live.sim.get("ReplicaSet", "old")["spec"]["replicas"] == 2
        assert not live.sim.get("ReplicaSet", "old")["metadata"].get("ownerReferences")

    play(story)


def test_a_deployment_that_is_scaled_up_again_later_is_left_alone() -> None:
    async def story(live: Live) -> None:
        live.apply(deployment())
        live.apply(referring(scaleDown="progressively"))
        await live.until("Healthy")
        await asyncio.sleep(10)
        assert left(live) == 0
        image(live, "app:v2")
        await live.until("Paused")
        live.status_is(promoteFull=True)
        await live.until("Healthy")
        # When somebody goes back to the Deployment
        live.sim.patch("Deployment", "old", {"spec": {"replicas": 3}})
        await asyncio.sleep(30)
        assert left(live) == 3

    play(story)
