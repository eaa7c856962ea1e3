"""Releases from the first deployment to their end, on an embedded cluster with the whole controller."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livecluster import (
    AGENT,
    Live,
    analysis,
    answering,
    play,
    plugin_step,
    rollout,
    routed,
    service,
    stepping,
    template,
    virtual_service,
)

from gradatim.plugin import StepPhase, StepResult
from gradatim.run.controller import Settings
from gradatim.run.world import Scope
from gradatim.sim import Line, Sim, SimSettings

PAUSED: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]


def test_a_first_deployment_goes_straight_to_its_replicas() -> None:
    async def story(live: Live) -> None:
        # Given a Rollout with steps. When it is applied, then its pods are made without any step.
        live.apply(rollout(replicas=3, steps=PAUSED))
        status = await live.until("Healthy")
        assert live.sets() == {"app:v1": 3}
        assert status["stableRS"] == status["currentPodHash"]
        assert status["currentStepIndex"] == 2
        assert live.writes()["create replicasets.apps"] == 1
        # the ReplicaSet came with its pods: nothing was scaled
        assert live.writes()["patch replicasets.apps"] == 0

    play(story)


def test_a_canary_with_istio_and_analysis_is_promoted() -> None:
    async def story(live: Live) -> None:
        steps = [{"setWeight": 25}, analysis("good"), {"setWeight": 50}, {"pause": {}}]
        live.apply(template("good"), *routed(replicas=4, steps=steps))
        await live.until("Healthy")
        # When a new version comes and its metric is good
        live.image("app:v2")
        await live.until("Paused")
        # Then half of the traffic is on half of the pods, and stable is whole
        assert live.weights() == (50, 50)
        assert live.sets() == {"app:v1": 4, "app:v2": 2}
        live.promote()
        await live.until("Healthy")
        assert live.weights() == (100, 0)
        # and the old pods go when the delay is over
        await live.sim.until(lambda: live.sets() == {"app:v1": 0, "app:v2": 4}, within=60)
        runs = live.sim.list("AnalysisRun")
        assert [run["status"]["phase"] for run in runs] == ["Successful"]

    play(story, answering(lambda _: 1))


def test_a_failed_metric_takes_the_canary_back() -> None:
    async def story(live: Live) -> None:
        steps = [{"setWeight": 50}, analysis("bad"), {"pause": {}}]
        live.apply(template("bad"), *routed(replicas=2, abortScaleDownDelaySeconds=5, steps=steps))
        await live.until("Healthy")
        live.image("app:v2")
        # Then the release is aborted, and the status names the metric
        await live.until("Degraded")
        assert "RolloutAborted" in live.message()
        assert '"value" assessed Failed' in live.message()
        assert live.weights() == (100, 0)
        await live.sim.until(lambda: live.sets() == {"app:v1": 2, "app:v2": 0}, within=60)
        assert "RolloutAborted" in live.reasons()
        # When the template goes back to what is stable, then all is well again
        live.image("app:v1")
        await live.until("Healthy")

    play(story, answering(lambda _: 7))


def test_abort_retry_and_promote_come_by_patches_of_the_status() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed(replicas=2, steps=[*PAUSED, {"setWeight": 80}, {"pause": {}}]))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        live.status_is(abort=True)
        await live.until("Degraded")
        assert live.weights() == (100, 0)
        live.status_is(abort=False)
        await live.until("Paused")
        assert live.weights() == (50, 50)
        live.promote()
        await live.sim.until(lambda: live.status().get("currentStepIndex") == 3)
        await live.until("Paused")
        assert live.weights() == (20, 80)
        live.status_is(promoteFull=True)
        await live.until("Healthy")
        assert live.weights() == (100, 0)
        assert "promoteFull" not in live.status()

    play(story)


def by_subsets(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A Rollout whose traffic Istio splits by two subsets of one Service."""
    hosts = [{"host": "web", "subset": name} for name in ("stable", "canary")]
    mesh = virtual_service()
    mesh["spec"]["http"][0]["route"] = [
        {"destination": host, "weight": weight}
        for host, weight in zip(hosts, (100, 0), strict=True)
    ]
    rule = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "DestinationRule",
        "metadata": {"name": "web"},
        "spec": {"host": "web", "subsets": [{"name": "stable"}, {"name": "canary"}]},
    }
    block = {
        "virtualService": {"name": "web"},
        "destinationRule": {
            "name": "web",
            "canarySubsetName": "canary",
            "stableSubsetName": "stable",
        },
    }
    canary = {"trafficRouting": {"istio": block}, "abortScaleDownDelaySeconds": 1}
    return [service("web"), mesh, rule, rollout(steps=steps, **canary)]


def test_the_pods_of_an_aborted_canary_go_when_its_subset_has_gone_to_stable() -> None:
    async def story(live: Live) -> None:
        live.apply(*by_subsets(PAUSED))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        live.status_is(abort=True)
        await live.until("Degraded")
        await live.sim.until(lambda: live.sets() == {"app:v1": 2, "app:v2": 0}, within=60)

    play(story)


def test_canary_pods_that_a_step_does_not_want_go_though_its_subset_is_stables() -> None:
    async def story(live: Live) -> None:
        live.apply(*by_subsets([*PAUSED, {"setWeight": 0}, {"pause": {}}]))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        live.promote()
        await live.sim.until(lambda: live.sets() == {"app:v1": 2, "app:v2": 0}, within=60)
        assert live.weights() == (100, 0)

    play(story)


@pytest.mark.parametrize("subsets", [False, True], ids=["services", "subsets"])
def test_a_retry_does_not_count_pods_that_were_asked_to_go(subsets: bool) -> None:
    """The status of a ReplicaSet is late: pods that are on their way out still count in it."""

    async def story(live: Live) -> None:
        live.start(live.sim.transport(AGENT, Line(watch_latency=0.2)))
        steps = [*PAUSED, {"setWeight": 80}, {"pause": {}}]
        objects = (
            by_subsets(steps) if subsets else routed(steps=steps, abortScaleDownDelaySeconds=1)
        )
        live.apply(*objects)
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        live.status_is(abort=True)
        # When the canary's pods have just been asked to go, and somebody tries again
        await live.sim.until(lambda: live.sets()["app:v2"] == 0)
        live.status_is(abort=False)
        await live.until("Paused")
        assert live.weights() == (50, 50)
        await asyncio.sleep(5)
        assert live.sim.mesh.worst is None

    sim = SimSettings(ready_after=0.5, gone_after=0.3, controllers_lag=0.1)
    play(story, sim=sim, started=False)


def test_a_broken_template_is_named_and_goes_on_once_it_is_mended() -> None:
    async def story(live: Live) -> None:
        live.apply(template("good"), rollout(replicas=2, steps=[analysis("god")]))
        await live.until("Degraded")
        assert live.message().startswith("InvalidSpec")
        assert "god" in live.message()
        before = asyncio.get_running_loop().time()
        live.steps(analysis("good"))
        await live.until("Healthy")
        assert asyncio.get_running_loop().time() - before < 3
        assert "InvalidSpec" not in {c["type"] for c in live.status()["conditions"]}

    play(story, answering(lambda _: 1))


@pytest.mark.parametrize("late", ["VirtualService", "Service", "AnalysisTemplate"])
def test_what_comes_late_is_noticed_when_it_comes(late: str) -> None:
    async def story(live: Live) -> None:
        given = [template("good"), *routed(replicas=1, steps=[analysis("good")])]
        missing = [each for each in given if each["kind"] == late]
        live.apply(*(each for each in given if each["kind"] != late))
        await live.until("Degraded")
        assert live.message().startswith("InvalidSpec")
        await asyncio.sleep(7)
        before = asyncio.get_running_loop().time()
        live.apply(*missing)
        await live.until("Healthy")
        # no need to wait for the next look, which comes every 20 s
        assert asyncio.get_running_loop().time() - before < 3

    play(story, answering(lambda _: 1))


def test_a_service_that_is_deleted_and_made_again_is_pointed_at_the_pods_again() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed(replicas=1, steps=PAUSED))
        status = await live.until("Healthy")
        live.sim.delete("Service", "web-stable")
        await live.until("Degraded")
        assert "web-stable" in live.message()
        live.apply(service("web-stable"))
        await live.until("Healthy")
        selector = live.sim.get("Service", "web-stable")["spec"]["selector"]
        assert selector["rollouts-pod-template-hash"] == status["stableRS"]

    play(story)


def test_a_virtual_service_that_somebody_overwrites_is_put_right() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed(replicas=2, steps=PAUSED))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        live.sim.patch("VirtualService", "web", {"spec": virtual_service()["spec"]})
        await live.sim.until(lambda: live.weights() == (50, 50), within=5)

    play(story)


def test_a_controller_with_an_instance_id_looks_after_its_own_only() -> None:
    async def story(live: Live) -> None:
        ours, others = rollout("ours"), rollout("others")
        ours["metadata"]["labels"] = {"argo-rollouts.argoproj.io/controller-instance-id": "blue"}
        live.apply(ours, others)
        await live.until("Healthy", "ours")
        await asyncio.sleep(30)
        assert live.status("others") == {}
        # and one without sees those without
        live.start(settings=Settings(environment={}))
        await live.until("Healthy", "others")
        assert live.sets("ours") == {"app:v1": 2}

    play(story, settings=Settings(scope=Scope(instance_id="blue"), environment={}))


def test_a_namespaced_controller_stays_in_its_namespace() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(), namespace="ours")
        live.apply(rollout(), namespace="theirs")
        await live.until("Healthy", namespace="ours")
        await asyncio.sleep(30)
        assert live.status(namespace="theirs") == {}
        asked = {w.namespace for w in live.sim.writes.latest if w.user_agent == "gradatim"}
        assert asked == {"ours"}

    play(story, settings=Settings(scope=Scope(namespace="ours"), environment={}))


def test_two_rollouts_of_one_name_in_two_namespaces_have_nothing_to_do_with_each_other() -> None:
    async def story(live: Live) -> None:
        for namespace in ("one", "two"):
            live.apply(*routed(replicas=2, steps=PAUSED), namespace=namespace)
        for namespace in ("one", "two"):
            await live.until("Healthy", namespace=namespace)
        live.image("app:v2", namespace="one")
        await live.until("Paused", namespace="one")
        assert live.weights(namespace="one") == (50, 50)
        assert live.weights(namespace="two") == (100, 0)
        live.sim.delete("Rollout", "web", "two")
        await asyncio.sleep(5)
        assert live.sets(namespace="one") == {"app:v1": 2, "app:v2": 1}
        assert live.sim.list("ReplicaSet", "two") == []

    play(story)


def test_a_deleted_rollout_takes_its_children_with_it_and_says_so() -> None:
    async def story(live: Live) -> None:
        live.apply(template("good"), rollout(replicas=2, steps=[analysis("good"), {"pause": {}}]))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        live.sim.delete("Rollout", "web")
        await asyncio.sleep(5)
        for kind in ("ReplicaSet", "Pod", "AnalysisRun"):
            assert live.sim.list(kind) == [], kind
        assert "RolloutDeleted" in live.reasons()

    play(story, answering(lambda _: 1))


def test_a_rollout_made_again_under_its_old_name_starts_from_nothing() -> None:
    async def story(live: Live) -> None:
        live.apply(*routed(replicas=1, steps=PAUSED))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        # deleted and applied again before the controller has looked
        live.sim.delete("Rollout", "web")
        live.apply(routed(replicas=1, steps=PAUSED)[-1])
        await live.until("Healthy")
        await asyncio.sleep(20)
        assert live.sets() == {"app:v1": 1}
        assert live.weights() == (100, 0)

    play(story)


def sizes(live: Live) -> dict[str, int]:
    """How many things every map of the controller holds, however deep it is."""
    found: dict[str, int] = {}
    seen: set[int] = set()

    def visit(thing: Any, path: str) -> None:
        if id(thing) in seen or isinstance(thing, Sim | str | int | float | type):
            return
        seen.add(id(thing))
        if isinstance(thing, dict | set | list):
            found[path] = found.get(path, 0) + len(thing)
        if isinstance(thing, dict):
            for value in tuple(thing.values()):
                visit(value, f"{path}[]")
        module = type(thing).__module__
        if module.startswith(("gradatim", "asyncio.queues")) and "sim" not in module:
            names = {n for c in type(thing).__mro__ for n in getattr(c, "__slots__", ())}
            for name in sorted({*names, *getattr(thing, "__dict__", {})}):
                visit(getattr(thing, name, None), f"{path}.{name}")

    visit(live.controller, "")
    return found


def test_nothing_is_remembered_of_rollouts_that_are_gone() -> None:
    async def story(live: Live) -> None:
        async def come_and_go(names: list[str]) -> None:
            for name in names:
                steps = [{"setWeight": 50}, analysis("good"), plugin_step()]
                live.apply(*routed(name, replicas=1, steps=steps))
            await asyncio.sleep(4)
            for name in names[:3]:
                live.image("app:v2", name)
            await asyncio.sleep(8)
            for name in names:
                assert live.phase(name) == "Healthy"
                live.sim.delete("Rollout", name)
                live.sim.delete("VirtualService", name)
                live.sim.delete("Service", f"{name}-stable")
                live.sim.delete("Service", f"{name}-canary")
            await asyncio.sleep(4)

        live.apply(template("good"))
        await come_and_go(["first"])
        await asyncio.sleep(120)
        before = sizes(live)
        for batch in range(5):
            await come_and_go([f"r{batch}-{n}" for n in range(40)])
        await asyncio.sleep(120)
        after = sizes(live)
        # of events as many are remembered as client-go does, for their counts; of the pace of passes a thousand
        bounded = ("_correlator", "_paid_until")
        grown = {
            path: (before.get(path, 0), size)
            for path, size in after.items()
            if size > before.get(path, 0) + 2 and not any(name in path for name in bounded)
        }
        assert grown == {}
        assert len(before) > 40, "the maps were found"
        for name in ("_dependents", "replica_sets._indexes[].keys", "replica_sets._writes._unseen"):
            assert any(path.endswith(name) for path in before), name

    done = StepResult(phase=StepPhase.SUCCESSFUL)
    classes = (answering(lambda _: 1), stepping(lambda *_: done))
    play(story, *classes, sim=SimSettings(ready_after=0.1, gone_after=0.1))
