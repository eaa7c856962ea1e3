"""The analyses before and after the switch: when they begin, and what comes of their verdicts."""

from __future__ import annotations

from typing import Any

import pytest
from switchworld import ACTIVE, ANALYSIS, SwitchWorld, deployed

from gradatim.decide.effects import CreateRun
from gradatim.model.analysisrun import AnalysisRun

KINDS = {
    "prePromotionAnalysis": ("pre", "PrePromotion"),
    "postPromotionAnalysis": ("post", "PostPromotion"),
}


def released(world: SwitchWorld, seconds: float = 5) -> SwitchWorld:
    world.image("app:v2")
    world.run(seconds)
    return world


def runs(world: SwitchWorld) -> list[AnalysisRun]:
    return sorted(world.snapshot.runs, key=lambda r: (r.meta.created, r.meta.name))


@pytest.mark.parametrize("field", KINDS)
def test_a_run_is_named_and_labelled_like_there(field: str) -> None:
    infix, kind = KINDS[field]
    world = deployed(**{field: ANALYSIS})
    assert not world.snapshot.runs
    released(world)
    (effect,) = [e for e in world.log if isinstance(e, CreateRun)]
    pod_hash = world.of_revision(2).pod_hash
    assert effect.name == f"web-{pod_hash}-2-{infix}"
    assert effect.body["metadata"]["labels"] == {
        "app": "web",
        "rollout-type": kind,
        "rollouts-pod-template-hash": pod_hash,
    }
    assert world.phase == ("Healthy", "")
    noted = world.status["blueGreen"][f"{infix}PromotionAnalysisRunStatus"]
    assert noted == {"name": effect.name, "status": "Successful"}


@pytest.mark.parametrize("field", KINDS)
@pytest.mark.parametrize("verdict", ["Failed", "Error"])
def test_a_bad_verdict_takes_the_release_back(field: str, verdict: str) -> None:
    infix, kind = KINDS[field]
    world = deployed(**{field: ANALYSIS})
    world.verdict = lambda _: (verdict, "too slow")
    released(world, 10)
    word = f"Blue/green {infix}-promotion analysis phase error/failed: too slow"
    message = f"Rollout aborted update to revision 2: {word}"
    assert world.phase == ("Degraded", f"RolloutAborted: {message}")
    assert world.selectors()[ACTIVE] == 1
    assert world.status["duration"]["completionStatus"] == "Aborted"
    assert f"Warning RolloutAborted: {message}" in world.events
    assert any(e.startswith(f"Warning AnalysisRun{verdict}: {kind} Ana") for e in world.events)
    assert world.status["blueGreen"][f"{infix}PromotionAnalysisRunStatus"]["status"] == verdict


@pytest.mark.parametrize("field", KINDS)
def test_an_inconclusive_one_pauses_until_a_person_has_it_measured_anew(field: str) -> None:
    world = deployed(**{field: ANALYSIS})
    world.verdict = lambda _: ("Inconclusive", "")
    released(world, 20)
    assert world.phase == ("Paused", "InconclusiveAnalysisRun")
    world.verdict = lambda _: ("Successful", "")
    world.promote()
    world.run(10)
    assert world.phase == ("Healthy", "")
    assert [str(r.phase) for r in runs(world)] == ["Inconclusive", "Successful"]
    assert runs(world)[1].meta.name.endswith(".1")


@pytest.mark.parametrize("field", KINDS)
def test_a_retry_measures_anew_and_begins_when_the_pods_are_back(field: str) -> None:
    world = deployed(abortScaleDownDelaySeconds=2, **{field: ANALYSIS})
    world.verdict = lambda _: ("Failed", "")
    released(world, 30)
    assert world.sets() == {1: (2, 2), 2: (0, 0)}
    world.verdict = lambda _: ("Successful", "")
    world.retry()
    world.run(20)
    assert world.phase == ("Healthy", "")
    assert [str(r.phase) for r in runs(world)] == ["Failed", "Successful"]


def test_a_run_that_an_abort_ended_does_not_let_a_retry_pass() -> None:
    """An ended run counts as successful; the reference switches on it before it measures anew."""
    world = deployed(prePromotionAnalysis=ANALYSIS)
    world.verdict = lambda _: ("Running", "")
    released(world)
    world.abort()
    world.run(3)
    assert str(runs(world)[0].phase) == "Successful"
    world.retry()
    world.run(20)
    assert world.selectors()[ACTIVE] == 1
    assert len(runs(world)) == 2


def test_a_run_that_a_person_ends_is_a_good_one() -> None:
    world = deployed(prePromotionAnalysis=ANALYSIS)
    world.verdict = lambda run: ("Successful", "Run Terminated")
    released(world)
    assert world.phase == ("Healthy", "")


def test_a_preview_that_loses_a_pod_does_not_end_its_analysis() -> None:
    """users.md row 19: the run ended early there, and counted as successful."""
    world = deployed(prePromotionAnalysis=ANALYSIS)
    world.verdict = lambda _: ("Running", "")
    released(world)
    world.lose(2, 1)
    world.carry_out(world.decide())
    assert not any(run.terminate for run in world.snapshot.runs)
    assert world.selectors()[ACTIVE] == 1


def test_a_long_analysis_is_no_missing_progress() -> None:
    """The reference degrades a Rollout whose analysis takes longer than its progress deadline."""
    spec = {"progressDeadlineSeconds": 60, "progressDeadlineAbort": True}
    world = deployed(prePromotionAnalysis=ANALYSIS, postPromotionAnalysis=ANALYSIS, spec=spec)
    world.verdict = lambda _: ("Running", "")
    released(world)
    world.pass_time(1000)
    world.run(5)
    assert world.phase == ("Progressing", "active service cutover pending")
    world.verdict = lambda run: ("Successful" if "pre" in run.meta.name else "Running", "")
    world.run(5)
    world.pass_time(1000)
    world.run(5)
    assert world.phase == ("Progressing", "waiting for analysis to complete")


def test_a_preview_that_never_comes_is_missing_progress() -> None:
    spec = {"progressDeadlineSeconds": 60, "progressDeadlineAbort": True}
    world = deployed(abortScaleDownDelaySeconds=1, spec=spec)
    world.image("app:bad")
    world.run(200)
    assert world.phase[0] == "Degraded"
    assert "timed out progressing" in world.phase[1]
    assert world.sets() == {1: (2, 2), 2: (0, 0)}


def test_the_next_revision_ends_the_runs_of_the_one_before() -> None:
    world = deployed(prePromotionAnalysis=ANALYSIS)
    world.verdict = lambda _: ("Running", "")
    released(world)
    world.image("app:v3")
    world.run(10)
    assert [(r.terminate, str(r.phase)) for r in runs(world)] == [
        (True, "Successful"),
        (False, "Running"),
    ]


def test_pause_and_analyses_come_one_after_the_other() -> None:
    both: dict[str, Any] = dict.fromkeys(KINDS, ANALYSIS)
    world = deployed(autoPromotionEnabled=False, **both)
    released(world)
    assert world.phase == ("Paused", "BlueGreenPause")
    assert len(runs(world)) == 1
    world.promote()
    world.run(10)
    assert world.phase == ("Healthy", "")
    assert [r.meta.labels["rollout-type"] for r in runs(world)] == ["PrePromotion", "PostPromotion"]


def test_an_analysis_that_is_taken_out_holds_nothing_up() -> None:
    world = deployed(prePromotionAnalysis=ANALYSIS)
    world.verdict = lambda _: ("Running", "")
    released(world)
    world.block(prePromotionAnalysis=None)
    world.run(5)
    assert world.phase == ("Healthy", "")
    assert all(run.terminate for run in world.snapshot.runs)


def test_old_runs_go_by_the_limits() -> None:
    spec = {"analysis": {"successfulRunHistoryLimit": 1}}
    world = deployed(1, prePromotionAnalysis=ANALYSIS, spec=spec)
    for image in ("app:v2", "app:v3", "app:v4", "app:v5"):
        world.image(image)
        world.run(10)
    assert [r.meta.name.rsplit("-", 2)[1] for r in runs(world)] == ["4", "5"]
