"""The fence around every call of a plugin: a deadline, one kind of exception, a breaker, counters.

In: who is called, and how. Out: the plugin's answer, or a `ProviderError` without secrets.
`run/measuring.py` calls metric providers through it, `run/stepcalls.py` step plugins; `run/metrics` reads the counters.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from gradatim.decide.analysis.redaction import Redactor
from gradatim.errors import GradatimError
from gradatim.plugin import ProviderError
from gradatim.run.breaker import Breaker, BreakerPolicy

T = TypeVar("T")

_LONGEST_MESSAGE: Final = 1024
_LONGEST_FOREIGN: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a plugin may use.

    Attributes:
        deadline: seconds of one call. Longer than any timeout that a provider's block usually names: it is there
            for plugins that never come back, and others do not wait for them.
        at_once: calls of one account at the same time. Each account has its own share, so that a service that hangs
            takes nothing from others.
    """

    deadline: float = 120.0
    at_once: int = 64
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who is called.

    Attributes:
        provider: the provider's key.
        method: its method.
        address: of the service behind it, as far as it is named.
        account: whose rate limit the call uses; None: that of whoever asks at this address. Calls of one account share
            a breaker and a bound of calls at the same time.
        secrets: texts that no message may hold.
    """

    provider: str
    method: str
    address: str = ""
    account: Hashable | None = None
    secrets: Collection[str] = field(default=(), repr=False)

    @property
    def circuit(self) -> Hashable:
        """What fails, and is asked too often, together."""
        return (self.provider, self.address if self.account is None else self.account)


@dataclass(frozen=True, slots=True)
class CallCount:
    """What calls of one method have come to: how many, how they ended, seconds in all."""

    calls: int = 0
    errors: int = 0
    outages: int = 0
    seconds: float = 0.0


class LeftAlone(ProviderError):
    """The plugin was not called: its service is left alone for `wait` seconds more."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message, outage=True)
        self.wait = wait


@dataclass(slots=True)
class _Slots:
    free: asyncio.Semaphore
    users: int = 0


class Fence:
    """Calls plugins. One serves the whole controller.

    Args:
        clock: seconds that only ever grow (`time.monotonic`).
    """

    def __init__(self, clock: Callable[[], float], limits: Limits | None = None) -> None:
        self.clock = clock
        self._limits = limits or Limits()
        self._breaker = Breaker(clock, self._limits.breaker)
        self._slots: dict[Hashable, _Slots] = {}
        #: the fields of `CallCount`; counted in place, as there are a dozen for each measurement
        self._counts: dict[tuple[str, str], list[Any]] = {}
        #: calls that did not end when they were told to; kept so that nobody wonders about their ends
        self._abandoned: set[asyncio.Task[object]] = set()

    @property
    def counts(self) -> Mapping[tuple[str, str], CallCount]:
        """Counters by provider and method."""
        return {key: CallCount(*tally) for key, tally in self._counts.items()}

    @property
    def abandoned(self) -> int:
        """Calls that are still running although they were given up."""
        return len(self._abandoned)

    async def call(self, call: Call, ask: Callable[[], Awaitable[T]]) -> T:
        """Make the call.

        Raises:
            ProviderError: the plugin's own, or what stands for whatever else went wrong.
            LeftAlone: it was not called at all.
        """
        circuit = call.circuit
        async with self._slot(circuit):
            # Asked only now: what waited here may have been overtaken by an outage.
            if wait := self._breaker.wait_of(circuit):
                raise self._refused(call, wait)
            return await self._try(call, circuit, ask)

    @asynccontextmanager
    async def _slot(self, circuit: Hashable) -> AsyncIterator[None]:
        """One of the calls at the same time. Circuits that nobody uses take no memory."""
        slots = self._slots.setdefault(circuit, _Slots(asyncio.Semaphore(self._limits.at_once)))
        slots.users += 1
        try:
            async with slots.free:
                yield
        finally:
            slots.users -= 1
            if not slots.users:
                self._slots.pop(circuit, None)

    async def _try(self, call: Call, circuit: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        began = self.clock()
        try:
            answer = await self._in_time(call, ask)
        except ProviderError as error:
            self._count(call, began, error)
            if error.outage and not error.throttled:
                self._breaker.failed(circuit, error.retry_after)
            else:
                self._breaker.answered(circuit)
            # A traceback shows causes too, and theirs are not cleared of secrets.
            raise _cleared(call, error) from (None if call.secrets else error)
        except asyncio.CancelledError:
            self._breaker.gave_up(circuit)
            raise
        self._count(call, began)
        self._breaker.answered(circuit)
        return answer

    def ask(self, call: Call, question: Callable[[], T]) -> T:
        """The same for a method without I/O: exceptions and counters only.

        Raises:
            ProviderError: what stands for anything that it raised.
        """
        began = self.clock()
        try:
            answer = question()
        except Exception as error:
            foreign = _translated(call, error)
            self._count(call, began, foreign)
            if call.secrets:
                raise _cleared(call, foreign) from None
            raise _cleared(call, foreign) from error
        self._count(call, began)
        return answer

    async def _in_time(self, call: Call, ask: Callable[[], Awaitable[T]]) -> T:
        # A task of its own: a plugin that swallows its cancellation holds up nobody but itself.
        task = asyncio.create_task(_guarded(call, ask))
        try:
            await asyncio.wait({task}, timeout=self._limits.deadline)
        except asyncio.CancelledError:
            self._abandon(task)
            raise
        if task.done():
            return task.result()
        self._abandon(task)
        raise ProviderError(
            f"{call.provider}: {call.method} did not answer within {self._limits.deadline:g} seconds",
            outage=True,
        )

    def _abandon(self, task: asyncio.Task[T]) -> None:
        task.cancel()
        self._abandoned.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled():
            task.exception()

    def _refused(self, call: Call, wait: float) -> ProviderError:
        where = f" at {call.address}" if call.address else ""
        message = f"{call.provider}{where} did not answer several times in a row: left alone for {wait:.0f} seconds"
        error = _cleared(call, ProviderError(message, outage=True))
        self._count(call, self.clock(), error)
        return LeftAlone(str(error), wait)

    def _count(self, call: Call, began: float, error: ProviderError | None = None) -> None:
        tally = self._counts.setdefault((call.provider, call.method), [0, 0, 0, 0.0])
        tally[0] += 1
        tally[1] += error is not None
        tally[2] += error is not None and error.outage
        tally[3] += max(0.0, self.clock() - began)


async def _guarded(call: Call, ask: Callable[[], Awaitable[T]]) -> T:
    try:
        return await ask()
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        raise ProviderError(f"{call.provider}: {call.method} was cancelled from within") from error
    except (Exception, SystemExit) as error:
        raise _translated(call, error) from error


def _translated(call: Call, error: BaseException) -> ProviderError:
    """The plugin's own ProviderError, or one that names plugin, method and what it raised."""
    if isinstance(error, ProviderError):
        return error
    if isinstance(error, GradatimError):
        return ProviderError(str(error))
    said = " ".join(str(error)[: 4 * _LONGEST_FOREIGN].split())[:_LONGEST_FOREIGN]
    kind = type(error).__name__
    what = f"{kind}: {said}" if said else kind
    is_outage = isinstance(error, TimeoutError | ConnectionError)
    return ProviderError(f"{call.provider}: {call.method} raised {what}", outage=is_outage)


def _cleared(call: Call, error: ProviderError) -> ProviderError:
    """The same error in bounds, and without any secret."""
    # Redacted first: a secret that is cut in two would no longer be found.
    text = Redactor(call.secrets).message(str(error))[:_LONGEST_MESSAGE]
    return error.reworded(text)
