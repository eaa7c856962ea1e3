"""Another release in the middle of one, whatever state that is in: it takes its place, and stable serves on."""

from __future__ import annotations

import pytest
from manifests import analysis, pause, rollout, template, web_metric, weight
from moments import moments, now
from scene import Scene
from telemetry import Verdict

STEPS = (weight(50), pause(), weight(75))


def its_pods_never_come(scene: Scene) -> None:
    scene.when_image("app:bad")
    scene.eventually("a pod", lambda: scene.pods("app:bad"))


def its_pods_are_on_their_way(scene: Scene) -> None:
    scene.when_image("app:v2")
    scene.eventually("its set", lambda: "app:v2" in scene.sets())


def it_pauses(scene: Scene) -> None:
    scene.when_image("app:v2")
    scene.then(phase="Paused", step=1)


def a_person_has_paused_it(scene: Scene) -> None:
    it_pauses(scene)
    scene.when_spec({"paused": True})
    scene.then(phase="Paused", message="manually paused")
    scene.when_spec({"paused": False})


def it_was_aborted(scene: Scene) -> None:
    it_pauses(scene)
    scene.when_status({"abort": True})
    scene.then(phase="Degraded", message="RolloutAborted")


def its_deadline_is_over(scene: Scene) -> None:
    scene.when_spec({"progressDeadlineSeconds": 1})
    scene.when_image("app:bad")
    scene.then(phase="Degraded", message="ProgressDeadlineExceeded")


def it_is_invalid(scene: Scene) -> None:
    it_pauses(scene)
    scene.when_spec({"strategy": {"canary": {"steps": [weight(120)]}}})
    scene.then(phase="Degraded", message="InvalidSpec")
    scene.when_spec({"strategy": {"canary": {"steps": list(STEPS)}}})


def it_ends(scene: Scene) -> None:
    it_pauses(scene)
    scene.when_promoted()
    scene.eventually("the last step", lambda: scene.status()["currentStepIndex"] > 1)


def it_is_promoted_in_full(scene: Scene) -> None:
    it_pauses(scene)
    scene.when_status({"promoteFull": True})


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(its_pods_never_come, id="while its pods never come"),
        pytest.param(its_pods_are_on_their_way, id="while its pods are on their way"),
        pytest.param(it_pauses, id="while it pauses"),
        pytest.param(a_person_has_paused_it, id="after a person has paused it"),
        pytest.param(it_was_aborted, id="after it was aborted"),
        pytest.param(its_deadline_is_over, id="after its deadline"),
        pytest.param(it_is_invalid, id="after it was invalid"),
        pytest.param(it_ends, id="while it takes its last steps"),
        pytest.param(it_is_promoted_in_full, id="while it is promoted in full"),
    ],
)
def test_a_third_release_takes_the_place_of_the_second(at_work, state):
    at_work.given_released(rollout(*STEPS, replicas=4, maxUnavailable=1))
    since = now(at_work)
    state(at_work)
    at_work.when_image("app:v3")
    at_work.then(phase="Paused", step=1)
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually("only v3", lambda: wanted(at_work) == {"app:v3": 4})
    assert min(world.available() for world in moments(at_work, since)) >= 3


def wanted(scene: Scene) -> dict[str, int]:
    return {image: pods for image, pods in scene.sets().items() if pods}


def test_a_release_that_is_superseded_while_it_is_judged_ends_its_analysis(at_work):
    with Verdict(after=20) as source:
        at_work.given(template(web_metric(source.url)))
        at_work.given_released(rollout(weight(50), analysis(), replicas=2))
        at_work.when_image("app:v2")
        at_work.eventually("it is asked", lambda: source.asked)
        at_work.when_spec({"strategy": {"canary": {"steps": [weight(50), pause()]}}})
        at_work.when_image("app:v3")
        at_work.then(phase="Paused", step=1)
        (run,) = at_work.runs()
        assert run["spec"]["terminate"] is True
        assert wanted(at_work) == {"app:v1": 1, "app:v3": 1}


def test_an_aborted_release_that_is_mended_goes_through(at_work):
    at_work.given_released(rollout(*STEPS, replicas=2))
    it_was_aborted(at_work)
    at_work.when_image("app:v3")
    status = at_work.then(phase="Paused", step=1)
    assert not status.get("abort")
    assert not status.get("abortedAt")


def test_one_who_goes_back_to_stable_and_forward_again_begins_anew(at_work):
    at_work.given_released(rollout(*STEPS, replicas=2))
    stable = at_work.pods("app:v1")
    it_pauses(at_work)
    at_work.when_image("app:v1")
    at_work.then(phase="Healthy")
    assert at_work.pods("app:v1") & stable
    it_pauses(at_work)
    assert at_work.rollout()["metadata"]["annotations"]["rollout.argoproj.io/revision"] == "4"
