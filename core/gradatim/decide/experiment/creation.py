"""The bodies of what an Experiment makes: ReplicaSets with their pods, and Services.

In: the Experiment, one of its templates. Out: the objects' JSON, as the reference makes them.
Called by `sets.py` and `services.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...model import names
from ...model.experiment import Experiment, ExperimentTemplate
from ...model.hashing import pod_template_hash
from ...model.reading import Json, Reader
from ...model.workload import ReplicaSet


def new_replica_set(experiment: Experiment, template: ExperimentTemplate, replicas: int) -> Json:
    """The ReplicaSet of a template. Its name has no hash, as a template never changes under its name."""
    pod_hash = set_hash(template.template)
    metadata = Reader(template.template).object("metadata")
    labels = {**metadata.texts("labels"), names.POD_HASH: pod_hash}
    matched = {**Reader(template.selector).texts("matchLabels"), names.POD_HASH: pod_hash}
    spec: Json = {
        "replicas": replicas,
        "selector": {**template.selector, "matchLabels": matched},
        "template": {**template.template, "metadata": {**metadata.raw, "labels": labels}},
    }
    if template.min_ready_seconds:
        spec["minReadySeconds"] = template.min_ready_seconds
    name = f"{experiment.name}-{template.name}"
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {**_metadata(experiment, template, name), "labels": dict(labels)},
        "spec": spec,
    }


def set_hash(template: Json) -> str:
    """The hash of a template's pods, as if the template had none: one of a Rollout's step brings that of its revision.

    A template that its author has written with all defaults gets the hash of its revision once more, and the
    revision's Services would send requests to the pods of the Experiment: then it is another one.
    """
    metadata = Reader(template).object("metadata")
    labels = metadata.texts("labels")
    revision = labels.pop(names.POD_HASH, None)
    bare = {**template, "metadata": {**metadata.raw, "labels": labels}}
    found = pod_template_hash(bare)
    return pod_template_hash(bare, 1) if found == revision else found


def new_service(
    experiment: Experiment, template: ExperimentTemplate, replica_set: ReplicaSet
) -> Json | None:
    """The Service of a template's pods; None where its containers name no port."""
    ports = list(_service_ports(replica_set.template))
    if not ports:
        return None
    name = template.service or replica_set.name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(experiment, template, name),
        "spec": {"selector": dict(replica_set.meta.labels), "ports": ports},
    }


def _service_ports(template: Json) -> Iterator[Json]:
    """One port of the Service for each of the containers, each with a name where there are several."""
    found: dict[tuple[int, str], str] = {}
    for container in Reader(template).object("spec").objects("containers"):
        for port in container.objects("ports"):
            number, protocol = port.number("containerPort"), port.text("protocol") or "TCP"
            if number:
                found.setdefault((number, protocol), port.text("name"))
    used: set[str] = set()
    for (number, protocol), given in found.items():
        name = given if given not in used else ""
        if not name and len(found) > 1:
            # with several ports each must have a name
            name = f"{protocol.lower()}-{number}"
        used.add(name)
        made: Json = {"protocol": protocol, "port": number, "targetPort": number}
        yield {"name": name, **made} if name else made


def _metadata(experiment: Experiment, template: ExperimentTemplate, name: str) -> Json:
    return {
        "name": name,
        "namespace": experiment.namespace,
        "annotations": {
            names.EXPERIMENT_NAME: experiment.name,
            names.EXPERIMENT_TEMPLATE: template.name,
        },
        "ownerReferences": [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Experiment",
                "name": experiment.name,
                "uid": experiment.meta.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
