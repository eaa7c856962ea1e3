"""Blue-green releases: which pods serve, when that changes, and what is left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from manifests import blue_green, both, template, web_metric
from moments import moments, now, phases, pointed, sizes
from scene import Scene
from telemetry import Verdict

BY_HAND = {"autoPromotionEnabled": False}
ANALYSIS = {"templates": [{"templateName": "check"}]}
DEADLINE = "scale-down-deadline"


def released(scene: Scene, *more, replicas: int = 2, **strategy) -> int:
    """A blue-green Rollout of v1 is released: the version of the last write to it."""
    scene.given_released(*both(), *more, blue_green(replicas=replicas, **strategy))
    return now(scene)


def previewed(scene: Scene, image: str = "app:v2") -> None:
    """Somebody releases an image, and it waits for a word."""
    scene.when_image(image)
    scene.then(phase="Paused", message="BlueGreenPause")


def promoted(scene: Scene, image: str) -> None:
    """The image serves, and all is well."""
    scene.then(phase="Healthy")
    assert scene.pointed("web-active") == scene.pointed("web-preview") == image


def always_served(scene: Scene, since: int, pods: int = 2) -> bool:
    """Whether there were pods enough behind the active Service after every write."""
    return all(world.behind("web-active") >= pods for world in moments(scene, since))


def test_the_preview_service_gets_the_new_pods_and_the_active_one_waits_for_a_word(at_work):
    since = released(at_work, **BY_HAND)
    previewed(at_work)
    assert at_work.pointed("web-preview") == "app:v2"
    assert at_work.pointed("web-active") == "app:v1"
    status = at_work.status()
    assert status["pauseConditions"][0]["reason"] == "BlueGreenPause"
    assert status["controllerPause"] is True

    at_work.when_promoted()
    promoted(at_work, "app:v2")
    assert pointed(at_work, "web-active", since) == ["app:v2"]
    assert always_served(at_work, since)
    assert at_work.status()["blueGreen"] == {
        "activeSelector": at_work.status()["stableRS"],
        "previewSelector": at_work.status()["stableRS"],
    }


def test_without_a_word_to_wait_for_it_switches_when_all_pods_are_there(at_work):
    since = released(at_work, replicas=3, previewService=None)
    at_work.when_image("app:v2")
    at_work.then(phase="Healthy")
    assert at_work.pointed("web-active") == "app:v2"
    assert always_served(at_work, since, pods=3)
    assert "Paused" not in phases(at_work, since=since)


def test_a_smaller_preview_grows_before_it_serves(at_work):
    since = released(at_work, replicas=3, previewReplicaCount=1, **BY_HAND)
    previewed(at_work)
    assert at_work.sets() == {"app:v1": 3, "app:v2": 1}

    at_work.when_promoted()
    promoted(at_work, "app:v2")
    assert sizes(at_work, "app:v2") == [1, 3]
    assert always_served(at_work, since, pods=3)
    seen = [each.get("blueGreen", {}) for each in statuses(at_work, since)]
    assert any(each.get("scaleUpPreviewCheckPoint") for each in seen)
    assert not at_work.status()["blueGreen"].get("scaleUpPreviewCheckPoint")


def statuses(scene: Scene, since: int):
    return [w.get("rollouts", "web").get("status", {}) for w in moments(scene, since)]


def test_auto_promotion_seconds_are_waited_for_and_then_it_goes_by_itself(at_work):
    since = released(at_work, autoPromotionSeconds=1)
    at_work.when_image("app:v2")
    promoted(at_work, "app:v2")
    paused = [each for each in statuses(at_work, since) if each.get("pauseConditions")]
    assert paused[0]["pauseConditions"][0]["reason"] == "BlueGreenPause"
    assert phases(at_work, since=since).count("Paused") == 1


@pytest.fixture
def judge():
    with Verdict() as source:
        yield source


def test_pre_promotion_analysis_that_passes_lets_it_serve(at_work, judge):
    check = template(web_metric(judge.url))
    since = released(at_work, check, prePromotionAnalysis=ANALYSIS)
    at_work.when_image("app:v2")
    promoted(at_work, "app:v2")
    (run,) = at_work.runs()
    assert run["status"]["phase"] == "Successful"
    assert run["metadata"]["labels"]["rollout-type"] == "PrePromotion"
    for world in moments(at_work, since):
        active = world.get("services", "web-active")["spec"]["selector"]
        serves_new = at_work.images().get(active.get("rollouts-pod-template-hash")) == "app:v2"
        ended = [r["status"]["phase"] for r in world.of("analysisruns") if r.get("status")]
        assert not serves_new or ended == ["Successful"], "it served before it was judged"


def test_pre_promotion_analysis_that_fails_keeps_it_from_serving(at_work, judge):
    judge.ok = False
    check = template(web_metric(judge.url))
    since = released(at_work, check, prePromotionAnalysis=ANALYSIS, abortScaleDownDelaySeconds=1)
    at_work.when_image("app:v2")
    status = at_work.then(phase="Degraded", message="RolloutAborted")
    assert status["abort"] is True
    assert pointed(at_work, "web-active", since) == []
    at_work.eventually("it goes", lambda: at_work.sets() == {"app:v1": 2, "app:v2": 0})


def test_post_promotion_analysis_that_passes_ends_the_release(at_work, judge):
    check = template(web_metric(judge.url))
    since = released(at_work, check, postPromotionAnalysis=ANALYSIS)
    at_work.when_image("app:v2")
    promoted(at_work, "app:v2")
    (run,) = at_work.runs()
    assert run["metadata"]["labels"]["rollout-type"] == "PostPromotion"
    # until then the old pods stand by, all of them
    for world in moments(at_work, since):
        judged = any(
            r.get("status", {}).get("phase") == "Successful" for r in world.of("analysisruns")
        )
        assert judged or world.available("app:v1") == 2


def test_post_promotion_analysis_that_fails_gives_the_service_back(at_work, judge):
    judge.ok = False
    check = template(web_metric(judge.url))
    since = released(at_work, check, postPromotionAnalysis=ANALYSIS)
    stable = at_work.pods("app:v1")
    at_work.when_image("app:v2")
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("v1 serves", lambda: at_work.pointed("web-active") == "app:v1")
    assert pointed(at_work, "web-active", since) == ["app:v2", "app:v1"]
    assert at_work.pods("app:v1") == stable
    assert always_served(at_work, since)


def test_the_old_pods_stay_for_the_scale_down_delay_and_no_longer(at_work):
    since = released(at_work, scaleDownDelaySeconds=2)
    at_work.when_image("app:v2")
    promoted(at_work, "app:v2")
    assert at_work.sets() == {"app:v1": 2, "app:v2": 2}
    at_work.eventually("they go", lambda: at_work.sets() == {"app:v1": 0, "app:v2": 2}, within=10)
    deadlines = {
        rs["metadata"].get("annotations", {}).get(DEADLINE)
        for world in moments(at_work, since)
        for rs in world.of("replicasets")
    }
    assert len(deadlines - {None}) == 1
    assert always_served(at_work, since)


def test_no_more_old_revisions_stand_by_than_the_limit_says(at_work):
    released(at_work, scaleDownDelaySeconds=60, scaleDownDelayRevisionLimit=1)
    for image in ("app:v2", "app:v3"):
        at_work.when_image(image)
        promoted(at_work, image)
    wanted = {"app:v1": 0, "app:v2": 2, "app:v3": 2}
    at_work.eventually("only the last one stands by", lambda: at_work.sets() == wanted)


def test_an_aborted_preview_goes_after_the_abort_delay(at_work):
    released(at_work, abortScaleDownDelaySeconds=1, **BY_HAND)
    previewed(at_work)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("it goes", lambda: at_work.sets() == {"app:v1": 2, "app:v2": 0}, within=10)
    assert at_work.pointed("web-active") == "app:v1"


def test_an_aborted_preview_stays_where_the_abort_delay_is_zero(at_work):
    released(at_work, abortScaleDownDelaySeconds=0, **BY_HAND)
    previewed(at_work)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.holds("it stays", lambda: at_work.sets() == {"app:v1": 2, "app:v2": 2}, seconds=2)


def test_an_aborted_release_that_is_retried_waits_for_a_word_again(at_work):
    since = released(at_work, **BY_HAND)
    previewed(at_work)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.when_status({"abort": False})
    at_work.then(phase="Paused", message="BlueGreenPause")
    assert pointed(at_work, "web-active", since) == []
    at_work.when_promoted()
    promoted(at_work, "app:v2")


def test_a_way_back_within_the_delay_waits_for_nobody(at_work):
    released(at_work, scaleDownDelaySeconds=60, **BY_HAND)
    old = at_work.pods("app:v1")
    previewed(at_work)
    at_work.when_promoted()
    promoted(at_work, "app:v2")

    since = now(at_work)
    at_work.when_image("app:v1")
    promoted(at_work, "app:v1")
    assert at_work.pods("app:v1") == old
    assert "Paused" not in phases(at_work, since=since)
    assert always_served(at_work, since)


def test_promoted_in_full_it_skips_pause_and_analysis(at_work, judge):
    judge.ok = False
    check = template(web_metric(judge.url, initialDelay="1h"))
    released(at_work, check, prePromotionAnalysis=ANALYSIS, **BY_HAND)
    at_work.when_image("app:v2")
    at_work.eventually("it is to be judged", at_work.runs)
    at_work.when_status({"promoteFull": True})
    promoted(at_work, "app:v2")
    assert judge.asked == []


def test_a_superseded_preview_never_serves(at_work):
    since = released(at_work, scaleDownDelaySeconds=1, **BY_HAND)
    previewed(at_work)
    previewed(at_work, "app:v3")
    assert at_work.pointed("web-preview") == "app:v3"
    at_work.when_promoted()
    promoted(at_work, "app:v3")
    assert pointed(at_work, "web-active", since) == ["app:v3"]
    wanted = {"app:v1": 0, "app:v2": 0, "app:v3": 2}
    at_work.eventually("the others go", lambda: at_work.sets() == wanted, within=10)


def test_a_restart_takes_no_more_pods_than_max_unavailable(at_work):
    since = released(at_work, replicas=3, maxUnavailable=1)
    before = at_work.pods("app:v1")
    moment = datetime.now(UTC) + timedelta(seconds=1)
    at_work.when_spec({"restartAt": moment.strftime("%Y-%m-%dT%H:%M:%SZ")})
    at_work.eventually("pods are new", lambda: not before & at_work.pods("app:v1"))
    at_work.then(phase="Healthy")
    assert min(world.behind("web-active") for world in moments(at_work, since)) == 2
    assert at_work.status()["restartedAt"] == at_work.rollout()["spec"]["restartAt"]


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        pytest.param(
            {"requiredDuringSchedulingIgnoredDuringExecution": {}},
            ("requiredDuringSchedulingIgnoredDuringExecution",),
            id="required",
        ),
        pytest.param(
            {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 7}},
            ("preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"),
            id="preferred",
        ),
    ],
)
def test_new_pods_keep_away_from_the_nodes_of_the_old_ones(at_work, rule, path):
    released(at_work, antiAffinity=rule, **BY_HAND)
    stable = at_work.status()["stableRS"]
    previewed(at_work)
    spec = at_work.replica_set("app:v2")["spec"]["template"]["spec"]
    (term,) = spec["affinity"]["podAntiAffinity"][path[0]]
    if path[1:]:
        assert term["weight"] == 7
        term = term[path[1]]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    (expression,) = term["labelSelector"]["matchExpressions"]
    assert expression["values"] == [stable]
    assert "affinity" not in at_work.replica_set("app:v1")["spec"]["template"]["spec"]


def test_pods_wear_the_metadata_of_the_part_that_they_have(at_work):
    preview = {"labels": {"part": "preview"}, "annotations": {"told": "soon"}}
    active = {"labels": {"part": "active"}}
    released(at_work, previewMetadata=preview, activeMetadata=active, **BY_HAND)
    assert parts(at_work) == {("app:v1", "active", None)}
    previewed(at_work)
    at_work.eventually(
        "each wears its own",
        lambda: parts(at_work) == {("app:v1", "active", None), ("app:v2", "preview", "soon")},
    )
    pods = at_work.pods("app:v2")
    at_work.when_promoted()
    promoted(at_work, "app:v2")
    at_work.eventually("the new ones change", lambda: ("app:v2", "active", None) in parts(at_work))
    assert at_work.pods("app:v2") == pods


def parts(scene: Scene) -> set:
    return {
        (
            pod["spec"]["containers"][0]["image"],
            pod["metadata"]["labels"].get("part"),
            pod["metadata"].get("annotations", {}).get("told"),
        )
        for pod in scene.api.list("pods", scene.namespace, "app=web")
    }
