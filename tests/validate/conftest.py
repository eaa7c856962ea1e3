"""Manifests that are right, and plugins that serve a few keys."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gradatim.model.rollout import Rollout, parse_rollout
from gradatim.plugin import Capability, FieldPath, Json, Problem

Build = Callable[..., Rollout]

EVERYTHING = frozenset(Capability)
CAPABILITIES = {
    "istio": EVERYTHING - {Capability.MAX_WEIGHT},
    "alb": EVERYTHING - {Capability.MIRROR, Capability.MAX_WEIGHT, Capability.SUBSETS},
    "nginx": frozenset({Capability.WEIGHT, Capability.MAX_WEIGHT}),
    "example.com/mesh": EVERYTHING,
}


class FakePlugins:
    """Serves `CAPABILITIES` and the metrics web, prometheus and example.com/metric."""

    metrics = ("example.com/metric", "prometheus", "web")

    def validate_step(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        if key != "example.com/gate":
            return [Problem(path / "name", f"no installed plugin serves {key!r}")]
        return [Problem(path / "config" / "wrong", "is wrong")] if "wrong" in config else []

    def router_keys(self) -> tuple[str, ...]:
        return tuple(CAPABILITIES)

    def capabilities(self, key: str) -> frozenset[Capability]:
        return CAPABILITIES.get(key, frozenset())

    def validate_metric(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        if key not in self.metrics:
            return [Problem(path, f"no installed plugin serves {key!r}")]
        return [Problem(path / "wrong", "is wrong")] if "wrong" in config else []

    def times(self, key: str, config: Json) -> Mapping[FieldPath, str]:
        return {FieldPath("start"): config["start"]} if "start" in config else {}

    def validate_route(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        if key not in CAPABILITIES:
            return [Problem(path, f"no installed plugin serves {key!r}")]
        return [Problem(path / "wrong", "is wrong")] if "wrong" in config else []


@pytest.fixture
def plugins() -> FakePlugins:
    return FakePlugins()


def manifest(strategy: Json | None = None, **spec: Any) -> Json:
    """A sound Rollout; fields of `spec` replace its own, None takes one away."""
    whole: Json = {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "app", "image": "app:v1"}]},
        },
        "strategy": {"canary": {}} if strategy is None else strategy,
    }
    whole |= copy.deepcopy(spec)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {key: value for key, value in whole.items() if value is not None},
    }


@pytest.fixture
def build() -> Build:
    def build(strategy: Json | None = None, **spec: Any) -> Rollout:
        return parse_rollout(manifest(strategy, **spec))

    return build


@pytest.fixture
def canary(build: Build) -> Build:
    """A Rollout with a canary of these fields."""
    return lambda **fields: build({"canary": fields})


@pytest.fixture
def steps(build: Build) -> Build:
    """A Rollout with these steps, routed by Istio unless another `routing` is given."""

    def steps(*steps: Json, routing: Json | None = None, **fields: Any) -> Rollout:
        block: Json = {"steps": list(steps), **fields}
        if routing is not None:
            block["trafficRouting"] = routing
            block = {"stableService": "stable", "canaryService": "canary", **block}
        return build({"canary": block})

    return steps
