"""What comes in the way of a release under load: a Git sync that puts routes back, machines that go, and an Experiment.

Pods that a machine takes with it cut the requests that they are at: such a route retries, as Istio's do by default.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from meshlab import PROMPT, RULES_LATE, Conditions, Lab, Open
from meshobjects import (
    NAME,
    Json,
    around,
    blue_green,
    canary,
    pause,
    rollout,
    service,
    virtual_service,
    weight,
)

BY = pytest.mark.parametrize("subsets", [False, True], ids=["services", "subsets"])
RETRIES = {"attempts": 3, "retryOn": "connect-failure,refused-stream,reset,503"}


@BY
async def test_a_git_sync_in_the_middle(lab: Open, subsets: bool) -> None:
    """Row 72: routes, subsets and selectors are put back to what Git says, and then to what the release is at."""
    async with lab(RULES_LATE) as it:
        written = around(subsets)
        await it.open(*written, rollout(canary(weight(60), pause(), subsets=subsets)))
        it.release("shop:2")
        await it.then(phase="Paused", step=1)
        await it.arrived()
        for each in written:
            selector = {"rollouts-pod-template-hash": None}
            spec = {"selector": selector} if each["kind"] == "Service" else each["spec"]
            it.sim.patch(each["kind"], each["metadata"]["name"], {"spec": spec})
        await it.weighs(60)
        await it.until(lambda: it.told("VirtualService"), "somebody is told of it")
        await it.arrived()
        it.promote()
        await it.then(phase="Healthy")
        await it.has_pods(v1=0)
        await it.arrived()


async def test_a_git_sync_when_stable_has_few_pods(lab: Open) -> None:
    # one pod has it all for a moment: an answer takes longer than the grace of pods is elsewhere
    async with lab(replace(RULES_LATE, stays=1)) as it:
        written = around(subsets=True)
        strategy = canary(weight(75), pause(), subsets=True, dynamicStableScale=True)
        del strategy["canary"]["scaleDownDelaySeconds"]
        del strategy["canary"]["abortScaleDownDelaySeconds"]
        await it.open(*written, rollout(strategy))
        it.release("shop:2")
        await it.has_pods(v1=1, v2=3)
        await it.arrived()
        for each in written[1:]:
            it.sim.patch(each["kind"], NAME, {"spec": each["spec"]})
        await it.weighs(75)
        await it.arrived()
        it.abort()
        await it.has_pods(v1=4, v2=0)
        await it.arrived()


@BY
async def test_machines_that_go(lab: Open, subsets: bool) -> None:
    """Half of each side at once; the rest answers, and the release goes on when there are others."""
    async with lab(PROMPT) as it:
        objects = around(subsets)
        objects[-1]["spec"]["http"][0]["retries"] = RETRIES
        await it.open(*objects, rollout(canary(weight(50), pause(), subsets=subsets)))
        it.release("shop:2")
        await it.then(phase="Paused", step=1)
        for _ in range(3):
            for image, number in (("shop:1", 2), ("shop:2", 1)):
                it.sim.kill_pods(_ready(it, image)[:number])
            await it.passes(1.5)
        it.promote()
        await it.then(phase="Healthy")
        await it.has_pods(v1=0)
        await it.arrived()


@pytest.mark.parametrize(
    ("conditions", "subsets"),
    [(PROMPT, False), (RULES_LATE, True)],
    ids=["prompt-services", "rules-late-subsets"],
)
async def test_an_experiment(lab: Open, conditions: Conditions, subsets: bool) -> None:
    """Row 13: its pods get their part while they are there, stable and canary theirs, and then nothing is left."""
    templates = [
        {"name": "beside", "specRef": "stable", "weight": 10},
        {"name": "tried", "specRef": "canary", "weight": 20},
    ]
    step = {"experiment": {"templates": templates}}
    async with lab(conditions) as it:
        found = rollout(canary(weight(25), step, pause(), subsets=subsets))
        found["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 8080}]
        await it.open(*around(subsets), found)
        container = {"name": NAME, "image": "shop:2", "ports": [{"containerPort": 8080}]}
        it.change({"template": {"spec": {"containers": [container]}}})
        await it.until(lambda: sorted(_weights(it)) == [10, 20, 25, 45], "the experiment's part")
        await it.arrived()
        await it.splits(10_000, v1=55, v2=45)
        (tried,) = it.sim.list("Experiment")
        it.sim.patch("Experiment", tried["metadata"]["name"], {"spec": {"terminate": True}})
        await it.then(phase="Paused", step=2)
        assert _weights(it) == [75, 25]
        it.promote()
        await it.then(phase="Healthy")
        await it.arrived()


async def test_a_blue_green_release_behind_a_route(lab: Open) -> None:
    """Rows 11 and 14, with requests that come by a VirtualService of its author's."""
    async with lab(RULES_LATE) as it:
        route = virtual_service()
        route["spec"]["http"] = [{"route": [{"destination": {"host": f"{NAME}-active"}}]}]
        services = [service(f"{NAME}-active"), service(f"{NAME}-preview")]
        await it.open(*services, route, rollout(blue_green(previewReplicaCount=1)))
        it.release("shop:2")
        await it.then(phase="Healthy")
        await it.has_pods(v1=0, v2=4)
        it.release("shop:3")
        await it.is_seen()
        it.abort()
        await it.then(phase="Degraded")
        await it.arrived()


def _ready(it: Lab, image: str) -> list[str]:
    """Names of an image's pods that answer."""
    return [
        pod["metadata"]["name"]
        for pod in it.sim.list("Pod")
        if pod["spec"]["containers"][0]["image"] == image
        and any(
            c["type"] == "Ready" and c["status"] == "True"
            for c in pod.get("status", {}).get("conditions", ())
        )
    ]


def _weights(it: Lab) -> list[int]:
    http: list[Json] = it.sim.get("VirtualService", NAME)["spec"]["http"]
    return [each["weight"] for each in http[0]["route"]]
