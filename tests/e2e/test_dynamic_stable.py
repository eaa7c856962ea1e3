"""`dynamicStableScale`: stable shrinks as its traffic leaves, and has its pods again before traffic comes back."""

from __future__ import annotations

from manifests import mesh, pause, rollout, weight
from moments import World, moments, now, sizes, versions, without_repeats
from scene import Scene

PODS = 4


def released(scene: Scene, *steps) -> int:
    """A release of v1 with four pods: the version of the last write to it."""
    made = rollout(*steps, routed=True, replicas=PODS, dynamicStableScale=True)
    # it has no delay of its own: stable's pods go with its traffic
    del made["spec"]["strategy"]["canary"]["scaleDownDelaySeconds"]
    scene.given_released(*mesh(), made)
    return now(scene)


def split(world: World) -> dict[str, int]:
    """The weight of each Service."""
    route = world.get("virtualservices", "web")["spec"]["http"][0]["route"]
    return {each["destination"]["host"]: each.get("weight", 0) for each in route}


def everybody_is_carried(scene: Scene, since: int) -> None:
    """At no moment was there more weight on a Service than the pods behind it carry."""
    for world in moments(scene, since):
        for host, share in split(world).items():
            assert world.behind(host) >= share * PODS // 100, f"{host} has {share} %"


def weights(scene: Scene, since: int) -> list[int]:
    """The canary's weights, in order."""
    found = versions(scene, "virtualservices", "web", since)
    return without_repeats(each["spec"]["http"][0]["route"][1]["weight"] for each in found)


def test_stable_gives_up_pods_as_its_traffic_leaves(at_work):
    since = released(at_work, weight(25), weight(75), pause())
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=2)
    at_work.eventually("both", lambda: at_work.sets() == {"app:v1": 1, "app:v2": 3})
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually("v1 goes", lambda: at_work.sets() == {"app:v1": 0, "app:v2": PODS})
    # one of stable's stays until the release is over
    assert sizes(at_work, "app:v1", since) == [3, 1, 0]
    everybody_is_carried(at_work, since)


def test_an_abort_goes_down_from_step_to_step_with_stables_pods_first(at_work):
    released(at_work, weight(25), weight(50), weight(75), pause())
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=3)
    at_work.eventually("both", lambda: at_work.sets() == {"app:v1": 1, "app:v2": 3})
    since = now(at_work)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("all are back", lambda: at_work.sets() == {"app:v1": PODS, "app:v2": 0})
    assert weights(at_work, since) == [50, 25, 0]
    everybody_is_carried(at_work, since)


def test_a_release_that_supersedes_one_and_is_promoted_in_full_takes_over_with_its_pods(at_work):
    since = released(at_work, weight(75), pause())
    at_work.when_image("app:v2")
    at_work.then(phase="Paused", step=1)
    at_work.eventually("both", lambda: at_work.sets() == {"app:v1": 1, "app:v2": 3})
    before = at_work.status()["currentPodHash"]
    at_work.when_image("app:v3")
    # a promotion that comes before the status tells of the release is one of the last release, and ends with that
    at_work.eventually("it has begun", lambda: at_work.status()["currentPodHash"] != before)
    at_work.when_status({"promoteFull": True})
    at_work.then(phase="Healthy")
    gone = {"app:v1": 0, "app:v2": 0, "app:v3": PODS}
    at_work.eventually("the others go", lambda: at_work.sets() == gone)
    everybody_is_carried(at_work, since)
