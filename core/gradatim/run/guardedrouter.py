"""A traffic router that raises nothing but `RouterError`, whatever its plugin does.

In: the plugin's router. Out: the same answers, or a RouterError that names the plugin's key and method.
`gather.py` puts it into snapshots, so that a decision on one Rollout cannot be broken by somebody's plugin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from ..plugin import (
    FieldPath,
    Json,
    ObjectRef,
    Observed,
    Patch,
    Problem,
    RouterError,
    TrafficRouter,
    Wanted,
)

T = TypeVar("T")

#: Seconds that a router may take to answer whether weights have arrived, or to bring about a state.
DEADLINE: Final = 30.0
_LONGEST: Final = 256


class GuardedRouter(TrafficRouter):
    """Delegates to a router, one guarded call each."""

    key = "guarded"

    def __init__(self, key: str, router: TrafficRouter, deadline: float = DEADLINE) -> None:
        self._key = key
        self._router = router
        self._deadline = deadline

    def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
        """The router's, as a tuple."""
        return self._ask("references", lambda: tuple(self._router.references(config, namespace)))

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        """The router's, as a tuple."""
        return self._ask("plan", lambda: tuple(self._router.plan(wanted, objects)))

    def check(
        self, wanted: Wanted, objects: Mapping[ObjectRef, Json], path: FieldPath
    ) -> Iterable[Problem]:
        """The router's, as a tuple; a router that fails at it is a Problem itself."""
        try:
            return self._ask("check", lambda: tuple(self._router.check(wanted, objects, path)))
        except RouterError as error:
            return (Problem(path, str(error)),)

    def observed(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Observed:
        """The router's."""
        return self._ask("observed", lambda: self._router.observed(wanted, objects))

    def bound_hashes(
        self, config: Json, namespace: str, objects: Mapping[ObjectRef, Json]
    ) -> frozenset[str]:
        """The router's."""
        return self._ask(
            "bound_hashes",
            lambda: frozenset(self._router.bound_hashes(config, namespace, objects)),
        )

    def released(
        self, rollout: str, config: Json, namespace: str, objects: Mapping[ObjectRef, Json]
    ) -> Iterable[Patch]:
        """The router's, as a tuple."""
        return self._ask(
            "released", lambda: tuple(self._router.released(rollout, config, namespace, objects))
        )

    def without_routes(
        self,
        names: Sequence[str],
        config: Json,
        namespace: str,
        objects: Mapping[ObjectRef, Json],
    ) -> Iterable[Patch]:
        """The router's, as a tuple."""
        return self._ask(
            "without_routes",
            lambda: tuple(self._router.without_routes(names, config, namespace, objects)),
        )

    async def apply(self, wanted: Wanted) -> None:
        """The router's, within the deadline."""
        await self._in_time("apply", lambda: self._router.apply(wanted))

    async def verify(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> bool | None:
        """The router's, within the deadline."""
        return await self._in_time("verify", lambda: self._router.verify(wanted, objects))

    async def _in_time(self, method: str, ask: Callable[[], Awaitable[T]]) -> T:
        # a task of its own: a plugin that swallows its cancellation holds up nobody but itself
        task = asyncio.create_task(self._guarded(method, ask))
        try:
            await asyncio.wait({task}, timeout=self._deadline)
        finally:
            # one that has just failed while its pass is cancelled has nobody either who looks at what it raised
            task.add_done_callback(_ended)
            task.cancel()
        if not task.done():
            seconds = f"{self._deadline:g} seconds"
            raise RouterError(f"traffic router {self._key}: {method} did not end within {seconds}")
        return task.result()

    async def _guarded(self, method: str, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            return await ask()
        except RouterError:
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self._translated(method, error) from error
        except (Exception, SystemExit) as error:
            raise self._translated(method, error) from error

    def _ask(self, method: str, question: Callable[[], T]) -> T:
        try:
            return question()
        except RouterError:
            raise
        except (Exception, SystemExit) as error:
            raise self._translated(method, error) from error

    def _translated(self, method: str, error: BaseException) -> RouterError:
        said = " ".join(str(error)[: 4 * _LONGEST].split())[:_LONGEST]
        kind = type(error).__name__
        text = f"{kind}: {said}" if said else kind
        return RouterError(f"traffic router {self._key}: {method} failed: {text}")


def _ended(task: asyncio.Task[T]) -> None:
    """Nobody waits for it any more: whatever it raises is of no interest."""
    if not task.cancelled():
        task.exception()
