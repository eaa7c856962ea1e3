"""The broker, in virtual time: who shares an answer, who waits for his turn, and who does neither."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from gradatim.plugin import Measurement, ProviderError, RateLimit
from gradatim.run.broker import Asked, Broker, BrokerCount, Question
from gradatim.run.fence import Call, Fence
from gradatim.sim import run_virtual

HERE = Call(provider="dd", method="measure", account="keys-1")
THERE = Call(provider="dd", method="measure", account="keys-2")


def now() -> float:
    return asyncio.get_running_loop().time()


def virtual(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(main())


def a_broker() -> Broker:
    return Broker(Fence(now), dice=lambda: 0.0)


@dataclass
class Service:
    """Takes a second for an answer, and at most `limit` calls in each period."""

    limit: int = 1_000_000
    period: float = 60.0
    seconds: float = 1.0
    calls: list[float] = field(default_factory=list)

    async def __call__(self) -> Measurement:
        self.calls.append(now())
        number = len(self.calls)
        in_period = [at for at in self.calls if at // self.period == now() // self.period]
        left = self.limit - len(in_period)
        await asyncio.sleep(self.seconds)
        reset = self.period - now() % self.period
        told = RateLimit(limit=self.limit, remaining=max(0, left), reset=reset)
        if left < 0:
            raise ProviderError("429", outage=True, rate_limit=told)
        return Measurement(value=float(number), rate_limit=told)


def asking(broker: Broker, service: Service, **question: Any) -> Awaitable[Asked]:
    question.setdefault("call", HERE)
    question.setdefault("due", now())
    return broker.ask(Question(**question), service)


def values(answers: list[Any]) -> list[float]:
    return [asked.answer.value for asked in answers]


def test_equal_questions_at_one_time_are_one_call() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service()
        equal = [asking(broker, service, identity="q") for _ in range(5)]
        answers = await asyncio.gather(*equal, asking(broker, service, identity="r"))
        assert values(answers) == [1.0] * 5 + [2.0]
        assert broker.counts["dd"] == BrokerCount(questions=6, calls=2, shared=4)

    virtual(main)


def test_nobody_gets_an_answer_that_was_asked_for_before_his_time() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service()
        first = asyncio.ensure_future(asking(broker, service, identity="q"))
        await asyncio.sleep(0.5)
        # due now, while the answer to the first is on its way
        second = asyncio.ensure_future(asking(broker, service, identity="q"))
        # due when the first was asked, and late
        third = asyncio.ensure_future(asking(broker, service, identity="q", due=0.0))
        assert values(await asyncio.gather(first, second, third)) == [1.0, 2.0, 2.0]
        late = await asking(broker, service, identity="q", due=0.5)
        assert values([late]) == [2.0]
        await asyncio.sleep(30)
        assert values([await asking(broker, service, identity="q", due=0.5)]) == [3.0]

    virtual(main)


def test_questions_of_their_own_are_not_shared() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service()
        await asyncio.gather(*(asking(broker, service) for _ in range(3)))
        assert len(service.calls) == 3

    virtual(main)


def test_the_limit_is_never_reached_and_those_who_wait_for_the_same_are_one() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service(limit=20)
        await asking(broker, service)
        questions = [asking(broker, service, identity=n % 60) for n in range(600)]
        answers = await asyncio.gather(*questions)
        assert len(answers) == 600
        assert len(service.calls) == 61
        assert broker.counts["dd"].throttled == 0
        assert broker.counts["dd"].delayed > 0

    virtual(main)


def test_what_is_refused_for_the_limit_all_the_same_is_asked_again() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service(limit=4)
        # others have used it up before the first reply told of it
        service.calls = [0.0] * 4
        asked = await asking(broker, service)
        assert asked.at == 60.0
        assert broker.counts["dd"] == BrokerCount(
            questions=1, calls=2, delayed=1, throttled=1, seconds_waited=59.0
        )

    virtual(main)


def test_another_account_does_not_wait() -> None:
    async def main() -> None:
        broker, poor, rich = a_broker(), Service(limit=1), Service()
        await asking(broker, poor)
        waiting = asyncio.ensure_future(asking(broker, poor))
        await asyncio.sleep(0)
        assert (await asking(broker, rich, call=THERE)).at == 1.0
        assert not waiting.done()
        assert (await waiting).at == 60.0

    virtual(main)


def test_who_opted_out_asks_at_once_and_alone() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service(limit=2)
        own = [asking(broker, service, identity="q", is_brokered=False) for _ in range(3)]
        answers = await asyncio.gather(*own, return_exceptions=True)
        assert service.calls == [0.0] * 3
        assert [type(answer) for answer in answers] == [Asked, Asked, ProviderError]

    virtual(main)


def test_a_limit_that_leaves_no_room_for_an_hour_is_an_outage() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service(limit=1, period=86_400.0)
        await asking(broker, service)
        with pytest.raises(ProviderError, match="rate limit left no room") as caught:
            await asking(broker, service)
        assert caught.value.outage

    virtual(main)


def test_who_stops_waiting_for_his_turn_leaves_it_to_the_next() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service(limit=1)
        await asking(broker, service)
        first, second = (asyncio.create_task(_asked(broker, service)) for _ in range(2))
        await asyncio.sleep(1)
        assert broker.has_not_asked(first)
        first.cancel()
        await second
        assert service.calls == [0.0, 60.0]
        assert not broker.has_not_asked(second)

    virtual(main)


async def _asked(broker: Broker, service: Service) -> None:
    await asking(broker, service)


def test_a_throttled_service_is_there_and_its_circuit_stays_closed() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service(limit=1, seconds=0.0)
        await asyncio.gather(*(asking(broker, service) for _ in range(8)))
        assert broker.counts["dd"].throttled == 7

    virtual(main)


def test_old_answers_and_old_accounts_are_forgotten() -> None:
    async def main() -> None:
        broker, service = a_broker(), Service(seconds=0.0)
        for number in range(1_500):
            call = Call(provider="dd", method="measure", account=number)
            await asking(broker, service, call=call, identity=number)
            await asyncio.sleep(1)
        assert len(broker._pending) < 15
        assert len(broker._accounts) == 1_000

    virtual(main)
