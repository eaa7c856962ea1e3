import asyncio
from functools import partial
from itertools import pairwise

import pytest

from gradatim.kube.client import Client
from gradatim.kube.discovery import Discovery
from gradatim.kube.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Throttled,
    Unavailable,
    Unreachable,
)
from gradatim.kube.request import WriteOptions
from gradatim.kube.resources import PODS, REPLICA_SETS, ROLLOUTS, SERVICES, Resource, Selection
from gradatim.kube.retry import Retries

OK = (200, {"kind": "Pod", "metadata": {"name": "b"}})
BUSY = (429, {"message": "slow down"})
DOWN = (503, {"message": "later"})
POD = PODS.at("a", "b")


def client_of(transport, **more):
    return Client(transport, retries=Retries(jitter=lambda: 0.0), **more)


READS = [
    ("a read is repeated after 429", [BUSY, OK], None),
    ("a read is repeated after 503", [DOWN, DOWN, OK], None),
    (
        "a read is repeated after no answer",
        [ConnectionResetError("reset"), TimeoutError(), OK],
        None,
    ),
    ("a read is not repeated after 403", [(403, {})], Forbidden),
    ("a read is not repeated after 404", [(404, {})], NotFound),
    ("a read is given up after five tries", [DOWN] * 5, Unavailable),
]
WRITES = [
    ("a write is repeated after 429", [BUSY, BUSY, OK], None),
    ("a write is repeated where it was never sent", [ConnectionRefusedError("refused"), OK], None),
    ("a write is not repeated after 503", [DOWN], Unavailable),
    ("a write is not repeated after a reset", [ConnectionResetError("reset")], Unreachable),
    ("a write is not repeated after a timeout", [TimeoutError()], Unreachable),
    ("a write is not repeated after a conflict", [(409, {"reason": "Conflict"})], Conflict),
    (
        "a write is given up within a second: what it was decided on grows old",
        [BUSY] * 3,
        Throttled,
    ),
    ("a write is given up where it has to wait", [(429, {}, {"retry-after": "7"})], Throttled),
]
VERBS = {
    "patch": lambda client: client.patch(POD, {}),
    "update": lambda client: client.update(POD, {}),
    "create": lambda client: client.create(PODS, {"metadata": {"namespace": "a", "name": "b"}}),
    "delete": lambda client: client.delete(POD),
}
CASES = [(f"get: {s}", lambda client: client.get(POD), a, e) for s, a, e in READS]
CASES += [(f"{v}: {s}", VERBS[v], a, e) for v in VERBS for s, a, e in WRITES]


@pytest.mark.parametrize(
    ("call", "answers", "error"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_repeated(virtually, scripted, call, answers, error):
    transport = scripted(answers=list(answers))

    async def run():
        return await call(client_of(transport))

    if error is None:
        assert virtually(run()) == OK[1]
    else:
        with pytest.raises(error):
            virtually(run())
    assert len(transport.sent) == len(answers)


def test_pauses_double_and_heed_retry_after(virtually, scripted):
    refused = (429, {}, {"retry-after": "7"})
    eternal = (429, {}, {"retry-after": "86400"})
    transport = scripted(answers=[BUSY, BUSY, refused, eternal, OK])
    virtually(client_of(transport).get(POD))
    times = [sent.at for sent in transport.sent]
    pauses = [round(b - a, 3) for a, b in pairwise(times)]
    assert pauses == [0.2, 0.4, 7.0, 30.0]


def test_an_eviction_that_a_budget_forbids_is_an_answer(virtually, scripted):
    body = {"details": {"causes": [{"reason": "DisruptionBudget"}]}}
    transport = scripted(answers=[(429, body)])
    with pytest.raises(Throttled) as caught:
        virtually(client_of(transport).evict(POD))
    assert caught.value.causes == {"DisruptionBudget"}
    assert transport.sent[0].path == "/api/v1/namespaces/a/pods/b/eviction"
    assert transport.sent[0].body["kind"] == "Eviction"


REQUESTS = [
    ("a merge patch of a status", lambda c: c.patch(ROLLOUTS.at("a", "b").sub("status"), {"status": {}}),
     ("PATCH", "/apis/argoproj.io/v1alpha1/namespaces/a/rollouts/b/status", {},
      "application/merge-patch+json")),
    ("a JSON patch", lambda c: c.patch(POD, [{"op": "remove", "path": "/x"}], kind="json"),
     ("PATCH", "/api/v1/namespaces/a/pods/b", {}, "application/json-patch+json")),
    ("a strategic patch", lambda c: c.patch(POD, {}, kind="strategic"),
     ("PATCH", "/api/v1/namespaces/a/pods/b", {}, "application/strategic-merge-patch+json")),
    ("an apply names its manager",
     lambda c: c.patch(POD, {}, kind="apply", options=WriteOptions(force=True)),
     ("PATCH", "/api/v1/namespaces/a/pods/b", {"fieldManager": "gradatim", "force": "true"},
      "application/apply-patch+yaml")),
    ("a dry run", lambda c: c.patch(POD, {}, options=WriteOptions(dry_run=True, field_manager="me")),
     ("PATCH", "/api/v1/namespaces/a/pods/b", {"dryRun": "All", "fieldManager": "me"},
      "application/merge-patch+json")),
    ("a creation", lambda c: c.create(PODS, {"metadata": {"namespace": "a", "generateName": "b-"}}),
     ("POST", "/api/v1/namespaces/a/pods", {}, "application/json")),
    ("an update", lambda c: c.update(POD, {}, WriteOptions(dry_run=True)),
     ("PUT", "/api/v1/namespaces/a/pods/b", {"dryRun": "All"}, "application/json")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "expected"), [r[1:] for r in REQUESTS], ids=[r[0] for r in REQUESTS]
)
def test_request(virtually, scripted, call, expected):
    transport = scripted(answers=[OK])
    virtually(call(client_of(transport)))
    sent = transport.sent[0]
    assert (sent.method, sent.path, sent.query, sent.content_type) == expected


def test_a_deletion_carries_its_preconditions(virtually, scripted):
    transport = scripted(answers=[OK, OK])
    client = client_of(transport)
    virtually(
        client.delete(POD, propagation="Foreground", uid="u", resource_version="7", dry_run=True)
    )
    virtually(client.delete(POD))
    kind = {"kind": "DeleteOptions", "apiVersion": "v1"}
    assert [sent.body for sent in transport.sent] == [
        {**kind, "propagationPolicy": "Foreground", "dryRun": ["All"],
         "preconditions": {"uid": "u", "resourceVersion": "7"}},
        {**kind, "propagationPolicy": "Background"},
    ]  # fmt: skip


def test_a_list_is_read_in_pages(virtually, scripted):
    first = {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "x"}}]}
    last = {"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "y"}}]}
    transport = scripted(answers=[(200, first), DOWN, (200, last)])
    chosen = Selection(REPLICA_SETS, "a", labels="app=web", fields="metadata.name!=z")
    listing = virtually(client_of(transport).list(chosen, page=1))
    assert listing.resource_version == "9"
    assert [item["metadata"]["name"] for item in listing.items] == ["x", "y"]
    assert {(item["apiVersion"], item["kind"]) for item in listing.items} == {
        ("apps/v1", "ReplicaSet")
    }
    selectors = {"labelSelector": "app=web", "fieldSelector": "metadata.name!=z"}
    assert transport.sent[0].query == {**selectors, "limit": "1"}
    assert transport.sent[2].query == {**selectors, "limit": "1", "continue": "more"}


def test_a_page_that_came_too_late_starts_the_list_over_in_one_piece(virtually, scripted):
    first = {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "x"}}]}
    whole = {"metadata": {"resourceVersion": "9"}, "items": None}
    transport = scripted(answers=[(200, first), (410, {"reason": "Expired"}), (200, whole)])
    assert virtually(client_of(transport).list(Selection(PODS), page=1)).items == ()
    assert transport.sent[2].query == {}


def test_a_list_that_expires_in_one_piece_is_gone(virtually, scripted):
    transport = scripted(answers=[(410, {})] * 2)
    with pytest.raises(Gone):
        virtually(client_of(transport).list(Selection(PODS)))


def test_managed_fields_are_left_out_and_the_servers_dict_stays_whole(virtually, scripted):
    theirs = {"metadata": {"name": "b", "managedFields": [1]}, "spec": {"x": 1}}
    transport = scripted(answers=[(200, theirs), (200, {"items": [theirs], "metadata": {}})])
    client = client_of(transport)
    assert virtually(client.get(POD)) == {"metadata": {"name": "b"}, "spec": {"x": 1}}
    assert virtually(client.list(Selection(PODS))).items[0]["metadata"] == {"name": "b"}
    assert theirs["metadata"]["managedFields"] == [1]


def test_every_answer_is_counted(virtually, scripted):
    seen = []
    transport = scripted(answers=[DOWN, TimeoutError(), OK, (200, {"items": []})])

    def observe(*what):
        seen.append(what)

    client = client_of(transport, observe=observe)
    virtually(client.get(POD))
    virtually(client.list(Selection(SERVICES, "a")))
    assert seen == [
        ("get", "Pod", "a", "b", 503),
        ("get", "Pod", "a", "b", 0),
        ("get", "Pod", "a", "b", 200),
        ("list", "Service", "a", "N/A", 200),
    ]


def test_no_answer_says_so_in_one_line(virtually, scripted):
    transport = scripted(answers=[OSError("x" * 999)])
    with pytest.raises(
        Unreachable, match=r"patch pods a/b: no answer from the API server: x+$"
    ) as caught:
        virtually(client_of(transport).patch(POD, {}))
    assert len(str(caught.value)) < 300


def test_a_name_out_of_a_manifest_cannot_turn_a_deletion_into_one_of_all(virtually, scripted):
    transport = scripted()
    with pytest.raises(Invalid):
        virtually(client_of(transport).delete(SERVICES.at("shop", "")))
    assert transport.sent == []


def test_closing_closes_the_transport(virtually, scripted):
    transport = scripted()
    virtually(client_of(transport).aclose())
    assert transport.closed


ISTIO = {
    "resources": [
        {"name": "virtualservices", "kind": "VirtualService", "namespaced": True},
        {"name": "virtualservices/status", "kind": "VirtualService", "namespaced": True},
        {"name": "meshes", "kind": "Mesh", "namespaced": False},
    ]
}
V1 = "networking.istio.io/v1"


def test_discovery_asks_once_a_group_and_never_for_built_in_kinds(virtually, scripted):
    transport = scripted(answers=[(200, ISTIO)])
    discovery = Discovery(client_of(transport))
    find = partial(discovery.resource, V1)

    async def run():
        return [
            await find("VirtualService"),
            await find("Mesh"),
            await discovery.resource("v1", "Pod"),
        ]

    assert virtually(run()) == [
        Resource("networking.istio.io", "v1", "virtualservices", "VirtualService", True),
        Resource("networking.istio.io", "v1", "meshes", "Mesh", False),
        PODS,
    ]
    assert [sent.path for sent in transport.sent] == ["/apis/networking.istio.io/v1"]


def test_discovery_asks_again_for_what_was_not_there(virtually, scripted):
    transport = scripted(answers=[(404, {}), (200, {"resources": []}), (200, ISTIO)])
    discovery = Discovery(client_of(transport))

    async def run():
        for _ in range(2):
            with pytest.raises(NotFound, match="does not serve VirtualService of networking"):
                await discovery.resource(V1, "VirtualService")
        return await discovery.resource(V1, "VirtualService")

    assert virtually(run()).plural == "virtualservices"


def test_discovery_refuses_an_api_version_that_is_none(virtually, scripted):
    with pytest.raises(Invalid):
        virtually(Discovery(client_of(scripted())).resource("../v1", "Secret"))


async def test_requests_of_one_client_run_side_by_side(scripted):
    transport = scripted(answers=[OK] * 20)
    client = client_of(transport)
    await asyncio.gather(*(client.get(POD) for _ in range(20)))
    assert len(transport.sent) == 20


def _owned(*managers):
    entries = [{"manager": name, "fieldsV1": {}} for name in managers]
    metadata = {"name": "b", "resourceVersion": "7", "managedFields": entries}
    return (200, {"kind": "Pod", "metadata": metadata})


def test_our_fields_are_given_back_in_one_write(virtually, scripted):
    transport = scripted(answers=[_owned("kubectl", "gradatim"), OK])
    assert virtually(client_of(transport).give_back(POD)) == OK[1]
    _, patch = transport.sent
    left = [{"manager": "kubectl", "fieldsV1": {}}]
    assert patch.body[1] == {"op": "replace", "path": "/metadata/managedFields", "value": left}


@pytest.mark.parametrize("answer", [_owned("kubectl"), (404, {"reason": "NotFound"})])
def test_nothing_is_given_back_where_nothing_is_ours(virtually, scripted, answer):
    transport = scripted(answers=[answer])
    assert virtually(client_of(transport).give_back(POD)) is None
    assert len(transport.sent) == 1
