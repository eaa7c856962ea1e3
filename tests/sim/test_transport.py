"""The in-process transport: the controller's seam, and what a network may do to it."""

import asyncio

import pytest

from gradatim.kube.transport import Transport
from gradatim.sim import Line, Sim, run_virtual
from gradatim.sim.failure import ApiError

PODS = "/api/v1/namespaces/default/pods"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
SENDING = {"query": {}, "content_type": "application/json", "timeout": 5.0}


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_it_has_the_shape_of_the_seam():
    async def main():
        async with Sim() as sim:
            transport: Transport = sim.transport()
            code, headers, body = await transport.send("GET", "/version", body=None, **SENDING)
            assert (code, headers["content-type"]) == (200, "application/json")
            assert body["major"] == "1"
            await transport.aclose()
            with pytest.raises(OSError, match="closed"):
                await transport.send("GET", "/version", body=None, **SENDING)

    run_virtual(main())


def test_what_a_client_sent_stays_its_own():
    async def main():
        async with Sim() as sim:
            body = config_map("a", key="1")
            await sim.transport().send("POST", CONFIG_MAPS, body=body, **SENDING)
            body["data"]["key"] = "2"
            assert sim.get("ConfigMap", "a")["data"] == {"key": "1"}

    run_virtual(main())


def test_what_is_no_json_does_not_travel():
    async def main():
        async with Sim() as sim:
            with pytest.raises(TypeError, match="object is not a JSON value"):
                await sim.transport().send("POST", CONFIG_MAPS, body={"a": object()}, **SENDING)

    run_virtual(main())


def test_a_watch_tells_what_happens_and_ends_when_the_client_leaves():
    async def main():
        async with Sim() as sim:
            transport = sim.transport()
            _, _, listed = await transport.send("GET", CONFIG_MAPS, body=None, **SENDING)
            query = {"resourceVersion": listed["metadata"]["resourceVersion"]}
            async with transport.stream(CONFIG_MAPS, query=query, idle=60) as (code, events):
                assert code == 200
                sim.create_object(config_map("a", key="1"))
                sim.patch("ConfigMap", "a", "data: {key: '2'}")
                sim.delete("ConfigMap", "a")
                seen = [await anext(events) for _ in range(3)]
            assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
            assert [event["object"]["data"]["key"] for event in seen] == ["1", "2", "2"]

    run_virtual(main())


def test_a_watch_from_a_forgotten_revision_is_answered_with_410():
    async def main():
        async with Sim() as sim:
            sim.create_object(config_map("a"))
            sim.store.forget()
            stream = sim.transport().stream(CONFIG_MAPS, query={"resourceVersion": "2"}, idle=60)
            async with stream as (code, events):
                body = [event async for event in events]
            assert code == 410
            assert body[0]["reason"] == "Expired"

    run_virtual(main())


def test_silence_is_a_timeout_and_bookmarks_break_it():
    async def main():
        async with Sim() as sim:
            async with sim.transport().stream(CONFIG_MAPS, query={}, idle=30) as (_, events):
                with pytest.raises(TimeoutError):
                    await anext(events)
            query = {"allowWatchBookmarks": "true", "timeoutSeconds": "150"}
            async with sim.transport().stream(CONFIG_MAPS, query=query, idle=90) as (_, events):
                seen = [event["type"] async for event in events]
            assert seen == ["BOOKMARK", "BOOKMARK"]

    run_virtual(main())


def test_a_line_delays_disturbs_and_loses_answers():
    async def main():
        async with Sim() as sim:
            loop = asyncio.get_running_loop()
            before = loop.time()
            slow = sim.transport(line=Line(latency=2.0))
            await slow.send("GET", PODS, body=None, **SENDING)
            assert loop.time() - before == pytest.approx(2.0)
            with pytest.raises(TimeoutError):
                await sim.transport(line=Line(latency=9.0)).send("GET", PODS, body=None, **SENDING)

            refusal = ApiError(503, "ServiceUnavailable", "not now")
            busy = sim.transport(line=Line(disturb=lambda method, path: refusal))
            code, _, body = await busy.send("GET", PODS, body=None, **SENDING)
            assert (code, body["message"]) == (503, "not now")
            async with busy.stream(PODS, query={}, idle=5) as (code, events):
                assert (code, [e["code"] async for e in events]) == (503, [503])

            lossy = sim.transport(line=Line(lose=lambda method, path: ConnectionError("lost")))
            with pytest.raises(OSError, match="lost"):
                await lossy.send("POST", CONFIG_MAPS, body=config_map("written"), **SENDING)
            assert sim.get("ConfigMap", "written")

    run_virtual(main())


def test_a_watch_may_be_late_and_keeps_the_order():
    async def main():
        async with Sim() as sim:
            loop = asyncio.get_running_loop()
            late = sim.transport(line=Line(watch_latency=3.0))
            async with late.stream(CONFIG_MAPS, query={}, idle=60) as (_, events):
                begun = loop.time()
                sim.create_object(config_map("a"))
                await asyncio.sleep(1)
                sim.create_object(config_map("b"))
                seen = []
                for _ in range(2):
                    event = await anext(events)
                    seen.append((event["object"]["metadata"]["name"], round(loop.time() - begun)))
            assert seen == [("a", 3), ("b", 4)]

    run_virtual(main())


def test_all_watches_can_be_ended():
    async def main():
        async with (
            Sim() as sim,
            sim.transport().stream(CONFIG_MAPS, query={}, idle=60) as (_, events),
        ):
            sim.create_object(config_map("a"))
            sim.api.end_watches()
            assert [event["type"] async for event in events] == ["ADDED"]

    run_virtual(main())
