"""Keeps events from becoming a flood, by the rules of client-go's EventCorrelator for core/v1 (0.31 and later).

In: an event and the time. Out: whether to create it, to patch an earlier one, or to say nothing.
`events.py` asks it before each write. Pure: it does no I/O and reads no clock.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from gradatim.kube.ratelimit import TokenBucket
from gradatim.kube.transport import Json

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

#: the numbers of client-go: entries a memory holds; the distinct messages from which on an object's events of one
#: reason are one event, and how long after the last of them this ends; events at once, and one more each 5 minutes
LARGEST_MEMORY = 4096
SIMILAR_EVENTS = 10
SIMILAR_WITHIN = timedelta(minutes=10)
BURST = 25
REFILL_PER_SECOND = 1 / 300
COMBINED = "(combined from similar events): "
#: the longest name that an object may have
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that an event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str = ""

    @classmethod
    def of(cls, value: Json) -> Subject:
        """The subject that a JSON object with apiVersion and kind is."""
        metadata = value["metadata"]
        return cls(
            value["apiVersion"],
            value["kind"],
            metadata.get("namespace", ""),
            metadata["name"],
            metadata.get("uid", ""),
            metadata.get("resourceVersion", ""),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an object. `type` is Normal or Warning."""

    subject: Subject
    type: str
    reason: str
    message: str

    @property
    def spam_key(self) -> Hashable:
        """Events with this in common share the token bucket: an object's Normal events, or its Warnings."""
        about = self.subject
        return about.api_version, about.kind, about.namespace, about.name, about.uid, self.type

    @property
    def similar_key(self) -> Hashable:
        """Events with this in common differ in their message alone."""
        return self.spam_key, self.reason

    @property
    def equal_key(self) -> Hashable:
        """Events with this in common are the same one, seen again."""
        return self.similar_key, self.message


@dataclass(frozen=True, slots=True)
class Record:
    """How an event is to be written: created when `count` is 1, else patched under its `name`."""

    event: Event
    name: str
    count: int
    first: datetime
    last: datetime


class Correlator:
    """Counts equal events, combines similar ones, and stops an object that says too much."""

    def __init__(self, largest: int = LARGEST_MEMORY) -> None:
        self._similar: _Memory[Hashable, _Similar] = _Memory(largest)
        self._records: _Memory[Hashable, Record] = _Memory(largest)
        self._buckets: _Memory[Hashable, TokenBucket] = _Memory(largest)
        self._instant = 0

    def record(self, event: Event, now: datetime) -> Record | None:
        """What to write for an event of this moment; None for nothing. `now` is aware."""
        written, key = self._combined(event, now)
        record = self._counted(written, key, now)
        bucket = self._buckets.get(event.spam_key) or TokenBucket(REFILL_PER_SECOND, BURST)
        self._buckets.put(event.spam_key, bucket)
        return record if bucket.try_take(now.timestamp()) else None

    def _combined(self, event: Event, now: datetime) -> tuple[Event, Hashable]:
        similar = self._similar.get(event.similar_key)
        if similar is None or now - similar.last > SIMILAR_WITHIN:
            similar = _Similar(now)
            self._similar.put(event.similar_key, similar)
        similar.last = now
        similar.messages[event.message] = None
        if len(similar.messages) < SIMILAR_EVENTS:
            return event, event.equal_key
        # room for one more, so that the next new message is combined as well
        similar.messages.popitem(last=False)
        return replace(event, message=COMBINED + event.message), event.similar_key

    def _counted(self, event: Event, key: Hashable, now: datetime) -> Record:
        earlier = self._records.get(key)
        if earlier is None:
            # Two events of one moment need two names: clocks are coarse, and a simulated one stands still.
            self._instant = max(self._instant + 1, _nanoseconds(now))
            record = Record(event, event_name(event.subject.name, self._instant), 1, now, now)
        else:
            record = replace(earlier, event=event, count=earlier.count + 1, last=now)
        self._records.put(key, record)
        return record


def event_name(subject: str, instant: int) -> str:
    """`<subject>.<nanoseconds since 1970 in hex>`; a UUID where that would be too long for a name."""
    name = f"{subject}.{instant:x}"
    return name if len(name) <= _LONGEST_NAME else str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def _nanoseconds(when: datetime) -> int:
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


@dataclass(slots=True)
class _Similar:
    last: datetime
    #: an ordered set
    messages: OrderedDict[str, None] = field(default_factory=OrderedDict)


class _Memory(Generic[K, T]):
    """A dict that forgets what was used longest ago when it is full."""

    __slots__ = ("_largest", "_values")

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._values: OrderedDict[K, T] = OrderedDict()

    def get(self, key: K) -> T | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: K, value: T) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._largest:
            self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)
