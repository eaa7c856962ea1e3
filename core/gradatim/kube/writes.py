"""Remembers our own writes until the watch has told them.

In: what the server answered to our writes, and what the watch told since. Out: are they seen?
A cache has one. It is how a pass avoids deciding on an object as it was before the last pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradatim.kube.transport import Json
from gradatim.kube.versions import at_least

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Write:
    """The uid and version that we wrote; a version of None stands for a deletion."""

    uid: str
    version: str | None


class OwnWrites:
    """Our last write of each object, as long as it has not been seen.

    A write counts as seen, too, when the watch is past it without having told it: another one's write, a deletion
    or a new object of the same name came after it. So no fate of the object can make it wait for ever.
    """

    def __init__(self) -> None:
        self._unseen: dict[Key, _Write] = {}
        self._reached = ""
        #: writes that were unseen at the last bookmark
        self._aging: set[_Write] = set()

    def wrote(self, key: Key, uid: str, version: str) -> None:
        """We wrote the object, and the server gave it that version."""
        self._unseen[key] = _Write(uid, version)

    def deleted(self, key: Key, uid: str) -> None:
        """We deleted the object of that uid."""
        self._unseen[key] = _Write(uid, None)

    def saw(self, key: Key, uid: str, version: str) -> None:
        """The watch told this state of the object."""
        self._reach(version)
        write = self._unseen.get(key)
        if write is not None and write == _Write(uid, version):
            del self._unseen[key]

    def saw_deleted(self, key: Key, uid: str, version: str) -> None:
        """The watch told that the object is gone."""
        self._reach(version)
        write = self._unseen.get(key)
        if write is not None and write.uid == uid:
            del self._unseen[key]

    def listed(self, version: str) -> None:
        """The watch took in a whole list of that version, newer than all it told before."""
        # A restored etcd starts over with lower numbers: then nothing that we wrote exists any more.
        if self._reached and at_least(version, self._reached) is False:
            self._unseen.clear()
        self._reached = version
        for key, write in list(self._unseen.items()):
            # what cannot be compared cannot be waited for any longer: the list may have skipped it
            if write.version is not None and at_least(version, write.version) is None:
                del self._unseen[key]

    def bookmarked(self, version: str) -> None:
        """The watch said that it has told everything up to that version."""
        self._reach(version)
        # Where versions do not compare, a write that two bookmarks, minutes apart, have not brought was told
        # before we knew its version.
        for key, write in list(self._unseen.items()):
            if write in self._aging and write.version and at_least(version, write.version) is None:
                del self._unseen[key]
        self._aging = set(self._unseen.values())

    def _reach(self, version: str) -> None:
        if not self._reached or at_least(version, self._reached) is not False:
            self._reached = version

    def are_seen(self, key: Key, cached: Json | None) -> bool:
        """Has our last write of the object been told, or something later? `cached` is what is known of it."""
        write = self._unseen.get(key)
        if write is None:
            return True
        if write.version is None:
            seen = _is_going(cached, write.uid)
        else:
            seen = self._is_told(write.version, cached)
        if seen:
            del self._unseen[key]
        return seen

    def _is_told(self, version: str, cached: Json | None) -> bool:
        if cached is not None and (cached.get("metadata") or {}).get("resourceVersion") == version:
            return True
        return bool(self._reached) and at_least(self._reached, version) is True


def _is_going(cached: Json | None, uid: str) -> bool:
    if cached is None:
        return True
    metadata = cached.get("metadata") or {}
    return metadata.get("uid") != uid or bool(metadata.get("deletionTimestamp"))
