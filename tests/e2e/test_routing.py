"""Canary releases behind Istio's objects: weights, routes and subsets, and how many pods stand behind them."""

from __future__ import annotations

import pytest
from manifests import destination_rule, mesh, pause, rollout, service, virtual_service, weight
from moments import moments, now, pointed, sizes
from scene import HASH, Scene

MANAGED = "argo-rollouts.argoproj.io/managed-by-rollouts"
DEADLINE = "scale-down-deadline"
ISTIO = {"virtualService": {"name": "web", "routes": ["primary"]}}


def released(scene: Scene, *steps, **canary) -> int:
    """A routed canary of v1 is released: the version of the last write to it."""
    scene.given_released(*mesh(), rollout(*steps, routed=True, **canary))
    return now(scene)


def begun(scene: Scene, step: int = 1, image: str = "app:v2") -> None:
    """Somebody releases an image, and it pauses at a step."""
    scene.when_image(image)
    scene.then(phase="Paused", step=step)


def scale(**how) -> dict:
    return {"setCanaryScale": how}


@pytest.mark.parametrize(
    ("how", "pods"),
    [
        pytest.param({"replicas": 3}, 3, id="by a number"),
        pytest.param({"weight": 25}, 1, id="by a weight of its own"),
        pytest.param({"matchTrafficWeight": True}, 2, id="by the weight of the traffic"),
    ],
)
def test_the_canary_is_scaled_apart_from_its_weight(at_work, how, pods):
    released(at_work, weight(50), scale(**how), pause(), replicas=4)
    begun(at_work, step=2)
    at_work.eventually("its pods", lambda: at_work.sets() == {"app:v1": 4, "app:v2": pods})
    # no more weight than the pods can carry, and stable keeps all of its own
    assert at_work.weight() == 50


def test_a_canary_scaled_up_before_its_weight_gets_no_request_yet(at_work):
    since = released(at_work, scale(replicas=2), pause(), weight(50), pause(), replicas=2)
    begun(at_work)
    assert at_work.sets() == {"app:v1": 2, "app:v2": 2}
    assert at_work.weight() == 0
    at_work.when_promoted()
    at_work.then(phase="Paused", step=3)
    assert at_work.weight() == 50
    assert sizes(at_work, "app:v2", since) == [2]


def test_each_side_keeps_the_least_number_of_pods(at_work):
    released(at_work, weight(10), pause(), replicas=5, minPodsPerReplicaSet=2)
    begun(at_work)
    assert at_work.sets() == {"app:v1": 5, "app:v2": 2}
    assert at_work.weight() == 10


def test_two_keys_in_one_step_both_take_effect(at_work):
    match = [{"headerName": "x-try", "headerValue": {"exact": "yes"}}]
    step = scale(replicas=2) | {"setHeaderRoute": {"name": "try", "match": match}}
    routing = {"istio": ISTIO, "managedRoutes": [{"name": "try"}]}
    released(at_work, step, pause(), replicas=2, trafficRouting=routing)
    begun(at_work)
    assert at_work.sets() == {"app:v1": 2, "app:v2": 2}
    at_work.eventually("the route", lambda: routes(at_work) == ["try", "primary"])


def routes(scene: Scene) -> list[str]:
    found = scene.api.get("virtualservices", scene.namespace, "web")
    return [each["name"] for each in found["spec"]["http"]]


def test_requests_with_a_header_go_to_the_canary_as_long_as_a_step_says_so(at_work):
    match = [{"headerName": "x-try", "headerValue": {"prefix": "y"}}]
    on = {"setHeaderRoute": {"name": "try", "match": match}}
    off = {"setHeaderRoute": {"name": "try"}}
    routing = {"istio": ISTIO, "managedRoutes": [{"name": "try"}]}
    steps = (scale(replicas=1), on, pause(), off, pause())
    since = released(at_work, *steps, trafficRouting=routing)
    begun(at_work, step=2)
    at_work.eventually("the route", lambda: routes(at_work) == ["try", "primary"])
    http = at_work.api.get("virtualservices", at_work.namespace, "web")["spec"]["http"]
    assert http[0]["match"] == [{"headers": {"x-try": {"prefix": "y"}}}]
    assert http[0]["route"] == [{"destination": {"host": "web-canary"}, "weight": 100}]

    at_work.when_promoted()
    at_work.then(phase="Paused", step=4)
    at_work.eventually("no route", lambda: routes(at_work) == ["primary"])
    for world in moments(at_work, since):
        found = [each["name"] for each in world.get("virtualservices", "web")["spec"]["http"]]
        assert "try" not in found or world.behind("web-canary"), "a route to nobody"


def test_requests_are_mirrored_to_the_canary_as_long_as_a_step_says_so(at_work):
    match = [{"method": {"exact": "GET"}}]
    on = {"setMirrorRoute": {"name": "copy", "match": match, "percentage": 30}}
    routing = {"istio": ISTIO, "managedRoutes": [{"name": "copy"}]}
    steps = (scale(replicas=1), on, pause(), {"setMirrorRoute": {"name": "copy"}}, pause())
    released(at_work, *steps, trafficRouting=routing)
    begun(at_work, step=2)
    at_work.eventually("the route", lambda: routes(at_work) == ["copy", "primary"])
    http = at_work.api.get("virtualservices", at_work.namespace, "web")["spec"]["http"]
    assert http[0]["mirror"]["host"] == "web-canary"
    assert http[0]["mirrorPercentage"] == {"value": 30}

    at_work.when_promoted()
    at_work.then(phase="Paused", step=4)
    at_work.eventually("no route", lambda: routes(at_work) == ["primary"])


def test_an_aborted_release_takes_its_header_route_away(at_work):
    match = [{"headerName": "x-try", "headerValue": {"exact": "y"}}]
    on = {"setHeaderRoute": {"name": "try", "match": match}}
    routing = {"istio": ISTIO, "managedRoutes": [{"name": "try"}]}
    released(at_work, scale(replicas=1), on, pause(), trafficRouting=routing)
    begun(at_work, step=2)
    at_work.eventually("the route", lambda: routes(at_work) == ["try", "primary"])
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("no route", lambda: routes(at_work) == ["primary"])


def test_services_move_before_the_weight_comes_and_stable_moves_last(at_work):
    since = released(at_work, weight(50), pause(), replicas=2)
    begun(at_work)
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually("v1 goes", lambda: at_work.sets() == {"app:v1": 0, "app:v2": 2})
    assert pointed(at_work, "web-canary", since) == ["app:v2"]
    assert pointed(at_work, "web-stable", since) == ["app:v2"]
    for world in moments(at_work, since):
        for host in weighted(world):
            assert world.behind(host), f"requests for {host} meet nobody"


def weighted(world) -> list[str]:
    """The Services that get requests."""
    route = world.get("virtualservices", "web")["spec"]["http"][0]["route"]
    return [each["destination"]["host"] for each in route if each.get("weight")]


def test_ping_and_pong_are_stable_in_turn(at_work):
    services = [service("ping"), service("pong")]
    route = [
        {"destination": {"host": "ping"}, "weight": 100},
        {"destination": {"host": "pong"}, "weight": 0},
    ]
    made = rollout(
        weight(50),
        pause(),
        pingPong={"pingService": "ping", "pongService": "pong"},
        trafficRouting={"istio": ISTIO},
        scaleDownDelaySeconds=1,
    )
    at_work.given_released(*services, virtual_service([{"name": "primary", "route": route}]), made)
    first = at_work.status()["canary"]["stablePingPong"]
    canary = {"ping": "pong", "pong": "ping"}[first]
    since = now(at_work)
    begun(at_work)
    assert at_work.pointed(canary) == "app:v2"
    assert at_work.pointed(first) == "app:v1"
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    assert at_work.status()["canary"]["stablePingPong"] == canary
    at_work.eventually("v1 goes", lambda: at_work.sets() == {"app:v1": 0, "app:v2": 2})
    for world in moments(at_work, since):
        for host in weighted(world):
            assert world.behind(host), f"requests for {host} meet nobody"


def test_old_pods_stay_for_the_scale_down_delay(at_work):
    since = released(at_work, weight(50), scaleDownDelaySeconds=2)
    at_work.when_image("app:v2")
    at_work.then(phase="Healthy")
    assert at_work.sets() == {"app:v1": 2, "app:v2": 2}
    assert DEADLINE in at_work.replica_set("app:v1")["metadata"]["annotations"]
    at_work.eventually("they go", lambda: at_work.sets() == {"app:v1": 0, "app:v2": 2}, within=10)
    assert sizes(at_work, "app:v1", since) == [2, 0]


def test_no_more_old_revisions_stand_by_than_the_limit_says(at_work):
    released(at_work, weight(50), scaleDownDelaySeconds=60, scaleDownDelayRevisionLimit=1)
    for image in ("app:v2", "app:v3"):
        at_work.when_image(image)
        at_work.then(phase="Healthy")
    wanted = {"app:v1": 0, "app:v2": 2, "app:v3": 2}
    at_work.eventually("only the last one stands by", lambda: at_work.sets() == wanted)


def test_an_aborted_canary_goes_after_the_abort_delay_and_its_weight_at_once(at_work):
    since = released(at_work, weight(50), pause(), abortScaleDownDelaySeconds=1)
    begun(at_work)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("it goes", lambda: at_work.sets() == {"app:v1": 2, "app:v2": 0}, within=10)
    for world in moments(at_work, since):
        assert "web-canary" not in weighted(world) or world.available("app:v2")


def test_an_aborted_canary_stays_where_the_abort_delay_is_zero(at_work):
    released(at_work, weight(50), pause(), abortScaleDownDelaySeconds=0)
    begun(at_work)
    at_work.when_status({"abort": True})
    at_work.then(phase="Degraded", message="RolloutAborted")
    at_work.eventually("no weight", lambda: at_work.weight() == 0)
    at_work.holds("its pods stay", lambda: at_work.sets()["app:v2"] == 1, seconds=1.5)


def by_subsets(*steps) -> list:
    """A canary by the subsets of one host."""
    route = [
        {"destination": {"host": "web", "subset": "stable"}, "weight": 100},
        {"destination": {"host": "web", "subset": "canary"}, "weight": 0},
    ]
    rule = {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}
    made = rollout(*steps, trafficRouting={"istio": {**ISTIO, "destinationRule": rule}})
    mesh_route = virtual_service([{"name": "primary", "route": route}])
    return [service("web"), mesh_route, destination_rule(), made]


def subsets(scene: Scene) -> dict:
    """The image that each subset selects, and what is the manifest's own."""
    found = scene.api.get("destinationrules", scene.namespace, "web")
    images = scene.images()
    return {
        each["name"]: images.get(labels[HASH], "what has gone") if HASH in labels else "all"
        for each in found["spec"]["subsets"]
        for labels in [each.get("labels") or {}]
    }


def test_subsets_take_the_hashes_of_their_side(at_work):
    at_work.given_released(*by_subsets(weight(50), pause()))
    begun(at_work)
    assert subsets(at_work) == {"stable": "app:v1", "canary": "app:v2"}
    assert at_work.weight() == 50
    at_work.when_promoted()
    at_work.then(phase="Healthy")
    at_work.eventually("stable moves", lambda: subsets(at_work)["stable"] == "app:v2")


def test_a_rollout_that_goes_leaves_services_and_subsets_as_they_were(at_work):
    at_work.given_released(*by_subsets(weight(50), pause()))
    begun(at_work)
    at_work.api.delete("rollouts", at_work.namespace, "web")
    at_work.eventually("no hash", lambda: subsets(at_work) == {"stable": "all", "canary": "all"})
    rule = at_work.api.get("destinationrules", at_work.namespace, "web")
    assert MANAGED not in rule["metadata"].get("annotations", {})
    assert rule["spec"]["subsets"][0]["labels"] == {"app": "web"}


def test_a_deleted_rollout_gives_its_services_back(at_work):
    released(at_work, weight(50), pause())
    begun(at_work)
    at_work.api.delete("rollouts", at_work.namespace, "web")
    for name in ("web-stable", "web-canary"):
        at_work.eventually("it selects all", lambda name=name: plain(at_work, name))


def plain(scene: Scene, name: str) -> bool:
    found = scene.api.get("services", scene.namespace, name)
    marked = MANAGED in found["metadata"].get("annotations", {})
    return found["spec"]["selector"] == {"app": "web"} and not marked


def test_a_service_that_the_rollout_names_no_more_is_given_back(at_work):
    at_work.given(service("web-other"))
    released(at_work, weight(50), pause())
    routes_now = virtual_service()["spec"]["http"]
    routes_now[0]["route"][1]["destination"]["host"] = "web-other"
    at_work.api.patch("virtualservices", at_work.namespace, "web", {"spec": {"http": routes_now}})
    at_work.when_spec({"strategy": {"canary": {"canaryService": "web-other"}}})
    at_work.eventually("it selects all", lambda: plain(at_work, "web-canary"))
    begun(at_work)
    assert at_work.pointed("web-other") == "app:v2"
