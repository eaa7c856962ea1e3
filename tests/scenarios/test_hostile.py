"""Objects that nobody should have written, and plugins that nobody should have installed: the others go on."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from guard import unguarded
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from livecluster import Json, Live, analysis, answering, play, rollout, routed, service, template

from gradatim.kube.transport import Answer, Transport
from gradatim.plugin import Capability, ObjectRef, Patch, TrafficRouter, Wanted

Edit = tuple[tuple[Any, ...], Any]

VALUES = st.sampled_from(
    [
        *(None, True, 0, -1, 1e308, 2**70, "", "x", "10%", "\ud800", "9" * 5000, [], {}),
        *([None], {"": None}, [[]], [{"name": 1}], {"a": {"b": []}}, [{"setWeight": "x"}]),
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    """The path of every part of a JSON value, but for what makes it an object of its name."""
    names = {"name", "namespace", "uid", "resourceVersion"}
    kept = {("metadata",), ("apiVersion",), ("kind",), *(("metadata", each) for each in names)}
    if path and path not in kept:
        yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, each in items:
        yield from places(each, (*path, key))


def planted(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = planted(copy[path[0]], path[1:], new)
    return copy


@dataclass
class Lying:
    """A way to the cluster that tells objects named `hostile…` of one kind otherwise than they are."""

    inner: Transport
    kind: str
    edits: Sequence[Edit] = ()

    async def send(self, method: str, path: str, *, body: object | None, **given: Any) -> Answer:
        wanted = body.get("spec", {}).get("replicas", 0) if isinstance(body, dict) else 0
        if not isinstance(wanted, int) or not 0 <= wanted < 20:
            # the real API server takes 32 bits, and no test wants to wait for so many pods
            return 422, {}, {"kind": "Status", "code": 422, "reason": "Invalid", "message": "no"}
        try:
            status, headers, answer = await self.inner.send(method, path, body=body, **given)
        except (TypeError, AttributeError, KeyError, ValueError):
            # what the embedded cluster cannot read, the real one refuses
            return 400, {}, {"kind": "Status", "code": 400, "reason": "BadRequest", "message": "no"}
        if method == "GET" and isinstance(answer.get("items"), list):
            kind = answer["kind"].removesuffix("List")
            answer = {**answer, "items": [self.told(each, kind) for each in answer["items"]]}
        return status, headers, answer

    @asynccontextmanager
    async def stream(self, path: str, **given: Any) -> AsyncIterator[Any]:
        async with self.inner.stream(path, **given) as (status, lines):
            yield status, self._lines(lines)

    async def _lines(self, lines: AsyncIterator[Json]) -> AsyncIterator[Json]:
        async for line in lines:
            yield {**line, "object": self.told(line["object"], line["object"].get("kind"))}

    async def aclose(self) -> None:
        await self.inner.aclose()

    def told(self, obj: Json, kind: str) -> Json:
        name = obj["metadata"].get("name", "")
        if kind != self.kind or not name.startswith("hostile"):
            return obj
        for path, value in self.edits:
            with suppress(KeyError, IndexError, TypeError, AttributeError):
                obj = planted(obj, path, value)
        return obj


def around() -> list[Json]:
    """A Rollout that refers to everything, and all that it refers to; sound, as the API server has it."""
    shared = {**template("hostile"), "kind": "ClusterAnalysisTemplate"}
    steps = [
        {"setWeight": 50},
        {"analysis": {"templates": [{"templateName": "hostile", "clusterScope": True}]}},
        analysis("hostile"),
        {"pause": {}},
    ]
    run = {**template("hostile"), "kind": "AnalysisRun"}
    return [shared, template("hostile"), run, *routed("hostile", replicas=1, steps=steps)]


KINDS = (
    "Rollout",
    "ReplicaSet",
    "Service",
    "AnalysisRun",
    "AnalysisTemplate",
    "ClusterAnalysisTemplate",
    "VirtualService",
)


async def others_go_on(live: Live) -> None:
    """Given whatever there is, a release of somebody else goes through, quickly."""
    live.apply(template("good"), *routed(replicas=1, steps=[{"setWeight": 50}, analysis("good")]))
    await live.until("Healthy", within=10)
    live.image("app:v2")
    await live.until("Healthy", within=20)


@functools.cache
def examples() -> dict[str, Json]:
    """One object of each kind as it is in the middle of a release."""
    found: dict[str, Json] = {}

    async def story(live: Live) -> None:
        live.apply(*around())
        await live.until("Healthy", "hostile")
        live.image("app:v2", "hostile")
        await live.until("Paused", "hostile")
        for kind in KINDS:
            found[kind] = live.sim.list(kind)[-1]

    play(story, answering(lambda _: 1))
    return found


@pytest.mark.timeout(1800)  # with many examples on a machine that is busy otherwise
@pytest.mark.parametrize("kind", KINDS)
def test_a_malformed_object_stops_nobody_else(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    spots = st.sampled_from(list(places(examples()[kind])))
    changes = st.lists(st.tuples(spots, VALUES), min_size=1, max_size=3)

    @settings(
        max_examples=int(os.environ.get("GRADATIM_EXAMPLES", "3")),
        deadline=None,
        phases=[Phase.generate],  # a story takes a while: no thousand of them to find the smallest
        derandomize="GRADATIM_EXAMPLES" not in os.environ,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(hostile=st.lists(changes, min_size=10, max_size=10))
    def check(hostile: list[list[Edit]]) -> None:
        async def story(live: Live) -> None:
            line = Lying(live.sim.transport("gradatim"), kind)
            live.start(line)
            live.apply(*around())
            await asyncio.sleep(2)
            for number, edits in enumerate(hostile):
                line.edits = edits
                touched = {"metadata": {"annotations": {"touched": str(number)}}}
                for each in live.sim.list(kind):
                    if each["metadata"]["name"].startswith("hostile"):
                        live.sim.patch(kind, each["metadata"]["name"], touched)
                if number == 4:
                    live.image("app:v2", "hostile")
                await asyncio.sleep(1.3)
            await others_go_on(live)
            assert live.controller.faults == []

        # what the controller is told of the hostile one is not so: nobody can keep rules by it
        with unguarded():
            play(story, answering(lambda _: 1), started=False)
        bugs = [r for r in caplog.records if r.exc_info]
        assert not bugs, [r.getMessage() + repr(r.exc_info) for r in bugs][:3]

    check()


# plugins


def wall(router: type[TrafficRouter], *, expect: str) -> Any:
    """A story in which one Rollout has a bad router, and the others have no part in it."""

    async def story(live: Live) -> None:
        name = router.key
        bad = [service(f"{n}-{side}", n) for n in BAD for side in ("stable", "canary")] + [
            rollout(
                n,
                replicas=1,
                canaryService=f"{n}-canary",
                stableService=f"{n}-stable",
                trafficRouting={"plugins": {name: {}}},
                steps=[{"setWeight": 50}, {"pause": {}}],
            )
            for n in BAD
        ]
        live.apply(*bad)
        await asyncio.sleep(1)
        for each in BAD:
            live.image("app:v2", each)
        began = asyncio.get_running_loop().time()
        await others_go_on(live)
        assert asyncio.get_running_loop().time() - began < 15
        await asyncio.sleep(60)
        said = [e for e in live.events() if expect in e]
        said += [live.message(each) for each in BAD if expect in live.message(each)]
        assert said, live.events()
        assert live.phase("web") == "Healthy"

    return story


#: As many as there are workers, and a few more.
BAD = [f"bad{n}" for n in range(12)]


def router(**methods: Any) -> type[TrafficRouter]:
    """A router with these methods, for a control plane outside the cluster."""
    plain = {
        "key": "test/bad",
        "capabilities": frozenset({Capability.WEIGHT, Capability.VERIFY}),
        "plan": lambda self, wanted, objects: (),
    }
    return type("Bad", (TrafficRouter,), {**plain, **methods})


async def hangs(*_: Any) -> None:
    await asyncio.Event().wait()


async def is_hard_to_stop(*_: Any) -> None:
    for _attempt in range(2):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(10_000)


def raises(error: BaseException) -> Any:
    def method(*_: Any) -> None:
        raise error

    return method


async def ends_the_process(*_: Any) -> None:
    raise SystemExit(1)


@pytest.mark.parametrize(
    ("methods", "expect"),
    [
        pytest.param({"apply": hangs}, "apply did not end within 30 seconds", id="apply hangs"),
        pytest.param(
            {"apply": raises(ValueError("x"))}, "apply failed: ValueError: x", id="raises"
        ),
        pytest.param(
            {"apply": ends_the_process}, "apply failed: SystemExit", id="sys.exit in apply"
        ),
        pytest.param({"verify": hangs}, "verify did not end within 30 seconds", id="verify hangs"),
        pytest.param(
            {"verify": is_hard_to_stop}, "verify did not end", id="verify is hard to stop"
        ),
        pytest.param(
            {"verify": raises(KeyError("k"))}, "verify failed: KeyError", id="verify raises"
        ),
        pytest.param(
            {"references": raises(ValueError("x"))},
            "references failed: ValueError",
            id="references",
        ),
        pytest.param(
            {"check": raises(SystemExit(2))}, "check failed: SystemExit", id="check exits"
        ),
    ],
)
def test_a_bad_router_hurts_its_own_rollouts_only(methods: dict[str, Any], expect: str) -> None:
    bad = router(**methods)
    play(wall(bad, expect=expect), bad, answering(lambda _: 1))


class BadPlan(TrafficRouter):
    """Has an object in the cluster, and fails at planning for it."""

    key: ClassVar[str] = "test/bad"

    def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
        return [ObjectRef("v1", "Service", namespace, "web-stable")]

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        raise ZeroDivisionError("in plan")


def test_a_router_that_cannot_plan_says_so_in_the_events() -> None:
    play(
        wall(BadPlan, expect="plan failed: ZeroDivisionError: in plan"),
        BadPlan,
        answering(lambda _: 1),
    )


async def never(_: Any = None) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        pytest.param(lambda _: never(), "Error", id="hangs"),
        pytest.param(lambda _: ValueError("no"), "Error", id="raises"),
        pytest.param(lambda _: SystemExit(3), "Error", id="ends the process"),
        pytest.param(lambda _: object(), "Error", id="answers with nonsense"),
    ],
)
def test_a_bad_provider_ends_its_own_release_only(answer: Any, phase: str) -> None:
    async def story(live: Live) -> None:
        live.apply(template("bad"), rollout("bad", replicas=1, steps=[analysis("bad")]))
        await live.until("Healthy", "bad")
        live.image("app:v2", "bad")
        await others_go_on(live)
        status = await live.until("Degraded", "bad", within=3600)
        assert "assessed Error" in status["message"]
        assert live.sim.list("AnalysisRun")[0]["status"]["phase"] == phase

    play(story, answering(lambda series: answer(series) if series == "bad" else 1))
