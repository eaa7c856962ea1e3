"""The server's defaults for built-in resources.

In: a built-in object as a client wrote it. Out: the same with what the real API server fills in.
Called by `strategy.py` on every write; controllers compare templates, so these have to be the real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradatim.sim.document import Json, dig, planted

_CONTAINER = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_POD_SPEC = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
_PROBE = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_MODED_VOLUMES = ("secret", "configMap", "projected", "downwardAPI")
_NOT_READY_TOLERATIONS = [
    {
        "effect": "NoExecute",
        "key": f"node.kubernetes.io/{key}",
        "operator": "Exists",
        "tolerationSeconds": 300,
    }
    for key in ("not-ready", "unreachable")
]


def _pull_policy(image: str) -> str:
    if "@" in image:
        return "IfNotPresent"
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _http_action(action: Json) -> Json:
    if "httpGet" not in action:
        return action
    return {**action, "httpGet": {"path": "/", "scheme": "HTTP", **action["httpGet"]}}


def _probe(probe: Json) -> Json:
    filled = _http_action({**_PROBE, **probe})
    if "grpc" in filled:
        filled["grpc"] = {"service": "", **filled["grpc"]}
    return filled


def _field_ref(holder: Json) -> Json:
    if "fieldRef" not in holder:
        return holder
    return {**holder, "fieldRef": {"apiVersion": "v1", **holder["fieldRef"]}}


def _env(entry: Json) -> Json:
    source = entry.get("valueFrom")
    return {**entry, "valueFrom": _field_ref(source)} if source else entry


def _quantities(resources: Json) -> Json:
    # numbers become the strings that a Quantity is written as
    return {
        key: {name: str(amount) for name, amount in value.items()}
        if key in ("limits", "requests") and isinstance(value, dict)
        else value
        for key, value in resources.items()
    }


def _container(container: Json) -> Json:
    image = container.get("image", "")
    filled: Json = {"imagePullPolicy": _pull_policy(image), **_CONTAINER, **container}
    if filled["resources"]:
        filled["resources"] = _quantities(filled["resources"])
    if "ports" in filled:
        filled["ports"] = [{"protocol": "TCP", **port} for port in filled["ports"]]
    if "env" in filled:
        filled["env"] = [_env(entry) for entry in filled["env"]]
    for name in _PROBES:
        if name in filled:
            filled[name] = _probe(filled[name])
    if "lifecycle" in filled:
        filled["lifecycle"] = {
            hook: _http_action(action) for hook, action in filled["lifecycle"].items()
        }
    return filled


def _projection(source: Json) -> Json:
    token = source.get("serviceAccountToken")
    if token:
        return {**source, "serviceAccountToken": {"expirationSeconds": 3600, **token}}
    return source


def _volume(volume: Json) -> Json:
    filled = dict(volume)
    for kind in _MODED_VOLUMES:
        if kind in filled:
            filled[kind] = {"defaultMode": 420, **filled[kind]}
    if "hostPath" in filled:
        filled["hostPath"] = {"type": "", **filled["hostPath"]}
    if "downwardAPI" in filled:
        items = [_field_ref(item) for item in filled["downwardAPI"].get("items") or ()]
        filled["downwardAPI"] = {**filled["downwardAPI"], "items": items}
    if "projected" in filled:
        sources = [_projection(source) for source in filled["projected"].get("sources") or ()]
        filled["projected"] = {**filled["projected"], "sources": sources}
    return filled if len(filled) > 1 else {**filled, "emptyDir": {}}


def pod_spec(spec: Json) -> Json:
    """Return a pod spec with the defaults that hold in every template."""
    filled = {**_POD_SPEC, **spec}
    for name in ("containers", "initContainers"):
        if name in filled:
            filled[name] = [_container(container) for container in filled[name]]
    if "volumes" in filled:
        filled["volumes"] = [_volume(volume) for volume in filled["volumes"]]
    if "serviceAccountName" in filled and "serviceAccount" not in filled:
        filled["serviceAccount"] = filled["serviceAccountName"]
    return filled


def _template(obj: Json) -> Json:
    template = dig(obj, "spec", "template")
    if not isinstance(template, dict):
        return obj
    spec = pod_spec(template.get("spec") or {})
    filled = {**template, "metadata": template.get("metadata") or {}, "spec": spec}
    return planted(obj, ("spec", "template"), filled)


def _spec(obj: Json, **fields: object) -> Json:
    return {**obj, "spec": {**fields, **(obj.get("spec") or {})}}


def _with_requests(container: Json) -> Json:
    """Return a pod's container that requests as much as it is limited to, where it does not say."""
    limits = dig(container, "resources", "limits")
    if not limits:
        return container
    requests = {**limits, **(container["resources"].get("requests") or {})}
    return {**container, "resources": {**container["resources"], "requests": requests}}


def _pod(obj: Json) -> Json:
    spec = pod_spec(obj.get("spec") or {})
    spec["containers"] = [_with_requests(c) for c in spec.get("containers") or ()]
    extra = {
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "tolerations": _NOT_READY_TOLERATIONS,
    }
    return {**obj, "spec": {**extra, **spec}}


def _replica_set(obj: Json) -> Json:
    return _template(_spec(obj, replicas=1))


def _deployment(obj: Json) -> Json:
    filled = _spec(obj, replicas=1, progressDeadlineSeconds=600, revisionHistoryLimit=10)
    strategy = {"type": "RollingUpdate", **(filled["spec"].get("strategy") or {})}
    if strategy["type"] == "RollingUpdate":
        bounds = strategy.get("rollingUpdate") or {}
        strategy["rollingUpdate"] = {"maxSurge": "25%", "maxUnavailable": "25%", **bounds}
    return _template(planted(filled, ("spec", "strategy"), strategy))


def _job(obj: Json) -> Json:
    """Give a Job its bounds, and the labels and selector by which it knows its pods."""
    uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
    filled = _spec(
        obj,
        backoffLimit=6,
        completionMode="NonIndexed",
        completions=1,
        manualSelector=False,
        parallelism=1,
        podReplacementPolicy="TerminatingOrFailed",
        suspend=False,
        selector={"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
    )
    template = filled["spec"].get("template") or {}
    labels = {
        **(dig(template, "metadata", "labels") or {}),
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    if not obj["metadata"].get("labels"):
        filled = planted(filled, ("metadata", "labels"), labels)
    return _template(planted(filled, ("spec", "template", "metadata", "labels"), labels))


def _service(obj: Json) -> Json:
    filled = _spec(
        obj,
        internalTrafficPolicy="Cluster",
        ipFamilies=["IPv4"],
        ipFamilyPolicy="SingleStack",
        sessionAffinity="None",
        type="ClusterIP",
    )
    ports: list[Any] = filled["spec"].get("ports") or []
    if ports:
        filled["spec"]["ports"] = [
            {"protocol": "TCP", "targetPort": port.get("port"), **port} for port in ports
        ]
    if filled["spec"]["type"] == "ExternalName":
        for field in ("internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy"):
            del filled["spec"][field]
    return filled


def _namespace(obj: Json) -> Json:
    name = obj["metadata"]["name"]
    labels = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": name}
    return planted(_spec(obj, finalizers=["kubernetes"]), ("metadata", "labels"), labels)


def _secret(obj: Json) -> Json:
    return {"type": "Opaque", **obj}


def _definition(obj: Json) -> Json:
    names = dig(obj, "spec", "names") or {}
    kind = names.get("kind", "")
    filled = {"listKind": f"{kind}List", "singular": kind.lower(), **names}
    conversion = {"strategy": "None", **(dig(obj, "spec", "conversion") or {})}
    return planted(planted(obj, ("spec", "names"), filled), ("spec", "conversion"), conversion)


_BY_RESOURCE: dict[str, Callable[[Json], Json]] = {
    "pods": _pod,
    "replicasets.apps": _replica_set,
    "deployments.apps": _deployment,
    "jobs.batch": _job,
    "services": _service,
    "namespaces": _namespace,
    "secrets": _secret,
    "customresourcedefinitions.apiextensions.k8s.io": _definition,
}

#: The status that a new object of a built-in resource begins with.
_FIRST_STATUS: dict[str, Json] = {
    "replicasets.apps": {"replicas": 0},
    "services": {"loadBalancer": {}},
    "namespaces": {"phase": "Active"},
    "deployments.apps": {},
    "jobs.batch": {},
}


def first_status(resource: str, obj: Json) -> Json | None:
    """Return the status that a new object of the built-in `resource` begins with, None for none."""
    if resource == "pods":
        return {"phase": "Pending", "qosClass": _quality(obj)}
    return _FIRST_STATUS.get(resource)


def _quality(pod: Json) -> str:
    """Return the quality-of-service class that the resources of the containers make."""
    given = [container.get("resources") or {} for container in dig(pod, "spec", "containers") or ()]
    if not any(dig(found, kind) for found in given for kind in ("limits", "requests")):
        return "BestEffort"
    for found in given:
        limits = found.get("limits") or {}
        requests = {**limits, **(found.get("requests") or {})}
        if not {"cpu", "memory"} <= limits.keys() or requests != limits:
            return "Burstable"
    return "Guaranteed"


def defaulted(resource: str, obj: Json) -> Json:
    """Return `obj` of the built-in `resource` with the server's defaults."""
    fill = _BY_RESOURCE.get(resource)
    return fill(obj) if fill else obj
