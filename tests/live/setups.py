"""The Rollouts that random histories are played with: one for each kind of strategy, with the objects it needs.

In: a `Setup`, which prints as it is written. Out: manifests. Called by `player.py`; drawn by `happenings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from livecluster import istio, rollout, service, template, virtual_service

Json = dict[str, Any]

KINDS = ("basic", "istio", "subsets", "pingpong", "two", "bluegreen", "workload")
SUBSETS = ("stable", "canary")
PORTS = [{"containerPort": 8080}]


@dataclass(frozen=True)
class Setup:
    """One Rollout and its surroundings.

    Attributes:
        kind: one of KINDS.
        block: fields of the strategy.
        spec: fields of the Rollout's spec.
        lag: seconds that the mesh takes; the Rollout is told of it when it is longer than the default delay.
        stale: seconds by which the controller's caches are late.
    """

    kind: str
    replicas: int = 3
    block: Json = field(default_factory=dict)
    spec: Json = field(default_factory=dict)
    lag: float = 0
    stale: float = 0

    def objects(self) -> list[Json]:
        """The manifests, the Rollout last."""
        return [template(failureCondition="result >= 5"), *getattr(self, f"_{self.kind}")()]

    @property
    def routers(self) -> list[str]:
        """The VirtualServices."""
        if self.kind in ("istio", "subsets", "pingpong"):
            return ["web"]
        return ["web", "other"] if self.kind == "two" else []

    def containers(self, image: str) -> list[Json]:
        """A pod's, with the port that an Experiment needs to make a Service for requests to it."""
        tries = any("experiment" in step for step in self.block.get("steps", ()))
        return [{"name": "app", "image": image, **({"ports": PORTS} if tries else {})}]

    def _rollout(self, block: Json) -> Json:
        routes = [{"name": "by-header"}, {"name": "mirror"}]
        if "trafficRouting" in block:
            block = {
                **block,
                "trafficRouting": {**block["trafficRouting"], "managedRoutes": routes},
            }
        made = rollout(replicas=self.replicas, **block)
        made["spec"]["template"]["spec"]["containers"] = self.containers("app:v1")
        made["spec"] |= self.spec
        if self.lag > 5:
            delay = {"gradatim.dev/traffic-propagation-delay": f"{self.lag:g}s"}
            made["metadata"]["annotations"] = delay
        return made

    def _basic(self) -> list[Json]:
        return [*self._own_services(), self._rollout(self.block)]

    def _own_services(self) -> list[Json]:
        names = [self.block.get(side) for side in ("stableService", "canaryService")]
        return [*map(service, filter(None, names))]

    def _istio(self) -> list[Json]:
        return [*_services(), virtual_service(), self._rollout(istio(**self.block))]

    def _subsets(self) -> list[Json]:
        rule = {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}
        block = {"virtualService": {"name": "web"}, "destinationRule": rule}
        routing = {"trafficRouting": {"istio": block}}
        return [service("web"), *_subset_routes(), self._rollout({**routing, **self.block})]

    def _pingpong(self) -> list[Json]:
        block = istio(**self.block)
        both = {
            "pongService": block.pop("stableService"),
            "pingService": block.pop("canaryService"),
        }
        return [*_services(), virtual_service(), self._rollout({"pingPong": both, **block})]

    def _two(self) -> list[Json]:
        other = virtual_service()
        other["metadata"] = {"name": "other"}
        other["spec"]["hosts"] = ["other.example.com"]
        block = istio(**self.block)
        named = [{"name": name} for name in self.routers]
        block["trafficRouting"] = {"istio": {"virtualServices": named}}
        return [*_services(), virtual_service(), other, self._rollout(block)]

    def _bluegreen(self) -> list[Json]:
        both = {"activeService": "web-active", "previewService": "web-preview"}
        made = self._rollout({})
        made["spec"]["strategy"] = {"blueGreen": {**both, **self.block}}
        return [*map(service, both.values()), made]

    def _workload(self) -> list[Json]:
        made = self._rollout(self.block)
        spec = {k: made["spec"].pop(k) for k in ("selector", "template")}
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "old"},
            "spec": {"replicas": self.replicas, **spec},
        }
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "old"}
        made["spec"]["workloadRef"] = {**ref, "scaleDown": "progressively"}
        return [*self._own_services(), deployment, made]


def _services() -> list[Json]:
    return [service("web-stable"), service("web-canary")]


def _subset_routes() -> list[Json]:
    routes = [
        {"destination": {"host": "web", "subset": subset}, "weight": weight}
        for subset, weight in zip(SUBSETS, (100, 0), strict=True)
    ]
    routed = virtual_service()
    routed["spec"]["http"] = [{"name": "primary", "route": routes}]
    rule = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "DestinationRule",
        "metadata": {"name": "web"},
        "spec": {
            "host": "web",
            "subsets": [{"name": name, "labels": {"app": "web"}} for name in SUBSETS],
        },
    }
    return [routed, rule]
