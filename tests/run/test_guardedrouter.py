"""Whatever a router's plugin does, a RouterError comes of it; and whom it keeps waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import pytest

from gradatim.decide import Route
from gradatim.errors import PluginError
from gradatim.plugin import (
    FieldPath,
    Observed,
    Problem,
    RouterError,
    TrafficRouter,
    Wanted,
)
from gradatim.run.guardedrouter import GuardedRouter
from gradatim.run.outside import OutsideRouters
from gradatim.run.verifying import Verifying
from gradatim.sim import run_virtual
from gradatim.testing.fakes import a_wanted

KEY = ("default", "web")
WANTED = a_wanted({})
ASK: dict[str, Callable[[TrafficRouter], Any]] = {
    "references": lambda r: r.references({}, "ns"),
    "plan": lambda r: r.plan(WANTED, {}),
    "observed": lambda r: r.observed(WANTED, {}),
    "bound_hashes": lambda r: r.bound_hashes({}, "ns", {}),
    "released": lambda r: r.released("web", {}, "ns", {}),
    "apply": lambda r: r.apply(WANTED),
    "verify": lambda r: r.verify(WANTED, {}),
}


class Plain(TrafficRouter):
    key: ClassVar[str] = "test/plain"

    def plan(self, wanted: Wanted, objects: Any) -> Any:
        yield from ()


def failing(error: BaseException) -> TrafficRouter:
    def method(*_: Any) -> Any:
        raise error

    return type("Failing", (Plain,), dict.fromkeys([*ASK, "check"], method))()


def answer_of(method: str, router: TrafficRouter) -> Any:
    async def whole() -> Any:
        answer = ASK[method](router)
        return await answer if asyncio.iscoroutine(answer) else answer

    return run_virtual(whole())


@pytest.mark.parametrize("method", ASK)
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("bad\nvalue"), "failed: ValueError: bad value"),
        (KeyError("k"), "failed: KeyError: 'k'"),
        (SystemExit(3), "failed: SystemExit: 3"),
        (RecursionError(), "failed: RecursionError"),
        (ValueError("x" * 9999), "failed: ValueError: " + "x" * 256),
    ],
)
def test_what_a_plugin_raises_becomes_one_line_with_its_key_and_method(
    method: str, error: BaseException, said: str
) -> None:
    with pytest.raises(RouterError) as caught:
        answer_of(method, GuardedRouter("test/x", failing(error)))
    assert str(caught.value) == f"traffic router test/x: {method} {said}"


@pytest.mark.parametrize("method", ASK)
def test_its_own_error_goes_through_as_it_is(method: str) -> None:
    with pytest.raises(RouterError) as caught:
        answer_of(method, GuardedRouter("test/x", failing(RouterError("no such route"))))
    assert str(caught.value) == "no such route"


def test_a_router_that_fails_at_checking_is_itself_the_problem() -> None:
    path = FieldPath("spec") / "x"
    problems = GuardedRouter("test/x", failing(ValueError("v"))).check(WANTED, {}, path)
    assert list(problems) == [Problem(path, "traffic router test/x: check failed: ValueError: v")]


def test_a_generator_that_fails_half_way_fails_in_the_call() -> None:
    class Half(Plain):
        def plan(self, wanted: Wanted, objects: Any) -> Any:
            yield from ()
            raise ValueError("half way")

    with pytest.raises(RouterError, match="half way"):
        GuardedRouter("test/x", Half()).plan(WANTED, {})


def test_sound_answers_come_through() -> None:
    assert answer_of("plan", GuardedRouter("x", Plain())) == ()
    assert answer_of("observed", GuardedRouter("x", Plain())) == Observed()
    assert answer_of("verify", GuardedRouter("x", Plain())) is None
    assert answer_of("bound_hashes", GuardedRouter("x", Plain())) == frozenset()


@pytest.mark.parametrize("method", ["apply", "verify"])
def test_a_router_that_hangs_is_given_up_after_its_deadline(method: str) -> None:
    async def hangs(*_: Any) -> None:
        for _attempt in range(2):  # it does not even end when it is told to
            try:
                await asyncio.sleep(10_000)
            except asyncio.CancelledError:
                continue

    router = type("Hanging", (Plain,), {method: hangs})()

    async def whole() -> None:
        with pytest.raises(RouterError, match=f"test/x: {method} did not end within 3 seconds"):
            await ASK[method](GuardedRouter("test/x", router, deadline=3.0))
        assert asyncio.get_running_loop().time() == pytest.approx(3.0)

    run_virtual(whole())


@pytest.mark.parametrize("method", ["apply", "verify"])
def test_a_cancellation_from_within_is_the_plugins_failure_and_ours_is_ours(method: str) -> None:
    with pytest.raises(RouterError, match=f"{method} failed: CancelledError"):
        answer_of(method, GuardedRouter("test/x", failing(asyncio.CancelledError())))

    async def whole() -> None:
        router = type("Slow", (Plain,), {method: lambda *_: asyncio.sleep(100)})()
        task = asyncio.create_task(ASK[method](GuardedRouter("test/x", router)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(whole())


# verifying without a worker


class Verified(Plain):
    def __init__(self, answer: Callable[[], Coroutine[Any, Any, bool | None]]) -> None:
        self.answer = answer
        self.asked = 0

    async def verify(self, wanted: Wanted, objects: Any) -> bool | None:
        self.asked += 1
        return await self.answer()


def route(router: TrafficRouter) -> Route:
    return Route(key="x", router=GuardedRouter("test/x", router), config={})


async def later(seconds: float, answer: bool | None) -> bool | None:
    await asyncio.sleep(seconds)
    return answer


@pytest.mark.parametrize("answer", [True, False, None])
def test_an_answer_that_comes_at_once_is_the_answer(answer: bool | None) -> None:
    async def whole() -> None:
        verifying = Verifying(lambda _: None, lambda *_: None)
        router = Verified(lambda: later(0, answer))
        assert await verifying.ask(KEY, route(router), WANTED) is answer
        assert await verifying.ask(KEY, route(router), WANTED) is answer
        assert router.asked == 2

    run_virtual(whole())


def test_while_the_router_thinks_it_is_not_yet_so_and_its_answer_queues_the_rollout() -> None:
    async def whole() -> None:
        queued: list[tuple[str, str]] = []
        verifying = Verifying(queued.append, lambda *_: None)
        router = Verified(lambda: later(5, True))
        began = asyncio.get_running_loop().time()
        assert await verifying.ask(KEY, route(router), WANTED) is False
        assert await verifying.ask(KEY, route(router), WANTED) is False
        assert asyncio.get_running_loop().time() - began < 0.2
        assert queued == []
        await asyncio.sleep(6)
        assert queued == [KEY]
        assert await verifying.ask(KEY, route(router), WANTED) is True
        assert router.asked == 1

    run_virtual(whole())


def test_a_question_about_weights_that_are_no_longer_wanted_is_dropped() -> None:
    async def whole() -> None:
        verifying = Verifying(lambda _: None, lambda *_: None)
        answers = iter([later(5, True), later(0, False)])
        router = Verified(lambda: next(answers))
        assert await verifying.ask(KEY, route(router), WANTED) is False
        assert await verifying.ask(KEY, route(router), a_wanted({}, weight=40)) is False
        await asyncio.sleep(10)
        assert router.asked == 2

    run_virtual(whole())


def test_a_router_that_fails_at_it_cannot_say_and_that_is_told() -> None:
    async def whole() -> None:
        told: list[Any] = []
        verifying = Verifying(lambda _: None, lambda *each: told.append(each))
        assert await verifying.ask(KEY, route(failing(ValueError("v"))), WANTED) is None
        assert told == [(KEY, "traffic router test/x: verify failed: ValueError: v")]

    run_virtual(whole())


def test_who_is_forgotten_is_not_asked_about_any_more() -> None:
    async def whole() -> None:
        queued: list[Any] = []
        verifying = Verifying(queued.append, lambda *_: None)
        for name in ("a", "b"):
            await verifying.ask(("ns", name), route(Verified(lambda: later(50, True))), WANTED)
        verifying.forget(("ns", "a"))
        await verifying.aclose()
        assert len(asyncio.all_tasks()) == 1

    run_virtual(whole())


# routers outside the cluster


class OneRouter:
    def __init__(self, router: TrafficRouter | None) -> None:
        self.router = router

    def traffic_router(self, key: str) -> TrafficRouter:
        if self.router is None:
            raise PluginError("nobody serves it", plugin=key)
        return self.router


def test_one_that_hangs_is_asked_by_so_many_at_once_and_no_more() -> None:
    async def whole() -> None:
        router = type("Slow", (Plain,), {"apply": lambda *_: asyncio.sleep(10)})()
        routers = OutsideRouters(OneRouter(router), at_once=2)  # type: ignore[arg-type]
        asked = [asyncio.create_task(routers.apply("x", WANTED)) for _ in range(2)]
        await asyncio.sleep(1)
        with pytest.raises(RouterError, match="busy with 2 other Rollouts"):
            await routers.apply("x", WANTED)
        await asyncio.gather(*asked)
        await routers.apply("x", WANTED)

    run_virtual(whole())


def test_a_plugin_that_is_gone_is_a_routers_failure() -> None:
    async def whole() -> None:
        with pytest.raises(RouterError, match="nobody serves it"):
            await OutsideRouters(OneRouter(None), 1).apply("x", WANTED)  # type: ignore[arg-type]

    run_virtual(whole())
