"""What the controllers need to know about pods.

In: a pod, or the owner and template of one. Out: claims about it, or a new pod.
Called by the ReplicaSet, Deployment, Job and endpoint controllers, the kubelet and the mesh.
"""

from __future__ import annotations

from datetime import datetime

from gradatim.sim.clock import moment
from gradatim.sim.document import Json, dig, named


def condition(obj: Json, kind: str) -> Json | None:
    """Return the condition of that type."""
    return named(dig(obj, "status", "conditions"), "type", kind)


def is_ready(pod: Json) -> bool:
    """Tell whether the pod's Ready condition is True."""
    found = condition(pod, "Ready")
    return found is not None and found.get("status") == "True"


def is_finished(pod: Json) -> bool:
    """Tell whether the pod's containers have ended for good."""
    return dig(pod, "status", "phase") in ("Succeeded", "Failed")


def is_deleted(pod: Json) -> bool:
    """Tell whether the pod is on its way out."""
    return "deletionTimestamp" in pod["metadata"]


def is_active(pod: Json) -> bool:
    """Tell whether the pod counts as one of its controller's."""
    return not is_deleted(pod) and not is_finished(pod)


def available_in(pod: Json, min_ready_seconds: int, now: datetime) -> float | None:
    """Return in how many seconds the pod is available: 0 when it is, None when it is not ready."""
    found = condition(pod, "Ready")
    if found is None or found.get("status") != "True":
        return None
    if not min_ready_seconds:
        return 0.0
    since = moment(found["lastTransitionTime"])
    return max(0.0, min_ready_seconds - (now - since).total_seconds())


def controller_of(obj: Json) -> Json | None:
    """Return the owner reference of the controller."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def owner_reference(owner: Json) -> Json:
    """Return the reference by which an object names `owner` as its controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def from_template(owner: Json) -> Json:
    """Return a new pod of the owner's template."""
    template = owner["spec"]["template"]
    given = template.get("metadata") or {}
    metadata: Json = {
        "generateName": f"{owner['metadata']['name']}-",
        "ownerReferences": [owner_reference(owner)],
    }
    for key in ("labels", "annotations", "finalizers"):
        if given.get(key):
            metadata[key] = given[key]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template.get("spec") or {},
    }
