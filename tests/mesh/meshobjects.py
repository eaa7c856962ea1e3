"""The objects of the lab: a Rollout that Istio routes, by Services or by subsets, and what stands around it.

In: what a scenario wants to be special. Out: manifests as dicts, new ones each time.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

HASH = "rollouts-pod-template-hash"
NAME = "shop"
#: The routes that `virtual_service` has, by their names.
PRIMARY = "primary"


def rollout(strategy: Json, replicas: int = 4, **spec: Any) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": NAME}},
            "template": pod_template("shop:1"),
            "strategy": strategy,
            **spec,
        },
    }


def canary(*steps: Json, subsets: bool = False, **more: Any) -> Json:
    """The strategy of a canary that goes these steps. Delays are short, so that scenarios are."""
    istio: Json = {"virtualService": {"name": NAME, "routes": [PRIMARY]}}
    routing: Json = {"istio": istio, **more.pop("routing", {})}
    found: Json = {
        "trafficRouting": routing,
        "scaleDownDelaySeconds": 1,
        "abortScaleDownDelaySeconds": 1,
        "steps": list(steps),
        **more,
    }
    if subsets:
        istio["destinationRule"] = {
            "name": NAME,
            "canarySubsetName": "canary",
            "stableSubsetName": "stable",
        }
    else:
        found |= {"canaryService": f"{NAME}-canary", "stableService": f"{NAME}-stable"}
    return {"canary": found}


def blue_green(**more: Any) -> Json:
    services = {"activeService": f"{NAME}-active", "previewService": f"{NAME}-preview"}
    return {"blueGreen": {**services, "scaleDownDelaySeconds": 1, **more}}


def around(subsets: bool = False) -> list[Json]:
    """The VirtualService, and what it leads to."""
    if subsets:
        return [service(NAME), destination_rule(), virtual_service(subsets=True)]
    return [service(f"{NAME}-stable"), service(f"{NAME}-canary"), virtual_service()]


def service(name: str, **selector: str) -> Json:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": NAME, **selector}, "ports": ports},
    }


def destinations(subsets: bool = False, weight: int = 0) -> list[Json]:
    stable: Json = {"host": NAME, "subset": "stable"} if subsets else {"host": f"{NAME}-stable"}
    other: Json = {"host": NAME, "subset": "canary"} if subsets else {"host": f"{NAME}-canary"}
    return [
        {"destination": stable, "weight": 100 - weight},
        {"destination": other, "weight": weight},
    ]


def virtual_service(subsets: bool = False, weight: int = 0) -> Json:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": NAME},
        "spec": {
            "hosts": [f"{NAME}.example.com"],
            "http": [{"name": PRIMARY, "route": destinations(subsets, weight)}],
        },
    }


def destination_rule(**hashes: str) -> Json:
    subsets = [
        {"name": name, "labels": {"app": NAME, **({HASH: hashes[name]} if hashes else {})}}
        for name in ("stable", "canary")
    ]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": NAME},
        "spec": {"host": NAME, "subsets": subsets},
    }


def pod_template(image: str, **labels: str) -> Json:
    return {
        "metadata": {"labels": {"app": NAME, **labels}},
        "spec": {"containers": [{"name": NAME, "image": image}]},
    }


def replica_set(name: str, replicas: int) -> Json:
    """A ReplicaSet as a Rollout would make it, for scenarios without a controller; `name` is also its hash."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": f"{NAME}-{name}"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": NAME, HASH: name}},
            "template": pod_template(f"shop:{name}", **{HASH: name}),
        },
    }


def deployment(replicas: int) -> Json:
    """What served before there was a Rollout."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": NAME}},
            "template": pod_template("shop:0"),
        },
    }


def weight(percent: int) -> Json:
    return {"setWeight": percent}


def pause(seconds: int | None = None) -> Json:
    """Whole seconds: what is less counts as nothing, as in the reference."""
    return {"pause": {} if seconds is None else {"duration": f"{seconds}s"}}
