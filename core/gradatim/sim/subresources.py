"""Subresources that are more than a part of the object: scale, eviction, binding.

In: a Target and the body that a client sent. Out: the body to answer with.
Called by `api.py`.
"""

from __future__ import annotations

from typing import Any

from gradatim.sim import failure
from gradatim.sim.deletion import DeleteOptions, delete
from gradatim.sim.disruption import refusal
from gradatim.sim.document import Json, dig, planted
from gradatim.sim.resources import Resource, ScalePaths
from gradatim.sim.selectors import selector_text
from gradatim.sim.verbs import Patch, Target, Verbs, Writing, patched

_SCALE = Resource(group="autoscaling", versions=("v1",), kind="Scale", plural="scales")
_BINDING = Resource(group="", versions=("v1",), kind="pods/binding", plural="pods/binding")


def _paths(target: Target) -> ScalePaths:
    if target.resource.scale is None:
        raise failure.no_such_resource()
    return target.resource.scale


def scale_of(target: Target, obj: Json) -> Json:
    """Return the Scale of an object.

    Raises:
        ApiError: 404, the resource has no scale.
    """
    paths = _paths(target)
    metadata, replicas = obj["metadata"], dig(obj, *paths.spec_replicas)
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Json = {"replicas": dig(obj, *paths.status_replicas) or 0}
    selector = selector_text(dig(obj, *paths.selector))
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in shown if key in metadata},
        # zero is not written, as nowhere in the real one's own types
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def write_scale(verbs: Verbs, target: Target, scale: Json | Patch, how: Writing) -> Json:
    """Set the replicas of an object through its Scale, whole or patched, and return the Scale.

    Raises:
        ApiError: 404, 409 or 422.
    """
    paths = _paths(target)
    old = verbs.get(target)
    before = scale_of(target, old)
    if isinstance(scale, Patch):
        scale = patched(target.resource, before, scale)
    replicas: Any = dig(scale, "spec", "replicas") or 0
    if not isinstance(replicas, int) or replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = failure.Cause("spec.replicas", "FieldValueInvalid", why)
        raise failure.invalid(_SCALE, target.name, [cause])
    new = planted(old, paths.spec_replicas, replicas)
    version = dig(scale, "metadata", "resourceVersion")
    if version:
        new = planted(new, ("metadata", "resourceVersion"), version)
    stored = verbs.replace(target._replace(subresource=""), new, how)
    return scale_of(target, stored)


def evict(verbs: Verbs, target: Target, eviction: Json, options: DeleteOptions) -> Json:
    """Delete a pod unless a disruption budget forbids it; return a Status.

    Raises:
        ApiError: 404, 409 or 429.
    """
    pod = verbs.get(target)
    name = dig(eviction, "metadata", "name")
    if name and name != target.name:
        text = f"name in URL does not match name in Eviction object: {target.name} != {name}"
        raise failure.bad_request(text)
    refused = refusal(verbs, pod)
    if refused:
        raise failure.disruption_refused(refused)
    marked = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastTransitionTime": verbs.clock.stamp(),
    }
    status = pod.get("status") or {}
    others = [c for c in status.get("conditions") or () if c["type"] != marked["type"]]
    if not options.dry_run:
        verbs.set_status(target, {**status, "conditions": [*others, marked]})
    delete(verbs, target, options)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def bind(verbs: Verbs, target: Target, binding: Json) -> Json:
    """Give a pod its node; return a Status.

    Raises:
        ApiError: 404, or 409 when the pod has a node.
    """
    pod = verbs.get(target)
    if dig(pod, "spec", "nodeName"):
        why = f'pod {target.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise failure.conflict(_BINDING, target.name, why)
    assign(verbs, target, dig(binding, "target", "name") or "")
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def assign(verbs: Verbs, target: Target, node: str) -> Json:
    """Give a pod its node and return it. To be scheduled is no wish of an author: the generation stays."""
    pod = planted(verbs.get(target), ("spec", "nodeName"), node)
    now = verbs.clock.stamp()
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now}
    others = [c for c in dig(pod, "status", "conditions") or () if c["type"] != "PodScheduled"]
    return verbs.store.put("pods", planted(pod, ("status", "conditions"), [*others, scheduled]))
