"""Calls step plugins: one call at a time for a Rollout, and none that nobody waits for any more.

In: after each pass, the call that the Rollout waits for. Out: its answer for the next pass, which is asked for then.
`rollouts.py` calls `follow` once the status that tells of the call is written, so no plugin does what nobody knows of.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..decide import PluginAnswer, PluginAsk, PluginCall
from ..model.rollout import Rollout
from .stepcalls import StepCalls

log = logging.getLogger(__name__)

Key = tuple[str, str]

#: Seconds that calls are given to end when the controller stops.
_ENDING: Final = 2.0


@dataclass(slots=True)
class _Flight:
    """A call under way, and its answer from when it is there until the status has it."""

    uid: str
    call: PluginCall
    task: asyncio.Task[None] | None = None
    answer: PluginAnswer | None = None


class Stepping:
    """Calls of step plugins under way, one at most for each Rollout.

    Args:
        requeue: has a Rollout looked at again.
    """

    def __init__(self, calls: StepCalls, requeue: Callable[[Key], None]) -> None:
        self._calls = calls
        self._requeue = requeue
        self._flights: dict[Key, _Flight] = {}
        #: calls that have not really ended, whatever they were told: the next one for the Rollout waits for them
        self._unended: dict[Key, set[asyncio.Future[Any]]] = {}

    def answer(self, key: Key, uid: str) -> PluginAnswer | None:
        """The answer that the next decision has to know."""
        flight = self._flights.get(key)
        return flight.answer if flight is not None and flight.uid == uid else None

    def follow(self, key: Key, rollout: Rollout, ask: PluginAsk | None) -> None:
        """Go on with the call that the Rollout waits for, begin it, or drop the one that it does not wait for."""
        flight, uid = self._flights.get(key), rollout.meta.uid
        if flight is not None and (ask is None or flight.call != ask.call or flight.uid != uid):
            self._drop(key)
            flight = None
        if flight is None and ask is not None and ask.may_begin:
            flight = self._flights[key] = _Flight(uid, ask.call)
            flight.task = asyncio.create_task(self._carry_out(key, rollout, flight))

    def forget(self, key: Key) -> None:
        """The Rollout is gone."""
        self._drop(key)

    async def aclose(self) -> None:
        """Stop all calls. The statuses know of them: whoever comes next makes them again."""
        for key in tuple(self._flights):
            self._drop(key)
        ending = [end for unended in self._unended.values() for end in unended]
        if ending:
            await asyncio.wait(ending, timeout=_ENDING)
        await self._calls.aclose()

    def _drop(self, key: Key) -> None:
        flight = self._flights.pop(key, None)
        if flight is not None and flight.task is not None:
            flight.task.cancel()

    def _note(self, key: Key, end: asyncio.Future[Any]) -> None:
        self._unended.setdefault(key, set()).add(end)
        end.add_done_callback(partial(self._ended, key))

    def _ended(self, key: Key, end: asyncio.Future[Any]) -> None:
        ends = self._unended.get(key, set())
        ends.discard(end)
        if not ends:
            self._unended.pop(key, None)

    async def _carry_out(self, key: Key, rollout: Rollout, flight: _Flight) -> None:
        while earlier := self._unended.get(key):
            log.info("rollout %s/%s: waits for an earlier call of a step plugin to end", *key)
            await asyncio.wait(tuple(earlier))
        answer = await self._calls.answer(rollout, flight.call, partial(self._note, key))
        if self._flights.get(key) is flight:
            flight.answer = answer
            self._requeue(key)
