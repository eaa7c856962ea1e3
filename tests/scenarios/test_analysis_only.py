"""`--controllers analysis`: AnalysisRuns are measured, whoever made them, and nothing else is looked at."""

from __future__ import annotations

import asyncio
from typing import Any

from livecluster import Live, answering, play, rollout, template

from gradatim.run.controller import Settings
from gradatim.run.world import Scope

ONLY = Settings(environment={}, scope=Scope(is_analysis_only=True))


def by_hand(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": name},
        "spec": {"metrics": template()["spec"]["metrics"], **spec},
    }


def test_runs_are_measured_and_rollouts_are_left_alone() -> None:
    async def story(live: Live) -> None:
        live.apply(
            rollout(),
            by_hand("smoke"),
            by_hand("soon-gone", ttlStrategy={"secondsAfterCompletion": 30}),
        )
        owner = live.sim.get("Rollout", "web")["metadata"]
        ref = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "name": "web",
            "uid": owner["uid"],
            "controller": True,
        }
        owned = by_hand("owned")
        live.apply({**owned, "metadata": {"name": "owned", "ownerReferences": [ref]}})
        await asyncio.sleep(20)
        phases = {r["metadata"]["name"]: r["status"]["phase"] for r in live.sim.list("AnalysisRun")}
        assert phases == dict.fromkeys(("smoke", "soon-gone", "owned"), "Successful")
        await asyncio.sleep(20)
        assert len(live.sim.list("AnalysisRun")) == 2
        assert live.status() == {}
        assert live.sim.list("ReplicaSet") == []
        assert set(live.writes()) == {
            "patch analysisruns.argoproj.io",
            "delete analysisruns.argoproj.io",
        }
        assert live.controller.faults == []

    play(story, answering(lambda _: 1), settings=ONLY)
