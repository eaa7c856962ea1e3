"""The EndpointSlice controller: which pods stand behind each Service.

In: the change feed of Services and pods. Out: one EndpointSlice for each Service with a selector.
One of the cluster's own controllers. The real one splits at a hundred endpoints; this one does not.
"""

from __future__ import annotations

from gradatim.sim.agenda import Agenda
from gradatim.sim.document import Json, dig
from gradatim.sim.pods import is_deleted, is_finished, is_ready, owner_reference
from gradatim.sim.store import Event
from gradatim.sim.verbs import Target, Verbs

SERVICE_NAME = "kubernetes.io/service-name"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"


class EndpointSlices:
    """Keeps the list of each Service's ready pods."""

    def __init__(self, verbs: Verbs, agenda: Agenda) -> None:
        self._verbs = verbs
        self._agenda = agenda
        self._resource = verbs.catalogue["endpointslices.discovery.k8s.io"]
        verbs.store.subscribe(["services"], self._service_changed)
        verbs.store.subscribe(["pods"], self._pod_changed)

    def _service_changed(self, event: Event) -> None:
        if event.type != "DELETED":
            self._look(event.new)

    def _pod_changed(self, event: Event) -> None:
        if event.old is not None and event.type == "MODIFIED" and _looks_same(event):
            return
        states = [pod["metadata"].get("labels") or {} for pod in (event.old, event.new) if pod]
        for service in self._verbs.store.listed("services", event.new["metadata"]["namespace"]):
            selector = dig(service, "spec", "selector") or {}
            if selector and any(selector.items() <= labels.items() for labels in states):
                self._look(service)

    def _look(self, service: Json) -> None:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        self._agenda.now(("endpoints", namespace, name), lambda: self.reconcile(namespace, name))

    def reconcile(self, namespace: str, name: str) -> None:
        """Write the slice of one Service."""
        service = self._verbs.store.find("services", namespace, name)
        selector = dig(service, "spec", "selector")
        if service is None or not selector or "deletionTimestamp" in service["metadata"]:
            return
        slices = self._verbs.store.dependents(service["metadata"]["uid"])
        old = next((obj for place, obj in slices if place.resource == self._resource.name), None)
        content = {
            "addressType": "IPv4",
            "endpoints": self._endpoints(namespace, selector),
            "ports": [_port(port) for port in dig(service, "spec", "ports") or ()],
        }
        if old is None:
            self._verbs.create(Target(self._resource, namespace), _new(service, content))
        else:
            target = Target(self._resource, namespace, old["metadata"]["name"])
            self._verbs.replace(target, {**old, **content})

    def _endpoints(self, namespace: str, selector: Json) -> list[Json]:
        return [
            _endpoint(pod)
            for pod in self._verbs.store.listed("pods", namespace)
            if selector.items() <= (pod["metadata"].get("labels") or {}).items()
            and dig(pod, "status", "podIP")
            and not is_finished(pod)
        ]


def _looks_same(event: Event) -> bool:
    """Tell whether a change of a pod leaves its endpoint as it was; most changes do."""
    old, new = event.old or {}, event.new
    return (
        old["metadata"].get("labels") == new["metadata"].get("labels")
        and is_deleted(old) == is_deleted(new)
        and is_ready(old) == is_ready(new)
        and is_finished(old) == is_finished(new)
        and dig(old, "status", "podIP") == dig(new, "status", "podIP")
    )


def _endpoint(pod: Json) -> Json:
    metadata = pod["metadata"]
    serving = is_ready(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": serving and not is_deleted(pod),
            "serving": serving,
            "terminating": is_deleted(pod),
        },
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }


def _port(port: Json) -> Json:
    target = port.get("targetPort")
    number = target if isinstance(target, int) else port["port"]
    return {"name": port.get("name", ""), "port": number, "protocol": port["protocol"]}


def _new(service: Json, content: Json) -> Json:
    name = service["metadata"]["name"]
    labels = {SERVICE_NAME: name, _MANAGED_BY: "endpointslice-controller.k8s.io"}
    metadata = {
        "generateName": f"{name}-",
        "labels": {**(service["metadata"].get("labels") or {}), **labels},
        "ownerReferences": [owner_reference(service)],
    }
    return {"metadata": metadata, **content}
