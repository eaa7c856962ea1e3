"""The canary of `examples/`, judged by a real Prometheus server: promoted when it is good, rolled back when it is bad.

The manifest is used as it is but for its patience (minutes are too long for a test) and Prometheus's address.
"""

from __future__ import annotations

import pytest
import yaml
from apiserver import Json
from manifests import EXAMPLE
from rights import grant
from scene import Scene
from telemetry import Telemetry

pytestmark = pytest.mark.prometheus

NAME = "shop"
OLD, NEW = "nginx:1.26", "nginx:1.27"


def example(telemetry: Telemetry) -> list[Json]:
    """The manifests of the example, in a hurry."""
    found = list(yaml.safe_load_all(EXAMPLE.read_text()))
    for each in found:
        if each["kind"] == "Rollout":
            canary = each["spec"]["strategy"]["canary"]
            canary["scaleDownDelaySeconds"] = 1
            for step in canary["steps"]:
                if "pause" in step:
                    step["pause"] = {"duration": "1s"}
        if each["kind"] == "AnalysisTemplate":
            argument = next(a for a in each["spec"]["args"] if a["name"] == "prometheus")
            argument["value"] = telemetry.url
            for metric in each["spec"]["metrics"]:
                metric["interval"] = "1s"
                query = metric["provider"]["prometheus"]["query"]
                # a window of two minutes would still hold what was before the canary
                metric["provider"]["prometheus"]["query"] = query.replace("[2m]", "[2s]")
    return found


@pytest.fixture
def shop(scene: Scene, account, telemetry: Telemetry) -> Scene:
    """The example is released, by a controller with the rights of `deploy/rbac.yaml` and no others."""
    grant(scene)
    scene.controllers.start(kubeconfig=account, leader_elect=True)
    scene.given_released(*example(telemetry), name=NAME)
    return scene


def test_a_good_release_is_promoted(shop, telemetry):
    shop.when_image(NEW, name=NAME)
    shop.eventually("the canary gets its share", lambda: shop.weight(NAME) == 10)
    telemetry.traffic.ratios[shop.namespace, "shop-canary"] = 0.99

    shop.then(phase="Healthy", name=NAME)
    shop.eventually("all pods are new", lambda: shop.sets(NAME) == {OLD: 0, NEW: 4})
    assert shop.weight(NAME) == 0
    for run in shop.runs():
        assert run["status"]["phase"] == "Successful"
    assert any("0.99" in value for value in measured(shop))
    assert "orbidden" not in shop.controllers.all[0].log


def test_a_bad_release_is_rolled_back_and_stable_is_not_touched(shop, telemetry):
    stable = shop.pods(OLD, NAME)
    shop.when_image(NEW, name=NAME)
    shop.eventually("the canary gets its share", lambda: shop.weight(NAME) == 10)
    telemetry.traffic.ratios[shop.namespace, "shop-canary"] = 0.6

    shop.then(phase="Degraded", message="RolloutAborted", name=NAME)
    shop.eventually("traffic is stable's", lambda: shop.weight(NAME) == 0)
    assert "Failed" in [run["status"]["phase"] for run in shop.runs()]
    assert any("0.6" in value for value in measured(shop))
    assert shop.pods(OLD, NAME) == stable
    assert shop.sets(NAME)[OLD] == 4
    assert "orbidden" not in shop.controllers.all[0].log

    shop.when_image(OLD, name=NAME)
    shop.then(phase="Healthy", name=NAME)
    assert shop.pods(OLD, NAME) == stable


def measured(scene: Scene) -> list[str]:
    """What Prometheus answered, over all runs."""
    results = [r for run in scene.runs() for r in run["status"].get("metricResults", [])]
    return [m["value"] for r in results for m in r["measurements"] if m.get("value")]
