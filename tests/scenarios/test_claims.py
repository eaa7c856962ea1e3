"""ReplicaSets that lost their owner, that stopped matching, or that have the name that is needed."""

from __future__ import annotations

import asyncio

from livecluster import Json, Live, analysis, answering, play, rollout, template

from gradatim.kube.client import Client
from gradatim.kube.resources import ROLLOUTS

HASH = "rollouts-pod-template-hash"


def owners(live: Live) -> dict[str, list[str]]:
    return {
        each["metadata"]["name"]: [o["name"] for o in each["metadata"].get("ownerReferences", [])]
        for each in live.sim.list("ReplicaSet")
    }


def pods(live: Live) -> list[str]:
    return sorted(each["metadata"]["uid"] for each in live.sim.list("Pod"))


async def orphaned(live: Live) -> None:
    """Delete the Rollout, and leave what it made."""
    client = Client(live.sim.transport("kubectl"))
    await client.delete(ROLLOUTS.at("default", "web"), propagation="Orphan")
    await asyncio.sleep(5)


def test_a_rollout_that_was_deleted_without_its_pods_comes_back_to_them() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=3))
        await live.until("Healthy")
        before = pods(live)
        # Given a Rollout that was deleted with --cascade=orphan
        await orphaned(live)
        assert list(owners(live).values()) == [[]]
        # When it is applied again, then its ReplicaSet is adopted, and no pod restarts
        live.apply(rollout(replicas=3))
        await live.until("Healthy")
        assert list(owners(live).values()) == [["web"]]
        assert pods(live) == before

    play(story)


def test_a_set_whose_labels_do_not_match_any_more_is_let_go_and_replaced() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=2))
        status = await live.until("Healthy")
        name = f"web-{status['currentPodHash']}"
        # When somebody takes a ReplicaSet out of the Rollout by its label
        live.sim.patch("ReplicaSet", name, {"metadata": {"labels": {"app": "studied"}}})
        await live.sim.until(lambda: owners(live)[name] == [])
        # Then the Rollout makes another, of another name, and the first keeps its pods
        await live.sim.until(lambda: len(owners(live)) == 2)
        await asyncio.sleep(5)
        await live.until("Healthy")
        assert live.status()["collisionCount"] == 1
        assert live.status()["currentPodHash"] != status["currentPodHash"]
        assert live.sim.get("ReplicaSet", name)["spec"]["replicas"] == 2

    play(story)


def test_a_name_that_somebody_else_has_is_not_waited_for() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout())
        wanted = (await live.until("Healthy"))["currentPodHash"]
        live.sim.delete("Rollout", "web")
        await live.sim.until(lambda: not live.sim.list("ReplicaSet"))
        # Given a ReplicaSet of a stranger with the very name
        labels = {"app": "stranger"}
        spec: Json = {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "theirs"}]},
            },
        }
        meta = {"name": f"web-{wanted}", "labels": labels}
        live.apply({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": spec})
        # When the Rollout is applied, then it takes another hash
        live.apply(rollout())
        status = await live.until("Healthy")
        assert status["collisionCount"] == 1
        assert status["currentPodHash"] != wanted
        assert owners(live)[f"web-{wanted}"] == []
        # and stays with it
        live.image("app:v2")
        await live.until("Healthy")
        live.image("app:v1")
        await live.until("Healthy")
        assert live.status()["currentPodHash"] == status["currentPodHash"]

    play(story)


def test_nothing_is_adopted_by_a_rollout_that_is_going() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=2))
        await live.until("Healthy")
        # Given a Rollout that is being deleted and waits for a finalizer
        live.edit({"metadata": {"finalizers": ["example.com/wait"]}})
        live.sim.delete("Rollout", "web")
        name = next(iter(owners(live)))
        live.sim.patch("ReplicaSet", name, {"metadata": {"ownerReferences": None}})
        await asyncio.sleep(30)
        assert owners(live)[name] == []

    play(story)


def test_a_run_of_a_stranger_with_the_very_name_is_left_alone_and_ours_gets_a_number() -> None:
    async def story(live: Live) -> None:
        live.apply(template(), rollout(steps=[{"setWeight": 50}, {"pause": {}}, analysis("good")]))
        await live.until("Healthy")
        live.image("app:v2")
        status = await live.until("Paused")
        # Given somebody has made a run by hand that is called as ours will be
        name = f"web-{status['currentPodHash']}-2-2"
        theirs = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AnalysisRun",
            "metadata": {"name": name},
            "spec": {"metrics": template("good")["spec"]["metrics"], "terminate": True},
        }
        live.apply(theirs)
        # When the release comes to its analysis, then it makes one of its own
        live.promote()
        await live.until("Healthy")
        runs = {each["metadata"]["name"]: each for each in live.sim.list("AnalysisRun")}
        assert sorted(runs) == [name, f"{name}.1"]
        assert "ownerReferences" not in runs[name]["metadata"]
        assert runs[f"{name}.1"]["status"]["phase"] == "Successful"

    play(story, answering(lambda series: 1))
