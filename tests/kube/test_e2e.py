"""The room against a real API server."""

import asyncio
import os
import uuid
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from gradatim.kube.cache import Cache
from gradatim.kube.client import Client
from gradatim.kube.cluster import Pace
from gradatim.kube.discovery import Discovery
from gradatim.kube.errors import AlreadyExists, Conflict, Invalid, NotFound
from gradatim.kube.events import EventRecorder
from gradatim.kube.lease import Election, LeaseTiming
from gradatim.kube.login import LoginOptions, login
from gradatim.kube.reflector import Reflector
from gradatim.kube.request import WriteOptions
from gradatim.kube.resources import (
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    NAMESPACES,
    POD_DISRUPTION_BUDGETS,
    SERVICES,
    Selection,
)
from gradatim.kube.watch import Patience, Watch

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="KUBECONFIG names no cluster"),
]


@pytest.fixture
async def client():
    transport = await login(LoginOptions(pace=Pace(qps=0)))
    client = Client(transport)
    yield client
    await client.aclose()


@pytest.fixture
async def namespace(client):
    name = f"kube-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"metadata": {"name": name}})
    yield name
    await client.delete(NAMESPACES.at("", name))


def config_map(namespace, name, **data):
    return {
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": "x"}},
        "data": data,
    }


async def test_an_object_from_its_creation_to_its_end(client, namespace):
    made = await client.create(CONFIG_MAPS, config_map(namespace, "c", a="1"))
    # of who manages what only our own name is kept
    assert made["metadata"]["managedFields"] == [{"manager": "gradatim"}]
    at = CONFIG_MAPS.at(namespace, "c")
    with pytest.raises(AlreadyExists):
        await client.create(CONFIG_MAPS, config_map(namespace, "c"))

    merged = await client.patch(at, {"data": {"b": "2"}})
    assert merged["data"] == {"a": "1", "b": "2"}
    operations = [{"op": "replace", "path": "/data/a", "value": "3"}]
    assert (await client.patch(at, operations, kind="json"))["data"]["a"] == "3"
    applied = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"c": "4"},
    }
    assert (await client.patch(at, applied, kind="apply"))["data"]["c"] == "4"
    dry = await client.patch(
        at, {"data": {"d": "5"}}, kind="strategic", options=WriteOptions(dry_run=True)
    )
    assert dry["data"]["d"] == "5"
    assert "d" not in (await client.get(at))["data"]

    with pytest.raises(Conflict, match=rf"update configmaps {namespace}/c: .*has been modified"):
        await client.update(at, made)
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    with pytest.raises(Conflict):
        await client.patch(at, stale)
    with pytest.raises(Conflict):
        await client.delete(at, uid="another")
    with pytest.raises(Invalid):
        await client.patch(at, {"data": {"not/a/key": "x"}})
    await client.delete(at, uid=made["metadata"]["uid"])
    with pytest.raises(NotFound, match=rf"get configmaps {namespace}/c: .*not found"):
        await client.get(at)


async def test_a_cache_follows_and_catches_up_with_our_writes(client, namespace):
    for n in range(5):
        await client.create(CONFIG_MAPS, config_map(namespace, f"c{n}", n=str(n)))
    chosen = Selection(CONFIG_MAPS, namespace, labels="app=x")
    cache = Cache(lambda value: value["data"]["n"])
    reflector = Reflector(Watch(client, chosen, Patience(page=2)), cache)
    following = asyncio.create_task(reflector.run())
    async with asyncio.timeout(20):
        await cache.synced()
        assert sorted(entry.view for entry in cache.all()) == ["0", "1", "2", "3", "4"]
        entry = cache.get(namespace, "c0")
        assert entry is not None
        assert (entry.object["kind"], entry.object["apiVersion"]) == ("ConfigMap", "v1")
        for n in range(20):
            cache.wrote(
                await client.patch(CONFIG_MAPS.at(namespace, "c0"), {"data": {"n": f"new-{n}"}})
            )
            assert await cache.wait_caught_up(namespace, "c0", within=5)
            entry = cache.get(namespace, "c0")
            assert entry is not None
            assert entry.view == f"new-{n}"
        cache.wrote(await client.patch(CONFIG_MAPS.at(namespace, "c1"), {"data": {"n": "x"}}))
        await client.delete(CONFIG_MAPS.at(namespace, "c1"))
        assert await cache.wait_caught_up(namespace, "c1", within=5)
    assert (reflector.health.failures, reflector.health.fault) == (0, "")
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def test_a_watch_from_a_version_that_was_compacted_lists_again(client, namespace):
    watch = Watch(client, Selection(CONFIG_MAPS, namespace), Patience(first=0.01))
    watch._version = "1"
    changes = watch.changes()
    async with asyncio.timeout(20):
        seen = await anext(changes)
    assert type(seen).__name__ in {"Replaced", "Put"}
    await changes.aclose()


async def test_events_are_as_the_server_takes_them(client, namespace):
    service = await client.create(
        SERVICES,
        {"metadata": {"namespace": namespace, "name": "web"}, "spec": {"ports": [{"port": 80}]}},
    )
    recorder = EventRecorder(client)
    writing = asyncio.create_task(recorder.run())
    for message in ["a", "a", "b"]:
        recorder.emit(service, "Warning", "Tested", message)
    assert await recorder.flushed(10)
    writing.cancel()
    listing = await client.list(Selection(EVENTS, namespace, fields="reason=Tested"))
    found = sorted((each["message"], each["count"], each["type"]) for each in listing.items)
    assert found == [("a", 2, "Warning"), ("b", 1, "Warning")]
    assert {each["source"]["component"] for each in listing.items} == {"rollouts-controller"}
    assert recorder.dropped == 0


async def test_two_candidates_take_turns(client, namespace):
    timing = LeaseTiming(duration=2, deadline=1.0, retry=0.2)
    transport = client._transport.unpaced
    lock = LEASES.at(namespace, "lock")
    first, second = (Election(transport, lock, name, timing) for name in ("one", "two"))
    led = []

    async def work():
        led.append((first.is_leader, second.is_leader, datetime.now(UTC)))
        await asyncio.sleep(1)

    async with asyncio.timeout(20):
        await asyncio.gather(first.lead(work), second.lead(work))
    assert sorted(each[:2] for each in led) == [(False, True), (True, False)]
    assert led[1][2] > led[0][2]
    lease = await client.get(lock)
    assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == ("", 1)


async def test_discovery_knows_kinds_by_their_manifest(client):
    discovery = Discovery(client)
    budgets = await discovery.resource("policy/v1", "PodDisruptionBudget")
    roles = await discovery.resource("rbac.authorization.k8s.io/v1", "ClusterRole")
    assert budgets == POD_DISRUPTION_BUDGETS
    assert (roles.plural, roles.namespaced) == ("clusterroles", False)
    with pytest.raises(NotFound):
        await discovery.resource("nowhere.example.com/v1", "Nothing")
