"""Objects of routers, of whatever kind, on an embedded cluster."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from livecluster import virtual_service

from gradatim.kube.client import Client
from gradatim.kube.errors import Forbidden, KubeError
from gradatim.plugin import ObjectRef
from gradatim.run.otherclusters import Clusters
from gradatim.run.routeobjects import RouteObjects
from gradatim.sim import Line, Sim, run_virtual
from gradatim.sim.failure import ApiError

API = "networking.istio.io/v1beta1"
WORDS = r'cannot watch virtualservices\.networking\.istio\.io: .*User "x" cannot list'
WEB = ObjectRef(API, "VirtualService", "default", "web")


def played(
    story: Callable[[Sim, RouteObjects, list[ObjectRef]], Awaitable[None]],
    *,
    line: Line | None = None,
    namespace: str | None = None,
) -> None:
    async def whole() -> None:
        async with Sim() as sim:
            sim.create_object(virtual_service())
            changed: list[ObjectRef] = []
            objects = RouteObjects(
                Clusters(Client(sim.transport(line=line))), namespace, changed.append
            )
            try:
                await story(sim, objects, changed)
            finally:
                await objects.aclose()

    run_virtual(whole())


def test_a_kind_is_followed_from_the_first_question_on() -> None:
    async def story(sim: Sim, objects: RouteObjects, changed: list[ObjectRef]) -> None:
        assert objects.health == ()
        found = await objects.get(WEB)
        assert found is not None
        assert found["spec"]["hosts"] == ["web.example.com"]
        changed.clear()
        sim.patch("VirtualService", "web", {"spec": {"hosts": ["other.example.com"]}})
        await asyncio.sleep(0.1)
        assert changed == [WEB]
        found = await objects.get(WEB)
        assert found is not None
        assert found["spec"]["hosts"] == ["other.example.com"]
        assert len(objects.health) == 1

    played(story)


def test_what_is_not_there_or_not_served_is_none() -> None:
    async def story(sim: Sim, objects: RouteObjects, _: Any) -> None:
        assert await objects.get(ObjectRef(API, "VirtualService", "default", "others")) is None
        assert await objects.get(ObjectRef("no.such/v1", "Thing", "default", "x")) is None

    played(story)


def test_in_one_namespace_another_ones_object_is_read_and_not_followed() -> None:
    async def story(sim: Sim, objects: RouteObjects, changed: list[ObjectRef]) -> None:
        assert (await objects.get(WEB) or {})["metadata"]["name"] == "web"
        assert await objects.get(ObjectRef(API, "VirtualService", "default", "none")) is None
        assert objects.health == ()

    played(story, namespace="ours")


def refused(_method: str, path: str) -> ApiError | None:
    if path.endswith("/virtualservices"):
        return ApiError(403, "Forbidden", 'virtualservices is forbidden: User "x" cannot list')
    return None


def test_a_missing_right_is_said_at_once_and_to_everybody() -> None:
    async def story(sim: Sim, objects: RouteObjects, _: Any) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        answers = await asyncio.gather(
            *(objects.get(WEB) for _ in range(20)), return_exceptions=True
        )
        assert {type(answer) for answer in answers} == {Forbidden}
        # in the server's words, the first time too
        assert all(re.search(WORDS, str(answer)) for answer in answers)
        assert loop.time() - began < 1
        with pytest.raises(Forbidden, match=WORDS):
            await objects.get(WEB)

    played(story, line=Line(disturb=refused))


def test_once_the_right_is_there_it_is_used() -> None:
    async def story(sim: Sim, objects: RouteObjects, _: Any) -> None:
        with pytest.raises(Forbidden):
            await objects.get(WEB)
        allowed.append(True)
        await asyncio.sleep(120)
        assert await objects.get(WEB) is not None

    allowed: list[bool] = []
    played(story, line=Line(disturb=lambda m, p: None if allowed else refused(m, p)))


def test_a_kind_whose_list_never_comes_holds_up_the_first_who_ask_and_nobody_later() -> None:
    async def story(sim: Sim, objects: RouteObjects, _: Any) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(KubeError, match="cannot watch"):
            await objects.get(WEB)
        assert loop.time() - began < 5
        began = loop.time()
        for _ in range(50):
            with pytest.raises(KubeError, match="cannot watch"):
                await objects.get(WEB)
        assert loop.time() == began

    def silent(_method: str, path: str) -> OSError | None:
        return TimeoutError("silence") if path.endswith("/virtualservices") else None

    played(story, line=Line(disturb=silent))
