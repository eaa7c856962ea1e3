"""Experiments on a real API server: alone, and as a step of a release with its requests on Istio's objects."""

from __future__ import annotations

import pytest
from manifests import mesh, pause, rollout, template, web_metric, weight
from scene import HASH, Scene
from telemetry import Verdict

Json = dict


def part(name: str, image: str = "app:v1", **given: object) -> Json:
    """One set of pods of an Experiment that stands alone."""
    labels = {"app": name}
    container = {"name": "app", "image": image, "ports": [{"containerPort": 8080}]}
    return {
        "name": name,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        **given,
    }


def experiment(*parts: Json, **spec: object) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "trial"},
        "spec": {"templates": list(parts or (part("a"), part("b"))), **spec},
    }


def asks(**given: object) -> list[Json]:
    return [{"name": "one", "templateName": "check", **given}]


def tries(*weights: int, **given: object) -> Json:
    """A step with stable's pods beside the canary's, with their weights."""
    templates: list[Json] = [
        {"name": "baseline", "specRef": "stable"},
        {"name": "canary", "specRef": "canary"},
    ]
    for each, number in zip(templates, weights, strict=False):
        each["weight"] = number
    return {"experiment": {"templates": templates, **given}}


def with_ports(made: Json) -> Json:
    made["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 8080}]
    return made


def status(scene: Scene, name: str = "trial") -> Json:
    found = scene.api.get("experiments", scene.namespace, name)
    assert found is not None, f"no Experiment {name}"
    return found.get("status") or {}


def ends(scene: Scene, phase: str, name: str = "trial") -> Json:
    scene.eventually(f"{name} is {phase}", lambda: status(scene, name).get("phase") == phase)
    return status(scene, name)


def of_release(scene: Scene) -> Json:
    """The Experiment of the step, once there is one."""
    return scene.eventually(
        "an Experiment", lambda: scene.api.list("experiments", scene.namespace)
    )[0]


def sizes(scene: Scene) -> dict[str, int]:
    return {
        each["metadata"]["name"]: each["spec"]["replicas"]
        for each in scene.api.list("replicasets", scene.namespace)
    }


def hosts(scene: Scene) -> dict[str, int]:
    found = scene.api.get("virtualservices", scene.namespace, "web")
    assert found is not None
    route = found["spec"]["http"][0]["route"]
    return {each["destination"]["host"]: each["weight"] for each in route}


def test_alone_it_runs_for_its_time_and_its_pods_and_services_go_after_the_delay(at_work):
    with Verdict() as source:
        at_work.given(template(web_metric(source.url)))
        parts = (part("a", service={}), part("b", replicas=2))
        at_work.given(experiment(*parts, duration="3s", scaleDownDelaySeconds=3, analyses=asks()))
        running = ends(at_work, "Running")
        assert sizes(at_work) == {"trial-a": 1, "trial-b": 2}
        made = at_work.api.get("services", at_work.namespace, "trial-a")
        assert made["spec"]["selector"][HASH] == running["templateStatuses"][0]["podTemplateHash"]
        ended = ends(at_work, "Successful")
        assert [each["phase"] for each in ended["analysisRuns"]] == ["Successful"]
        at_work.holds("its pods stay", lambda: sizes(at_work)["trial-a"] == 1, seconds=1)
        at_work.eventually("they go", lambda: not any(sizes(at_work).values()))
        at_work.eventually(
            "and the Service", lambda: not at_work.api.list("services", at_work.namespace)
        )


def test_an_analysis_that_fails_ends_it(at_work):
    with Verdict(ok=False) as source:
        at_work.given(template(web_metric(source.url)))
        at_work.given(experiment(analyses=asks(), scaleDownDelaySeconds=0))
        ended = ends(at_work, "Failed")
        assert ended["message"].startswith('Metric "answers" assessed Failed')
        at_work.eventually("its pods go", lambda: not any(sizes(at_work).values()))


def test_a_person_terminates_it(at_work):
    with Verdict() as source:
        at_work.given(template(web_metric(source.url, interval="1s")))
        at_work.given(experiment(analyses=asks(), scaleDownDelaySeconds=0))
        ends(at_work, "Running")
        at_work.eventually("it is measured", lambda: source.asked)
        body = {"spec": {"terminate": True}}
        at_work.api.patch("experiments", at_work.namespace, "trial", body)
        ends(at_work, "Successful")
        at_work.eventually("its pods go", lambda: not any(sizes(at_work).values()))
        at_work.eventually("its run ends", lambda: at_work.runs()[0]["status"].get("completedAt"))


def test_what_the_server_refuses_is_told(at_work):
    at_work.given(experiment(part("a", service={"name": "No_Name"}), scaleDownDelaySeconds=0))
    ended = ends(at_work, "Error")
    assert ended["message"].startswith("Failed to create Service No_Name for template 'a': ")
    assert "metadata.name" in ended["message"]
    at_work.eventually("its pods go", lambda: not any(sizes(at_work).values()))


def test_a_release_tries_itself_out_with_weights_that_come_and_go(at_work):
    with Verdict() as source:
        at_work.given(template(web_metric(source.url)))
        step = tries(10, 20, duration="4s", scaleDownDelaySeconds=0, analyses=asks())
        made = with_ports(rollout(weight(25), step, pause(), routed=True, replicas=4))
        at_work.given_released(*mesh(), made)
        at_work.when_image("app:v2")
        name = of_release(at_work)["metadata"]["name"]
        at_work.eventually(
            "it is current",
            lambda: at_work.status().get("canary", {}).get("currentExperiment") == name,
        )
        tried = {f"{name}-baseline": 10, f"{name}-canary": 20}
        at_work.eventually(
            "its weights",
            lambda: hosts(at_work) == {"web-stable": 45, "web-canary": 25, **tried},
        )
        told = at_work.eventually(
            "in the status", lambda: at_work.status()["canary"]["weights"].get("additional")
        )
        assert {each["serviceName"]: each["weight"] for each in told} == tried
        at_work.then(phase="Paused", step=2)
        assert hosts(at_work) == {"web-stable": 75, "web-canary": 25}
        sets = {f"{name}-baseline", f"{name}-canary"}
        at_work.eventually("its pods go", lambda: {sizes(at_work)[each] for each in sets} == {0})


def test_a_bad_image_fails_it_and_takes_the_release_back(at_work):
    made = rollout(tries(), pause())
    made["spec"]["progressDeadlineSeconds"] = 5
    at_work.given_released(made)
    stable = at_work.pods("app:v1")
    at_work.when_image("app:bad")
    at_work.then(phase="Degraded", message="exceeded its progressDeadlineSeconds (5)")
    assert status(at_work, of_release(at_work)["metadata"]["name"])["phase"] == "Failed"
    assert stable <= at_work.pods("app:v1")


@pytest.mark.parametrize("how", ["abort", "delete"])
def test_what_ends_the_release_ends_its_experiment(at_work, how):
    made = with_ports(rollout(tries(30), pause(), routed=True))
    at_work.given_released(*mesh(), made)
    at_work.when_image("app:v2")
    name = of_release(at_work)["metadata"]["name"]
    at_work.eventually("its weight", lambda: hosts(at_work).get(f"{name}-baseline") == 30)
    if how == "abort":
        at_work.when_status({"abort": True})
        at_work.then(phase="Degraded")
        ends(at_work, "Successful", name)
        assert hosts(at_work) == {"web-stable": 100, "web-canary": 0}
    else:
        at_work.api.delete("rollouts", at_work.namespace, "web")
        at_work.eventually(
            "nothing is left", lambda: not at_work.api.list("replicasets", at_work.namespace)
        )
        assert not at_work.api.list("experiments", at_work.namespace)
