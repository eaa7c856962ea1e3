"""Three outcomes: the release failed, there is no data, the provider did not answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runworld import STAMP, START, World, metric

from gradatim.decide.analysis import Action, Measured, RunDecision, Task, decide_run
from gradatim.decide.analysis.silence import is_no_data
from gradatim.decide.analysis.values import Silence
from gradatim.model import names
from gradatim.model.analysisrun import Phase, parse_analysis_run
from gradatim.plugin import Measurement, Verdict

Json = dict[str, Any]
Answer = Callable[[Task, datetime], Measured]


class Annotated(World):
    """A run with annotations."""

    def __init__(self, *metrics: Json, **settings: str) -> None:
        super().__init__({"metrics": list(metrics) or [metric()]})
        self.annotations = {
            "gradatim.dev/" + key.replace("_", "-"): value for key, value in settings.items()
        }

    def object(self) -> Json:
        raw = super().object()
        return {**raw, "metadata": {**raw["metadata"], "annotations": self.annotations}}

    @property
    def counted(self) -> list[str]:
        return [m["phase"] for m in self.result("m").get("measurements", [])]


def unanswered(task: Task, now: datetime) -> Measured:
    return Measured(
        task=task, phase=Phase.ERROR, started=now, message="timeout", silence=Silence.NO_ANSWER
    )


def empty(task: Task, now: datetime) -> Measured:
    return Measured(task=task, phase=Phase.FAILED, started=now, value="[]", silence=Silence.NO_DATA)


def good(task: Task, now: datetime) -> Measured:
    return Measured(task=task, phase=Phase.SUCCESSFUL, started=now, value="1")


def wrong(task: Task, now: datetime) -> Measured:
    return Measured(task=task, phase=Phase.ERROR, started=now, message="bad query")


def after(answer: Answer, seconds: float, then: Answer = good) -> Answer:
    end = START + timedelta(seconds=seconds)
    return lambda task, now: (answer if now < end else then)(task, now)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Measurement(no_data=True, value=1.0), True, id="its provider says so"),
        pytest.param(Measurement(value=None), True, id="null"),
        pytest.param(Measurement(value=[]), True, id="an empty vector"),
        pytest.param(Measurement(value={}), True, id="an empty object"),
        pytest.param(Measurement(value=math.nan), True, id="NaN"),
        pytest.param(Measurement(value=[math.nan, None]), True, id="a vector of nothing"),
        pytest.param(Measurement(value=[math.nan, 0.0]), False, id="a vector with one number"),
        pytest.param(Measurement(value=0.0), False, id="zero"),
        pytest.param(Measurement(value=math.inf), False, id="infinity"),
        pytest.param(Measurement(value=False), False, id="false"),
        pytest.param(Measurement(value=""), False, id="an empty text"),
        pytest.param(Measurement(value=[[]]), False, id="a list with an empty list"),
        pytest.param(Measurement(verdict=Verdict.FAILED), False, id="a verdict"),
        pytest.param(Measurement(running=True), False, id="one that still runs"),
    ],
)
def test_what_no_data_is(answer: Measurement, expected: bool) -> None:
    assert is_no_data(answer) is expected


def test_without_an_annotation_an_outage_is_what_it_is_in_the_reference() -> None:
    world = Annotated()
    world.play(unanswered)
    assert world.phase is Phase.ERROR
    assert world.result("m")["error"] == 5
    assert world.now == START + timedelta(seconds=40)


def test_an_outage_shorter_than_its_budget_leaves_no_trace_in_the_counts() -> None:
    world = Annotated(metric(count=3, interval="1m"), on_provider_error="retry")
    world.play(after(unanswered, 600))
    assert world.phase is Phase.SUCCESSFUL
    assert world.counted == ["Successful"] * 3
    assert "error" not in world.result("m")
    assert "metadata" not in world.result("m")
    assert "message" not in world.status
    assert [event.split(":")[0] for event in world.events] == [
        "Warning MetricWaiting",
        "Normal MetricGoesOn",
        "Normal MetricSuccessful",
        "Normal AnalysisRunSuccessful",
    ]


def test_while_it_waits_the_status_says_for_what_and_since_when() -> None:
    world = Annotated(on_provider_error="retry")
    decision = world.turn(unanswered)
    assert decision.look_again_in == 10
    assert world.status["phase"] == "Running"
    assert world.status["message"] == f'Metric "m": no answer since {STAMP}, asked again: timeout'
    assert world.result("m")["metadata"] == {
        names.SILENT_SINCE: STAMP,
        names.ASKED_AGAIN_AT: "2026-01-02T03:04:15Z",
    }
    assert world.result("m").get("measurements", []) == []


def test_after_its_budget_an_outage_is_counted_as_in_the_reference() -> None:
    world = Annotated(on_provider_error="retry", provider_error_budget="5m")
    world.play(unanswered)
    assert world.phase is Phase.ERROR
    assert world.counted == ["Error"] * 5
    assert world.now == START + timedelta(seconds=300 + 40)


def test_the_budget_begins_anew_once_there_was_an_answer() -> None:
    world = Annotated(
        metric(count=2, interval="4m"), on_provider_error="retry", provider_error_budget="5m"
    )

    def twice(task: Task, now: datetime) -> Measured:
        minute = (now - START) / timedelta(minutes=1)
        return (good if 4 <= minute < 5 or minute >= 12 else unanswered)(task, now)

    world.play(twice)
    assert world.phase is Phase.SUCCESSFUL


def test_a_wrong_question_is_no_outage() -> None:
    world = Annotated(on_provider_error="retry")
    world.play(wrong)
    assert world.phase is Phase.ERROR
    assert world.now == START + timedelta(seconds=40)


def test_an_outage_may_fail_the_release() -> None:
    world = Annotated(on_provider_error="fail")
    world.play(unanswered)
    assert world.phase is Phase.FAILED
    assert world.now == START


def test_a_pause_holds_the_rollout_without_end_and_ends_by_itself() -> None:
    world = Annotated(on_provider_error="pause")
    world.play(unanswered, seconds=7200)
    assert world.phase is Phase.RUNNING
    assert parse_analysis_run(world.object()).holds_rollout
    world.play(good)
    assert world.phase is Phase.SUCCESSFUL
    assert not parse_analysis_run(world.object()).holds_rollout


def test_a_dry_metric_holds_nobody() -> None:
    world = Annotated(on_provider_error="pause")
    world.spec["dryRun"] = [{"metricName": "m"}]
    world.turn(unanswered)
    assert not parse_analysis_run(world.object()).holds_rollout


def test_a_service_that_asks_for_patience_gets_five_minutes_of_it() -> None:
    world = Annotated(on_provider_error="retry")
    hour = START + timedelta(hours=1)
    decision = world.turn(lambda task, now: replace(unanswered(task, now), resume_at=hour))
    assert decision.look_again_in == 300


@pytest.mark.parametrize(
    ("word", "phase"),
    [("inconclusive", "Inconclusive"), ("success", "Successful"), ("fail", "Failed")],
)
def test_no_data_is_what_its_author_says(word: str, phase: str) -> None:
    world = Annotated(on_no_data=word)
    world.play(empty)
    assert world.phase == phase
    (measurement,) = world.result("m")["measurements"]
    assert measurement["message"] == f"no data: {word}, as on-no-data says"
    assert measurement["value"] == "[]"


def test_no_data_is_asked_for_again_at_the_interval_and_then_judged() -> None:
    world = Annotated(metric(interval="1m", count=1), on_no_data="retry", no_data_budget="150s")
    world.play(empty)
    assert [task.action for task in world.asked] == [Action.MEASURE] * 4
    assert world.now == START + timedelta(seconds=180)
    assert world.counted == ["Failed"]


def test_data_that_comes_late_is_judged() -> None:
    world = Annotated(on_no_data="retry")
    world.play(after(empty, 60))
    assert world.counted == ["Successful"]


def test_a_run_that_is_ended_while_it_waits_ends_at_once() -> None:
    world = Annotated(on_provider_error="pause")
    world.turn(unanswered)
    world.spec["terminate"] = True
    world.turn(unanswered)
    assert world.phase is Phase.SUCCESSFUL


def test_a_job_that_cannot_be_looked_at_stays_under_way() -> None:
    world = Annotated(on_provider_error="retry")
    world.turn(lambda task, now: Measured(task=task, phase=Phase.RUNNING, started=now))
    world.now += timedelta(seconds=1)
    world.turn(unanswered)
    assert world.counted == ["Running"]
    world.now += timedelta(seconds=10)
    (task,) = world.decide().tasks
    assert task.action is Action.RESUME
    world.decide([good(task, world.now)])
    assert world.phase is Phase.SUCCESSFUL


def test_a_setting_that_means_nothing_ends_a_run_made_by_hand() -> None:
    world = Annotated(on_no_data="ignore")
    world.decide()
    assert world.phase is Phase.ERROR
    assert world.status["message"].startswith(
        "Analysis spec invalid: metadata.annotations[gradatim.dev/on-no-data]: must be one of"
    )


def test_a_metric_is_known_by_the_name_that_its_author_wrote() -> None:
    world = Annotated(
        metric("of-{{args.app}}"), by_metric='{"of-{{args.app}}": {"on-no-data": "success"}}'
    )
    world.spec["args"] = [{"name": "app", "value": "web"}]
    world.play(empty)
    assert world.phase is Phase.SUCCESSFUL
    assert world.result("of-web")["successful"] == 1


def test_deciding_twice_while_it_waits_changes_nothing() -> None:
    world = Annotated(metric(), metric("n"), on_provider_error="pause")
    world.turn(unanswered)
    decision: RunDecision = decide_run(parse_analysis_run(world.object()), world.now)
    assert (decision.patch, decision.events, decision.tasks) == ({}, (), ())


@given(st.lists(st.sampled_from([unanswered, empty, good]), max_size=40))
def test_however_often_a_provider_is_silent_only_answers_count(answers: list[Answer]) -> None:
    world = Annotated(metric(interval="1s", count=100), on_provider_error="pause")
    world.annotations |= {names.ON_NO_DATA: "retry", names.NO_DATA_BUDGET: "1h"}
    heard = 0
    for answer in answers:
        decision = world.turn(answer)
        heard += answer is good
        again = decide_run(parse_analysis_run(world.object()), world.now)
        assert (again.patch, again.tasks) == ({}, ())
        world.now += timedelta(seconds=decision.look_again_in or 0)
    if answers:
        counts = {k: v for k, v in world.result("m").items() if isinstance(v, int)}
        expected = {"count": heard, "successful": heard, "consecutiveSuccess": heard}
        assert counts == {key: value for key, value in expected.items() if value}
        assert world.phase is Phase.RUNNING
