"""Blue-green releases on an embedded cluster with the whole controller: what it gathers, writes and looks at again."""

from __future__ import annotations

from typing import Any

from livecluster import AGENT, Live, answering, play, rollout, service, template

from gradatim.sim import Line, SimSettings

ANALYSIS = {"templates": [{"templateName": "good"}]}


def blue_green(replicas: int = 2, **block: Any) -> list[dict[str, Any]]:
    """A Rollout with two Services."""
    raw = rollout(replicas=replicas)
    both = {"activeService": "web-active", "previewService": "web-preview"}
    raw["spec"]["strategy"] = {"blueGreen": {**both, **block}}
    return [raw, *map(service, both.values())]


def selectors(live: Live) -> dict[str, str]:
    """Which image each Service reaches."""
    label = "rollouts-pod-template-hash"
    images = {
        r["metadata"]["labels"][label]: r["spec"]["template"]["spec"]["containers"][0]["image"]
        for r in live.sim.list("ReplicaSet")
    }
    return {
        s["metadata"]["name"].removeprefix("web-"): images.get(
            s["spec"]["selector"].get(label, ""), ""
        )
        for s in live.sim.list("Service")
        if s["metadata"]["name"].startswith("web-")
    }


def test_a_preview_is_analysed_promoted_and_the_old_pods_go() -> None:
    async def story(live: Live) -> None:
        # Given a Rollout with analyses before and after the switch, of which the template comes late
        live.apply(*blue_green(prePromotionAnalysis=ANALYSIS, postPromotionAnalysis=ANALYSIS))
        await live.until("Degraded")
        assert "InvalidSpec" in live.message()
        live.apply(template("good"))
        await live.until("Healthy")
        assert selectors(live) == {"active": "app:v1", "preview": "app:v1"}
        # When a new version comes, then both runs are made and it ends with the new pods
        live.image("app:v2")
        await live.until("Healthy")
        assert selectors(live) == {"active": "app:v2", "preview": "app:v2"}
        assert [r["metadata"]["labels"]["rollout-type"] for r in live.sim.list("AnalysisRun")] == [
            "PostPromotion",
            "PrePromotion",
        ]
        await live.sim.until(lambda: live.sets() == {"app:v1": 0, "app:v2": 2}, within=60)

    play(story, answering(lambda _: 1))


def test_a_person_promotes_and_goes_back() -> None:
    async def story(live: Live) -> None:
        live.apply(*blue_green(3, autoPromotionEnabled=False, previewReplicaCount=1))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        assert live.message() == "BlueGreenPause"
        assert live.sets() == {"app:v1": 3, "app:v2": 1}
        assert selectors(live) == {"active": "app:v1", "preview": "app:v2"}
        live.status_is(pauseConditions=None)
        await live.until("Healthy")
        assert live.sets() == {"app:v1": 3, "app:v2": 3}
        # When the old template comes back within the delay, then nobody is asked
        live.image("app:v1")
        await live.until("Healthy")
        assert selectors(live) == {"active": "app:v1", "preview": "app:v1"}

    play(story)


def test_a_bad_metric_after_the_switch_takes_it_back() -> None:
    async def story(live: Live) -> None:
        live.apply(template("good"), *blue_green(postPromotionAnalysis=ANALYSIS))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Degraded")
        assert selectors(live)["active"] == "app:v1"
        assert "post-promotion analysis" in live.message()

    play(story, answering(lambda _: 7))


def test_a_service_that_loses_its_hash_gets_it_back() -> None:
    async def story(live: Live) -> None:
        live.apply(*blue_green(autoPromotionEnabled=False))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        # When somebody writes the active Service anew, then it is not the preview that answers
        patch = {"spec": {"selector": {"rollouts-pod-template-hash": None}}}
        live.sim.patch("Service", "web-active", patch)
        assert selectors(live)["active"] == ""
        await live.sim.until(lambda: selectors(live)["active"] == "app:v1", within=10)
        assert live.phase() == "Paused"

    play(story)


def test_a_way_back_does_not_count_pods_that_were_asked_to_go() -> None:
    """The status of a ReplicaSet is late: pods that are on their way out still count in it."""

    async def story(live: Live) -> None:
        live.start(live.sim.transport(AGENT, Line(watch_latency=0.2)))
        live.sim.mesh.watch("web-active")
        live.apply(*blue_green(scaleDownDelaySeconds=1))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Healthy")
        # When the old pods have just been asked to go, and somebody wants them back
        await live.sim.until(lambda: live.sets()["app:v1"] == 0)
        live.image("app:v1")
        await live.until("Healthy")
        await live.sim.until(lambda: live.sets() == {"app:v1": 2, "app:v2": 0}, within=60)
        assert live.sim.mesh.worst is None

    sim = SimSettings(ready_after=0.5, gone_after=0.3, controllers_lag=0.1)
    play(story, sim=sim, started=False)
