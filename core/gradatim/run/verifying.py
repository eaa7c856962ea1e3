"""Asks routers whether weights have arrived, and keeps no worker waiting for the answer.

In: a router, what is wanted of it, and the Rollout that it is for. Out: its answer, or "not yet" while it thinks.
`gather.py` asks in each pass; an answer that comes later queues the Rollout again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..decide import Route
from ..plugin import RouterError, Wanted

Key = tuple[str, str]

#: Seconds that a pass waits for an answer. Routers that look at objects answer at once.
_BRIEF: Final = 0.05


@dataclass(slots=True)
class _Question:
    wanted: Wanted
    task: asyncio.Task[bool | None]
    is_late: bool = False


class Verifying:
    """Questions under way, one for each router of a Rollout.

    Args:
        requeue: has a Rollout looked at again.
        failed: told of a router that could not answer.
    """

    def __init__(self, requeue: Callable[[Key], None], failed: Callable[[Key, str], None]) -> None:
        self._requeue = requeue
        self._failed = failed
        self._asked: dict[Key, dict[str, _Question]] = {}

    async def ask(self, key: Key, route: Route, wanted: Wanted) -> bool | None:
        """The answer; False while there is none yet, None where the router cannot say or fails at it."""
        asked = self._asked.setdefault(key, {})
        question = asked.get(route.key)
        if question is None or question.wanted != wanted:
            self._drop(question)
            task = asyncio.create_task(route.router.verify(wanted, route.objects))
            question = asked[route.key] = _Question(wanted, task)
        await asyncio.wait({question.task}, timeout=_BRIEF)
        if not question.task.done():
            if not question.is_late:
                question.is_late = True
                question.task.add_done_callback(lambda _: self._requeue(key))
            return False
        del asked[route.key]
        return self._answer(key, question.task)

    def forget(self, key: Key) -> None:
        """The Rollout is gone."""
        for question in self._asked.pop(key, {}).values():
            self._drop(question)

    async def aclose(self) -> None:
        """Stop asking."""
        tasks = [q.task for asked in self._asked.values() for q in asked.values()]
        for key in tuple(self._asked):
            self.forget(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _answer(self, key: Key, task: asyncio.Task[bool | None]) -> bool | None:
        try:
            return task.result()
        except RouterError as error:
            self._failed(key, str(error))
        except asyncio.CancelledError:
            self._failed(key, "the question whether weights have arrived was cancelled from within")
        return None

    @staticmethod
    def _drop(question: _Question | None) -> None:
        if question is not None:
            question.task.add_done_callback(_ended)
            question.task.cancel()


def is_behind(route: Route, wanted: Wanted) -> bool:
    """The objects are in another state than `wanted`, which is what the status tells of: no router is asked about that.

    Somebody was killed before the status was written, or changed the objects.
    """
    try:
        return any(True for _ in route.router.plan(wanted, route.objects))
    except RouterError:
        return False


def _ended(task: asyncio.Task[bool | None]) -> None:
    """Nobody waits for it any more: whatever it raises is of no interest."""
    if not task.cancelled():
        task.exception()
