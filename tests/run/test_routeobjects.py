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
    versions: dict[str, str] | None = None,
) -> None:
    async def whole() -> None:
        async with Sim() as sim:
            sim.create_object(virtual_service())
            changed: list[ObjectRef] = []
            objects = RouteObjects(
                Clusters(Client(sim.transport(line=line))), namespace, changed.append, versions
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


def asked(paths: list[str], *unserved: str) -> Callable[[str, str], ApiError | None]:
    """Notes the versions in which an API server is asked for VirtualServices; some it does not serve."""

    def line(_method: str, path: str) -> ApiError | None:
        group, _, rest = path.removeprefix("/apis/").partition("/")
        version, _, tail = rest.partition("/")
        if tail:
            paths.append(version)
        if group == "networking.istio.io" and version in unserved:
            return ApiError(404, "NotFound", "the server could not find the requested resource")
        return None

    return line


async def finds_web_and_hears_of_it(
    sim: Sim, objects: RouteObjects, changed: list[ObjectRef]
) -> None:
    assert await objects.get(WEB) is not None
    changed.clear()
    sim.patch("VirtualService", "web", {"spec": {"hosts": ["other.example.com"]}})
    await asyncio.sleep(0.1)
    assert changed == [WEB], "told by the name that it was asked for by"


def test_objects_of_a_group_are_read_in_the_version_that_a_flag_names() -> None:
    paths: list[str] = []
    played(
        finds_web_and_hears_of_it,
        line=Line(disturb=asked(paths)),
        versions={"networking.istio.io": "v1alpha3"},
    )
    assert set(paths) == {"v1alpha3"}


def test_without_such_a_flag_the_version_is_that_of_the_reference() -> None:
    paths: list[str] = []
    played(finds_web_and_hears_of_it, line=Line(disturb=asked(paths)))
    assert set(paths) == {"v1beta1"}


def test_a_version_that_is_not_served_gives_way_to_one_that_is_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    paths: list[str] = []
    played(
        finds_web_and_hears_of_it,
        line=Line(disturb=asked(paths, "v1alpha3", "v1")),
        versions={"networking.istio.io": "v1alpha3"},
    )
    assert set(paths) == {"v1beta1"}
    assert caplog.messages == [
        "VirtualService of networking.istio.io/v1alpha3 is not served: v1beta1 is used"
    ]


def test_where_no_version_is_served_there_is_no_object() -> None:
    async def story(_sim: Sim, objects: RouteObjects, _: Any) -> None:
        assert await objects.get(WEB) is None

    line = Line(disturb=asked([], "v1alpha3", "v1beta1", "v1"))
    played(story, line=line, versions={"networking.istio.io": "v1"})
