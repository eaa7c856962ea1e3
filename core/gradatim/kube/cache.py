"""Holds the objects of one watch, each as JSON and as the view parsed from it once.

In: what a watch has seen, and what we have written ourselves. Out: entries, by name and by index, and their changes.
`reflector.py` feeds it; `run/` reads it and makes snapshots from it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from gradatim.kube.errors import short
from gradatim.kube.transport import Json
from gradatim.kube.watch import Bookmark, Deleted, Put, Replaced, Seen
from gradatim.kube.writes import OwnWrites

log = logging.getLogger(__name__)

V = TypeVar("V")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry(Generic[V]):
    """One object: its JSON, which is the truth and is never changed, and its view.

    `view` is None where parsing raised; `fault` then says what. That is a bug of ours and kept from
    stopping the watch.
    """

    namespace: str
    name: str
    object: Json
    view: V | None
    fault: str = ""

    @property
    def uid(self) -> str:
        """The object's uid."""
        return _text(self.object, "uid")

    @property
    def resource_version(self) -> str:
        """The object's resourceVersion."""
        return _text(self.object, "resourceVersion")


@dataclass(frozen=True, slots=True)
class Change(Generic[V]):
    """An entry before and after. `old` is None for a new object, `new` for one that is gone."""

    old: Entry[V] | None
    new: Entry[V] | None


class Cache(Generic[V]):
    """The objects as the API server last told them, and nothing else.

    What we write is not put in here: it comes back through the watch. Argo Rollouts wrote its own copies into its
    cache, over fresher ones, and froze in endless conflicts. `wrote` and `caught_up` do without.
    """

    def __init__(self, parse: Callable[[Json], V]) -> None:
        self._parse = parse
        self._namespaces: dict[str, dict[str, Entry[V]]] = {}
        self._indexes: dict[str, _Index] = {}
        self._subscribers: list[Callable[[Change[V]], None]] = []
        self._synced = asyncio.Event()
        self._writes = OwnWrites()
        self._waiting: set[asyncio.Future[None]] = set()

    # reading

    def get(self, namespace: str, name: str) -> Entry[V] | None:
        """The entry of that name; `namespace` is empty for cluster-wide kinds."""
        return self._namespaces.get(namespace, {}).get(name)

    def all(self, namespace: str | None = None) -> Iterator[Entry[V]]:
        """All entries, or those of a namespace. Do not keep the iterator across an await."""
        if namespace is not None:
            yield from self._namespaces.get(namespace, {}).values()
            return
        for entries in self._namespaces.values():
            yield from entries.values()

    def by(self, index: str, key: Hashable) -> list[Entry[V]]:
        """The entries that have `key` in that index, oldest entry first."""
        found = (self.get(*each) for each in self._indexes[index].keys.get(key, ()))
        return [entry for entry in found if entry is not None]

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._namespaces.values())

    # declaring

    def index(self, name: str, keys_of: Callable[[Json], Iterable[Hashable]]) -> None:
        """Keep an index: `keys_of` gives the keys under which an object is found, and must not raise."""
        index = self._indexes[name] = _Index(keys_of)
        for entry in self.all():
            index.add(entry.object, (entry.namespace, entry.name))

    def subscribe(self, callback: Callable[[Change[V]], None]) -> None:
        """Have `callback` called with each change, after it is made. It must be quick."""
        self._subscribers.append(callback)

    # following the server

    @property
    def is_synced(self) -> bool:
        """Has the first list been taken in?"""
        return self._synced.is_set()

    async def synced(self) -> None:
        """Wait until the first list has been taken in."""
        await self._synced.wait()

    def apply(self, seen: Seen) -> None:
        """Take in what the watch saw."""
        match seen:
            case Replaced(items, version):
                self._replace(items)
                self._writes.listed(version)
                self._synced.set()
            case Put(value):
                self._put(value)
                self._writes.saw(_key(value), *_state(value))
            case Deleted(value):
                self._drop(_key(value))
                self._writes.saw_deleted(_key(value), *_state(value))
            case Bookmark(version):
                self._writes.bookmarked(version)
        self._wake()

    # our own writes

    def wrote(self, written: Json) -> None:
        """Remember the object that the server gave back for a write: `caught_up` waits for it."""
        self._writes.wrote(_key(written), *_state(written))

    def deleted(self, namespace: str, name: str, uid: str) -> None:
        """Remember that we deleted that object: `caught_up` waits until it is gone or going."""
        self._writes.deleted((namespace, name), uid)

    def caught_up(self, namespace: str, name: str) -> bool:
        """Has the watch told our last write of that object, or something later?"""
        entry = self.get(namespace, name)
        return self._writes.are_seen((namespace, name), None if entry is None else entry.object)

    async def wait_caught_up(self, namespace: str, name: str, within: float) -> bool:
        """Wait until `caught_up`, for `within` seconds at most: whether it is."""
        try:
            async with asyncio.timeout(within):
                while not self.caught_up(namespace, name):
                    await self._next_change()
        except TimeoutError:
            return self.caught_up(namespace, name)
        return True

    async def _next_change(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def _replace(self, items: Iterable[Json]) -> None:
        listed = {_key(item): item for item in items}
        for key in [(entry.namespace, entry.name) for entry in self.all()]:
            if key not in listed:
                self._drop(key)
        for item in listed.values():
            self._put(item)

    def _put(self, value: Json) -> None:
        namespace, name = key = _key(value)
        old = self.get(namespace, name)
        if old is not None and _state(old.object) == _state(value):
            return  # a list after a broken stream tells mostly what is known
        new = self._entry(namespace, name, value)
        for index in self._indexes.values():
            index.move(None if old is None else old.object, value, key)
        self._namespaces.setdefault(namespace, {})[name] = new
        self._tell(Change(old, new))

    def _drop(self, key: Key) -> None:
        namespace, name = key
        entries = self._namespaces.get(namespace, {})
        old = entries.pop(name, None)
        if old is None:
            return
        if not entries:
            del self._namespaces[namespace]
        for index in self._indexes.values():
            index.move(old.object, None, key)
        self._tell(Change(old, None))

    def _entry(self, namespace: str, name: str, value: Json) -> Entry[V]:
        try:
            return Entry(namespace, name, value, self._parse(value))
        except Exception as error:
            log.exception("%s %s/%s cannot be parsed", value.get("kind"), namespace, name)
            fault = short(f"{type(error).__name__}: {error}")
            return Entry(namespace, name, value, None, fault)

    def _tell(self, change: Change[V]) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(change)
            except Exception:
                log.exception("a subscriber of the cache failed")


class _Index:
    """The names of objects by the keys that a function finds in them."""

    __slots__ = ("_keys_of", "keys")

    def __init__(self, keys_of: Callable[[Json], Iterable[Hashable]]) -> None:
        self._keys_of = keys_of
        self.keys: dict[Hashable, dict[Key, None]] = {}

    def add(self, value: Json, name: Key) -> None:
        for key in set(self._keys_of(value)):
            self.keys.setdefault(key, {})[name] = None

    def move(self, old: Json | None, new: Json | None, name: Key) -> None:
        before = set() if old is None else set(self._keys_of(old))
        after = set() if new is None else set(self._keys_of(new))
        for key in before - after:
            names = self.keys.get(key, {})
            names.pop(name, None)
            if not names:
                self.keys.pop(key, None)
        for key in after - before:
            self.keys.setdefault(key, {})[name] = None


def _text(value: Json, field: str) -> str:
    text = (value.get("metadata") or {}).get(field)
    return text if isinstance(text, str) else ""


def _state(value: Json) -> tuple[str, str]:
    return _text(value, "uid"), _text(value, "resourceVersion")


def _key(value: Json) -> Key:
    return _text(value, "namespace"), _text(value, "name")
