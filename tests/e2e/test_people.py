"""What people do to a rollout while it goes on, by the patches that the kubectl plugin sends."""

from __future__ import annotations

from manifests import mesh, pause, rollout, weight


def test_one_who_promotes_gets_the_next_step_and_then_the_release(at_work):
    at_work.given_released(*mesh(), rollout(weight(25), pause(), weight(50), pause(), routed=True))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1, message="CanaryPauseStep")
    assert at_work.weight() == 25

    at_work.when_promoted()
    at_work.then(phase="Paused", step=3)
    assert at_work.weight() == 50

    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually("all pods are new", lambda: at_work.sets() == {"app:v1": 0, "app:v2": 2})
    assert at_work.weight() == 0


def test_one_who_promotes_in_full_skips_every_step(at_work):
    at_work.given_released(*mesh(), rollout(weight(10), pause(), weight(50), pause(), routed=True))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)

    at_work.when_status({"promoteFull": True})
    status = at_work.then(phase="Healthy")
    assert not status.get("promoteFull")
    at_work.eventually("all pods are new", lambda: at_work.sets() == {"app:v1": 0, "app:v2": 2})


def test_an_aborted_release_gives_the_traffic_back_and_a_retry_begins_anew(at_work):
    at_work.given_released(*mesh(), rollout(weight(50), pause(), routed=True))
    stable = at_work.pods("app:v1")
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    assert at_work.weight() == 50

    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted: Rollout aborted update to revision 2")
    at_work.eventually("all traffic is stable's", lambda: at_work.weight() == 0)
    assert at_work.pods("app:v1") >= stable

    at_work.when_status({"abort": False})
    at_work.then(phase="Paused", step=1)
    assert at_work.weight() == 50
    assert at_work.pods("app:v1") == stable


def test_a_rollout_that_a_person_pauses_moves_again_when_they_say_so(at_work):
    at_work.given_released(rollout(weight(50), pause(2), weight(75), replicas=4))
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)

    at_work.when_spec({"paused": True})
    at_work.then(phase="Paused", step=1, message="manually paused")
    at_work.holds(
        "it waits although the pause of the step is over",
        lambda: at_work.sets() == {"app:v1": 2, "app:v2": 2},
        seconds=3,
    )

    at_work.when_spec({"paused": False})
    at_work.then(phase="Healthy")
    assert at_work.sets() == {"app:v1": 0, "app:v2": 4}


def test_one_who_goes_back_to_stable_in_the_middle_is_done_at_once(at_work):
    at_work.given_released(*mesh(), rollout(weight(50), pause(), routed=True))
    stable = at_work.pods("app:v1")
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)

    at_work.when_image("app:v1")
    at_work.then(phase="Healthy")
    at_work.eventually("the canary's pods go", lambda: at_work.sets() == {"app:v1": 2, "app:v2": 0})
    assert at_work.weight() == 0
    assert at_work.pods("app:v1") == stable


def test_a_third_release_takes_the_place_of_the_second(at_work):
    at_work.given_released(*mesh(), rollout(weight(50), pause(), routed=True))
    stable = at_work.pods("app:v1")
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)

    at_work.when_image("app:v3")
    at_work.then(phase="Paused", step=1)
    at_work.eventually(
        "the second one's pods go",
        lambda: at_work.sets() == {"app:v1": 2, "app:v2": 0, "app:v3": 1},
    )
    assert at_work.pods("app:v1") == stable
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually(
        "all pods are new", lambda: at_work.sets() == {"app:v1": 0, "app:v2": 0, "app:v3": 2}
    )
