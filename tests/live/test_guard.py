"""The guard of all embedded clusters can fail: each rule, broken by somebody who writes in the controller's name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from guard import BreachError, unguarded
from livecluster import AGENT, Json, Live, play, rollout, routed, service
from setups import Setup

from gradatim.sim import SimSettings
from gradatim.sim.api import Request

HALF: list[Json] = [{"setWeight": 50}, {"pause": {}}]
STABLE, CANARY = "web-7d769bcb95", "web-6dd8b74d74"
PATHS = {
    "ReplicaSet": "/apis/apps/v1/namespaces/default/replicasets/",
    "Service": "/api/v1/namespaces/default/services/",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/default/virtualservices/",
    "DestinationRule": "/apis/networking.istio.io/v1/namespaces/default/destinationrules/",
}


def write(live: Live, kind: str, name: str, patch: Json) -> None:
    """Write in the name of the controller."""
    media = "application/merge-patch+json"
    live.sim.api.answer(Request("PATCH", PATHS[kind] + name, {}, patch, media, AGENT))


def scale(live: Live, name: str, replicas: int) -> None:
    write(live, "ReplicaSet", name, {"spec": {"replicas": replicas}})


def weigh(live: Live, *weights: int) -> None:
    found = live.sim.get("VirtualService", "web")["spec"]["http"][0]
    pairs = zip(found["route"], weights, strict=True)
    route = [{**each, "weight": weight} for each, weight in pairs]
    write(live, "VirtualService", "web", {"spec": {"http": [{**found, "route": route}]}})


def point(live: Live, name: str, pod_hash: str) -> None:
    selector = {"rollouts-pod-template-hash": pod_hash}
    write(live, "Service", name, {"spec": {"selector": selector}})


def bind(live: Live, pod_hash: str) -> None:
    found = live.sim.get("DestinationRule", "web")["spec"]["subsets"]
    stable, other = found
    labels = {**other["labels"], "rollouts-pod-template-hash": pod_hash}
    write(
        live, "DestinationRule", "web", {"spec": {"subsets": [stable, {**other, "labels": labels}]}}
    )


def act(
    objects: list[Json], deed: Callable[[Live], Awaitable[None] | None], lag: float = 0.0
) -> None:
    """A release that waits at half of the traffic; then the controller goes, and somebody does the deed."""

    async def story(live: Live) -> None:
        live.apply(*objects)
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        await asyncio.sleep(60)
        await live.kill()
        done = deed(live)
        if done is not None:
            await done
        await asyncio.sleep(1)

    play(story, sim=SimSettings(mesh_lag=lag))


async def _too_soon(live: Live) -> None:
    weigh(live, 100, 0)
    await asyncio.sleep(1)
    scale(live, CANARY, 0)


async def _in_time(live: Live) -> None:
    weigh(live, 100, 0)
    await asyncio.sleep(2)
    scale(live, CANARY, 0)


async def _last_pod(live: Live) -> None:
    """One of the canary's two pods has been ill for a while when the other one is evicted."""
    pods = [p for p in live.sim.list("Pod") if p["metadata"]["name"].startswith(CANARY)]
    live.sim.kubelet.break_pod(pods[0])
    await asyncio.sleep(5)
    name = pods[1]["metadata"]["name"]
    body = {"metadata": {"name": name}}
    path = f"/api/v1/namespaces/default/pods/{name}/eviction"
    live.sim.api.answer(Request("POST", path, {}, body, "application/json", AGENT))


ROUTED = routed(replicas=4, steps=HALF)
SUBSETS = Setup("subsets", replicas=4, block={"steps": HALF}).objects()

BREACHES: list[Any] = [
    pytest.param(ROUTED, lambda live: scale(live, CANARY, 0), "rule 3.*gets 50 %", id="scale-down under weight"),
    pytest.param(ROUTED, lambda live: scale(live, STABLE, 1), "rule 3.*for 2 pods", id="too few pods for the weight"),
    pytest.param(ROUTED, lambda live: weigh(live, 0, 100), "rule 1.*gets 100 % with 2 of 4", id="more weight than pods"),
    pytest.param(ROUTED, lambda live: weigh(live, 60, 50), "rule 4: weights", id="weights that do not add up"),
    pytest.param(ROUTED, lambda live: weigh(live, 150, -50), "rule 4: weights", id="a weight below 0"),
    pytest.param(ROUTED, lambda live: point(live, "web-canary", "nobody"), "rule 2.*no available", id="a selector on nobody"),
    pytest.param(SUBSETS, lambda live: bind(live, "nobody"), "rule 2.*no available", id="a subset on nobody"),
    pytest.param(ROUTED, _last_pod, "the last pod of .* is evicted while web-canary gets 50 %", id="the last pod"),
]  # fmt: skip


@pytest.mark.parametrize(("objects", "deed", "said"), BREACHES)
def test_a_rule_that_is_broken_fails_the_test_with_the_moment_and_the_objects(
    objects: list[Json], deed: Callable[[Live], None], said: str
) -> None:
    with pytest.raises(BreachError, match=said) as caught:
        act(objects, deed)
    text = str(caught.value)
    assert text.startswith("at 6")
    assert "Rollout web: 4 replicas" in text
    assert f"ReplicaSet {CANARY}: " in text


def test_pods_may_go_when_the_last_proxy_has_followed_and_not_before() -> None:
    act(ROUTED, _in_time, lag=2.0)
    with pytest.raises(BreachError, match="where nobody answers"):
        act(ROUTED, _too_soon, lag=2.0)


def _superseded(seconds: float) -> Callable[[Live], Awaitable[None]]:
    """A third revision with half of the pods gets the canary's Service so long after the weight fell."""

    async def deed(live: Live) -> None:
        found = live.sim.get("ReplicaSet", CANARY)
        owner, spec = found["metadata"]["ownerReferences"], found["spec"]
        labels = {**spec["template"]["metadata"]["labels"], "rollouts-pod-template-hash": "third"}
        template = {**spec["template"], "metadata": {"labels": labels}}
        selector = {"matchLabels": labels}
        meta = {"name": "web-third", "labels": labels, "ownerReferences": owner}
        made = {**spec, "selector": selector, "template": template}
        kind = {"apiVersion": "apps/v1", "kind": "ReplicaSet"}
        live.sim.create_object({**kind, "metadata": meta, "spec": made})
        await asyncio.sleep(5)
        weigh(live, 100, 0)
        await asyncio.sleep(seconds)
        point(live, "web-canary", "third")

    return deed


def test_a_newer_canary_gets_the_name_when_the_last_proxy_has_followed_and_not_before() -> None:
    act(ROUTED, _superseded(2), lag=2.0)
    with pytest.raises(BreachError, match="goes to third while some proxy may send 50 % there"):
        act(ROUTED, _superseded(1), lag=2.0)


def test_a_blue_green_service_moves_to_all_pods_only_and_none_go_from_under_it() -> None:
    objects = Setup("bluegreen", block={"autoPromotionEnabled": False, "previewReplicaCount": 1})
    with pytest.raises(BreachError, match="gets 100 % with 1 of 3 pods"):
        act(objects.objects(), lambda live: point(live, "web-active", CANARY.removeprefix("web-")))
    with pytest.raises(BreachError, match="from 3 to 2"):
        act(objects.objects(), lambda live: scale(live, STABLE, 2))


def test_without_routing_as_many_pods_stay_as_the_author_wants() -> None:
    made = rollout(replicas=4, steps=HALF, maxUnavailable=1)
    act([made], lambda live: scale(live, STABLE, 1))
    with pytest.raises(BreachError, match="2 of 3 pods answer"):
        act([made], lambda live: scale(live, STABLE, 0))


def test_a_stable_service_without_routing_keeps_somebody_who_answers() -> None:
    block = {"stableService": "web-stable", "canaryService": "web-canary", "steps": HALF}
    services = [service("web-stable"), service("web-canary")]
    with pytest.raises(BreachError, match="nobody answers"):
        act(
            [*services, rollout(replicas=2, maxUnavailable=1, **block)],
            lambda live: scale(live, STABLE, 0),
        )


def test_pods_that_are_lost_and_what_others_write_are_no_fault_of_the_controller() -> None:
    async def trouble(live: Live) -> None:
        pods = live.sim.list("Pod", **{"rollouts-pod-template-hash": CANARY.removeprefix("web-")})
        live.sim.kill_pods(pod["metadata"]["name"] for pod in pods)
        found = live.sim.get("VirtualService", "web")["spec"]["http"][0]
        route = [{**found["route"][0], "weight": 0}, {**found["route"][1], "weight": 100}]
        live.sim.patch("VirtualService", "web", {"spec": {"http": [{**found, "route": route}]}})

    act(ROUTED, trouble)


def test_a_test_may_play_the_wrong_order_on_purpose() -> None:
    with unguarded():
        act(ROUTED, lambda live: scale(live, CANARY, 0))
