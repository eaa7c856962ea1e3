"""CustomResourceDefinitions: applying one makes its resource.

In: the change feed of definitions. Out: resources in the catalogue, and the definitions' status.
One of the cluster's own controllers. A resource is served from the moment its definition is stored.
"""

from __future__ import annotations

from gradatim.sim.agenda import Agenda
from gradatim.sim.deletion import DeleteOptions, delete
from gradatim.sim.document import Json, dig
from gradatim.sim.resources import Resource, ScalePaths
from gradatim.sim.store import Event
from gradatim.sim.verbs import Target, Verbs

_NAME = "customresourcedefinitions.apiextensions.k8s.io"
_ESTABLISHED = {
    "NamesAccepted": ("NoConflicts", "no conflicts found"),
    "Established": ("InitialNamesAccepted", "the initial names have been accepted"),
}


def _path(text: str) -> tuple[str, ...]:
    return tuple(step for step in text.split(".") if step)


def resource_of(definition: Json) -> Resource:
    """Return the resource that a definition describes; the stored version is the first of its versions."""
    spec = definition["spec"]
    names = spec["names"]
    versions = [version for version in spec["versions"] if version.get("served", True)]
    versions.sort(key=lambda version: not version.get("storage"))
    subresources = versions[0].get("subresources") or {}
    scale = subresources.get("scale")
    schemas = {v["name"]: dig(v, "schema", "openAPIV3Schema") for v in versions}
    columns = {v["name"]: v.get("additionalPrinterColumns") for v in versions}
    return Resource(
        group=spec["group"],
        versions=tuple(version["name"] for version in versions),
        kind=names["kind"],
        plural=names["plural"],
        namespaced=spec.get("scope") == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        has_status="status" in subresources,
        counts_generation=True,
        custom=True,
        scale=ScalePaths(
            _path(scale["specReplicasPath"]),
            _path(scale["statusReplicasPath"]),
            _path(scale.get("labelSelectorPath", "")),
        )
        if scale
        else None,
        schemas={name: schema for name, schema in schemas.items() if schema},
        columns={name: given for name, given in columns.items() if given},
    )


class Definitions:
    """Registers and unregisters custom resources."""

    def __init__(self, verbs: Verbs, agenda: Agenda) -> None:
        self._verbs = verbs
        self._agenda = agenda
        self._resource = verbs.catalogue[_NAME]
        verbs.store.subscribe([_NAME], self._changed)

    def _changed(self, event: Event) -> None:
        name = event.new["metadata"]["name"]
        if event.type == "DELETED":
            self._agenda.now(("definition", name), lambda: self._forget(name))
            return
        if event.old is None or event.old["spec"] != event.new["spec"]:
            self._verbs.catalogue.add(resource_of(event.new))
            self._agenda.now(("definition", name), lambda: self.reconcile(name))

    def reconcile(self, name: str) -> None:
        """Say in the status of a definition that its resource is served."""
        target = Target(self._resource, "", name)
        definition = self._verbs.find(target)
        if definition is None:
            self._forget(name)
            return
        now = self._verbs.clock.stamp()
        conditions = dig(definition, "status", "conditions") or [
            {
                "type": kind,
                "status": "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": now,
            }
            for kind, (reason, message) in _ESTABLISHED.items()
        ]
        stored = [v["name"] for v in definition["spec"]["versions"] if v.get("storage")]
        status = {
            "conditions": conditions,
            "acceptedNames": definition["spec"]["names"],
            "storedVersions": stored,
        }
        self._verbs.set_status(target, status)

    def _forget(self, name: str) -> None:
        """Delete the objects of a resource that has lost its definition, and stop serving it."""
        resource = next((r for r in self._verbs.catalogue if r.name == name), None)
        if resource is None:
            return
        for obj in self._verbs.store.listed(name):
            metadata = obj["metadata"]
            target = Target(resource, metadata.get("namespace", ""), metadata["name"])
            delete(self._verbs, target, DeleteOptions(policy="Background"))
        self._verbs.catalogue.remove(name)
