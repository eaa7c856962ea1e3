"""The objects of the tests: Rollouts, their Services and VirtualServices, and the definitions of Istio's kinds.

In: what a test wants to be special. Out: manifests as dicts, a new one each time, so that a test may change its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

Json = dict[str, Any]

CHECKOUT = Path(__file__).resolve().parents[2]
CRDS = CHECKOUT / "deploy" / "crds"
RBAC = CHECKOUT / "deploy" / "rbac.yaml"
EXAMPLE = CHECKOUT / "examples" / "canary-istio-prometheus.yaml"


def rollout(
    *steps: Json, name: str = "web", replicas: int = 2, routed: bool = False, **canary: Any
) -> Json:
    """A canary: with `routed`, by the VirtualService of `mesh()`."""
    if routed:
        canary |= {"canaryService": "web-canary", "stableService": "web-stable"}
        istio = {"virtualService": {"name": "web", "routes": ["primary"]}}
        canary.setdefault("trafficRouting", {"istio": istio})
        canary.setdefault("scaleDownDelaySeconds", 1)
    if steps:
        canary["steps"] = list(steps)
    container = {"name": "app", "image": "app:v1"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
            "strategy": {"canary": canary},
        },
    }


def blue_green(*, name: str = "web", replicas: int = 2, **strategy: Any) -> Json:
    """A blue-green Rollout; both of its Services are those of `both()`."""
    made = rollout(name=name, replicas=replicas)
    services = {"activeService": f"{name}-active", "previewService": f"{name}-preview"}
    made["spec"]["strategy"] = {"blueGreen": {**services, **strategy}}
    return made


def both(name: str = "web") -> list[Json]:
    """The Services of a blue-green Rollout."""
    return [service(f"{name}-active", name), service(f"{name}-preview", name)]


def budget(least: int, app: str = "web") -> Json:
    """A PodDisruptionBudget: so many pods stay available."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": app},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": app}}},
    }


def workload(kind: str, *, replicas: int = 2, name: str = "web", image: str = "app:v1") -> Json:
    """A Deployment, ReplicaSet or PodTemplate that a Rollout refers to."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }
    if kind == "PodTemplate":
        return {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": name},
            "template": template,
        }
    selector = {"matchLabels": {"app": name}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    }


def refers(kind: str, *, replicas: int = 2, scale_down: str = "", **canary: Any) -> Json:
    """A Rollout whose template is that of a workload."""
    made = rollout(replicas=replicas, **canary)
    version = "v1" if kind == "PodTemplate" else "apps/v1"
    reference = {"apiVersion": version, "kind": kind, "name": "web"}
    made["spec"]["workloadRef"] = reference | ({"scaleDown": scale_down} if scale_down else {})
    del made["spec"]["template"]
    if kind != "PodTemplate":
        del made["spec"]["selector"]
    return made


def service(name: str, app: str = "web") -> Json:
    """A Service in front of the pods of an app."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"name": "http", "port": 80}]},
    }


def virtual_service(http: object = None, name: str = "web") -> Json:
    """A VirtualService that sends everything to the stable Service, or with `http` what that says."""
    destinations = [
        {"destination": {"host": "web-stable"}, "weight": 100},
        {"destination": {"host": "web-canary"}, "weight": 0},
    ]
    usual = [{"name": "primary", "route": destinations}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": ["web.example.com"], "http": usual if http is None else http},
    }


def destination_rule() -> Json:
    """A DestinationRule with a subset for each side."""
    subsets = [{"name": "stable", "labels": {"app": "web"}}, {"name": "canary"}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "web"},
        "spec": {"host": "web", "subsets": subsets},
    }


def mesh() -> list[Json]:
    """What a routed Rollout needs around it."""
    return [service("web-stable"), service("web-canary"), virtual_service()]


def template(*metrics: Json, name: str = "check", args: list[Json] | None = None) -> Json:
    """An AnalysisTemplate."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": name},
        "spec": {"metrics": list(metrics), **({"args": args} if args else {})},
    }


def web_metric(url: str, **more: Any) -> Json:
    """A metric that asks a URL and wants `{"ok": true}`."""
    return {
        "name": "answers",
        "successCondition": "result == true",
        "provider": {"web": {"url": url, "jsonPath": "{$.ok}"}},
        **more,
    }


def analysis(name: str = "check") -> Json:
    """A step that runs a template."""
    return {"analysis": {"templates": [{"templateName": name}]}}


def weight(percent: int) -> Json:
    """A step that sets the canary's weight."""
    return {"setWeight": percent}


def pause(seconds: float | None = None) -> Json:
    """A step that pauses, for a time or until somebody promotes."""
    return {"pause": {} if seconds is None else {"duration": f"{seconds}s"}}


def _definition(kind: str) -> Json:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    plural = f"{kind.lower()}s"
    versions = [
        {
            "name": version,
            "served": True,
            "storage": version == "v1",
            "schema": {"openAPIV3Schema": anything},
        }
        for version in ("v1", "v1beta1", "v1alpha3")
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.networking.istio.io"},
        "spec": {
            "group": "networking.istio.io",
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
            },
            "versions": versions,
        },
    }


#: Right names and versions, any content: a test cluster has no Istio.
ISTIO_DEFINITIONS = [_definition("VirtualService"), _definition("DestinationRule")]
