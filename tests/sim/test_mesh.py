"""The mesh: where requests go, at once and after a while."""

import asyncio

import pytest

from gradatim.sim import Sim, SimSettings, run_virtual
from gradatim.sim.failure import ApiError
from gradatim.sim.mesh import (
    Endpoint,
    Host,
    Knowledge,
    resolved,
    route_split,
    service_split,
    services_of,
    split,
    worst_split,
)
from gradatim.sim.propagation import Ages
from gradatim.sim.timeline import Timeline

HASH = "rollouts-pod-template-hash"


def endpoint(pod, pod_hash="", **labels):
    return Endpoint(pod, {**({HASH: pod_hash} if pod_hash else {}), **labels})


def known(rules=(), gone=(), **services):
    """What a proxy knows of Services in the namespace `ns`; the pods in `gone` answer no more."""
    endpoints = {Host("ns", name.replace("_", "-")): found for name, found in services.items()}
    pods = {e.pod for found in endpoints.values() for e in found} - set(gone)
    return Knowledge(list(rules), endpoints, frozenset(pods))


def to(host, weight=None, subset=None):
    destination = {"host": host, **({"subset": subset} if subset else {})}
    return {"destination": destination, **({} if weight is None else {"weight": weight})}


def routed(*routes, protocol="http", namespace="ns"):
    return {"metadata": {"name": "vs", "namespace": namespace}, "spec": {protocol: list(routes)}}


def rule(host, **subsets):
    listed = [{"name": name, "labels": {HASH: value}} for name, value in subsets.items()]
    return {
        "metadata": {"name": "dr", "namespace": "ns"},
        "spec": {"host": host, "subsets": listed},
    }


STABLE, CANARY = [endpoint("s1", "old"), endpoint("s2", "old")], [endpoint("c1", "new")]


@pytest.mark.parametrize(
    ("route", "what_is_known", "shares", "failing"),
    [
        ([to("stable", 80), to("canary", 20)], known(stable=STABLE, canary=CANARY), {"old": 0.8, "new": 0.2}, 0),
        ([to("stable", 100), to("canary", 0)], known(stable=STABLE, canary=[]), {"old": 1.0}, 0),
        ([to("stable")], known(stable=STABLE), {"old": 1.0}, 0),
        ([to("stable", 3), to("canary", 1)], known(stable=STABLE, canary=CANARY), {"old": 0.75, "new": 0.25}, 0),
        ([to("stable", 80), to("canary", 20)], known(stable=STABLE, canary=[]), {"old": 0.8}, 0.2),
        ([to("stable", 80), to("canary", 20)], known(stable=STABLE, canary=CANARY, gone=["c1"]), {"old": 0.8}, 0.2),
        ([to("stable", 100)], known(stable=STABLE, gone=["s1"]), {"old": 1.0}, 0),
        ([to("stable", 80), to("nowhere", 20)], known(stable=STABLE), {"old": 0.8}, 0.2),
        ([to("stable", 0), to("canary", 0)], known(stable=STABLE, canary=CANARY), {}, 1),
        ([to("web", 60), to("web", 40)], known(web=STABLE + CANARY), {"old": 2 / 3, "new": 1 / 3}, 0),
        (
            [to("web", 60, "stable"), to("web", 40, "canary")],
            known([rule("web", stable="old", canary="new")], web=STABLE + CANARY),
            {"old": 0.6, "new": 0.4},
            0,
        ),
        (
            [to("web.ns.svc.cluster.local", 60, "stable"), to("web", 40, "canary")],
            known([rule("web.ns", stable="old", canary="newer")], web=STABLE + CANARY),
            {"old": 0.6},
            0.4,
        ),
        ([to("web", 100, "stable")], known([rule("other", stable="old")], web=STABLE), {}, 1),
    ],
)  # fmt: skip
def test_a_route_splits_by_weight_among_what_answers(route, what_is_known, shares, failing):
    found = route_split({"route": route}, "ns", what_is_known)
    assert dict(found.shares) == pytest.approx(shares)
    assert found.failing == pytest.approx(failing)
    assert bool(found.why) is bool(failing)
    assert sum(found.shares.values()) + found.failing == pytest.approx(1)


def test_the_first_route_that_matches_decides():
    header = {"match": [{"headers": {"x-canary": {"exact": "yes"}}}], "route": [to("canary")]}
    prefix = {"match": [{"headers": {"agent": {"prefix": "Mob"}}}], "route": [to("canary")]}
    regex = {"match": [{"headers": {"agent": {"regex": "i.*d"}}}], "route": [to("canary")]}
    presence = {"match": [{"headers": {"any": {}}}], "route": [to("canary")]}
    path = {"match": [{"uri": {"prefix": "/api"}}], "route": [to("canary")]}
    service = routed(path, header, prefix, regex, presence, {"route": [to("stable")]})
    what = known(stable=STABLE, canary=CANARY)
    for headers in ({"x-canary": "yes"}, {"agent": "Mobile"}, {"agent": "ipad"}, {"any": ""}):
        assert split(service, what, headers).shares == {"new": 1.0}
    assert split(service, what, {"x-canary": "no"}).shares == {"old": 1.0}
    assert split(routed(header), what).why == "no route matches"


def test_the_worst_route_counts_whatever_its_protocol():
    service = routed({"route": [to("stable")]}, {"name": "mirror only"})
    service["spec"]["tcp"] = [{"route": [to("canary", 100)]}]
    assert worst_split(service, known(stable=STABLE, canary=[])).failing == 1
    assert worst_split(service, known(stable=STABLE, canary=CANARY)).failing == 0
    assert split(
        routed({"route": [to("canary")]}, protocol="tls"), known(canary=CANARY)
    ).shares == {"new": 1}
    assert services_of(service) == {Host("ns", "stable"), Host("ns", "canary")}


def test_a_service_splits_evenly_among_its_pods():
    assert service_split(
        Host("ns", "web"), known(web=[*STABLE, endpoint("x")])
    ).shares == pytest.approx({"old": 2 / 3, "": 1 / 3})
    assert service_split(Host("ns", "none"), known()).failing == 1


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("web", Host("ns", "web")),
        ("web.other", Host("other", "web")),
        ("web.other.svc.cluster.local", Host("other", "web")),
    ],
)
def test_a_host_names_a_service(host, place):
    assert resolved(host, "ns") == place


def test_a_timeline_knows_what_held_and_forgets_what_nobody_can_ask():
    line = Timeline(keep=10)
    assert line.at(5) is None
    for time in (0, 4, 8, 20):
        line.note(time, f"v{time}")
    assert [line.at(time) for time in (8, 19, 20, 99)] == ["v8", "v8", "v20", "v20"]
    assert line.at(5) is None
    assert list(line.changes(8)) == [20]


def replica_set(pod_hash, replicas):
    labels = {"app": "web", HASH: pod_hash}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": f"web-{pod_hash}"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "app"}]},
            },
        },
    }


def service(name, **selector):
    spec = {"selector": {"app": "web", **selector}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


VIRTUAL_SERVICE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "web"},
    "spec": {"http": [{"route": [to("stable", 100), to("canary", 0)]}]},
}


def weights(stable, canary):
    return {"spec": {"http": [{"route": [to("stable", stable), to("canary", canary)]}]}}


def in_mesh(story, lag=2.0, **settings):
    """Play `story(sim)` with a stable of two pods, an empty canary, and a mesh that lags."""

    async def main():
        async with Sim(SimSettings(mesh_lag=lag, **settings)) as sim:
            for obj in (
                replica_set("old", 2),
                replica_set("new", 0),
                service("stable", **{HASH: "old"}),
                service("canary", **{HASH: "new"}),
                VIRTUAL_SERVICE,
            ):
                sim.create_object(obj)
            await sim.settle()
            await asyncio.sleep(2 * lag)
            return await story(sim)

    return run_virtual(main())


def test_before_all_works_nothing_fails_and_afterwards_it_is_split():
    async def story(sim):
        assert sim.mesh.worst is None
        assert sim.mesh.split("web") == {"old": 1.0}
        assert sim.mesh.failing() == 0
        with pytest.raises(ApiError, match="no host"):
            sim.mesh.split("nothing")

    in_mesh(story)


def test_a_change_of_weights_takes_its_time():
    async def story(sim):
        sim.patch("ReplicaSet", "web-new", "spec: {replicas: 1}")
        await sim.settle()
        await asyncio.sleep(2)
        sim.patch("VirtualService", "web", weights(75, 25))
        assert sim.mesh.split("web") == {"old": 1.0}
        assert sim.mesh.split("web", age=0) == {"old": 0.75, "new": 0.25}
        await asyncio.sleep(2)
        assert sim.mesh.split("web") == {"old": 0.75, "new": 0.25}
        assert sim.mesh.worst is None

    in_mesh(story)


def test_a_proxy_may_be_late_with_endpoints_and_know_the_routes():
    async def story(sim):
        sim.patch("ReplicaSet", "web-new", "spec: {replicas: 1}")
        await sim.settle()
        sim.patch("VirtualService", "web", weights(75, 25))
        found = sim.mesh.outcome("web", age=Ages(routes=0, rules=0, endpoints=2))
        assert (found.failing, found.why) == (0.25, "canary.default: no endpoint")
        assert sim.mesh.outcome("web", age=Ages(routes=2, rules=0, endpoints=0)).failing == 0

    in_mesh(story)


def test_weight_on_a_target_without_ready_pods_fails():
    async def story(sim):
        sim.patch("VirtualService", "web", weights(75, 25))
        assert sim.mesh.failing() == 0.25
        assert sim.mesh.outcome("web", age=0).why == "canary.default: no endpoint"
        await asyncio.sleep(0)
        worst = sim.mesh.worst
        assert (worst.host, worst.failing, worst.at) == (
            Host("default", "web"),
            0.25,
            sim.clock.elapsed(),
        )

    in_mesh(story)


@pytest.mark.parametrize(("waits", "fails"), [(0.0, True), (3.0, False)])
def test_scaling_down_before_the_last_proxy_knows_fails(waits, fails):
    """The outage that `dynamicStableScale` of the reference makes: weight away, pods gone, proxies late."""

    async def story(sim):
        sim.patch("ReplicaSet", "web-new", "spec: {replicas: 2}")
        await sim.settle()
        await asyncio.sleep(3)
        sim.patch("VirtualService", "web", weights(0, 100))
        await asyncio.sleep(waits)
        sim.patch("ReplicaSet", "web-old", "spec: {replicas: 0}")
        await sim.settle()
        await asyncio.sleep(3)
        assert (sim.mesh.worst is not None) is fails
        assert sim.mesh.failing() == 0
        assert sim.mesh.split("web") == {"new": 1.0}

    in_mesh(story)


@pytest.mark.parametrize(("ordered", "fails"), [(True, False), (False, True)])
def test_rules_and_endpoints_may_come_in_any_order(ordered, fails):
    async def story(sim):
        sim.mesh.ordered = ordered
        sim.patch("ReplicaSet", "web-new", "spec: {replicas: 2}")
        await sim.settle()
        sim.patch("VirtualService", "web", weights(50, 50))
        await asyncio.sleep(3)
        assert (sim.mesh.worst is not None) is fails

    in_mesh(story)


def test_a_subset_that_moves_to_an_empty_set_fails():
    async def story(sim):
        sim.create_object(service("web"))
        sim.create_object({**rule("web", stable="old"), "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
                           "metadata": {"name": "dr"}})  # fmt: skip
        await sim.settle()
        await asyncio.sleep(3)
        sim.patch(
            "VirtualService", "web", {"spec": {"http": [{"route": [to("web", 100, "stable")]}]}}
        )
        await asyncio.sleep(3)
        assert sim.mesh.worst is None
        sim.patch("DestinationRule", "dr", {"spec": rule("web", stable="new")["spec"]})
        await asyncio.sleep(0)
        assert sim.mesh.worst.failing == 1

    in_mesh(story)


def test_a_relabelled_pod_changes_its_subset():
    async def story(sim):
        for pod in sim.list("Pod"):
            sim.patch("Pod", pod["metadata"]["name"], {"metadata": {"labels": {HASH: "renamed"}}})
            break
        assert set(sim.mesh.split("stable", age=0)) <= {"old", "renamed"}

    in_mesh(story)


def test_a_watched_service_fails_when_its_selector_moves_too_early():
    """Blue-green: the active Service must not move to a set without ready pods."""

    async def story(sim):
        sim.mesh.watch("stable")
        await asyncio.sleep(0)
        sim.patch("Service", "stable", {"spec": {"selector": {HASH: "new"}}})
        await sim.settle()
        assert sim.mesh.worst.failing == 1
        assert sim.mesh.worst.why == "stable.default: no endpoint"

    in_mesh(story)


def test_a_virtual_service_that_goes_is_no_failure():
    async def story(sim):
        sim.delete("VirtualService", "web")
        await asyncio.sleep(3)
        assert sim.mesh.failing() == 0
        assert sim.mesh.worst is None

    in_mesh(story)
