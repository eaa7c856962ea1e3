"""The object store: versioned, immutable objects and the feed of their changes.

In: whole objects to keep or to drop. Out: shared objects, their indexes, and an Event for each change.
The verbs are the only writers; watches and controllers subscribe to the feed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from gradatim.sim.document import Json

#: How many changes a watch may look back before it is told that its version is too old.
HISTORY = 20_000


class Event(NamedTuple):
    """One change: its revision, ADDED, MODIFIED or DELETED, the resource's name, and the object before and after.

    With DELETED `new` is the last state, carrying the revision of its deletion.
    """

    revision: int
    type: str
    resource: str
    old: Json | None
    new: Json


Listener: TypeAlias = Callable[[Event], None]


class Place(NamedTuple):
    """Where an object is stored."""

    resource: str
    namespace: str
    name: str


def place_of(resource: str, obj: Json) -> Place:
    """Return where `obj` is stored."""
    metadata = obj["metadata"]
    return Place(resource, metadata.get("namespace", ""), metadata["name"])


class Store:
    """Objects by resource, namespace and name. A listener is told at once, and must not write."""

    def __init__(self, history: int = HISTORY) -> None:
        self.revision = 1
        #: changes up to and including this revision are forgotten
        self.horizon = 1
        self._tables: dict[str, dict[str, dict[str, Json]]] = {}
        self._by_uid: dict[str, Place] = {}
        self._dependents: dict[str, dict[str, None]] = {}
        self._ownerless: dict[tuple[str, str], dict[str, None]] = {}
        self._history: deque[Event] = deque()
        self._history_size = history
        self._listeners: dict[str, list[Listener]] = {}

    def find(self, resource: str, namespace: str, name: str) -> Json | None:
        """Return the object at that place, shared."""
        return self._tables.get(resource, {}).get(namespace, {}).get(name)

    def find_uid(self, uid: str) -> tuple[Place, Json] | None:
        """Return the place and the object with that uid."""
        place = self._by_uid.get(uid)
        obj = self.find(*place) if place else None
        return (place, obj) if place and obj is not None else None

    def listed(self, resource: str, namespace: str | None = None) -> list[Json]:
        """Return the objects of a resource, of one namespace or of all, in no promised order."""
        table = self._tables.get(resource, {})
        if namespace is not None:
            return list(table.get(namespace, {}).values())
        return [obj for objects in table.values() for obj in objects.values()]

    def dependents(self, uid: str) -> list[tuple[Place, Json]]:
        """Return the objects that name `uid` as one of their owners, oldest first."""
        found = (self.find_uid(dependent) for dependent in self._dependents.get(uid, ()))
        return [item for item in found if item]

    def ownerless(self, resource: str, namespace: str) -> list[Json]:
        """Return the objects of a namespace that no owner reference holds."""
        names = self._ownerless.get((resource, namespace), ())
        found = (self.find(resource, namespace, name) for name in names)
        return [obj for obj in found if obj is not None]

    def put(self, resource: str, obj: Json) -> Json:
        """Keep `obj` under the next revision and return the stored object."""
        self.revision += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.revision)}
        stored = {**obj, "metadata": metadata}
        place = place_of(resource, stored)
        table = self._tables.setdefault(resource, {}).setdefault(place.namespace, {})
        old = table.get(place.name)
        table[place.name] = stored
        self._index(place, old, stored)
        self._publish(Event(self.revision, "MODIFIED" if old else "ADDED", resource, old, stored))
        return stored

    def drop(self, place: Place, last_metadata: Json | None = None) -> Json:
        """Remove the object and return its last state, with other metadata if such is given.

        Raises:
            KeyError: there is no such object.
        """
        old = self._tables[place.resource][place.namespace].pop(place.name)
        self.revision += 1
        metadata = last_metadata or old["metadata"]
        last = {**old, "metadata": {**metadata, "resourceVersion": str(self.revision)}}
        self._index(place, old, None)
        self._publish(Event(self.revision, "DELETED", place.resource, old, last))
        return last

    def subscribe(self, resources: Iterable[str], listener: Listener) -> None:
        """Tell `listener` of every change of these resources; the name `*` stands for all."""
        for resource in resources:
            self._listeners.setdefault(resource, []).append(listener)

    def unsubscribe(self, resources: Iterable[str], listener: Listener) -> None:
        """Undo `subscribe`."""
        for resource in resources:
            self._listeners[resource].remove(listener)

    def since(self, revision: int, resource: str) -> Iterator[Event]:
        """Return the remembered changes of a resource after `revision`, oldest first."""
        recent: list[Event] = []
        for event in reversed(self._history):
            if event.revision <= revision:
                break
            if event.resource == resource:
                recent.append(event)
        return reversed(recent)

    def forget(self, keep: int = 0) -> None:
        """Drop all but the `keep` latest changes from the history."""
        while len(self._history) > keep:
            self.horizon = self._history.popleft().revision

    def _publish(self, event: Event) -> None:
        self._history.append(event)
        if len(self._history) > self._history_size:
            self.horizon = self._history.popleft().revision
        # a listener may unsubscribe while it is told
        for listener in (*self._listeners.get(event.resource, ()), *self._listeners.get("*", ())):
            listener(event)

    def _index(self, place: Place, old: Json | None, new: Json | None) -> None:
        uid = (new or old or {})["metadata"]["uid"]
        before = _owner_uids(old)
        after = _owner_uids(new)
        if new is None:
            self._by_uid.pop(uid, None)
        elif old is None:
            self._by_uid[uid] = place
        if new is not None and not after:
            self._ownerless.setdefault(place[:2], {})[place.name] = None
        elif old is not None and not before:
            self._ownerless.get(place[:2], {}).pop(place.name, None)
        if before == after:
            return
        for owner in before - after:
            owned = self._dependents[owner]
            owned.pop(uid, None)
            if not owned:
                del self._dependents[owner]
        for owner in after - before:
            self._dependents.setdefault(owner, {})[uid] = None


def _owner_uids(obj: Json | None) -> set[str]:
    owners = obj["metadata"].get("ownerReferences") if obj else None
    return {owner.get("uid", "") for owner in owners} if owners else set()
