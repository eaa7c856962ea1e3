"""The Deployment controller, simplified: one ReplicaSet for each template.

In: the change feed of Deployments and their ReplicaSets. Out: ReplicaSets made and scaled, and the Deployments' status.
One of the cluster's own controllers. The new set is scaled up at once and the old ones down as it becomes available;
`maxSurge` and `maxUnavailable` are not observed, `paused` and `Recreate` are.
"""

from __future__ import annotations

import json

from gradatim.sim.agenda import Agenda
from gradatim.sim.document import Json, dig, planted
from gradatim.sim.identity import letters
from gradatim.sim.pods import condition, controller_of, owner_reference
from gradatim.sim.store import Event
from gradatim.sim.verbs import Target, Verbs

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"
_HASH_LENGTH = 10


class Deployments:
    """Moves Deployments from one template to the next."""

    def __init__(self, verbs: Verbs, agenda: Agenda) -> None:
        self._verbs = verbs
        self._agenda = agenda
        self._resource = verbs.catalogue["deployments.apps"]
        self._sets = verbs.catalogue["replicasets.apps"]
        verbs.store.subscribe(["deployments.apps"], self._changed)
        verbs.store.subscribe(["replicasets.apps"], self._set_changed)

    def _changed(self, event: Event) -> None:
        if event.type != "DELETED":
            metadata = event.new["metadata"]
            self._look(metadata["namespace"], metadata["name"])

    def _set_changed(self, event: Event) -> None:
        owner = controller_of(event.new)
        if owner and owner["kind"] == "Deployment":
            self._look(event.new["metadata"]["namespace"], owner["name"])

    def _look(self, namespace: str, name: str) -> None:
        key = ("deployment", namespace, name)
        self._agenda.now(key, lambda: self.reconcile(namespace, name))

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one Deployment closer to what it wants, and say in its status how far it is."""
        target = Target(self._resource, namespace, name)
        owner = self._verbs.find(target)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            return
        newest = self._current_set(owner)
        if newest is None and not owner["spec"].get("paused"):
            newest = self._make_set(owner)
        self._scale_sets(owner, newest)
        sets = self._owned(owner)
        current = self._current_set(owner)
        if current is not None:
            owner = self._note_revision(target, owner, current)
        self._verbs.set_status(target, self._status(owner, sets, current))

    def _owned(self, owner: Json) -> list[Json]:
        dependents = self._verbs.store.dependents(owner["metadata"]["uid"])
        return [found for place, found in dependents if place.resource == self._sets.name]

    def _current_set(self, owner: Json) -> Json | None:
        wanted = owner["spec"]["template"]
        return next((s for s in self._owned(owner) if _without_hash(s) == wanted), None)

    def _make_set(self, owner: Json) -> Json:
        template = owner["spec"]["template"]
        metadata, spec = owner["metadata"], owner["spec"]
        pod_hash = letters(json.dumps(template, sort_keys=True), _HASH_LENGTH)
        labels = {**(dig(template, "metadata", "labels") or {}), _HASH: pod_hash}
        selector = planted(spec["selector"], ("matchLabels", _HASH), pod_hash)
        revision = 1 + max((_revision(found) for found in self._owned(owner)), default=0)
        fresh = {
            "metadata": {
                "name": f"{metadata['name']}-{pod_hash}",
                "labels": labels,
                "annotations": {_REVISION: str(revision)},
                "ownerReferences": [owner_reference(owner)],
            },
            "spec": {
                "replicas": 0,
                "minReadySeconds": spec.get("minReadySeconds"),
                "selector": selector,
                "template": planted(template, ("metadata", "labels"), labels),
            },
        }
        return self._verbs.create(Target(self._sets, metadata["namespace"]), fresh)

    def _scale_sets(self, owner: Json, newest: Json | None) -> None:
        wanted = int(owner["spec"]["replicas"])
        old = [s for s in self._owned(owner) if not newest or not _is_same(s, newest)]
        old.sort(key=_revision, reverse=True)
        if owner["spec"].get("paused") or newest is None:
            # nothing moves from set to set; the latest takes a change of scale
            latest = max(self._owned(owner), key=_revision, default=None)
            if latest is not None:
                others = sum(s["spec"]["replicas"] for s in old if not _is_same(s, latest))
                self._scale(latest, max(0, wanted - others))
            return
        recreates = dig(owner, "spec", "strategy", "type") == "Recreate"
        waits = recreates and any(dig(s, "status", "replicas") for s in old)
        if not waits:
            self._scale(newest, wanted)
        left = 0 if recreates else wanted - int(dig(newest, "status", "availableReplicas") or 0)
        for found in old:
            kept = min(int(found["spec"]["replicas"]), max(0, left))
            self._scale(found, kept)
            left -= kept

    def _scale(self, found: Json, replicas: int) -> None:
        if found["spec"]["replicas"] != replicas:
            metadata = found["metadata"]
            target = Target(self._sets, metadata["namespace"], metadata["name"])
            current = self._verbs.get(target)
            self._verbs.replace(target, planted(current, ("spec", "replicas"), replicas))

    def _note_revision(self, target: Target, owner: Json, current: Json) -> Json:
        revision = str(_revision(current))
        if (owner["metadata"].get("annotations") or {}).get(_REVISION) == revision:
            return owner
        noted = planted(owner, ("metadata", "annotations", _REVISION), revision)
        return self._verbs.replace(target, noted)

    def _status(self, owner: Json, sets: list[Json], current: Json | None) -> Json:
        def total(field: str, among: list[Json]) -> int:
            return sum(int(dig(found, "status", field) or 0) for found in among)

        wanted = int(owner["spec"]["replicas"])
        available = total("availableReplicas", sets)
        counts = {
            "replicas": total("replicas", sets),
            "updatedReplicas": total("replicas", [current] if current else []),
            "readyReplicas": total("readyReplicas", sets),
            "availableReplicas": available,
            "unavailableReplicas": max(0, wanted - available),
        }
        status: Json = {key: count for key, count in counts.items() if count}
        status["observedGeneration"] = owner["metadata"]["generation"]
        updated = counts["updatedReplicas"] == wanted == available == counts["replicas"]
        status["conditions"] = [
            self._condition(
                owner,
                "Available",
                available >= wanted,
                "MinimumReplicasAvailable" if available >= wanted else "MinimumReplicasUnavailable",
            ),
            self._condition(
                owner,
                "Progressing",
                True,
                "NewReplicaSetAvailable" if updated else "ReplicaSetUpdated",
            ),
        ]
        return status

    def _condition(self, owner: Json, kind: str, holds: bool, reason: str) -> Json:
        before = condition(owner, kind)
        status, now = str(holds), self._verbs.clock.stamp()
        if before and before["status"] == status and before["reason"] == reason:
            return before
        since = before["lastTransitionTime"] if before and before["status"] == status else now
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": _MESSAGES[reason],
            "lastTransitionTime": since,
            "lastUpdateTime": now,
        }


_MESSAGES = {
    "MinimumReplicasAvailable": "Deployment has minimum availability.",
    "MinimumReplicasUnavailable": "Deployment does not have minimum availability.",
    "NewReplicaSetAvailable": "The newest ReplicaSet has successfully progressed.",
    "ReplicaSetUpdated": "The newest ReplicaSet is progressing.",
}


def _is_same(one: Json, other: Json) -> bool:
    return bool(one["metadata"]["uid"] == other["metadata"]["uid"])


def _revision(found: Json) -> int:
    return int((found["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _without_hash(found: Json) -> Json:
    template: Json = found["spec"]["template"]
    labels = dig(template, "metadata", "labels") or {}
    kept = {key: value for key, value in labels.items() if key != _HASH}
    return planted(template, ("metadata", "labels"), kept)
