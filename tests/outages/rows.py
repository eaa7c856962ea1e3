"""The outages that users of Argo Rollouts reported, each as a story that any controller can be put into.

In: a cluster with load on it. Out: nothing; what becomes of the requests is counted by `load.py`. The numbers are those
of the list of reports that the project keeps; `fails_at` are the lags at which the reference's order loses requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from livecluster import Json, Live, service
from setups import Setup

from gradatim.sim.api import Request

Story = Callable[[Live], Awaitable[None]]
HALF: list[Json] = [{"setWeight": 50}, {"pause": {}}]
LABEL = "rollouts-pod-template-hash"
ALL = (0, 2, 30)
LATE = (2, 30)


@dataclass(frozen=True)
class Row:
    """One report: what is deployed, what happens, and who is asked meanwhile.

    Attributes:
        capacity: pods that all requests need together; 0: any one carries everything.
        late_endpoints: some proxies hear of the pods behind a Service last.
        drains: no mesh routes it, and so its pods answer as long as proxies may ask, as in any release without one.
    """

    number: int
    title: str
    setup: Setup
    story: Story
    fails_at: tuple[int, ...]
    hosts: tuple[str, ...] = ("web",)
    capacity: int = 0
    late_endpoints: bool = False
    drains: bool = False
    before: Callable[[], list[Json]] = list

    @property
    def name(self) -> str:
        return f"row {self.number}: {self.title}"


async def _half(live: Live, image: str = "app:v2") -> None:
    """A release that waits at half of the traffic, with every proxy knowing."""
    await live.until("Healthy", within=300)
    await _passes(live, 2)
    live.image(image)
    await live.until("Paused", within=300)
    await _passes(live, 2)


async def _passes(live: Live, lags: float = 2) -> None:
    await asyncio.sleep(10 + lags * live.sim.mesh.lag)


def _sicken(live: Live, which: str, number: int) -> list[Json]:
    pods = live.sim.list("Pod", **{LABEL: live.status()[which]})[:number]
    for pod in pods:
        live.sim.kubelet.break_pod(pod)
    return pods


async def _third_revision(live: Live) -> None:
    await _half(live)
    live.image("app:v3")
    await _passes(live, 3)


async def _to_the_end(live: Live) -> None:
    await live.until("Healthy", within=300)
    await _passes(live)
    live.image("app:v2")
    await asyncio.sleep(1)
    await live.until("Healthy", within=400)
    await _passes(live, 3)


async def _third_while_stable_is_ill(live: Live) -> None:
    await _half(live)
    pods = _sicken(live, "stableRS", 3)
    await asyncio.sleep(1)
    live.image("app:v3")
    await asyncio.sleep(20)
    for pod in pods:
        live.sim.kubelet.mend_pod(pod)
    await _passes(live, 3)


async def _first_rollout(live: Live) -> None:
    await live.until("Healthy", within=300)
    await _passes(live)


async def _abort(live: Live) -> None:
    await _half(live)
    live.status_is(abort=True)
    await asyncio.sleep(10)
    await _passes(live, 3)


async def _promote_full(live: Live) -> None:
    await _half(live)
    live.status_is(promoteFull=True)
    await live.until("Healthy", within=400)
    await _passes(live)


async def _autoscaled(live: Live) -> None:
    """An autoscaler that wants one pod for each pod's worth of requests, as its selector shows them."""
    await _half(live)
    for _ in range(6):
        await asyncio.sleep(15)
        path = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/web/scale"
        _, scale = live.sim.api.answer(Request("GET", path))
        pairs = [term.split("=") for term in scale["status"]["selector"].split(",")]
        selected = {pod["metadata"]["labels"][LABEL] for pod in live.sim.list("Pod", **dict(pairs))}
        shares = live.sim.mesh.split("web")
        load = 4 * sum(share for pod_hash, share in shares.items() if pod_hash in selected)
        live.edit({"spec": {"replicas": max(1, ceil(load - 0.01))}})
    await _passes(live)


async def _second_abort(live: Live) -> None:
    await _half(live)
    live.status_is(abort=True)
    await asyncio.sleep(8)
    live.status_is(abort=False)
    await live.until("Paused", within=300)
    await _passes(live)
    live.status_is(abort=True)
    await _passes(live, 3)


async def _left_behind(live: Live) -> None:
    """An experiment has ended, and its destinations are still in the route."""
    await _half(live)
    http = live.sim.get("VirtualService", "web")["spec"]["http"][0]
    own = [{**d, "weight": w} for d, w in zip(http["route"], (30, 20), strict=True)]
    left = [{"destination": {"host": f"web-{n}"}, "weight": w} for n, w in (("a", 30), ("b", 20))]
    live.sim.patch("VirtualService", "web", {"spec": {"http": [{**http, "route": [*own, *left]}]}})
    await _passes(live, 3)
    for name in ("a", "b"):
        live.sim.patch("Deployment", f"web-{name}", {"spec": {"replicas": 0}})
    await _passes(live, 3)


async def _back_while_stable_is_ill(live: Live) -> None:
    await _half(live)
    pods = _sicken(live, "stableRS", 7)
    await asyncio.sleep(1)
    live.image("app:v1")
    await asyncio.sleep(20)
    for pod in pods:
        live.sim.kubelet.mend_pod(pod)
    await live.until("Healthy", within=300)
    await _passes(live, 3)


async def _release_after_an_abort(live: Live) -> None:
    await _half(live)
    live.status_is(abort=True)
    await asyncio.sleep(20)
    await _passes(live, 3)
    live.image("app:v3")
    await live.until("Paused", within=300)
    await _passes(live, 2)


def _experiment(name: str) -> list[Json]:
    return [service(f"web-{name}", app=name), *_deployment(f"web-{name}", app=name, replicas=1)]


def _deployment(name: str = "before", app: str = "web", replicas: int = 3) -> list[Json]:
    labels = {"app": app}
    spec = {"containers": [{"name": "app", "image": "app:v0"}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    made: Json = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }
    return [made]


def _setup(kind: str, replicas: int = 4, **block: Any) -> Setup:
    return Setup(kind, replicas, {"steps": HALF, **block} if kind != "bluegreen" else block)


_END: list[Json] = [{"setWeight": 50}, {"pause": {"duration": "5s"}}]

ROWS = [
    Row(
        1,
        "a third revision while a canary is in flight",
        _setup("subsets"),
        _third_revision,
        LATE,
    ),
    Row(
        2,
        "stable goes as soon as the weight is written",
        _setup("istio", steps=_END, dynamicStableScale=True),
        _to_the_end,
        LATE,
        capacity=4,
    ),
    Row(
        3,
        "subset and weight back to back at the promotion",
        _setup("subsets", steps=_END, scaleDownDelaySeconds=1),
        _to_the_end,
        LATE,
    ),
    Row(
        4,
        "a third revision while stable is ill",
        _setup("subsets"),
        _third_while_stable_is_ill,
        ALL,
    ),
    Row(
        5,
        "the first Rollout over a Deployment",
        _setup("subsets"),
        _first_rollout,
        ALL,
        before=_deployment,
    ),
    Row(
        6,
        "a workloadRef's Deployment",
        _setup("workload"),
        _first_rollout,
        ALL,
        drains=True,
        before=lambda: [service("web")],
    ),
    Row(
        7,
        "traffic stays on an aborted canary until its pods go",
        _setup("istio", abortScaleDownDelaySeconds=5),
        _abort,
        LATE,
    ),
    Row(
        8,
        "more canary pods than replicas, and a full promotion",
        _setup(
            "istio", dynamicStableScale=True, steps=[{"setCanaryScale": {"replicas": 9}}, *HALF]
        ),
        _promote_full,
        ALL,
    ),
    Row(
        9,
        "an autoscaler that sees one revision only",
        _setup("istio", steps=[{"setWeight": 80}, {"pause": {}}]),
        _autoscaled,
        ALL,
        capacity=4,
    ),
    Row(
        10,
        "stable goes for canary pods that are not there",
        _setup("basic", steps=[{"setWeight": 100}, {"pause": {"duration": "20s"}}]),
        _to_the_end,
        ALL,
        drains=True,
        before=lambda: [service("web")],
    ),
    Row(
        11,
        "a Service's selector flips before a router that is late",
        _setup("bluegreen", scaleDownDelaySeconds=1),
        _to_the_end,
        LATE,
        hosts=("web-active",),
        late_endpoints=True,
    ),
    Row(
        12,
        "the second abort does not wait",
        _setup("istio", abortScaleDownDelaySeconds=40),
        _second_abort,
        LATE,
        hosts=("web", "web-canary"),
    ),
    Row(
        13,
        "destinations of an experiment that has ended",
        _setup("istio"),
        _left_behind,
        ALL,
        before=lambda: [*_experiment("a"), *_experiment("b")],
    ),
    Row(
        14,
        "a preview Service before its pods",
        _setup("bluegreen"),
        _to_the_end,
        ALL,
        hosts=("web-preview",),
    ),
    Row(
        15,
        "a way back to a stable that cannot carry it",
        _setup("istio", 10, steps=[{"setWeight": 80}, {"pause": {}}]),
        _back_while_stable_is_ill,
        ALL,
        capacity=10,
    ),
    Row(
        16,
        "the subset of an aborted canary is not put back",
        _setup("subsets", abortScaleDownDelaySeconds=1),
        _release_after_an_abort,
        LATE,
    ),
]
