"""Leader election: of several controllers, the one that holds a Lease works.

In: a client of its own, the Lease's place and our identity. Out: leadership, until it is lost or given up.
`run/` wraps the controller's work in `Election.lead`. The rules and numbers are client-go's.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gradatim.errors import GradatimError, SetupError
from gradatim.kube.client import Client
from gradatim.kube.errors import Conflict, Forbidden, KubeError, NotFound
from gradatim.kube.resources import Address
from gradatim.kube.retry import Retries
from gradatim.kube.transport import Json, Transport


class LeaseLost(GradatimError):
    """The Lease could not be renewed in time: another controller may be working already."""


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """All in seconds. `duration`: a record unchanged for so long is free to take. `deadline`: a leader that
    could not renew for so long stops. `retry`: between two tries.

    `clock` gives seconds that never go back, `now` the aware time for the record; `jitter` is in [0, 1).
    """

    duration: int = 15
    deadline: float = 10.0
    retry: float = 2.0
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


class Election:
    """One candidate for one Lease.

    Whether another's record has run out is judged by how long *we* have seen it unchanged. Its times are
    another machine's clock and are never compared with ours.
    """

    def __init__(
        self,
        transport: Transport,
        lease: Address,
        identity: str,
        timing: LeaseTiming | None = None,
    ) -> None:
        self._timing = timing or LeaseTiming()
        # one try a request, and short enough for two of them before the deadline: we have our own pace
        alone = Retries(attempts=1)
        self._client = Client(transport, retries=alone, timeout=self._timing.deadline / 2)
        self._address = lease
        self._identity = identity
        self._lease: Json = {}
        self._observed: Json = {}
        self._observed_at = 0.0
        #: what the last failed try said
        self.fault = ""

    @property
    def leader(self) -> str:
        """Who held the Lease when we last looked; empty for nobody."""
        return str(self._observed.get("holderIdentity") or "")

    @property
    def is_leader(self) -> bool:
        """Do we hold the Lease, by our own clock, still?"""
        return self.leader == self._identity and self._is_valid()

    async def lead(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the Lease, do `work` while it is ours, and give it up when the work ends.

        Raises:
            LeaseLost: it was lost; `work` has been cancelled.
            SetupError: we may not use the Lease, or its namespace does not exist.
        """
        await self.acquire()
        working = asyncio.ensure_future(work())
        renewing = asyncio.ensure_future(self.renew())
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # the lease is released last: until then nobody else may start what we are still ending
            failures = [await _ended(task) for task in (working, renewing)]
            await self.release()
        for failure in failures:
            if failure is not None:
                raise failure

    async def acquire(self) -> None:
        """Return when the Lease is ours. Raises SetupError as `lead` does."""
        while True:
            try:
                if await self._try():
                    return
            except Forbidden as error:
                raise SetupError(f"leader election: {error}") from error
            except KubeError as error:
                self.fault = str(error)
            await self._timing.sleep(self._timing.retry * (1 + 1.2 * self._timing.jitter()))

    async def renew(self) -> None:
        """Keep the Lease. Raises LeaseLost when it could not be renewed for the deadline's time."""
        timing = self._timing
        while True:
            await timing.sleep(timing.retry)
            # retry + deadline < duration, counted from when the last renewal was sent: no later can any other one
            # have begun to count. A request that hangs is cut, too.
            left = self._observed_at + timing.retry + timing.deadline - timing.clock()
            try:
                async with asyncio.timeout(left):
                    await self._renewed()
            except TimeoutError as error:
                raise LeaseLost(f"{self._address}: not renewed in time: {self.fault}") from error

    async def release(self) -> None:
        """Give the Lease up, so that nobody need wait for it to run out. Never raises KubeError."""
        with suppress(KubeError):
            while self.leader == self._identity:
                self._look(await self._client.get(self._address))
                if self.leader == self._identity:
                    record = self._record(holder="", duration=1, transitions=self._transitions())
                    # a conflict is a renewal of ours that we did not see the end of
                    with suppress(Conflict):
                        await self._write(record)

    async def _renewed(self) -> None:
        while True:
            try:
                if await self._try():
                    self.fault = ""
                    return
            except KubeError as error:
                self.fault = str(error)
            else:
                raise LeaseLost(f"{self._address}: taken by {self.leader}")
            await self._timing.sleep(self._timing.retry)

    async def _try(self) -> bool:
        """Take or renew the Lease, if that is possible now."""
        if self.is_leader:
            with suppress(KubeError):
                await self._write(self._renewal())
                return True
        try:
            self._look(await self._client.get(self._address))
        except NotFound:
            await self._create()
            return True
        if self.leader == self._identity:
            await self._write(self._renewal())
        elif self.leader and self._is_valid():
            return False
        else:
            await self._write(self._record(transitions=self._transitions() + 1))
        return True

    async def _create(self) -> None:
        metadata = {"namespace": self._address.namespace, "name": self._address.name}
        resource = self._address.resource
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": metadata,
            "spec": self._record(transitions=0),
        }
        try:
            sent = self._timing.clock()
            self._look(await self._client.create(resource, body), sent)
        except NotFound as error:
            raise SetupError(f"leader election: {error}") from error

    async def _write(self, record: Json) -> None:
        """Replace the record in the Lease as last seen; Conflict when it changed since."""
        body = {**self._lease, "spec": {**self._observed, **record}}
        sent = self._timing.clock()
        self._look(await self._client.update(self._address, body), sent)

    def _look(self, lease: Json, at: float | None = None) -> None:
        spec = lease.get("spec") or {}
        if spec != self._observed:
            self._observed = spec
            self._observed_at = self._timing.clock() if at is None else at
        self._lease = lease

    def _is_valid(self) -> bool:
        duration = self._observed.get("leaseDurationSeconds") or 0
        return self._observed_at + duration > self._timing.clock()

    def _transitions(self) -> int:
        return int(self._observed.get("leaseTransitions") or 0)

    def _renewal(self) -> Json:
        kept = {key: self._observed[key] for key in ("acquireTime",) if key in self._observed}
        return {**self._record(transitions=self._transitions()), **kept}

    def _record(
        self, *, transitions: int, holder: str | None = None, duration: int | None = None
    ) -> Json:
        now = self._timing.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self._identity if holder is None else holder,
            "leaseDurationSeconds": self._timing.duration if duration is None else duration,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }


async def _ended(task: asyncio.Future[None]) -> BaseException | None:
    """End a task: what it failed with, if it did and was not just cancelled."""
    task.cancel()
    await asyncio.wait({task})
    return None if task.cancelled() else task.exception()
