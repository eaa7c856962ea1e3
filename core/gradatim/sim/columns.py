"""The columns that `kubectl get` prints for built-in resources.

In: an object and the time. Out: the cells of its row.
A table of data for `table.py`; a column with priority 1 is shown by `-o wide`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from gradatim.sim.clock import moment
from gradatim.sim.document import Json, dig
from gradatim.sim.pods import is_deleted
from gradatim.sim.selectors import selector_text


class Column(NamedTuple):
    """A column: its heading, how to make a cell, its type and its priority."""

    name: str
    cell: Callable[[Json, datetime], Any]
    type: str = "string"
    priority: int = 0

    def definition(self) -> Json:
        """Return the column as a Table defines it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": "",
            "priority": self.priority,
        }


def duration(seconds: float) -> str:
    """Return a length of time as kubectl prints ages."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole}s"
    minutes, second = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes}m{second}s" if second else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, minute = divmod(minutes, 60)
    if hours < 8:
        return f"{hours}h{minute}m" if minute else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days, hour = divmod(hours, 24)
    return f"{days}d{hour}h" if days < 8 and hour else f"{days}d"


def since(timestamp: str | None, now: datetime) -> str:
    """Return how long ago a timestamp was."""
    return duration((now - moment(timestamp)).total_seconds()) if timestamp else "<unknown>"


def _at(*path: str, missing: object = "<none>") -> Callable[[Json, datetime], Any]:
    def cell(obj: Json, _now: datetime) -> Any:
        value = dig(obj, *path)
        return missing if value is None else value

    return cell


def _size(*path: str) -> Callable[[Json, datetime], Any]:
    return lambda obj, _now: len(dig(obj, *path) or ())


def _age(obj: Json, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def _containers(key: str) -> Callable[[Json, datetime], str]:
    def cell(obj: Json, _now: datetime) -> str:
        found = dig(obj, "spec", "template", "spec", "containers") or ()
        return ",".join(container.get(key, "") for container in found)

    return cell


def _pod_ready(pod: Json, _now: datetime) -> str:
    statuses = dig(pod, "status", "containerStatuses") or ()
    ready = sum(bool(status.get("ready")) for status in statuses)
    return f"{ready}/{len(pod['spec']['containers'])}"


def _pod_status(pod: Json, _now: datetime) -> str:
    if is_deleted(pod):
        return "Terminating"
    for status in dig(pod, "status", "containerStatuses") or ():
        for state in ("waiting", "terminated"):
            reason = dig(status, "state", state, "reason")
            if reason:
                return str(reason)
    return str(dig(pod, "status", "phase") or "")


def _restarts(pod: Json, _now: datetime) -> str:
    statuses = dig(pod, "status", "containerStatuses") or ()
    return str(sum(int(status.get("restartCount") or 0) for status in statuses))


def _service_ports(service: Json, _now: datetime) -> str:
    ports = dig(service, "spec", "ports") or ()
    return ",".join(f"{port['port']}/{port['protocol']}" for port in ports) or "<none>"


def _pairs(*path: str) -> Callable[[Json, datetime], str]:
    def cell(obj: Json, _now: datetime) -> str:
        found = dig(obj, *path) or {}
        return ",".join(f"{key}={value}" for key, value in sorted(found.items())) or "<none>"

    return cell


def _selector(obj: Json, _now: datetime) -> str:
    return selector_text(dig(obj, "spec", "selector")) or "<none>"


def _deployment_ready(obj: Json, _now: datetime) -> str:
    return f"{dig(obj, 'status', 'readyReplicas') or 0}/{obj['spec'].get('replicas', 0)}"


def _job_status(job: Json, _now: datetime) -> str:
    for found in dig(job, "status", "conditions") or ():
        if found["status"] == "True":
            return str(found["type"])
    return "Suspended" if job["spec"].get("suspend") else "Running"


def _job_completions(job: Json, _now: datetime) -> str:
    return f"{dig(job, 'status', 'succeeded') or 0}/{job['spec'].get('completions', 1)}"


def _job_duration(job: Json, now: datetime) -> str:
    started, ended = dig(job, "status", "startTime"), dig(job, "status", "completionTime")
    return since(started, moment(ended) if ended else now) if started else ""


def _event_object(event: Json, _now: datetime) -> str:
    involved = event.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _event_seen(event: Json, now: datetime) -> str:
    last = event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp")
    return since(last, now)


def _addresses(found: Json, _now: datetime) -> str:
    listed = [a for endpoint in found.get("endpoints") or () for a in endpoint["addresses"]]
    more = f" + {len(listed) - 3} more..." if len(listed) > 3 else ""
    return ",".join(listed[:3]) + more or "<unset>"


def _slice_ports(found: Json, _now: datetime) -> str:
    return ",".join(str(port["port"]) for port in found.get("ports") or ()) or "<unset>"


def _node_status(node: Json, _now: datetime) -> str:
    return "Ready" if node["metadata"] else "Unknown"


NAME = Column("Name", _at("metadata", "name"))
AGE = Column("Age", _age)
_TEMPLATE = (
    Column("Containers", _containers("name"), priority=1),
    Column("Images", _containers("image"), priority=1),
    Column("Selector", _selector, priority=1),
)

#: The columns of the resources that have more than a name and an age.
COLUMNS: dict[str, tuple[Column, ...]] = {
    "pods": (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _restarts),
        AGE,
        Column("IP", _at("status", "podIP"), priority=1),
        Column("Node", _at("spec", "nodeName"), priority=1),
    ),
    "services": (
        NAME,
        Column("Type", _at("spec", "type")),
        Column("Cluster-IP", _at("spec", "clusterIP")),
        Column("External-IP", _at("spec", "externalName")),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", _pairs("spec", "selector"), priority=1),
    ),
    "replicasets.apps": (
        NAME,
        Column("Desired", _at("spec", "replicas", missing=0), "integer"),
        Column("Current", _at("status", "replicas", missing=0), "integer"),
        Column("Ready", _at("status", "readyReplicas", missing=0), "integer"),
        AGE,
        *_TEMPLATE,
    ),
    "deployments.apps": (
        NAME,
        Column("Ready", _deployment_ready),
        Column("Up-to-date", _at("status", "updatedReplicas", missing=0)),
        Column("Available", _at("status", "availableReplicas", missing=0)),
        AGE,
        *_TEMPLATE,
    ),
    "jobs.batch": (
        NAME,
        Column("Status", _job_status),
        Column("Completions", _job_completions),
        Column("Duration", _job_duration),
        AGE,
        *_TEMPLATE,
    ),
    "events": (
        Column("Last Seen", _event_seen),
        Column("Type", _at("type", missing="")),
        Column("Reason", _at("reason", missing="")),
        Column("Object", _event_object),
        Column("Message", _at("message", missing="")),
        Column("Count", _at("count", missing=1), priority=1),
        Column("Name", _at("metadata", "name"), priority=1),
    ),
    "endpointslices.discovery.k8s.io": (
        NAME,
        Column("AddressType", _at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _addresses),
        AGE,
    ),
    "namespaces": (NAME, Column("Status", _at("status", "phase")), AGE),
    "nodes": (NAME, Column("Status", _node_status), AGE),
    "secrets": (NAME, Column("Type", _at("type")), Column("Data", _size("data"), "integer"), AGE),
    "configmaps": (NAME, Column("Data", _size("data"), "integer"), AGE),
    "leases.coordination.k8s.io": (
        NAME,
        Column("Holder", _at("spec", "holderIdentity", missing="")),
        AGE,
    ),
    "poddisruptionbudgets.policy": (
        NAME,
        Column("Min Available", _at("spec", "minAvailable", missing="N/A")),
        Column("Max Unavailable", _at("spec", "maxUnavailable", missing="N/A")),
        Column("Allowed Disruptions", _at("status", "disruptionsAllowed", missing=0), "integer"),
        AGE,
    ),
    "customresourcedefinitions.apiextensions.k8s.io": (
        NAME,
        Column("Created At", _at("metadata", "creationTimestamp"), "date"),
    ),
}
