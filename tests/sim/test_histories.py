"""Laws over random histories: the cluster settles, a watch tells all, the same history plays twice the same."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.sim import Line, Sim, SimSettings, run_virtual
from gradatim.sim.failure import ApiError

NAMES = ("a", "b", "c")
STEPS = st.one_of(
    st.tuples(st.just("make"), st.sampled_from(NAMES), st.integers(1, 3)),
    st.tuples(st.just("scale"), st.sampled_from(NAMES), st.integers(0, 4)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just(0)),
    st.tuples(st.just("kill"), st.sampled_from(NAMES), st.integers(0, 3)),
    st.tuples(st.just("break"), st.sampled_from(NAMES), st.integers(0, 3)),
    st.tuples(st.just("release"), st.sampled_from(NAMES), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.just(""), st.integers(0, 40)),
)
#: every history begins with something to change
BEGINNING = [("make", name, 2) for name in NAMES]
HISTORIES = st.lists(STEPS, min_size=4, max_size=20).map(lambda steps: BEGINNING + steps)


def replica_set(name, replicas):
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": "app"}]},
            },
        },
    }


async def take(sim, step):
    """Take a step; one that does not fit is refused, and that is all."""
    verb, name, number = step
    pods = sim.list("Pod", app=name) if name else []
    try:
        match verb:
            case "make":
                sim.create_object(replica_set(name, number))
            case "scale":
                sim.patch("ReplicaSet", name, {"spec": {"replicas": number}})
            case "delete":
                sim.delete("ReplicaSet", name)
            case "kill":
                sim.kill_pods(pod["metadata"]["name"] for pod in pods[:number])
            case "break":
                for pod in pods[:number]:
                    sim.kubelet.break_pod(pod)
            case "release":
                for pod in pods[:number]:
                    sim.patch(
                        "Pod", pod["metadata"]["name"], {"metadata": {"labels": {"app": "free"}}}
                    )
            case "wait":
                await asyncio.sleep(number / 20)
    except ApiError as refused:
        if refused.code not in (404, 409):
            raise


async def play(history, look):
    """Play a history on a cluster whose controllers, pods and watches take their time."""
    async with Sim(SimSettings(ready_after=0.4, gone_after=0.3, controllers_lag=0.05)) as sim:
        service = {"selector": {"app": "a"}, "ports": [{"port": 80}]}
        sim.create_object(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": service}
        )
        for step in history:
            await take(sim, step)
        await sim.settle()
        return await look(sim)


@settings(max_examples=60, deadline=None)
@given(HISTORIES)
def test_every_history_settles_with_as_many_pods_as_are_wanted(history):
    async def look(sim):
        owners = {found["metadata"]["uid"]: found for found in sim.list("ReplicaSet")}
        counts = dict.fromkeys(owners, 0)
        for pod in sim.list("Pod"):
            for owner in pod["metadata"].get("ownerReferences", ()):
                counts[owner["uid"]] += 1  # no pod outlives its owner
        for uid, found in owners.items():
            assert counts[uid] == found["spec"]["replicas"] == found["status"]["replicas"]
            assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
            assert found["status"].get("readyReplicas", 0) <= counts[uid]
        ready = {
            pod["metadata"]["name"]
            for pod in sim.list("Pod", app="a")
            if {"type": "Ready", "status": "True"}.items() <= pod["status"]["conditions"][3].items()
        }
        listed = sim.list("EndpointSlice")[0]["endpoints"]
        assert {e["targetRef"]["name"] for e in listed if e["conditions"]["ready"]} == ready

    run_virtual(play(history, look))


@settings(max_examples=40, deadline=None)
@given(HISTORIES, st.floats(0, 2))
def test_a_list_and_its_watch_end_where_the_store_is(history, latency):
    path = "/api/v1/namespaces/default/pods"

    async def follow(sim, seen):
        transport = sim.transport(line=Line(watch_latency=latency))
        _, _, listed = await transport.send(
            "GET", path, query={}, body=None, content_type="application/json", timeout=5
        )
        seen.update({obj["metadata"]["name"]: obj for obj in listed["items"]})
        version = listed["metadata"]["resourceVersion"]
        async with transport.stream(path, query={"resourceVersion": version}, idle=1e6) as (
            _,
            events,
        ):
            async for event in events:
                obj = event["object"]
                name, new = obj["metadata"]["name"], int(obj["metadata"]["resourceVersion"])
                if name in seen:
                    assert int(seen[name]["metadata"]["resourceVersion"]) < new
                if event["type"] == "DELETED":
                    del seen[name]
                else:
                    seen[name] = obj

    async def main():
        async with Sim(SimSettings(ready_after=0.4, gone_after=0.3)) as sim:
            seen = {}
            half = len(history) // 2
            for step in history[:half]:
                await take(sim, step)
            task = asyncio.create_task(follow(sim, seen))
            for step in history[half:]:
                await take(sim, step)
            await sim.settle()
            await asyncio.sleep(latency + 1)
            sim.api.end_watches()
            await task
            assert sorted(seen) == [pod["metadata"]["name"] for pod in sim.list("Pod")]
            assert all(seen[name] is sim.get("Pod", name) for name in seen)

    run_virtual(main())


@settings(max_examples=15, deadline=None)
@given(HISTORIES)
def test_a_history_plays_twice_the_same(history):
    async def look(sim):
        kinds = ("ReplicaSet", "Pod", "EndpointSlice")
        return sim.clock.elapsed(), sim.store.revision, [sim.list(kind) for kind in kinds]

    assert run_virtual(play(history, look)) == run_virtual(play(history, look))
