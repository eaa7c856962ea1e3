"""Canary releases without traffic routing: the pods are the weight, and their number is arithmetic."""

from __future__ import annotations

import pytest
from manifests import pause, rollout, service, weight
from moments import moments, now, phases, pointed, sizes
from scene import Scene


def released(scene: Scene, *steps, more=(), **canary) -> int:
    """A canary of v1 is released: the version of the last write to it."""
    scene.given_released(*more, rollout(*steps, **canary))
    return now(scene)


def fewest_and_most(scene: Scene, since: int) -> tuple[int, int]:
    """The fewest pods that were available at any moment, and the most that the ReplicaSets were to have."""
    available, wanted = [], []
    for world in moments(scene, since):
        available.append(world.available())
        wanted.append(sum(rs["spec"]["replicas"] for rs in world.of("replicasets")))
    return min(available), max(wanted)


@pytest.mark.parametrize(
    ("bounds", "fewest", "most"),
    [
        pytest.param({"maxSurge": 1, "maxUnavailable": 0}, 4, 5, id="one more, none less"),
        pytest.param({"maxSurge": 0, "maxUnavailable": 1}, 3, 4, id="none more, one less"),
        pytest.param({"maxSurge": "50%", "maxUnavailable": "0%"}, 4, 6, id="half more"),
        pytest.param({"maxSurge": "0%", "maxUnavailable": "50%"}, 2, 4, id="half less"),
        pytest.param({}, 3, 5, id="a quarter each where nothing is said"),
    ],
)
def test_without_steps_pods_are_replaced_within_surge_and_unavailability(
    at_work, bounds, fewest, most
):
    since = released(at_work, replicas=4, **bounds)
    at_work.when_image("app:v2")
    at_work.then(phase="Healthy")
    assert at_work.sets() == {"app:v1": 0, "app:v2": 4}
    low, high = fewest_and_most(at_work, since)
    assert low >= fewest
    assert high <= most
    assert "Paused" not in phases(at_work, since=since)


def test_a_weight_is_the_nearest_number_of_pods(at_work):
    since = released(
        at_work, weight(25), pause(), weight(60), pause(), replicas=4, maxUnavailable=0
    )
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    assert at_work.sets() == {"app:v1": 3, "app:v2": 1}
    at_work.when_promoted()
    at_work.then(phase="Paused", step=3)
    # three of five: with the one more that surge allows it is 60 % to the point
    assert at_work.sets() == {"app:v1": 2, "app:v2": 3}
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    assert at_work.sets() == {"app:v1": 0, "app:v2": 4}
    assert fewest_and_most(at_work, since)[0] >= 4


def test_old_pods_go_at_once_without_routing(at_work):
    released(at_work, weight(50), replicas=2)
    at_work.when_image("app:v2")
    at_work.then(phase="Healthy")
    # Healthy means that there are no others any more: nothing waits for a delay
    assert at_work.sets() == {"app:v1": 0, "app:v2": 2}
    old = at_work.replica_set("app:v1")
    assert "scale-down-deadline" not in old["metadata"].get("annotations", {})


def test_an_aborted_canary_goes_at_once_without_routing(at_work):
    released(at_work, weight(50), pause(), replicas=2, abortScaleDownDelaySeconds=60)
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("it goes", lambda: at_work.sets() == {"app:v1": 2, "app:v2": 0}, within=10)


def test_services_follow_the_pods_that_can_answer(at_work):
    services = {"stableService": "web-stable", "canaryService": "web-canary"}
    more = (service("web-stable"), service("web-canary"))
    since = released(at_work, weight(50), pause(), more=more, **services)
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    assert (at_work.pointed("web-stable"), at_work.pointed("web-canary")) == ("app:v1", "app:v2")
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually("stable follows", lambda: at_work.pointed("web-stable") == "app:v2")
    assert pointed(at_work, "web-canary", since) == ["app:v2"]
    assert pointed(at_work, "web-stable", since) == ["app:v2"]
    for world in moments(at_work, since):
        assert world.behind("web-stable")
        assert world.behind("web-canary")


def test_an_aborted_canary_gives_its_service_to_stable(at_work):
    services = {"stableService": "web-stable", "canaryService": "web-canary"}
    more = (service("web-stable"), service("web-canary"))
    released(at_work, weight(50), pause(), more=more, **services)
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("all are stable's", lambda: at_work.pointed("web-canary") == "app:v1")


def test_canary_and_stable_pods_wear_metadata_of_their_own(at_work):
    canary = {"labels": {"part": "canary"}, "annotations": {"told": "new"}}
    stable = {"labels": {"part": "stable"}}
    released(at_work, weight(50), pause(), canaryMetadata=canary, stableMetadata=stable)
    at_work.eventually("stable", lambda: parts(at_work) == {("app:v1", "stable", None)})
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    wanted = {("app:v1", "stable", None), ("app:v2", "canary", "new")}
    at_work.eventually("each its own", lambda: parts(at_work) == wanted)
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually("stable again", lambda: parts(at_work) == {("app:v2", "stable", None)})


def parts(scene: Scene) -> set:
    return {
        (
            pod["spec"]["containers"][0]["image"],
            pod["metadata"]["labels"].get("part"),
            pod["metadata"].get("annotations", {}).get("told"),
        )
        for pod in scene.api.list("pods", scene.namespace, "app=web")
        if not pod["metadata"].get("deletionTimestamp")
    }


def test_canary_pods_keep_away_from_the_nodes_of_stable(at_work):
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": {}}
    released(at_work, weight(50), pause(), antiAffinity=rule)
    stable = at_work.status()["stableRS"]
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    spec = at_work.replica_set("app:v2")["spec"]["template"]["spec"]
    (term,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["labelSelector"]["matchExpressions"][0]["values"] == [stable]


@pytest.mark.parametrize(
    ("threshold", "of_five"),
    [
        pytest.param({"type": "Pods", "value": 2}, 2, id="a number of pods"),
        pytest.param({"type": "Percent", "value": 60}, 3, id="a part of the pods"),
    ],
)
def test_a_step_is_done_when_the_threshold_of_pods_is_reached(at_work, threshold, of_five):
    steps = (weight(50), pause())
    released(at_work, *steps, replicas=10, maxSurge=5, replicaProgressThreshold=threshold)
    # Given pods that become ready when the test says so
    container = {"name": "app", "image": "app:v2"}
    gated = {"containers": [container], "readinessGates": [{"conditionType": "test/go"}]}
    at_work.when_spec({"template": {"spec": gated}})
    at_work.eventually("five canary pods", lambda: len(at_work.pods("app:v2")) == 5)
    let_go(at_work, of_five - 1)
    at_work.holds("not yet", lambda: at_work.status()["currentStepIndex"] == 0, seconds=0.7)
    let_go(at_work, of_five)
    at_work.then(phase="Paused", step=1)


def let_go(scene: Scene, number: int) -> None:
    """Let so many of the canary's pods be ready."""
    pods = scene.api.list("pods", scene.namespace, "app=web")
    gated = sorted(
        (p for p in pods if p["spec"].get("readinessGates")), key=lambda p: p["metadata"]["name"]
    )
    condition = {"type": "test/go", "status": "True"}
    for pod in gated[:number]:
        name = pod["metadata"]["name"]
        scene.eventually("it runs", lambda name=name: runs(scene, name))
        pod = scene.api.get("pods", scene.namespace, name)
        have = [c for c in pod["status"]["conditions"] if c["type"] != "test/go"]
        status = {"status": {"conditions": [*have, condition]}}
        scene.api.patch("pods", scene.namespace, name, status, "status")


def runs(scene: Scene, name: str) -> bool:
    conditions = scene.api.get("pods", scene.namespace, name)["status"].get("conditions") or []
    return any(c["type"] == "ContainersReady" and c["status"] == "True" for c in conditions)


def test_steps_that_change_in_the_middle_begin_anew(at_work):
    released(at_work, weight(50), pause(), weight(75), pause(), replicas=4)
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    at_work.when_promoted()
    at_work.then(phase="Paused", step=3)
    at_work.when_spec({"strategy": {"canary": {"steps": [weight(25), pause()]}}})
    at_work.then(phase="Paused", step=1)
    wanted = {"app:v1": 3, "app:v2": 1}
    at_work.eventually("the canary shrinks as stable grows", lambda: at_work.sets() == wanted)


def test_a_small_canary_of_one_pod_is_all_or_nothing(at_work):
    since = released(at_work, weight(10), pause(), replicas=1)
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    assert at_work.sets() == {"app:v1": 1, "app:v2": 1}
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    assert sizes(at_work, "app:v2") == [1]
    assert fewest_and_most(at_work, since)[0] >= 1
