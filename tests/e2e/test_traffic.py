"""Where requests would go, at every moment: never to a place where nothing can answer them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import yaml
from manifests import analysis, mesh, pause, rollout, template, web_metric, weight
from scene import HASH, Scene
from telemetry import Verdict

STEPS = (weight(25), pause(1), weight(75), pause(1))


def unanswered(scene: Scene) -> Iterator[str]:
    """What gets requests just now, and has no pod that is ready to answer them."""
    found = scene.api.get("virtualservices", scene.namespace, "web")
    routes = found["spec"]["http"][0]["route"] if found else []
    for host in [each["destination"]["host"] for each in routes if each.get("weight")]:
        service = scene.api.get("services", scene.namespace, host) or {"spec": {"selector": {}}}
        selector = service["spec"]["selector"]
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        if not any(is_ready(pod) for pod in scene.api.list("pods", scene.namespace, labels)):
            yield f"{host} ({selector.get(HASH, 'all pods')})"


def is_ready(pod: dict) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return not pod["metadata"].get("deletionTimestamp") and any(
        each["type"] == "Ready" and each["status"] == "True" for each in conditions
    )


def watched(scene: Scene, phase: str, within: float = 60) -> None:
    """Look at it again and again until it has that phase and rests."""
    limit, rests = time.monotonic() + within, 0
    while rests < 20:
        assert not list(unanswered(scene)), scene.report()
        status = scene.status()
        rests = rests + 1 if status.get("phase") == phase else 0
        assert time.monotonic() < limit, scene.report()


def test_at_no_moment_of_a_promotion(at_work):
    at_work.given_released(*mesh(), rollout(*STEPS, routed=True, replicas=4))
    at_work.when_image("app:v2")
    at_work.then(phase="Progressing")
    watched(at_work, "Healthy")
    at_work.eventually("v1 goes", lambda: at_work.sets() == {"app:v1": 0, "app:v2": 4})


def test_at_no_moment_of_an_abort(at_work):
    at_work.given_released(*mesh(), rollout(weight(75), pause(), routed=True, replicas=4))
    stable = at_work.pods("app:v1")
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    at_work.when_status({"abort": True})
    watched(at_work, "Degraded")
    assert at_work.weight() == 0
    assert at_work.pods("app:v1") == stable


def test_a_release_whose_pods_are_never_ready_gets_no_traffic(at_work):
    at_work.given_released(*mesh(), rollout(weight(50), pause(), routed=True))
    stable = at_work.pods("app:v1")
    at_work.when_image("app:bad")
    at_work.eventually("its pod is there", lambda: at_work.pods("app:bad"))
    at_work.holds("no weight", lambda: at_work.weight() == 0, seconds=3)
    assert at_work.pods("app:v1") == stable

    at_work.when_image("app:v3")
    at_work.then(phase="Paused", step=1)
    assert at_work.weight() == 50
    assert at_work.pods("app:v1") == stable


def test_weights_that_somebody_else_wrote_are_put_right(at_work):
    at_work.given_released(*mesh(), rollout(weight(50), pause(), routed=True))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    http = at_work.api.get("virtualservices", at_work.namespace, "web")["spec"]["http"]
    http[0]["route"][0]["weight"], http[0]["route"][1]["weight"] = 10, 90
    http[0]["timeout"] = "7s"
    at_work.api.patch("virtualservices", at_work.namespace, "web", {"spec": {"http": http}})
    at_work.eventually("the weight of the step", lambda: at_work.weight() == 50)
    after = at_work.api.get("virtualservices", at_work.namespace, "web")["spec"]["http"]
    assert after[0]["timeout"] == "7s"
    told = "Somebody else set the canary's weight to 90 where 50 had been written"
    at_work.eventually(
        "it is told", lambda: any(told in each["message"] for each in events(at_work))
    )


def events(scene: Scene) -> list[dict]:
    return scene.api.list("events", scene.namespace)


def managers(scene: Scene) -> list[str]:
    found = scene.api.get("virtualservices", scene.namespace, "web")
    return sorted(each["manager"] for each in found["metadata"].get("managedFields", ()))


@pytest.mark.parametrize("end", ["promoted", "aborted"])
def test_what_git_says_can_be_synced_again_when_the_release_is_over(at_work, end):
    """Argo #3854: our entry on `spec.http` stayed, and nothing was synced from then on."""
    *services, virtual = mesh()
    at_work.given(*services)
    git = yaml.safe_dump(virtual)
    sync = ("apply", "--server-side", "--field-manager=argocd-controller", "-n", at_work.namespace)
    at_work.api.kubectl(*sync, "-f", "-", stdin=git)
    at_work.given_released(rollout(weight(50), pause(), routed=True))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    assert "gradatim" in managers(at_work)
    if end == "promoted":
        at_work.when_promoted()
    else:
        at_work.when_status({"abort": True})
    at_work.then(phase="Healthy" if end == "promoted" else "Degraded")
    at_work.eventually("no entry of ours", lambda: "gradatim" not in managers(at_work))
    assert at_work.weight() == 0
    version = at_work.api.get("virtualservices", at_work.namespace, "web")["metadata"]["generation"]
    at_work.api.kubectl(*sync, "-f", "-", stdin=git)
    synced = at_work.api.get("virtualservices", at_work.namespace, "web")
    assert synced["metadata"]["generation"] == version
    assert managers(at_work) == ["argocd-controller"]


def test_one_who_scales_in_the_middle_scales_both_sides(at_work):
    at_work.given_released(*mesh(), rollout(weight(50), pause(), routed=True))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    at_work.when_spec({"replicas": 6})
    at_work.eventually("both", lambda: at_work.sets() == {"app:v1": 6, "app:v2": 3})
    at_work.then(phase="Paused", step=1)
    assert at_work.weight() == 50


def test_a_metric_source_that_hangs_holds_up_nobody_else(at_work):
    with Verdict(after=30) as source:
        metric = web_metric(source.url)
        at_work.given(template(metric))
        waiting = rollout(weight(50), analysis(), name="waiting")
        at_work.given_released(waiting, name="waiting")
        at_work.when_image("app:v2", name="waiting")
        at_work.eventually("it is asked", lambda: source.asked)
        others = [f"other{number}" for number in range(5)]
        at_work.given(*(rollout(weight(50), pause(1), name=name) for name in others))
        for name in others:
            at_work.then(phase="Healthy", name=name, within=15)
            at_work.when_image("app:v2", name=name)
        for name in others:
            at_work.then(phase="Healthy", name=name, within=15)
        assert at_work.status("waiting")["phase"] == "Progressing"
