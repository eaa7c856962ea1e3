"""The life of a Rollout beside its releases: scale, pauses, restarts, history, deadlines, owners, and its end."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

import pytest
from manifests import analysis, budget, pause, rollout, template, web_metric, weight
from moments import moments, now, phases, sizes, versions
from scene import HASH, INSTANCE, Scene
from telemetry import Verdict

from gradatim.model.hashing import pod_template_hash

REVISION = "rollout.argoproj.io/revision"


def released(scene: Scene, *steps, spec=None, **canary) -> int:
    """A Rollout of v1 is released: the version of the last write to it."""
    made = rollout(*steps, **canary)
    made["spec"] |= spec or {}
    scene.given_released(made)
    return now(scene)


def begun(scene: Scene, image: str = "app:v2", step: int = 1) -> None:
    """Somebody releases an image, and it pauses at a step."""
    scene.when_image(image)
    scene.then(phase="Paused", step=step)


# scale


def test_one_who_scales_while_it_is_paused_by_hand_is_heard_when_it_goes_on(at_work):
    released(at_work, weight(50), pause(), replicas=2)
    begun(at_work)
    at_work.when_spec({"paused": True})
    at_work.then(phase="Paused", message="manually paused")
    at_work.when_scaled(6)
    # as the reference: `paused` holds everything but the status
    at_work.then(phase="Paused", message="manually paused")
    at_work.holds("no pod", lambda: at_work.sets() == {"app:v1": 1, "app:v2": 1}, seconds=1)
    at_work.when_spec({"paused": False})
    at_work.eventually("both", lambda: at_work.sets() == {"app:v1": 3, "app:v2": 3})
    at_work.then(phase="Paused", step=1)


def test_an_autoscaler_in_flight_scales_both_sides_and_reads_the_sum(at_work):
    released(at_work, weight(50), pause(), replicas=2)
    begun(at_work)
    at_work.when_scaled(6)
    at_work.eventually("both", lambda: at_work.sets() == {"app:v1": 3, "app:v2": 3})
    scale = at_work.eventually(
        "the subresource says so",
        lambda: found if (found := scale_of(at_work))["status"]["replicas"] == 6 else None,
    )
    assert scale["status"]["selector"] == "app=web"
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    assert at_work.sets() == {"app:v1": 0, "app:v2": 6}


def scale_of(scene: Scene) -> dict:
    return scene.api.subresource("rollouts", scene.namespace, "web", "scale")


def test_a_rollout_that_is_scaled_to_nothing_comes_back(at_work):
    released(at_work, weight(50), pause(), replicas=2)
    at_work.when_scaled(0)
    at_work.eventually("no pods", lambda: not at_work.pods("app:v1"))
    at_work.when_scaled(2)
    at_work.eventually("two pods", lambda: len(at_work.pods("app:v1")) == 2)
    at_work.then(phase="Healthy")


# restarts


def in_a_second() -> str:
    """A moment that no pod of before is younger than."""
    return (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_restart_waits_for_a_disruption_budget_that_refuses(at_work):
    since = released(at_work, replicas=2)
    at_work.given(budget(2))
    at_work.eventually("it is counted", lambda: allowed(at_work) == 0)
    before = at_work.pods("app:v1")
    at_work.when_spec({"restartAt": in_a_second()})
    at_work.then(phase="Progressing", message="rollout is restarting")
    at_work.holds("no pod goes", lambda: at_work.pods("app:v1") == before, seconds=2)

    at_work.api.patch(
        "poddisruptionbudgets", at_work.namespace, "web", {"spec": {"minAvailable": 1}}
    )
    at_work.eventually("it is counted", lambda: allowed(at_work) == 1)
    at_work.eventually("pods are new", lambda: not before & at_work.pods("app:v1"), within=75)
    at_work.then(phase="Healthy")
    assert min(world.available() for world in moments(at_work, since)) >= 1


def allowed(scene: Scene) -> int:
    found = scene.api.get("poddisruptionbudgets", scene.namespace, "web")
    return found.get("status", {}).get("disruptionsAllowed", -1)


# back


def test_a_rollback_within_the_window_skips_the_steps(at_work):
    released(at_work, weight(50), pause(), spec={"rollbackWindow": {"revisions": 2}})
    at_work.when_a_second_has_passed()
    begun(at_work)
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    since = now(at_work)
    at_work.when_image("app:v1")
    at_work.then(phase="Healthy")
    assert at_work.sets() == {"app:v1": 2, "app:v2": 0}
    assert "Paused" not in phases(at_work, since=since)


def test_a_rollback_without_a_window_takes_all_steps(at_work):
    released(at_work, weight(50), pause())
    begun(at_work)
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    begun(at_work, "app:v1")
    assert at_work.sets() == {"app:v1": 1, "app:v2": 1}
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    served = at_work.replica_set("app:v1")["metadata"]["annotations"]
    assert served[REVISION] == "3"
    assert served["rollout.argoproj.io/revision-history"] == "1"


# history


def test_old_replica_sets_beyond_the_limit_go(at_work):
    released(at_work, spec={"revisionHistoryLimit": 1})
    for image in ("app:v2", "app:v3", "app:v4"):
        at_work.when_image(image)
        at_work.then(phase="Healthy")
    at_work.eventually("one is kept", lambda: at_work.sets() == {"app:v3": 0, "app:v4": 2})


@pytest.fixture
def judge():
    with Verdict() as source:
        yield source


def test_old_analysis_runs_beyond_the_limits_go(at_work, judge):
    limits = {"analysis": {"successfulRunHistoryLimit": 1, "unsuccessfulRunHistoryLimit": 1}}
    at_work.given(template(web_metric(judge.url)))
    released(at_work, weight(50), analysis(), spec=limits)
    for image in ("app:v2", "app:v3"):
        at_work.when_a_second_has_passed()
        at_work.when_image(image)
        at_work.then(phase="Healthy")
    with Verdict(ok=False) as other:
        bad = template(web_metric(other.url))["spec"]
        at_work.api.patch("analysistemplates", at_work.namespace, "check", {"spec": bad})
        for image in ("app:v4", "app:v5", "app:v6"):
            at_work.when_a_second_has_passed()
            at_work.when_image(image)
            at_work.then(phase="Degraded", message="RolloutAborted")
    # one that passed, one that failed, and the one that the present abort is for
    images = ("app:v3", "app:v5", "app:v6")
    newest = {at_work.replica_set(image)["metadata"]["labels"][HASH] for image in images}

    def kept() -> set[str]:
        return {run["metadata"]["labels"][HASH] for run in at_work.runs()}

    at_work.eventually("one of each is kept", lambda: kept() == newest)


def test_old_experiments_beyond_the_limit_go(at_work):
    trial = {"templates": [{"name": "baseline", "specRef": "stable"}], "duration": "1s"}
    limits = {"analysis": {"successfulRunHistoryLimit": 1}}
    released(at_work, {"experiment": trial}, spec=limits)
    for image in ("app:v2", "app:v3", "app:v4"):
        at_work.when_a_second_has_passed()
        at_work.when_image(image)
        at_work.then(phase="Healthy")
    newest = at_work.replica_set("app:v4")["metadata"]["labels"][HASH]

    def kept() -> list[str]:
        found = at_work.api.list("experiments", at_work.namespace)
        return [each["metadata"]["labels"][HASH] for each in found]

    at_work.eventually("one is kept", lambda: kept() == [newest])


# deadlines


def test_a_release_that_makes_no_progress_is_called_degraded_and_a_new_one_mends_it(at_work):
    released(at_work, spec={"progressDeadlineSeconds": 1}, maxUnavailable=0)
    stable = at_work.pods("app:v1")
    at_work.when_image("app:bad")
    status = at_work.then(phase="Degraded", message="ProgressDeadlineExceeded")
    assert not status.get("abort")
    assert at_work.pods("app:v1") == stable
    at_work.when_image("app:v3")
    at_work.then(phase="Healthy")
    at_work.eventually(
        "only v3", lambda: at_work.sets() == {"app:v1": 0, "app:bad": 0, "app:v3": 2}
    )


def test_a_release_that_makes_no_progress_is_aborted_where_the_spec_says_so(at_work):
    spec = {"progressDeadlineSeconds": 1, "progressDeadlineAbort": True}
    released(at_work, weight(50), pause(), spec=spec, maxUnavailable=0)
    stable = at_work.pods("app:v1")
    at_work.when_image("app:bad")
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("it goes", lambda: at_work.sets() == {"app:v1": 2, "app:bad": 0})
    assert at_work.pods("app:v1") >= stable - set()
    assert at_work.status()["abort"] is True


def test_pods_count_when_they_have_been_ready_for_long_enough(at_work):
    made = rollout(replicas=2)
    made["spec"]["minReadySeconds"] = 2
    at_work.given_released(made)
    assert at_work.replica_set("app:v1")["spec"]["minReadySeconds"] == 2
    waited = [
        world
        for world in moments(at_work)
        if world.available() == 2
        and world.get("rollouts", "web")["status"]["phase"] == "Progressing"
    ]
    assert waited, "ready pods were taken for available ones"


# owners


def orphaned(scene: Scene) -> set[str]:
    """A Rollout is deleted without its pods: those pods."""
    pods = scene.pods("app:v1")
    scene.api.delete("rollouts", scene.namespace, "web", children="Orphan")
    scene.eventually("nobody owns it", lambda: not owners(scene))
    scene.eventually("it is gone", lambda: not scene.api.list("rollouts", scene.namespace))
    return pods


def owners(scene: Scene) -> list[str]:
    found = scene.replica_set("app:v1")["metadata"].get("ownerReferences") or []
    return [each["uid"] for each in found]


def test_pods_without_an_owner_are_adopted(at_work):
    released(at_work, replicas=2)
    pods = orphaned(at_work)
    at_work.given_released(rollout(replicas=2))
    assert at_work.pods("app:v1") == pods
    assert owners(at_work) == [at_work.rollout()["metadata"]["uid"]]


def test_a_set_that_is_labelled_otherwise_is_let_go_and_replaced(at_work):
    released(at_work, replicas=2)
    name = at_work.replica_set("app:v1")["metadata"]["name"]
    at_work.api.patch(
        "replicasets", at_work.namespace, name, {"metadata": {"labels": {"app": "aside"}}}
    )

    def let_go() -> bool:
        found = at_work.api.get("replicasets", at_work.namespace, name)
        return not found["metadata"].get("ownerReferences")

    at_work.eventually("it is let go", let_go)
    at_work.eventually("there is another", lambda: at_work.sets() == {"app:v1": 2})
    assert at_work.replica_set("app:v1")["metadata"]["name"] != name
    at_work.then(phase="Healthy")


def test_a_name_that_somebody_else_has_is_not_waited_for(at_work):
    released(at_work, replicas=1)
    wanted = copy.deepcopy(at_work.rollout()["spec"]["template"])
    wanted["spec"]["containers"][0]["image"] = "app:v2"
    taken = f"web-{pod_template_hash(wanted)}"
    foreign = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": taken},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "foreign"}},
            "template": {
                "metadata": {"labels": {"app": "foreign"}},
                "spec": {"containers": [{"name": "app", "image": "foreign:v1"}]},
            },
        },
    }
    at_work.given(foreign)
    at_work.when_image("app:v2")
    at_work.then(phase="Healthy")
    assert at_work.status()["collisionCount"] == 1
    assert at_work.replica_set("app:v2")["metadata"]["name"] != taken
    assert at_work.replica_set("foreign:v1", app="") is not None


# whose


def test_a_controller_with_an_instance_id_looks_after_its_own_only(at_work):
    at_work.api.create(rollout(name="stranger"), at_work.namespace)
    at_work.given_released(rollout(replicas=1))
    # by now a pass over the other one would be long over
    assert not at_work.rollout("stranger").get("status")
    labels = {"metadata": {"labels": {INSTANCE: at_work.instance}}}
    at_work.api.patch("rollouts", at_work.namespace, "stranger", labels)
    at_work.then(phase="Healthy", name="stranger")


def test_a_controller_without_an_instance_id_leaves_those_of_others(alone):
    made = rollout(name="stranger")
    made["metadata"]["labels"] = {INSTANCE: "another"}
    alone.given(made)
    alone.given_released(rollout(replicas=1))
    assert not alone.rollout("stranger").get("status")


def test_a_controller_of_one_namespace_stays_in_it(alone, make_scene, api):
    elsewhere = make_scene(api)
    elsewhere.given(rollout(replicas=1))
    alone.given_released(rollout(replicas=1))
    assert not elsewhere.rollout().get("status")
    assert elsewhere.namespace not in alone.controllers.log


# how long it took


def durations(scene: Scene, since: int) -> list[dict]:
    found = [
        each.get("status", {}).get("duration") for each in versions(scene, "rollouts", "web", since)
    ]
    return [each for each in found if each]


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        pytest.param(lambda scene: scene.when_promoted(), "Promoted", id="promoted"),
        pytest.param(
            lambda scene: scene.when_status({"promoteFull": True}), "FastPromoted", id="in full"
        ),
        pytest.param(lambda scene: scene.when_status({"abort": True}), "Aborted", id="aborted"),
        pytest.param(
            lambda scene: scene.when_image("app:v1"), "FastRolledBack", id="back to stable"
        ),
    ],
)
def test_a_release_notes_how_long_it_took_and_how_it_ended(at_work, deed, said):
    since = released(at_work, weight(50), pause())
    begun(at_work)
    noted = at_work.status()["duration"]
    assert noted["rolloutStartedAt"]
    assert noted["manualPauseStartedAt"]
    assert not noted.get("finishedAt")
    deed(at_work)
    ended = at_work.eventually(
        "it is noted",
        lambda: found if (found := at_work.status()["duration"]).get("finishedAt") else None,
    )
    assert ended["completionStatus"] == said
    assert "manualPauseStartedAt" not in ended
    assert durations(at_work, since)


def test_a_superseded_release_is_noted_and_the_next_one_begins_its_own_time(at_work):
    since = released(at_work, weight(50), pause())
    begun(at_work)
    first = at_work.status()["duration"]["rolloutStartedAt"]
    begun(at_work, "app:v3")
    said = [each.get("completionStatus") for each in durations(at_work, since)]
    assert "Superseded" in said or at_work.status()["duration"]["rolloutStartedAt"] >= first
    assert sizes(at_work, "app:v3", since) == [1]
