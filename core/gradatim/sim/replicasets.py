"""The ReplicaSet controller.

In: the change feed of ReplicaSets and pods. Out: pods created, adopted, let go and deleted, and the status of the sets.
One of the cluster's own controllers.
"""

from __future__ import annotations

from gradatim.sim.agenda import Agenda
from gradatim.sim.deletion import DeleteOptions, delete
from gradatim.sim.document import Json, dig, planted
from gradatim.sim.pods import (
    available_in,
    condition,
    controller_of,
    from_template,
    is_active,
    is_ready,
    owner_reference,
)
from gradatim.sim.selectors import object_selector
from gradatim.sim.store import Event
from gradatim.sim.verbs import Target, Verbs

_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class ReplicaSets:
    """Keeps as many pods as each set wants."""

    def __init__(self, verbs: Verbs, agenda: Agenda) -> None:
        self._verbs = verbs
        self._agenda = agenda
        self._resource = verbs.catalogue["replicasets.apps"]
        self._pods = verbs.catalogue["pods"]
        verbs.store.subscribe(["replicasets.apps"], self._set_changed)
        verbs.store.subscribe(["pods"], self._pod_changed)

    def _set_changed(self, event: Event) -> None:
        if event.type != "DELETED":
            metadata = event.new["metadata"]
            self._look(metadata["namespace"], metadata["name"])

    def _pod_changed(self, event: Event) -> None:
        namespace = event.new["metadata"]["namespace"]
        for pod in (event.new, event.old):
            owner = controller_of(pod) if pod else None
            if owner:
                if owner["kind"] == "ReplicaSet":
                    self._look(namespace, owner["name"])
            elif pod and event.type != "DELETED":
                # an orphan: any set that selects it may adopt it
                for candidate in self._verbs.store.listed("replicasets.apps", namespace):
                    self._look(namespace, candidate["metadata"]["name"])

    def _look(self, namespace: str, name: str, after: float | None = None) -> None:
        key = ("replicaset", namespace, name)
        if after is None:
            self._agenda.now(key, lambda: self.reconcile(namespace, name))
        else:
            self._agenda.later(after, key, lambda: self.reconcile(namespace, name))

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one set closer to what it wants, and say in its status how far it is."""
        target = Target(self._resource, namespace, name)
        owner = self._verbs.find(target)
        if owner is None:
            return
        pods = [pod for pod in self._claimed(owner) if is_active(pod)]
        if "deletionTimestamp" not in owner["metadata"]:
            self._scale(owner, pods)
            pods = [pod for pod in self._owned(owner) if is_active(pod)]
        self._verbs.set_status(target, self._status(owner, pods))

    def _owned(self, owner: Json) -> list[Json]:
        dependents = self._verbs.store.dependents(owner["metadata"]["uid"])
        return [pod for place, pod in dependents if place.resource == "pods"]

    def _claimed(self, owner: Json) -> list[Json]:
        """Return the set's pods, after adopting orphans that it selects and letting go what it does not."""
        selects = object_selector(dig(owner, "spec", "selector"))
        uid = owner["metadata"]["uid"]
        leaving = "deletionTimestamp" in owner["metadata"]
        for pod in self._owned(owner):
            if not selects(pod["metadata"].get("labels") or {}) and is_active(pod):
                others = [o for o in pod["metadata"]["ownerReferences"] if o["uid"] != uid]
                self._set_owners(pod, others)
        for pod in () if leaving else self._orphans(owner):
            if is_active(pod) and selects(pod["metadata"].get("labels") or {}):
                owners = pod["metadata"].get("ownerReferences") or []
                self._set_owners(pod, [*owners, owner_reference(owner)])
        return self._owned(owner)

    def _orphans(self, owner: Json) -> list[Json]:
        return self._verbs.store.ownerless("pods", owner["metadata"]["namespace"])

    def _set_owners(self, pod: Json, owners: list[Json]) -> None:
        changed = planted(pod, ("metadata", "ownerReferences"), owners)
        self._verbs.replace(self._target(pod), changed)

    def _target(self, pod: Json) -> Target:
        return Target(self._pods, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _scale(self, owner: Json, pods: list[Json]) -> None:
        missing = int(dig(owner, "spec", "replicas") or 0) - len(pods)
        if missing > 0:
            target = Target(self._pods, owner["metadata"]["namespace"])
            for _ in range(missing):
                self._verbs.create(target, from_template(owner))
        elif missing < 0:
            for pod in sorted(pods, key=_keeps_longer)[:-missing]:
                delete(self._verbs, self._target(pod), DeleteOptions())

    def _status(self, owner: Json, pods: list[Json]) -> Json:
        spec = owner["spec"]
        labels = dig(spec, "template", "metadata", "labels") or {}
        wanted = int(spec.get("minReadySeconds") or 0)
        now = self._verbs.clock.now()
        waits = [wait for pod in pods if (wait := available_in(pod, wanted, now)) is not None]
        pending = [wait for wait in waits if wait > 0]
        metadata = owner["metadata"]
        if pending:
            self._look(metadata["namespace"], metadata["name"], after=min(pending))
        counts = {
            "fullyLabeledReplicas": sum(
                labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in pods
            ),
            "readyReplicas": len(waits),
            "availableReplicas": len(waits) - len(pending),
        }
        status: Json = {"replicas": len(pods)}
        status.update({key: count for key, count in counts.items() if count})
        status["observedGeneration"] = metadata["generation"]
        conditions = dig(owner, "status", "conditions")
        if conditions:
            status["conditions"] = conditions
        return status


def _keeps_longer(pod: Json) -> tuple[object, ...]:
    """Order pods by how well they are kept: the first is the first to go.

    Unscheduled before scheduled, pending before running, unready before ready, cheap before costly, then what became
    ready last, and the youngest.
    """
    cost = (pod["metadata"].get("annotations") or {}).get(_DELETION_COST, "0")
    ready = condition(pod, "Ready") or {}
    since = ready.get("lastTransitionTime", "") if is_ready(pod) else ""
    return (
        bool(dig(pod, "spec", "nodeName")),
        _PHASES.get(dig(pod, "status", "phase") or "", 0),
        is_ready(pod),
        int(cost) if cost.lstrip("-").isdigit() else 0,
        _later_first(since),
        _later_first(pod["metadata"]["creationTimestamp"]),
        -int(pod["metadata"]["resourceVersion"]),
    )


def _later_first(timestamp: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in timestamp)
