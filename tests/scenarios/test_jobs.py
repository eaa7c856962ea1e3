"""Releases that a Job decides on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livecluster import Json, Live, analysis, play, rollout


def job_template(command: str = "true", image: str = "alpine", **metric: Any) -> Json:
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "c", "image": image, "command": ["sh", "-c", command]}],
    }
    check = {
        "name": "check",
        "provider": {"job": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}}},
        **metric,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "t"},
        "spec": {"metrics": [check]},
    }


def _measurement(live: Live) -> Json:
    (run,) = live.sim.list("AnalysisRun", "default")
    measurement: Json = run["status"]["metricResults"][0]["measurements"][-1]
    return measurement


async def _updated(live: Live, **template: Any) -> None:
    live.apply(job_template(**template), rollout(steps=[{"setWeight": 50}, analysis("t")]))
    await live.until("Healthy")
    live.image("app:v2")


def test_a_job_that_completes_lets_the_release_go_on():
    async def story(live: Live) -> None:
        await _updated(live)
        await live.until("Healthy")
        measured = _measurement(live)
        (job,) = live.sim.list("Job", "default")
        assert measured["phase"] == "Successful"
        assert measured["metadata"]["job-name"] == job["metadata"]["name"]
        assert measured["metadata"]["job-namespace"] == "default"

    play(story)


def test_a_job_that_fails_takes_the_release_back():
    async def story(live: Live) -> None:
        await _updated(live, command="exit 3")
        await live.until("Degraded")
        assert _measurement(live)["phase"] == "Failed"
        assert 'Metric "check" assessed Failed due to failed (1) > failureLimit (0)' in (
            live.message()
        )

    play(story)


def test_a_job_whose_image_cannot_be_had_pauses_the_release():
    async def story(live: Live) -> None:
        await _updated(live, image="registry.example/nonexistent:1")
        await live.until("Paused")
        assert _measurement(live)["phase"] == "Inconclusive"
        assert "ImagePull" in _measurement(live)["message"]

    play(story)


def test_a_job_that_is_running_goes_when_the_release_is_aborted():
    async def story(live: Live) -> None:
        await _updated(live, command="sleep 600")
        await live.sim.until(lambda: bool(live.sim.list("Job", "default")), 60)
        live.status_is(abort=True)
        await live.until("Degraded")
        await live.sim.until(lambda: not live.sim.list("Job", "default"), 60)

    play(story)


@pytest.mark.parametrize("seconds", [0.2, 1.5, 5.0])
def test_a_controller_that_is_killed_runs_no_job_twice(seconds: float):
    async def story(live: Live) -> None:
        await _updated(live, command="sleep 3")
        await live.sim.until(lambda: bool(live.sim.list("AnalysisRun", "default")), 60)
        await asyncio.sleep(seconds)
        await live.kill()
        live.start()
        await live.until("Healthy")
        assert len(live.sim.list("Job", "default")) == 1

    play(story)


def test_old_jobs_go_and_the_newest_stay():
    async def story(live: Live) -> None:
        await _updated(live, count=14, interval="5s")
        await live.until("Healthy", within=600)
        names = [job["metadata"]["name"].rpartition(".")[2] for job in live.sim.list("Job")]
        assert sorted(map(int, names)) == list(range(5, 15))

    play(story)
