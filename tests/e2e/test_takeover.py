"""A live cluster changes over: what Argo Rollouts left is known again under any hash, and no pod is touched.

The state is written down here as the reference leaves it (its recordings), with hash labels of our own choosing: the
controller that starts then has to find out by the templates which ReplicaSet is which.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apiserver import Json
from manifests import mesh, pause, rollout, weight
from scene import HASH, Scene

from gradatim.model.hashing import step_hash

STABLE, CANARY = "5f6d7c8b9", "74d6f5c4b8"
REVISION = "rollout.argoproj.io/revision"
DESIRED = "rollout.argoproj.io/desired-replicas"
MANAGED = "argo-rollouts.argoproj.io/managed-by-rollouts"
STEPS = [weight(25), pause(), weight(50), pause()]


def ago(seconds: int) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str, status: str, reason: str, message: str) -> Json:
    times = {"lastTransitionTime": ago(60), "lastUpdateTime": ago(60)}
    return {"type": kind, "status": status, "reason": reason, "message": message, **times}


SETTLED = [
    ("Available", "True", "AvailableReason", "Rollout has minimum availability"),
    ("Healthy", "True", "RolloutHealthy", "Rollout is healthy"),
    ("Paused", "False", "RolloutPaused", "Rollout is resumed"),
    ("Completed", "True", "RolloutCompleted", "RolloutCompleted"),
    ("Progressing", "True", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed."),
]
MIDWAY = [
    ("Healthy", "False", "RolloutHealthy", "Rollout is not healthy"),
    ("Completed", "False", "RolloutCompleted", "RolloutCompleted"),
    ("Available", "True", "AvailableReason", "Rollout has minimum availability"),
]
PAUSED = [
    *MIDWAY,
    ("Progressing", "Unknown", "RolloutPaused", "Rollout is paused"),
    ("Paused", "True", "RolloutPaused", "Rollout is paused"),
]
GOING = [
    *MIDWAY,
    ("Paused", "False", "RolloutPaused", "Rollout is paused"),
    ("Progressing", "True", "ReplicaSetUpdated", "ReplicaSet is progressing."),
]


def status(of: Json, conditions: list, pods: int, updated: int, **more: object) -> Json:
    """What the reference wrote last."""
    return {
        "HPAReplicas": pods,
        "availableReplicas": pods,
        "readyReplicas": pods,
        "replicas": pods,
        "updatedReplicas": updated,
        "currentStepHash": step_hash(of["spec"]["strategy"]["canary"].get("steps")),
        "observedGeneration": "1",
        "selector": "app=web",
        "stableRS": STABLE,
        "conditions": [condition(*each) for each in conditions],
        **more,
    }


def left_behind(scene: Scene, made: Json, sets: dict[str, tuple[str, int]]) -> None:
    """What another controller made: the Rollout and the ReplicaSets of its revisions, with all their pods."""
    made["metadata"]["annotations"] = {REVISION: str(len(sets))}
    owner = scene.api.create(made, scene.namespace)["metadata"]["uid"]
    desired = str(made["spec"]["replicas"])
    for number, (pod_hash, (image, replicas)) in enumerate(sets.items(), 1):
        labels = {"app": "web", HASH: pod_hash}
        reference = {
            "apiVersion": made["apiVersion"],
            "kind": "Rollout",
            "name": "web",
            "uid": owner,
            "controller": True,
            "blockOwnerDeletion": True,
        }
        scene.given(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"web-{pod_hash}",
                    "labels": labels,
                    "annotations": {REVISION: str(number), DESIRED: desired},
                    "ownerReferences": [reference],
                },
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "app", "image": image}]},
                    },
                },
            }
        )
        scene.eventually(
            "its pods serve", lambda name=f"web-{pod_hash}", n=replicas: serve(scene, name, n)
        )


def serve(scene: Scene, name: str, pods: int) -> bool:
    found = scene.api.get("replicasets", scene.namespace, name)["status"]
    return found.get("availableReplicas", 0) == pods and found["replicas"] == pods


def point(scene: Scene, service: str, pod_hash: str) -> None:
    change = {"metadata": {"annotations": {MANAGED: "web"}}, "spec": {"selector": {HASH: pod_hash}}}
    scene.api.patch("services", scene.namespace, service, change)


def pods(scene: Scene) -> set[str]:
    return {each["metadata"]["uid"] for each in scene.api.list("pods", scene.namespace)}


def taken_over(scene: Scene, phase: str, message: str = "") -> None:
    """Our controller starts, and looks at what is there: not a pod comes or goes, no set is made or scaled."""
    before, sets = pods(scene), scene.sets()
    scene.controllers.start()
    scene.then(phase=phase, message=message)
    scene.holds("the same pods", lambda: pods(scene) == before, seconds=1)
    assert scene.sets() == sets
    # nor was there one in between
    names = {c.object["metadata"]["uid"] for c in scene.journal.changes() if c.kind == "pods"}
    assert names == before
    assert len(scene.api.list("replicasets", scene.namespace)) == len(sets)


@pytest.mark.parametrize("steps", [STEPS, None], ids=["with steps", "without steps"])
def test_a_settled_rollout(scene, steps):
    made = rollout(*steps or (), replicas=3)
    left_behind(scene, made, {STABLE: ("app:v1", 3)})
    index = {"currentStepIndex": len(steps)} if steps else {}
    told = status(made, SETTLED, 3, 3, currentPodHash=STABLE, phase="Healthy", **index)
    scene.when_status(told)
    taken_over(scene, "Healthy")
    assert scene.status()["stableRS"] == STABLE

    # and the next release is an ordinary one, beside the pods that were there
    scene.when_image("app:v2")
    scene.then(phase="Paused" if steps else "Healthy", step=1 if steps else None)
    assert scene.rollout()["metadata"]["annotations"][REVISION] == "2"


def paused_status(made: Json) -> Json:
    return status(
        made,
        PAUSED,
        4,
        1,
        currentPodHash=CANARY,
        currentStepIndex=1,
        controllerPause=True,
        pauseConditions=[{"reason": "CanaryPauseStep", "startTime": ago(30)}],
        phase="Paused",
        message="CanaryPauseStep",
    )


def test_a_paused_canary_goes_on_at_its_step_when_somebody_says_so(scene):
    made = rollout(*STEPS, replicas=4, maxSurge=1, maxUnavailable=0)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "app:v2"
    left_behind(scene, made, {STABLE: ("app:v1", 3), CANARY: ("app:v2", 1)})
    scene.when_status(paused_status(made))
    taken_over(scene, "Paused", "CanaryPauseStep")
    assert scene.status()["currentStepIndex"] == 1
    assert scene.status()["currentPodHash"] == CANARY

    scene.when_promoted()
    scene.then(phase="Paused", step=3)
    scene.when_promoted()
    scene.then(phase="Healthy")
    assert scene.sets() == {"app:v1": 0, "app:v2": 4}
    assert scene.status()["stableRS"] == CANARY


def test_a_routed_canary_half_way_goes_on_without_a_detour(scene):
    steps = [weight(50), pause(), weight(75)]
    made = rollout(*steps, replicas=2, routed=True)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "app:v2"
    scene.given(*mesh())
    left_behind(scene, made, {STABLE: ("app:v1", 2), CANARY: ("app:v2", 1)})
    point(scene, "web-stable", STABLE)
    point(scene, "web-canary", CANARY)
    http = scene.api.get("virtualservices", scene.namespace, "web")["spec"]["http"]
    http[0]["route"][0]["weight"], http[0]["route"][1]["weight"] = 50, 50
    scene.api.patch("virtualservices", scene.namespace, "web", {"spec": {"http": http}})
    weights = {
        "canary": {"weight": 50, "serviceName": "web-canary", "podTemplateHash": CANARY},
        "stable": {"weight": 50, "serviceName": "web-stable", "podTemplateHash": STABLE},
    }
    told = paused_status(made) | {"canary": {"weights": weights}, "replicas": 3, "HPAReplicas": 3}
    told |= {"readyReplicas": 3, "availableReplicas": 3}
    scene.when_status(told)
    taken_over(scene, "Paused", "CanaryPauseStep")
    assert scene.weight() == 50
    scene.when_promoted()
    scene.then(phase="Healthy")
    scene.eventually("v1 goes", lambda: scene.sets() == {"app:v1": 0, "app:v2": 2})


def test_a_canary_between_two_steps_goes_on_by_itself(scene):
    """The old controller ended after it had taken the step, and before it had scaled for the next one."""
    steps = [weight(25), pause(1), weight(50), pause()]
    made = rollout(*steps, replicas=4, maxSurge=1, maxUnavailable=0)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "app:v2"
    left_behind(scene, made, {STABLE: ("app:v1", 3), CANARY: ("app:v2", 1)})
    told = status(made, GOING, 4, 1, currentPodHash=CANARY, currentStepIndex=2, phase="Progressing")
    scene.when_status(told)
    before = pods(scene)
    scene.controllers.start()
    scene.then(phase="Paused", step=3)
    assert scene.sets() == {"app:v1": 2, "app:v2": 2}
    # one came and one went, as the step wants; no set was made
    assert len(pods(scene) & before) >= 3
    assert len(scene.api.list("replicasets", scene.namespace)) == 2


def test_a_half_way_canary_whose_pods_are_there_changes_nothing(scene):
    steps = [weight(50), {"pause": {"duration": "1h"}}, weight(75)]
    made = rollout(*steps, replicas=4, maxSurge=1, maxUnavailable=0)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "app:v2"
    left_behind(scene, made, {STABLE: ("app:v1", 2), CANARY: ("app:v2", 2)})
    told = status(made, GOING, 4, 2, currentPodHash=CANARY, currentStepIndex=0, phase="Progressing")
    scene.when_status(told)
    taken_over(scene, "Paused", "CanaryPauseStep")
    assert scene.status()["currentStepIndex"] == 1
