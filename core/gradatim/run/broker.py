"""Between measurements and providers: equal questions are asked once, and no service more often than it takes.

In: a question, and a way to ask it. Out: the answer, with what it took. `run/measuring.py` asks through it.
An answer is shared with everybody who was due before it was asked for, so nobody gets one older than its own time.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gradatim.plugin import Measurement, ProviderError, RateLimit
from gradatim.run.budget import Budget
from gradatim.run.fence import Call, Fence

log = logging.getLogger(__name__)

Ask = Callable[[], Awaitable[object]]

#: How long a question waits for a service that is asked too often already: as long as any period of a limit.
_PATIENCE: Final = 3_900.0
#: Seconds that answers are kept for those who are late.
_KEPT: Final = 10.0
_MOST_ACCOUNTS: Final = 1_000
#: Old answers that are looked at with each question: more than one, so that they never become more.
_FORGOTTEN_AT_ONCE: Final = 4
#: Moments are told apart no finer: a due time has come through a wall clock.
_INSTANT: Final = 0.002
#: Those who waited for the same moment come back spread over this part of their wait, and not over more than that.
_JITTER, _MOST_JITTER = 0.1, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and of whom.

    Attributes:
        identity: questions of equal identity have one answer; None: nobody else's answer will do.
        due: when the measurement was due, in seconds of the fence's clock.
        is_brokered: False: asked at once and for itself alone.
    """

    call: Call
    identity: Hashable | None = None
    due: float = 0.0
    is_brokered: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer: when it was asked for (the fence's clock), and how many seconds it took."""

    answer: object
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class BrokerCount:
    """What became of the questions to one provider.

    Attributes:
        questions: that measurements had.
        calls: that were made for them.
        shared: questions that were answered by another one's call.
        delayed: calls that waited for room in a rate limit, and `seconds_waited` in all.
        throttled: calls that were refused for the limit all the same, and made again.
    """

    questions: int = 0
    calls: int = 0
    shared: int = 0
    delayed: int = 0
    throttled: int = 0
    seconds_waited: float = 0.0


@dataclass(slots=True)
class _Pending:
    """One question that is being asked, or was of late. `asked_at`: None while it waits for its turn."""

    task: asyncio.Task[Asked] = field(init=False)
    asked_at: float | None = None
    waiting: int = 0

    def answers(self, due: float) -> bool:
        """It will do for a measurement that was due then."""
        if self.asked_at is not None and self.asked_at < due - _INSTANT:
            return False
        task = self.task
        return not task.done() or not (task.cancelled() or task.exception())


@dataclass(slots=True)
class _Account:
    """One rate limit, and the queue before it."""

    budget: Budget = field(default_factory=Budget)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Broker:
    """Asks providers. One serves the whole controller.

    Args:
        fence: makes the calls.
        dice: a random number from 0 to 1, for what must not happen all at once.
    """

    def __init__(self, fence: Fence, dice: Callable[[], float] = random.random) -> None:
        self._fence = fence
        self._dice = dice
        self._pending: OrderedDict[Hashable, _Pending] = OrderedDict()
        self._accounts: OrderedDict[Hashable, _Account] = OrderedDict()
        self._waiting: dict[asyncio.Task[Any] | None, _Pending] = {}
        #: fields of `BrokerCount` by name
        self._counts: dict[str, dict[str, Any]] = {}

    @property
    def counts(self) -> Mapping[str, BrokerCount]:
        """Counters by provider."""
        return {key: BrokerCount(**tally) for key, tally in self._counts.items()}

    def has_not_asked(self, task: asyncio.Task[None]) -> bool:
        """The question of that task waits for its turn: nothing is lost if it is given up."""
        pending = self._waiting.get(task)
        return pending is not None and pending.asked_at is None

    async def ask(self, question: Question, ask: Ask) -> Asked:
        """The answer to a question.

        Raises:
            ProviderError: there was none, or no room in the service's rate limit for an hour.
        """
        self._count(question, questions=1)
        if not question.is_brokered:
            return await self._obtain(_Pending(), question, ask)
        if question.identity is None:
            return await self._wait(None, self._begun(_Pending(), question, ask))
        self._forget()
        key = (question.call.provider, question.identity)
        pending = self._pending.get(key)
        if pending is None or not pending.answers(question.due):
            self._pending.pop(key, None)
            pending = self._pending[key] = self._begun(_Pending(), question, ask)
            return await self._wait(key, pending)
        self._count(question, shared=1)
        asked = await self._wait(key, pending)
        if isinstance(asked.answer, Measurement) and asked.answer.running:
            # what is still running belongs to the one who began it, and ends when that one says so
            self._count(question, shared=-1)
            return await self._wait(None, self._begun(_Pending(), question, ask))
        return asked

    def _begun(self, pending: _Pending, question: Question, ask: Ask) -> _Pending:
        pending.task = asyncio.create_task(self._obtain(pending, question, ask))
        return pending

    async def _wait(self, key: Hashable | None, pending: _Pending) -> Asked:
        current, task = asyncio.current_task(), pending.task
        pending.waiting += 1
        self._waiting[current] = pending
        try:
            # Shielded: one who stops waiting does not take the answer from the others.
            return await asyncio.shield(task)
        finally:
            del self._waiting[current]
            pending.waiting -= 1
            if not pending.waiting and not task.done():
                task.cancel()
                if self._pending.get(key) is pending:
                    del self._pending[key]

    async def _obtain(self, pending: _Pending, question: Question, ask: Ask) -> Asked:
        account = self._account(question)
        until = self._fence.clock() + _PATIENCE
        while True:
            await self._turn(account, question, until)
            began = pending.asked_at = self._fence.clock()
            self._count(question, calls=1)
            told: RateLimit | None = None
            try:
                answer = await self._fence.call(question.call, ask)
                told = answer.rate_limit if isinstance(answer, Measurement) else None
                return Asked(answer, began, max(0.0, self._fence.clock() - began))
            except ProviderError as error:
                told = _told(error)
                if not (question.is_brokered and error.throttled and error.outage):
                    raise
                self._count(question, throttled=1)
                pending.asked_at = None
            finally:
                account.budget.learn(told, self._fence.clock())

    async def _turn(self, account: _Account, question: Question, until: float) -> None:
        """Wait for room in the rate limit, one after the other, and take it."""
        clock, budget = self._fence.clock, account.budget
        if not question.is_brokered:
            budget.spend(clock())
            return
        began, was_delayed = clock(), False
        async with account.turn:
            while (wait := budget.wait(clock())) > 0:
                if clock() + wait > until:
                    raise ProviderError(_no_room(question.call), outage=True)
                was_delayed = True
                await asyncio.sleep(wait + min(_MOST_JITTER, wait * _JITTER) * self._dice())
            budget.spend(clock())
        if was_delayed:
            self._count(question, delayed=1, seconds_waited=clock() - began)

    def _account(self, question: Question) -> _Account:
        key = question.call.circuit
        account = self._accounts.setdefault(key, _Account())
        self._accounts.move_to_end(key)
        while len(self._accounts) > _MOST_ACCOUNTS:
            self._accounts.popitem(last=False)
        return account

    def _forget(self) -> None:
        """Forget old answers. The oldest questions come first, and one that is still open goes to the end."""
        now = self._fence.clock()
        for _ in range(_FORGOTTEN_AT_ONCE):
            key, pending = next(iter(self._pending.items()), (None, None))
            if pending is None:
                return
            if not pending.task.done():
                self._pending.move_to_end(key)
            elif pending.asked_at is None or pending.asked_at + _KEPT <= now:
                del self._pending[key]
            else:
                return

    def _count(self, question: Question, **more: float) -> None:
        tally = self._counts.setdefault(question.call.provider, {})
        for name, number in more.items():
            tally[name] = tally.get(name, 0) + number


def _told(error: ProviderError) -> RateLimit | None:
    """What an error says of the rate limit; one that names no end of its period may still ask for patience."""
    told = error.rate_limit
    if told is None or told.reset is not None or error.retry_after is None:
        return told
    return replace(told, reset=error.retry_after)


def _no_room(call: Call) -> str:
    where = f" at {call.address}" if call.address else ""
    return f"{call.provider}{where}: its rate limit left no room for this question for an hour"
