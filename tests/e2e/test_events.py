"""Events, as `kubectl describe` shows them: their reasons in order, how often, and never a flood."""

from __future__ import annotations

from manifests import blue_green, both, mesh, pause, rollout, weight
from scene import Scene


def told(scene: Scene, name: str = "web") -> list[str]:
    """The reasons of the Rollout's events, in the order in which they were written first."""
    found = [e for e in scene.api.list("events", scene.namespace) if of_rollout(e, name)]
    return [e["reason"] for e in sorted(found, key=lambda e: e["metadata"]["name"])]


def of_rollout(event: dict, name: str = "web") -> bool:
    about = event["involvedObject"]
    return about["kind"] == "Rollout" and about["name"] == name


def event(scene: Scene, reason: str) -> dict:
    return next(
        e
        for e in scene.api.list("events", scene.namespace)
        if of_rollout(e) and e["reason"] == reason
    )


FIRST = [
    "RolloutAddedToInformer",
    "RolloutUpdated",
    "NewReplicaSetCreated",
    "RolloutNotCompleted",
    "ScalingReplicaSet",
    "RolloutCompleted",
]


def test_a_first_deployment_and_a_canary_tell_of_each_step_in_order(at_work):
    at_work.given_released(rollout(weight(50), pause(), replicas=2, maxUnavailable=0))
    at_work.eventually("all is told", lambda: told(at_work) == FIRST)
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually("the end is told", lambda: told(at_work)[-1] == "RolloutCompleted")
    later = told(at_work)[len(FIRST) :]
    assert later[:4] == [
        "RolloutUpdated",
        "NewReplicaSetCreated",
        "RolloutNotCompleted",
        "ScalingReplicaSet",
    ]
    assert later.count("RolloutStepCompleted") == 2
    assert later.count("RolloutPaused") == 1
    source = event(at_work, "RolloutPaused")
    assert source["type"] == "Normal"
    assert source["source"]["component"] == source["reportingComponent"] == "rollouts-controller"
    assert source["message"] == "Rollout is paused (CanaryPauseStep)"


def test_an_abort_is_a_warning_with_its_cause(at_work):
    at_work.given_released(*mesh(), rollout(weight(50), pause(), routed=True))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("it is told", lambda: "RolloutAborted" in told(at_work))
    aborted = event(at_work, "RolloutAborted")
    assert aborted["type"] == "Warning"
    assert aborted["message"].startswith("Rollout aborted update to revision 2")
    reasons = told(at_work)
    assert {"SwitchService", "TrafficWeightUpdated", "Updated VirtualService"} <= set(reasons)


def test_services_that_switch_are_told(at_work):
    at_work.given_released(*both(), blue_green())
    at_work.when_image("app:v2")
    at_work.then(phase="Healthy")

    def switched() -> list[str]:
        return [e for e in at_work.events() if "SwitchService" in e and "web-active" in e]

    at_work.eventually("both times", lambda: len(switched()) == 2)
    assert "Switched selector for service 'web-active' from '' to" in " ".join(switched())


def test_the_same_event_again_is_counted_and_not_written_anew(at_work):
    at_work.given_released(rollout(weight(50), pause(), replicas=2))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    for paused in (True, False, True, False):
        at_work.when_spec({"paused": paused})
        at_work.then(phase="Paused", message="manually paused" if paused else "CanaryPauseStep")
    for times in range(2):
        at_work.when_status({"abort": True})
        at_work.then(phase="Degraded", message="RolloutAborted")
        at_work.when_status({"abort": False})
        at_work.then(phase="Paused", step=1)
        at_work.eventually(
            "it is counted", lambda n=times: event(at_work, "RolloutAborted")["count"] == n + 1
        )
    aborted = event(at_work, "RolloutAborted")
    assert aborted["firstTimestamp"] <= aborted["lastTimestamp"]
    assert told(at_work).count("RolloutAborted") == 1
    # kubectl shows the count
    shown = at_work.api.kubectl(
        "-n",
        at_work.namespace,
        "get",
        "events",
        "--field-selector=reason=RolloutAborted",
        "-o=custom-columns=COUNT:.count",
        "--no-headers",
    )
    assert shown.split() == ["2"]


def test_no_object_tells_more_than_a_few_a_second_however_much_happens(at_work):
    at_work.given_released(rollout(weight(50), pause(), replicas=1, maxSurge=1))
    for number in range(2, 9):
        at_work.when_image(f"app:v{number}")
        at_work.then(phase="Paused", step=1)
    at_work.holds("no flood", lambda: len(written(at_work)) <= 25, seconds=1)
    moments = written(at_work)
    in_ten_seconds = [sum(0 <= other - at < 10 for other in moments) for at in moments]
    assert max(in_ten_seconds) <= 25
    # what is told again is one event with a count
    assert event(at_work, "RolloutPaused")["count"] > 1
    assert told(at_work).count("RolloutPaused") == 1


def written(scene: Scene) -> list[float]:
    """When events of the Rollout were written, in seconds."""
    return [
        change.at
        for change in scene.journal.changes()
        if change.kind == "events" and change.what != "DELETED" and of_rollout(change.object)
    ]
