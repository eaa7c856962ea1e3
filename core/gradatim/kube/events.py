"""Writes Kubernetes Events: what `kubectl describe` shows under an object.

In: an object, a type, a reason and a message, from anywhere in a pass. Out: Events in the object's namespace.
`run/` starts it and hands its `emit` around. A pass never waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal

from gradatim.kube.client import Client
from gradatim.kube.correlator import Correlator, Event, Record, Subject
from gradatim.kube.errors import KubeError, NotFound, Throttled, Unavailable, Unreachable
from gradatim.kube.resources import EVENTS
from gradatim.kube.transport import Json

log = logging.getLogger(__name__)

EventType = Literal["Normal", "Warning"]

#: the source that Argo Rollouts writes, by which dashboards and alerts select
COMPONENT = "rollouts-controller"
#: events that wait to be written; as many as client-go's
LONGEST_QUEUE = 1000
#: the API server refuses longer ones
LONGEST_TEXT = 1024
#: how often an event is tried, and the pause between, in seconds, as in client-go
TRIES = 12
PAUSE = 10.0


class EventRecorder:
    """Queues events, correlates them and writes them one after another.

    `dropped` counts those that a full queue or a refusing server cost. `listeners` hear every event at once, also
    those that the correlation leaves out; they must be quick.
    """

    def __init__(
        self,
        client: Client,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.dropped = 0
        self.listeners: list[Callable[[Event], None]] = []
        self._client = client
        self._now = now
        self._sleep = sleep
        self._jitter = jitter
        self._correlator = Correlator()
        self._queue: asyncio.Queue[tuple[Event, datetime]] = asyncio.Queue(LONGEST_QUEUE)

    def emit(self, about: Json, kind: EventType, reason: str, message: str) -> None:
        """Queue an event about an object, which has apiVersion and kind. Returns at once."""
        event = Event(Subject.of(about), kind, reason, message[:LONGEST_TEXT])
        for listener in self.listeners:
            listener(event)
        try:
            self._queue.put_nowait((event, self._now()))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            event, when = await self._queue.get()
            try:
                await self._write(event, when)
            finally:
                self._queue.task_done()

    async def flushed(self, within: float) -> bool:
        """Wait until all that is queued is written, for `within` seconds at most: whether it is."""
        try:
            async with asyncio.timeout(within):
                await self._queue.join()
        except TimeoutError:
            return False
        return True

    async def _write(self, event: Event, when: datetime) -> None:
        record = self._correlator.record(event, when)
        if record is None:
            return
        for attempt in range(TRIES):
            if attempt:
                # the first pause is random, so that many clients of a recovering server spread out
                await self._sleep(PAUSE * (self._jitter() if attempt == 1 else 1))
            try:
                await self._send(record)
            except (Unreachable, Unavailable, Throttled) as error:
                log.debug("event not written yet: %s", error)
            except KubeError as error:
                # a namespace that is going, or an event that the server does not take: trying again cannot help
                log.warning("event dropped: %s", error)
                break
            else:
                return
        self.dropped += 1

    async def _send(self, record: Record) -> None:
        if record.count > 1:
            address = EVENTS.at(_namespace(record), record.name)
            try:
                await self._client.patch(address, repetition(record))
            except NotFound:
                pass  # events live for an hour: an old one is written anew
            else:
                return
        await self._client.create(EVENTS, document(record))


def document(record: Record) -> Json:
    """The Event object of a record."""
    event, about = record.event, record.event.subject
    involved = {
        "apiVersion": about.api_version,
        "kind": about.kind,
        "namespace": about.namespace,
        "name": about.name,
        "uid": about.uid,
        "resourceVersion": about.resource_version,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": _namespace(record), "name": record.name},
        "involvedObject": {key: value for key, value in involved.items() if value},
        "type": event.type,
        "reason": event.reason,
        "firstTimestamp": _stamp(record.first),
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": "",
        **repetition(record),
    }


def repetition(record: Record) -> Json:
    """The part of an Event that changes when it happens again."""
    message = record.event.message[:LONGEST_TEXT]
    return {"count": record.count, "lastTimestamp": _stamp(record.last), "message": message}


def _namespace(record: Record) -> str:
    return record.event.subject.namespace or "default"


def _stamp(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
