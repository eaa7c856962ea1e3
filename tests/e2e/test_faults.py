"""Faults of the line and of the server in the middle of a release: told where somebody can mend them, and survived."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from admission import Admission
from line import Line
from manifests import mesh, pause, rollout, weight
from moments import moments, now
from scene import Scene

STEPS = (weight(25), pause(1), weight(50), pause(1), weight(75))
ALL_NEW = {"app:v1": 0, "app:v2": 4}


@pytest.fixture
def line(scene: Scene, tmp_path) -> Iterator[Line]:
    """The scene's controller has a line of its own to the server."""
    with Line(scene.api, tmp_path) as made:
        scene.controllers.start(kubeconfig=made.kubeconfig)
        scene.given_released(*mesh(), rollout(*STEPS, replicas=4, routed=True))
        yield made


def goes_through(scene: Scene, since: int, within: float = 60) -> None:
    """The release of v2 ends as any other: nothing twice, nothing left, no request without an answer."""
    scene.then(phase="Healthy", within=within)
    scene.eventually("v1 goes", lambda: scene.sets() == ALL_NEW, within=20)
    assert len(scene.api.list("replicasets", scene.namespace)) == 2
    assert scene.weight() == 0
    for world in moments(scene, since):
        assert world.available() >= 4
        route = world.get("virtualservices", "web")["spec"]["http"][0]["route"]
        for each in route:
            assert not each.get("weight") or world.behind(each["destination"]["host"])


def test_a_server_that_throttles_is_given_the_time_that_it_asks_for(scene, line):
    since = now(scene)
    line.throttled = 6
    scene.when_image("app:v2")
    goes_through(scene, since)
    assert line.faults["throttled"] == 6
    assert scene.controllers.all[0].healthz() == (200, "ok\n")


def test_watches_that_are_cut_again_and_again_miss_nothing(scene, line):
    since = now(scene)
    scene.when_image("app:v2")
    done = threading.Event()

    def cutting() -> None:
        while not done.wait(0.7):
            line.cut()

    thread = threading.Thread(target=cutting)
    thread.start()
    try:
        goes_through(scene, since)
    finally:
        done.set()
        thread.join()
    assert line.faults["cut"] > 5


def test_a_history_that_has_expired_is_listed_anew(scene, line):
    since = now(scene)
    scene.when_image("app:v2")
    scene.eventually("the canary has weight", lambda: scene.weight() == 25)
    line.expired = 4
    line.cut()
    goes_through(scene, since)
    assert line.faults["expired"] == 4


def test_caches_that_are_a_second_late_make_nothing_twice(scene, line):
    since = now(scene)
    line.late = 1.0
    scene.when_image("app:v2")
    goes_through(scene, since, within=90)


@contextmanager
def somebody_who_writes(scene: Scene) -> Iterator[None]:
    """The Rollout changes all the time, so that many a write meets a conflict."""
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.wait(0.03):
            number += 1
            body = {"metadata": {"annotations": {"example.com/n": str(number)}}}
            scene.api.patch("rollouts", scene.namespace, "web", body)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_conflicts_with_somebody_who_writes_all_the_time_are_overcome(scene, line):
    since = now(scene)
    with somebody_who_writes(scene):
        scene.when_image("app:v2")
        scene.then(phase="Healthy", within=60)
    goes_through(scene, since)
    assert line.answers[409] > 0


# a failing admission webhook


def told(scene: Scene, reason: str) -> str:
    """The message of a Warning."""
    found = [e for e in scene.api.list("events", scene.namespace) if e["reason"] == reason]
    return found[-1]["message"] if found else ""


def others_go_on(make_scene, scene: Scene, shared) -> None:
    """Another Rollout of the same controller is released meanwhile."""
    other = make_scene(scene.api, of=shared)
    other.given_released(rollout(replicas=1))
    other.when_image("app:v2")
    other.then(phase="Healthy", within=15)


def test_a_webhook_that_denies_a_new_replica_set_is_told_with_its_reason(
    at_work, tmp_path, make_scene, shared
):
    at_work.given_released(rollout(weight(50), pause(), replicas=2))
    stable = at_work.pods("app:v1")
    with Admission(at_work, tmp_path, "replicasets") as webhook:
        webhook.denies = "no releases on Fridays"
        at_work.when_image("app:v2")
        at_work.eventually(
            "it is told", lambda: "no releases on Fridays" in told(at_work, "ReplicaSetCreateError")
        )
        condition = at_work.eventually(
            "the condition says so",
            lambda: c if (c := at_work.condition("Progressing"))["status"] == "False" else None,
        )
        assert condition["reason"] == "ReplicaSetCreateError"
        assert "no releases on Fridays" in condition["message"]
        others_go_on(make_scene, at_work, shared)
        assert at_work.pods("app:v1") == stable
        webhook.denies = ""
        at_work.then(phase="Paused", step=1)
    assert at_work.condition("Progressing")["reason"] == "RolloutPaused"


def test_a_webhook_that_denies_to_scale_is_told_and_tried_again(at_work, tmp_path):
    at_work.given_released(rollout(weight(50), pause(), replicas=2))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    with Admission(at_work, tmp_path, "replicasets") as webhook:
        webhook.denies = "the quota is used up"
        at_work.when_promoted()
        at_work.eventually(
            "it is told", lambda: "the quota is used up" in told(at_work, "ReconciliationError")
        )
        assert len(at_work.pods("app:v1")) == 1
        webhook.denies = ""
        at_work.then(phase="Healthy")


def test_a_webhook_that_is_down_is_told_and_the_release_goes_on_when_it_is_back(
    at_work, tmp_path, make_scene, shared
):
    at_work.given_released(rollout(weight(50), pause(), replicas=2))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    with Admission(at_work, tmp_path, "replicasets") as webhook:
        webhook.away()
        at_work.when_promoted()
        at_work.eventually(
            "it is told", lambda: "failed calling webhook" in told(at_work, "ReconciliationError")
        )
        others_go_on(make_scene, at_work, shared)
        assert at_work.sets() == {"app:v1": 1, "app:v2": 1}
        began = time.monotonic()
    at_work.then(phase="Healthy", within=20)
    assert time.monotonic() - began < 20
