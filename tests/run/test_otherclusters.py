"""Routers' objects in another cluster than the Rollouts."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import pytest
from livecluster import AGENT, Json, Live, definitions, registry_of, routed, virtual_service

from gradatim.errors import SetupError
from gradatim.kube.client import Client
from gradatim.kube.errors import Forbidden, KubeError, Unavailable
from gradatim.kube.resources import SERVICES, Resource
from gradatim.run.controller import Controller, Settings
from gradatim.run.otherclusters import Clusters, other_clusters
from gradatim.sim import Sim, SimSettings, run_virtual

LABEL = "istio.argoproj.io/primary-cluster=true"
LABELS = {"networking.istio.io": LABEL}


def secret(name: str = "primary", **data: str) -> Json:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"metadata": {"name": name}, "data": encoded}


class Secrets(Client):
    """Knows these Secrets, or refuses."""

    def __init__(self, *secrets: Json, refusal: KubeError | None = None) -> None:
        self.secrets, self.refusal = secrets, refusal

    async def list(self, selection: Any, *, page: int = 500) -> Any:
        assert (selection.namespace, selection.labels) == ("gradatim", LABEL)
        if self.refusal is not None:
            raise self.refusal
        return type("Listing", (), {"items": self.secrets})()


async def found(client: Client) -> tuple[Clusters, list[tuple[str, str]]]:
    asked: list[tuple[str, str]] = []
    other = Secrets()

    async def connect(text: str, named: str) -> Client:
        asked.append((text, named))
        return other

    return await other_clusters(client, "gradatim", LABELS, connect), asked


async def test_the_secret_says_where_the_objects_of_a_group_are():
    client = Secrets(secret(kubeconfig="apiVersion: v1"))
    clusters, asked = await found(client)
    assert asked == [("apiVersion: v1", "Secret gradatim/primary")]
    istio = Resource("networking.istio.io", "v1", "virtualservices", "VirtualService")
    assert clusters.of(istio) is not client
    assert clusters.of(SERVICES) is client


@pytest.mark.parametrize("client", [Secrets(), Secrets(refusal=Forbidden("no", status=403))])
async def test_without_a_secret_or_the_right_to_look_everything_is_here(client: Client):
    clusters, asked = await found(client)
    assert asked == []
    assert clusters.of_group("networking.istio.io") is client


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        (
            [secret("a", k="x"), secret("b", k="x")],
            f"several Secrets in gradatim have .*{LABEL}: a, b",
        ),
        ([secret()], "Secret gradatim/primary must have one key with a kubeconfig, and has 0"),
        ([secret(a="x", b="y")], "must have one key with a kubeconfig, and has 2"),
        ([{"metadata": {"name": "primary"}, "data": {"k": "%%%"}}], "its kubeconfig is no text"),
    ],
)
async def test_a_secret_that_cannot_be_used_ends_the_start(secrets: list[Json], message: str):
    with pytest.raises(SetupError, match=message):
        await found(Secrets(*secrets))


async def test_a_server_that_is_out_is_no_word_about_other_clusters():
    with pytest.raises(KubeError):
        await found(Secrets(refusal=Unavailable("later", status=503)))


def test_a_release_writes_its_weights_in_the_other_cluster():
    settings = SimSettings(ready_after=0.5, gone_after=0.3)

    async def story() -> None:
        async with Sim(settings) as here, Sim(settings) as there:
            for definition in definitions():
                here.create_object(definition)
            await here.settle()
            virtual, *others = (virtual_service(), *_without_virtual_service())
            there.create_object(virtual)
            registry = registry_of()
            elsewhere: Mapping[str, Client] = {
                "networking.istio.io": Client(there.transport(AGENT))
            }
            clusters = Clusters(Client(here.transport(AGENT)), elsewhere)
            live = Live(here, registry, Settings(environment={}))
            loop = asyncio.get_running_loop()
            controller = Controller(
                Client(here.transport(AGENT)),
                registry,
                live.settings,
                clock=here.clock.now,
                ticks=loop.time,
                clusters=clusters,
            )
            stop = asyncio.Event()
            running = asyncio.create_task(controller.run(stop))
            live.apply(*others)
            await live.until("Healthy")
            live.image("app:v2")
            await live.until("Paused")
            route = there.get("VirtualService", "web", "default")["spec"]["http"][0]["route"]
            assert [each["weight"] for each in route] == [50, 50]
            live.promote()
            await live.until("Healthy")
            stop.set()
            await running
            await registry.aclose()

    run_virtual(story())


def _without_virtual_service() -> list[Json]:
    objects = routed(steps=[{"setWeight": 50}, {"pause": {}}])
    return [each for each in objects if each["kind"] != "VirtualService"]
