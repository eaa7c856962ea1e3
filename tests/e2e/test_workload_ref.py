"""A Rollout whose template is that of a Deployment, a ReplicaSet or a PodTemplate, and who has the pods then."""

from __future__ import annotations

import pytest
from manifests import pause, refers, weight, workload
from moments import moments, now, without_repeats
from scene import Scene


def deployed(scene: Scene, replicas: int = 3) -> int:
    """A Deployment serves: the version of the last write to it."""
    scene.given(workload("Deployment", replicas=replicas))
    scene.eventually("it serves", lambda: available(scene) == replicas)
    return now(scene)


def available(scene: Scene) -> int:
    found = scene.api.get("deployments", scene.namespace, "web")
    return found.get("status", {}).get("availableReplicas", 0)


def replicas(scene: Scene) -> int:
    return scene.api.get("deployments", scene.namespace, "web")["spec"]["replicas"]


@pytest.mark.parametrize(
    ("mode", "stays"),
    [
        pytest.param("never", 3, id="never: both stay"),
        pytest.param("onsuccess", 0, id="onsuccess: once the Rollout is healthy"),
        pytest.param("progressively", 0, id="progressively: one for one"),
    ],
)
def test_a_deployment_hands_its_pods_over_without_a_moment_with_fewer(at_work, mode, stays):
    since = deployed(at_work)
    at_work.given(refers("Deployment", replicas=3, scale_down=mode))
    at_work.then(phase="Healthy")
    at_work.eventually("it is handed over", lambda: replicas(at_work) == stays)
    at_work.eventually("its pods go", lambda: available(at_work) == stays)
    assert min(world.available() for world in moments(at_work, since)) >= 3
    sizes = without_repeats(
        w.get("deployments", "web")["spec"]["replicas"] for w in moments(at_work)
    )
    assert sizes == sorted(sizes, reverse=True)
    if mode == "progressively":
        assert len(sizes) > 1
    if mode == "onsuccess":
        assert sizes == [3, 0]


def test_with_pods_that_never_come_the_deployment_keeps_its_own(at_work):
    since = deployed(at_work)
    bad = {"containers": [{"name": "app", "image": "app:v1", "command": ["bad"]}]}
    made = refers("Deployment", replicas=3, scale_down="progressively")
    made["spec"]["strategy"]["canary"] = {"maxUnavailable": 0}
    at_work.api.patch(
        "deployments",
        at_work.namespace,
        "web",
        {"spec": {"paused": True, "template": {"spec": bad}}},
    )
    at_work.given(made)
    at_work.eventually("its pods are there", lambda: at_work.status().get("replicas") == 3)
    at_work.holds("the Deployment keeps all", lambda: replicas(at_work) == 3, seconds=1)
    assert min(world.available() for world in moments(at_work, since)) >= 3


def test_a_change_of_the_deployment_is_a_release_of_the_rollout(at_work):
    deployed(at_work, replicas=2)
    steps = (weight(50), pause())
    at_work.given_released(
        refers("Deployment", replicas=2, scale_down="onsuccess", steps=list(steps))
    )
    at_work.eventually("it is handed over", lambda: replicas(at_work) == 0)
    containers = [{"name": "app", "image": "app:v2"}]
    change = {"spec": {"template": {"spec": {"containers": containers}}}}
    made = at_work.api.patch("deployments", at_work.namespace, "web", change)

    def seen() -> bool:
        observed = at_work.status().get("workloadObservedGeneration")
        return observed == str(made["metadata"]["generation"])

    at_work.eventually("it is seen", seen)
    at_work.then(phase="Paused", step=1)
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    assert replicas(at_work) == 0
    assert "template" not in at_work.rollout()["spec"]


def test_a_replica_set_lends_its_template_and_keeps_its_pods(at_work):
    made = workload("ReplicaSet", replicas=1)
    at_work.given(made)
    at_work.given_released(refers("ReplicaSet", replicas=2))
    lender = at_work.api.get("replicasets", at_work.namespace, "web")
    assert lender["spec"]["replicas"] == 1
    assert not lender["metadata"].get("ownerReferences")


def test_a_pod_template_lends_itself(at_work):
    at_work.given(workload("PodTemplate"))
    at_work.given_released(refers("PodTemplate", replicas=2))
    assert at_work.sets() == {"app:v1": 2}
    containers = [{"name": "app", "image": "app:v2"}]
    change = {"template": {"spec": {"containers": containers}}}
    at_work.api.patch("podtemplates", at_work.namespace, "web", change)
    at_work.eventually("it is released", lambda: at_work.sets().get("app:v2") == 2)
    at_work.then(phase="Healthy")


def test_a_workload_that_is_not_there_is_named_and_waited_for(at_work):
    at_work.given(refers("Deployment", replicas=1))
    status = at_work.then(phase="Degraded", message="InvalidSpec")
    assert "spec.workloadRef" in status["message"]
    at_work.given(workload("Deployment", replicas=0))
    at_work.then(phase="Healthy")
