"""What Envoy is told: Istio's objects and ready endpoints, translated. No Envoy runs here; `tests/mesh` has one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gradatim.sim.envoy.clusters import cluster_names, endpoints
from gradatim.sim.envoy.files import (
    CLUSTERS,
    LISTENERS,
    ROUTES,
    endpoints_file,
    files,
    starting_files,
)
from gradatim.sim.envoy.folder import write
from gradatim.sim.envoy.known import Known, UntranslatableError, cluster_name
from gradatim.sim.envoy.routes import route_configuration
from gradatim.sim.envoy.streams import stream_listener
from gradatim.sim.mesh import Host

Json = dict[str, Any]
HASH = "rollouts-pod-template-hash"


def service(name: str, namespace: str = "ns") -> Json:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"selector": {"app": name}}}


def endpoint(pod: str, ready: bool = True) -> Json:
    return {"targetRef": {"name": pod, "uid": pod}, "conditions": {"ready": ready}}


def slice_of(name: str, *found: Json) -> Json:
    labels = {"kubernetes.io/service-name": name}
    metadata = {"name": f"{name}-x", "namespace": "ns", "labels": labels}
    return {"metadata": metadata, "endpoints": list(found)}


def pods(**hashes: str) -> dict[tuple[str, str], Json]:
    return {("ns", pod): {"metadata": {"labels": {HASH: h}}} for pod, h in hashes.items()}


def rule(host: str, **subsets: str) -> Json:
    listed = [{"name": name, "labels": {HASH: value}} for name, value in subsets.items()]
    return {
        "metadata": {"name": "r", "namespace": "ns"},
        "spec": {"host": host, "subsets": listed},
    }


def virtual_service(*routes: Json, hosts: tuple[str, ...] = ("shop",), name: str = "vs") -> Json:
    return {
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"hosts": list(hosts), "http": list(routes)},
    }


def to(host: str, weight: int | None = None, subset: str = "") -> Json:
    destination = {"host": host, **({"subset": subset} if subset else {})}
    return {"destination": destination, **({} if weight is None else {"weight": weight})}


def outbound(name: str, subset: str = "") -> str:
    return f"outbound|80|{subset}|{name}.ns.svc.cluster.local"


def translated(*routes: Json) -> list[Json]:
    """The routes of one VirtualService, as Envoy gets them."""
    found = route_configuration(Known(virtual_services=[virtual_service(*routes)]))
    (host,) = found["virtual_hosts"]
    listed: list[Json] = host["routes"]
    return listed


@pytest.mark.parametrize(
    ("destinations", "action"),
    [
        ([to("a")], {"cluster": outbound("a")}),
        ([to("a", 0)], {"cluster": outbound("a")}),
        ([to("a.other.svc.cluster.local")], {"cluster": cluster_name(Host("other", "a"))}),
        (
            [to("a", 80), to("b", 20, "canary")],
            {"weighted_clusters": {"clusters": [{"name": outbound("a"), "weight": 80}, {"name": outbound("b", "canary"), "weight": 20}]}},
        ),
        (
            [to("a", 100), to("b", 0)],
            {"weighted_clusters": {"clusters": [{"name": outbound("a"), "weight": 100}]}},
        ),
    ],
    ids=["one", "one-whatever-its-weight", "in-another-namespace", "by-weight-and-subset", "weight-0-is-left-out"],
)  # fmt: skip
def test_destinations_become_clusters(destinations: list[Json], action: Json) -> None:
    (route,) = translated({"route": destinations})
    assert route["route"] == {**action, "timeout": "0s"}
    assert route["match"] == {"prefix": "/"}


def test_a_route_without_any_weight_answers_503_as_no_cluster_could() -> None:
    (route,) = translated({"route": [to("a", 0), to("b", 0)]})
    assert route["direct_response"] == {"status": 503}
    assert "route" not in route


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ({"uri": {"exact": "/a"}}, {"path": "/a"}),
        ({"uri": {"prefix": "/a"}}, {"prefix": "/a"}),
        ({"uri": {"regex": "/a.*"}}, {"safe_regex": {"regex": "/a.*"}}),
        (
            {"headers": {"x": {"exact": "1"}}},
            {"prefix": "/", "headers": [{"name": "x", "string_match": {"exact": "1"}}]},
        ),
        (
            {"headers": {"x": {"regex": "1|2"}}, "uri": {"prefix": "/a"}},
            {"prefix": "/a", "headers": [{"name": "x", "string_match": {"safe_regex": {"regex": "1|2"}}}]},
        ),
        ({"headers": {"x": {}}}, {"prefix": "/", "headers": [{"name": "x", "present_match": True}]}),
        (
            {"withoutHeaders": {"x": {"prefix": "1"}}},
            {"prefix": "/", "headers": [{"name": "x", "string_match": {"prefix": "1"}, "invert_match": True}]},
        ),
        (
            {"method": {"exact": "GET"}},
            {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        ),
    ],
    ids=["exact-path", "path-prefix", "path-regex", "header", "header-and-path", "any-value", "without", "method"],
)  # fmt: skip
def test_a_match_stays_what_it_is(match: Json, found: Json) -> None:
    (route,) = translated({"match": [match], "route": [to("a")]})
    assert route["match"] == found


def test_matches_of_one_route_are_alternatives_in_their_order() -> None:
    found = translated(
        {"match": [{"uri": {"exact": "/1"}}, {"uri": {"exact": "/2"}}], "route": [to("a")]},
        {"route": [to("b")]},
    )
    assert [route["match"] for route in found] == [{"path": "/1"}, {"path": "/2"}, {"prefix": "/"}]
    assert [route["route"]["cluster"] for route in found] == [outbound(name) for name in "aab"]


@pytest.mark.parametrize(
    ("route", "numerator"),
    [
        ({"mirror": {"host": "b"}}, 1_000_000),
        ({"mirror": {"host": "b"}, "mirrorPercentage": {"value": 0.5}}, 5_000),
        ({"mirror": {"host": "b"}, "mirrorPercentage": {"value": 0}}, 0),
        ({"mirrors": [{"destination": {"host": "b"}, "percentage": {"value": 35}}]}, 350_000),
    ],
    ids=["all", "half-a-percent", "none", "listed"],
)
def test_a_mirror_keeps_its_percentage(route: Json, numerator: int) -> None:
    (found,) = translated({**route, "route": [to("a")]})
    (policy,) = found["route"]["request_mirror_policies"]
    assert policy["cluster"] == outbound("b")
    share = policy["runtime_fraction"]["default_value"]
    assert share == {"numerator": numerator, "denominator": "MILLION"}


def test_timeout_and_retries_are_kept() -> None:
    retries = {"attempts": 3, "perTryTimeout": "2s", "retryOn": "5xx,503"}
    (found,) = translated({"route": [to("a")], "timeout": "4s", "retries": retries})
    assert found["route"]["timeout"] == "4s"
    policy = found["route"]["retry_policy"]
    assert (policy["num_retries"], policy["per_try_timeout"]) == (3, "2s")
    assert (policy["retry_on"], policy["retriable_status_codes"]) == (
        "5xx,retriable-status-codes",
        [503],
    )
    (predicate,) = policy["retry_host_predicate"]
    assert predicate["name"].endswith(".previous_hosts"), "not the pod that has just failed"


def test_nothing_is_tried_again_unless_the_object_says_so() -> None:
    (found,) = translated({"route": [to("a")]})
    assert "retry_policy" not in found["route"]


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ({"route": [to("a")], "fault": {}}, "fault of a route"),
        ({"route": [{**to("a"), "headers": {}}]}, "headers of a destination"),
        ({"route": [to("a")], "match": [{"port": 80}]}, "port of a match"),
        ({"route": [to("a")], "match": [{"uri": {"suffix": "x"}}]}, "suffix of a match of a text"),
        ({"route": [to("a")], "match": [{"uri": {"exact": "x", "prefix": "x"}}]}, "more than one"),
        ({"route": [to("a")], "retries": {"backoff": "1s"}}, "backoff of a retries"),
    ],
    ids=["field", "destination", "match", "text", "two-texts", "retries"],
)
def test_what_is_not_translated_is_said_and_not_passed_over(route: Json, said: str) -> None:
    with pytest.raises(UntranslatableError, match=said):
        translated(route)


def test_a_virtual_service_stands_before_the_service_of_its_host() -> None:
    known = Known(
        virtual_services=[
            virtual_service({"route": [to("a")]}, hosts=("a", "a.example.com")),
            virtual_service({"route": [to("b")]}, hosts=("a.example.com",), name="vs-2"),
        ],
        services=[service("b"), service("a")],
    )
    hosts = route_configuration(known)["virtual_hosts"]
    short = ["{}", "{}.ns", "{}.ns.svc", "{}.ns.svc.cluster.local"]
    # the second VirtualService and Service `a` have no host left: Envoy refuses a domain that comes twice
    assert [(host["name"], host["domains"]) for host in hosts] == [
        ("vs.ns", [*(each.format("a") for each in short), "a.example.com"]),
        ("service b.ns", [each.format("b") for each in short]),
    ]


KNOWN = Known(
    services=[service("web")],
    slices=[slice_of("web", endpoint("p1"), endpoint("p2", ready=False), endpoint("p3")), slice_of("other", endpoint("p4"))],
    destination_rules=[rule("web", canary="new", stable="old"), rule("web.ns.svc.cluster.local", canary="older"), rule("other", x="new")],
    pods=pods(p1="old", p2="new", p3="new", p4="new"),
    ports={"p1": 1001, "p2": 1002, "p3": 1003, "p4": 1004},
)  # fmt: skip


def ports_of(known: Known, name: str) -> list[int]:
    (group,) = endpoints(known, name)["endpoints"]
    found = (e["endpoint"]["address"]["socket_address"] for e in group["lb_endpoints"])
    return [address["port_value"] for address in found]


def test_each_service_and_each_of_its_subsets_is_a_cluster() -> None:
    assert list(cluster_names(KNOWN)) == [outbound("web", s) for s in ("", "canary", "stable")]


@pytest.mark.parametrize(
    ("subset", "found"),
    [("", [1001, 1003]), ("canary", [1003]), ("stable", [1001])],
    ids=["ready-pods", "of-the-first-rule", "of-the-other-subset"],
)
def test_a_cluster_has_the_ready_pods_with_the_labels_of_its_subset(
    subset: str, found: list[int]
) -> None:
    assert ports_of(KNOWN, outbound("web", subset)) == found


def test_a_pod_whose_labels_nobody_has_seen_is_in_no_subset() -> None:
    known = Known(KNOWN.virtual_services, KNOWN.destination_rules, KNOWN.services, KNOWN.slices, {}, KNOWN.ports)  # fmt: skip
    assert ports_of(known, outbound("web", "canary")) == []


def test_files_come_in_the_order_in_which_they_may_be_believed() -> None:
    found = files("/f", KNOWN)
    listed = [endpoints_file(name) for name in cluster_names(KNOWN)]
    assert list(found) == [*listed, CLUSTERS, ROUTES, LISTENERS]
    clusters = json.loads(found[CLUSTERS])["resources"]
    read = [c["eds_cluster_config"]["eds_config"]["path_config_source"]["path"] for c in clusters]
    assert read == [f"/f/{name}" for name in listed]


def test_the_same_knowledge_gives_the_same_files_and_another_gives_another_version() -> None:
    other = Known(services=[service("web")])
    assert files("/f", KNOWN) == files("/f", KNOWN)
    name = endpoints_file(outbound("web"))
    versions = [json.loads(files("/f", k)[name])["version_info"] for k in (KNOWN, other)]
    assert versions[0] != versions[1]


def test_envoy_listens_on_this_machine_only() -> None:
    everything = {**starting_files("/f"), **files("/f", with_streams(tcp=[{"route": [to("web")]}]))}
    text = everything["bootstrap.json"] + everything[LISTENERS]
    assert '"address":"127.0.0.1"' in text
    assert "0.0.0.0" not in text


# connections that Envoy does not look into


def with_streams(**spec: Any) -> Known:
    found = {"metadata": {"name": "vs", "namespace": "ns"}, "spec": {"hosts": ["web"], **spec}}
    return Known(virtual_services=[found], services=[service("web")])


def chains(known: Known) -> list[Json]:
    listener = stream_listener(known, {})
    return [] if listener is None else listener["filter_chains"]


def test_a_tcp_route_takes_what_is_no_tls_by_weight() -> None:
    split = [to("web", 80, "stable"), to("web", 20, "canary"), to("other", 0)]
    (chain,) = chains(with_streams(tcp=[{"match": [{"port": 9000}], "route": split}]))
    assert chain["filter_chain_match"] == {"transport_protocol": "raw_buffer"}
    (proxy,) = (each["typed_config"] for each in chain["filters"])
    assert proxy["weighted_clusters"]["clusters"] == [
        {"name": outbound("web", "stable"), "weight": 80},
        {"name": outbound("web", "canary"), "weight": 20},
    ]


def test_a_tls_route_takes_the_names_of_its_match_and_one_destination_needs_no_weight() -> None:
    match = [{"port": 443, "sniHosts": ["a.example.com"]}, {"sniHosts": ["b.example.com"]}]
    (chain,) = chains(with_streams(tls=[{"match": match, "route": [to("web")]}]))
    assert chain["filter_chain_match"] == {"server_names": ["a.example.com", "b.example.com"]}
    assert chain["filters"][0]["typed_config"]["cluster"] == outbound("web")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"tcp": [{"route": []}, {"route": []}]}, "several TCP routes"),
        ({"tcp": [{"match": [{"sourceLabels": {}}], "route": []}]}, "sourceLabels of a tcp route"),
        ({"tls": [{"match": [{"gateways": []}], "route": []}]}, "gateways of a tls route"),
    ],
    ids=["two-of-one-port", "a-match-of-tcp", "a-match-of-tls"],
)
def test_what_cannot_be_told_apart_is_said(spec: Json, said: str) -> None:
    with pytest.raises(UntranslatableError, match=said):
        files("/f", with_streams(**spec))


def test_without_such_routes_there_is_no_second_listener() -> None:
    assert len(json.loads(files("/f", KNOWN)[LISTENERS])["resources"]) == 1


def test_a_file_is_replaced_in_one_instant(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    with (tmp_path / "a").open() as reader:
        write(tmp_path, {"a": "2"})
        # who had it open reads the old one to its end: nobody sees half of each
        assert reader.read() == "1"
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "2")]
