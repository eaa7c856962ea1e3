"""What one proxy knows of the cluster, pure, and the names by which it calls things.

In: objects as they are stored. Out: Services, their endpoints and subsets, under Istio's names of clusters.
Used by `routes.py` and `clusters.py`; made by `follower.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gradatim.sim.document import Json, dig
from gradatim.sim.endpointslices import SERVICE_NAME
from gradatim.sim.mesh import Host, resolved

_DOMAIN = "svc.cluster.local"


class UntranslatableError(Exception):
    """An object says something that is not translated; nothing is passed over in silence."""


@dataclass(frozen=True, slots=True)
class Known:
    """Objects as a proxy knows them. `pods` is by namespace and name, `ports` (on loopback) by the pod's uid."""

    virtual_services: Sequence[Json] = ()
    destination_rules: Sequence[Json] = ()
    services: Sequence[Json] = ()
    slices: Sequence[Json] = ()
    pods: Mapping[tuple[str, str], Json] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)

    def hosts(self) -> Iterator[Host]:
        """The Services."""
        for service in self.services:
            yield Host(service["metadata"]["namespace"], service["metadata"]["name"])

    def subsets(self, host: Host) -> dict[str, Mapping[str, str]]:
        """The subsets of a Service by name, with the labels that their pods have; the first of a name counts."""
        found: dict[str, Mapping[str, str]] = {}
        for rule in self.destination_rules:
            namespace = rule["metadata"]["namespace"]
            if resolved(dig(rule, "spec", "host") or "", namespace) == host:
                for subset in dig(rule, "spec", "subsets") or ():
                    found.setdefault(subset["name"], subset.get("labels") or {})
        return found

    def addresses(self, host: Host, labels: Mapping[str, str]) -> list[int]:
        """The ports of the ready endpoints of a Service whose pods have these labels."""
        return sorted(
            self.ports[dig(endpoint, "targetRef", "uid")]
            for found in self.slices
            if _service_of(found) == host
            for endpoint in found.get("endpoints") or ()
            if dig(endpoint, "conditions", "ready")
            and labels.items() <= self._labels(host, endpoint).items()
            and dig(endpoint, "targetRef", "uid") in self.ports
        )

    def _labels(self, host: Host, endpoint: Json) -> Mapping[str, str]:
        pod = self.pods.get((host.namespace, dig(endpoint, "targetRef", "name") or ""))
        return dig(pod, "metadata", "labels") or {}


def cluster_name(host: Host, subset: str = "") -> str:
    """Istio's name of a cluster. A pod has one port here, so all ports of a Service are one cluster."""
    return f"outbound|80|{subset}|{full_name(host)}"


def full_name(host: Host) -> str:
    """The name of a Service that is the same everywhere."""
    return f"{host.name}.{host.namespace}.{_DOMAIN}"


def domains(host: Host) -> list[str]:
    """The names by which clients may call a Service."""
    short = f"{host.name}.{host.namespace}"
    return [host.name, short, f"{short}.svc", full_name(host)]


def _service_of(found: Json) -> Host:
    metadata = found["metadata"]
    return Host(metadata["namespace"], (metadata.get("labels") or {}).get(SERVICE_NAME, ""))
