"""Taking over a live cluster: what another controller left behind is known again, and no pod is touched.

The first act plays a release to the point where the other controller stopped. The second puts the same objects onto a
new cluster under hashes of another hash function, as Argo Rollouts (any version since 1.4) leaves them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from livecluster import Json, Live, play, rollout, routed, service
from transports import Refusing

HASH = "rollouts-pod-template-hash"
DESIRED = "rollout.argoproj.io/desired-replicas"
MANAGED = "argo-rollouts.argoproj.io/managed-by-rollouts"
STEPS: list[Json] = [{"setWeight": 25}, {"pause": {"duration": "1h"}}, {"setWeight": 50}]
OWN = ("Service", "VirtualService", "Rollout", "ReplicaSet")

Point = Callable[[Live], Awaitable[object]]


async def settled(live: Live) -> None:
    await live.until("Healthy")


async def settled_again(live: Live) -> None:
    """A second release was promoted, and the pods of the first are gone."""
    await live.until("Healthy")
    live.image("app:v2")
    await live.until("Paused")
    live.status_is(promoteFull=True)
    await live.until("Healthy")
    await asyncio.sleep(120)


async def paused(live: Live) -> None:
    await live.until("Healthy")
    live.image("app:v2")
    await live.until("Paused")


async def aborted(live: Live) -> None:
    await paused(live)
    live.status_is(abort=True)
    await asyncio.sleep(90)


async def half_way(live: Live) -> None:
    """The weight of the second step is written, and the pods for it are on their way."""
    await paused(live)
    live.promote()
    wanted = {"app:v1": 4, "app:v2": 2} if live.sim.list("VirtualService") else {"app:v1": 2}
    await live.sim.until(lambda: wanted.items() <= live.sets().items(), within=30)


def state(live: Live) -> list[Json]:
    """What is in the cluster, with the hashes of another function in the place of ours."""
    text = json.dumps([each for kind in OWN for each in live.sim.list(kind)])
    hashes = {each["metadata"]["labels"][HASH] for each in live.sim.list("ReplicaSet")}
    for number, own in enumerate(sorted(hashes)):
        text = text.replace(own, f"6f8d{number}f79b5")
    found: list[Json] = json.loads(text)
    return found


def of_version_1_4(objects: list[Json]) -> list[Json]:
    """Without what later versions write."""
    for each in objects:
        annotations = each["metadata"].get("annotations", {})
        annotations.pop(DESIRED, None)
        annotations.pop(MANAGED, None)
        status = each.get("status", {})
        status.pop("duration", None)
        if each["kind"] == "Rollout":
            kept = [c for c in status["conditions"] if c["type"] not in ("Healthy", "Paused")]
            status["conditions"] = kept
    return objects


def as_it_is(objects: list[Json]) -> list[Json]:
    return objects


async def put(live: Live, objects: list[Json]) -> None:
    """Make the objects, and let the pods of the ReplicaSets come up."""
    owner = ""
    for each in objects:
        meta = each["metadata"]
        for key in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
            meta.pop(key, None)
        for reference in meta.get("ownerReferences", ()):
            reference["uid"] = owner
        made = live.sim.create_object(each)
        owner = made["metadata"]["uid"] if each["kind"] == "Rollout" else owner
        if each["kind"] == "Rollout":
            status = {**each["status"], "observedGeneration": "1"}
            live.sim.patch("Rollout", meta["name"], {"status": status})
        await live.sim.settle()
    await asyncio.sleep(5)


def what_runs(live: Live) -> dict[str, Any]:
    return {
        "pods": sorted(each["metadata"]["uid"] for each in live.sim.list("Pod")),
        "sets": {e["metadata"]["name"]: e["spec"]["replicas"] for e in live.sim.list("ReplicaSet")},
        "selectors": [each["spec"]["selector"] for each in live.sim.list("Service")],
        "weights": [each["spec"] for each in live.sim.list("VirtualService")],
    }


def basic() -> list[Json]:
    block: Json = {"canaryService": "web-canary", "stableService": "web-stable", "steps": STEPS}
    return [service("web-canary"), service("web-stable"), rollout(replicas=4, **block)]


def behind_istio() -> list[Json]:
    return routed(replicas=4, steps=[*STEPS, {"pause": {}}])


def left_behind(objects: list[Json], point: Point) -> list[Json]:
    """The state of a cluster at that point."""
    found: list[Json] = []

    async def story(live: Live) -> None:
        live.apply(*objects)
        await point(live)
        await live.kill()
        found.extend(state(live))

    play(story)
    return found


@pytest.mark.parametrize("version", [as_it_is, of_version_1_4])
@pytest.mark.parametrize("point", [settled, settled_again, paused, aborted])
@pytest.mark.parametrize("manifests", [basic, behind_istio])
def test_at_rest_nothing_of_what_runs_is_touched(
    manifests: Callable[[], list[Json]], point: Point, version: Callable[[list[Json]], list[Json]]
) -> None:
    objects = version(left_behind(manifests(), point))

    async def story(live: Live) -> None:
        # Given what the other controller left
        await put(live, objects)
        before, status = what_runs(live), live.status()
        # When ours starts
        live.start()
        await asyncio.sleep(300)
        # Then everything stays, and it stands where it stood
        assert what_runs(live) == before
        for field in ("currentPodHash", "stableRS", "currentStepIndex", "currentStepHash", "phase"):
            assert live.status().get(field) == status.get(field), field
        if point is paused:
            # and its pause ends when it would have ended
            await asyncio.sleep(3600)
            await live.sim.until(lambda: live.status().get("currentStepIndex", 0) >= 2)
        # When a new image comes, it is released as ever
        live.image("app:v3")
        await live.until("Paused")
        assert "app:v3" in live.sets()

    play(story, started=False)


@pytest.mark.parametrize("manifests", [basic, behind_istio])
def test_half_way_it_goes_on_at_its_step(manifests: Callable[[], list[Json]]) -> None:
    objects = left_behind(manifests(), half_way)

    async def story(live: Live) -> None:
        await put(live, objects)
        before = what_runs(live)
        live.start()
        await asyncio.sleep(20)
        # Then the release ends as it would have, without another revision and without the loss of a pod of it
        assert live.status()["currentStepIndex"] >= 3
        assert live.sets()["app:v2"] >= 2
        assert what_runs(live)["sets"].keys() == before["sets"].keys()

    play(story, started=False)


def test_while_the_defaults_cannot_be_asked_for_nothing_is_created() -> None:
    objects = left_behind(basic(), settled)

    async def story(live: Live) -> None:
        # Given a server that refuses, and then does not answer
        await put(live, objects)
        before = what_runs(live)
        for status in (403, 0):
            line = Refusing(live.sim.transport("gradatim"), status)
            live.start(line)
            await asyncio.sleep(60)
            # Then the pass fails and is tried again, and nobody makes a second ReplicaSet
            assert line.refused > 2
            assert what_runs(live) == before
            await live.kill()
        assert "ReconciliationError" in live.reasons()
        # When it answers, the ReplicaSet is known
        live.start()
        await asyncio.sleep(60)
        assert what_runs(live) == before
        assert live.phase() == "Healthy"

    play(story, started=False)
