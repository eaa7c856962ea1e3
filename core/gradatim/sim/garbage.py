"""The garbage collector and the end of namespaces.

In: the change feed. Out: deletions: of what lost its owner, of what an owner waits for, of a namespace's content.
One of the cluster's own controllers.
"""

from __future__ import annotations

from gradatim.sim.agenda import Agenda
from gradatim.sim.deletion import FOREGROUND, ORPHAN, DeleteOptions, delete
from gradatim.sim.document import Json
from gradatim.sim.store import Event, Place
from gradatim.sim.verbs import Target, Verbs


class GarbageCollector:
    """Deletes dependents after their owner, or before it, or cuts them loose."""

    def __init__(self, verbs: Verbs, agenda: Agenda) -> None:
        self._verbs = verbs
        self._agenda = agenda
        verbs.store.subscribe(["*"], self._changed)

    def _changed(self, event: Event) -> None:
        metadata = event.new["metadata"]
        uid = metadata["uid"]
        if event.type == "DELETED":
            self._agenda.now(("garbage", uid), lambda: self._owner_gone(uid))
            for owner in metadata.get("ownerReferences") or ():
                self._look(owner.get("uid", ""))
            if "namespace" in metadata:
                self._look_at_namespace(metadata["namespace"])
            return
        if "deletionTimestamp" in metadata:
            self._look(uid)
        if metadata.get("ownerReferences") and _owners_differ(event):
            self._agenda.now(("garbage", uid), lambda: self._collect(uid))
        if event.resource == "namespaces":
            self._look_at_namespace(metadata["name"])

    def _look(self, uid: str) -> None:
        self._agenda.now(("deletion", uid), lambda: self._advance_deletion(uid))

    def _look_at_namespace(self, name: str) -> None:
        namespace = self._verbs.store.find("namespaces", "", name)
        if namespace and "deletionTimestamp" in namespace["metadata"]:
            self._agenda.now(("namespace", name), lambda: self._empty_namespace(name))

    def _target(self, place: Place) -> Target:
        return Target(self._verbs.catalogue[place.resource], place.namespace, place.name)

    def _owner_gone(self, uid: str) -> None:
        for _, dependent in self._verbs.store.dependents(uid):
            self._collect(dependent["metadata"]["uid"])

    def _collect(self, uid: str) -> None:
        """Delete the object if none of its owners exists."""
        found = self._verbs.store.find_uid(uid)
        if not found:
            return
        place, obj = found
        owners = obj["metadata"].get("ownerReferences") or []
        if not owners or any(self._verbs.store.find_uid(o.get("uid", "")) for o in owners):
            return
        self._delete(place, obj, "Background")

    def _delete(self, place: Place, obj: Json, policy: str) -> None:
        if "deletionTimestamp" not in obj["metadata"]:
            delete(self._verbs, self._target(place), DeleteOptions(policy=policy))

    def _advance_deletion(self, uid: str) -> None:
        found = self._verbs.store.find_uid(uid)
        if not found or "deletionTimestamp" not in found[1]["metadata"]:
            return
        place, obj = found
        finalizers = obj["metadata"].get("finalizers") or []
        if ORPHAN in finalizers:
            self._cut_loose(uid)
            self._release(place, obj, ORPHAN)
        elif FOREGROUND in finalizers and not self._hold_back(uid):
            self._release(place, obj, FOREGROUND)

    def _hold_back(self, uid: str) -> bool:
        """Delete the dependents of an object; tell whether one still holds it back."""
        held = False
        for place, dependent in self._verbs.store.dependents(uid):
            owners = dependent["metadata"]["ownerReferences"]
            held |= any(o.get("uid") == uid and o.get("blockOwnerDeletion") for o in owners)
            if all(o.get("uid") == uid or not self._lives(o.get("uid", "")) for o in owners):
                has_own = bool(self._verbs.store.dependents(dependent["metadata"]["uid"]))
                self._delete(place, dependent, "Foreground" if has_own else "Background")
        # background deletions above may have removed some of them at once
        return held and any(
            o.get("uid") == uid and o.get("blockOwnerDeletion")
            for _, dependent in self._verbs.store.dependents(uid)
            for o in dependent["metadata"]["ownerReferences"]
        )

    def _lives(self, uid: str) -> bool:
        found = self._verbs.store.find_uid(uid)
        return bool(found) and "deletionTimestamp" not in (found or ({}, {}))[1].get("metadata", {})

    def _cut_loose(self, uid: str) -> None:
        for place, dependent in self._verbs.store.dependents(uid):
            metadata = dependent["metadata"]
            others = [o for o in metadata["ownerReferences"] if o.get("uid") != uid]
            freed = {**dependent, "metadata": {**metadata, "ownerReferences": others}}
            self._verbs.replace(self._target(place), freed)

    def _release(self, place: Place, obj: Json, finalizer: str) -> None:
        metadata = obj["metadata"]
        others = [name for name in metadata["finalizers"] if name != finalizer]
        self._verbs.replace(
            self._target(place), {**obj, "metadata": {**metadata, "finalizers": others}}
        )

    def _empty_namespace(self, name: str) -> None:
        """Delete what is in a terminating namespace, and the namespace when nothing is."""
        target = Target(self._verbs.catalogue["namespaces"], "", name)
        if self._verbs.find(target) is None:
            return
        left = 0
        for resource in self._verbs.catalogue:
            objects = self._verbs.store.listed(resource.name, name) if resource.namespaced else []
            for obj in objects:
                left += 1
                place = Place(resource.name, name, obj["metadata"]["name"])
                self._delete(place, obj, "Background")
        if not left:
            self._verbs.remove(target)


def _owners_differ(event: Event) -> bool:
    before = event.old["metadata"].get("ownerReferences") if event.old else None
    return before is not event.new["metadata"]["ownerReferences"]
