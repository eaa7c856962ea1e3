"""The run loop, played: decide, write, answer, decide again. What the reference recorded is what comes out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from runworld import STAMP, START, Json, World, always, by_metric, metric

from gradatim.decide.analysis import Action, Measured, RunDecision, decide_run
from gradatim.model.analysisrun import Phase, parse_analysis_run


def test_by_hand_as_recorded() -> None:
    world = World(
        {
            "metrics": [
                metric("good", count=2, interval="1s"),
                metric("none", count=1),
                metric("bad", count=1),
            ]
        }
    )
    world.play(by_metric(good=Phase.SUCCESSFUL, none=Phase.SUCCESSFUL, bad=Phase.FAILED))
    done = {"finishedAt": STAMP, "startedAt": STAMP, "value": "1"}
    success = {
        "count": 1,
        "successful": 1,
        "consecutiveSuccess": 1,
        "phase": "Successful",
        "measurements": [{**done, "phase": "Successful"}],
    }
    assert world.status == {
        "phase": "Failed",
        "message": 'Metric "bad" assessed Failed due to failed (1) > failureLimit (0)',
        "startedAt": STAMP,
        "completedAt": STAMP,
        "runSummary": {"count": 3, "failed": 1, "successful": 2},
        "dryRunSummary": {},
        "metricResults": [
            {"name": "good", **success},
            {"name": "none", **success},
            {
                "name": "bad",
                "count": 1,
                "failed": 1,
                "phase": "Failed",
                "measurements": [{**done, "phase": "Failed"}],
            },
        ],
    }
    assert set(world.events) == {
        "Normal MetricSuccessful: Metric 'good' Completed. Result: Successful",
        "Normal MetricSuccessful: Metric 'none' Completed. Result: Successful",
        "Warning AnalysisRunFailed: Analysis Completed. Result: Failed",
        "Warning MetricFailed: Metric 'bad' Completed. Result: Failed",
    }
    assert len(world.events) == 4


def test_five_errors_as_recorded() -> None:
    world = World({"metrics": [metric("value", count=10, interval="1s")]})
    world.play(always(Phase.ERROR, message="no answer"))
    assert world.status["message"] == (
        'Metric "value" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4): '
        '"Error Message: no answer"'
    )
    result = world.result("value")
    assert (result["error"], result["consecutiveError"], result["message"]) == (5, 5, "no answer")
    assert "count" not in result
    assert world.status["runSummary"] == {"count": 1, "error": 1}
    assert (world.now - START).total_seconds() == 40, (
        "errors are retried every 10 s, whatever the interval"
    )


def test_terminated_as_recorded() -> None:
    world = World({"metrics": [metric("good", interval="1s")]})
    world.play(always(Phase.SUCCESSFUL), seconds=3)
    assert world.phase is Phase.RUNNING
    world.spec["terminate"] = True
    world.decide()
    assert world.status["message"] == "Run Terminated"
    assert world.status["runSummary"] == {"count": 1, "successful": 1}
    assert world.result("good")["phase"] == "Successful"
    assert world.events == [
        "Normal MetricSuccessful: Metric 'good' Completed. Result: Successful",
        "Normal AnalysisRunSuccessful: Analysis Completed. Result: Successful",
    ]


def test_dry_run_as_recorded() -> None:
    world = World(
        {
            "metrics": [
                metric("soft", count=3, interval="1s"),
                metric("hard", count=4, interval="1s"),
            ],
            "dryRun": [{"metricName": "soft.*"}],
            "measurementRetention": [{"metricName": ".*", "limit": 2}],
        }
    )
    world.play(by_metric(soft=Phase.FAILED, hard=Phase.SUCCESSFUL))
    assert world.phase is Phase.SUCCESSFUL
    assert "message" not in world.status
    assert world.status["runSummary"] == {"count": 1, "successful": 1}
    assert world.status["dryRunSummary"] == {"count": 1, "failed": 1}
    soft, hard = world.result("soft"), world.result("hard")
    assert soft["dryRun"] is True
    assert soft["message"] == "Metric assessed Failed due to failed (1) > failureLimit (0)"
    assert len(hard["measurements"]) == 2
    assert hard["count"] == 4


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            {"args": [{"name": "a"}], "metrics": [metric(successCondition="result ==")]},
            'Unable to resolve metric arguments: argument "a" was not supplied',
            id="an argument without a value",
        ),
        pytest.param(
            {"metrics": [metric(count=3)]},
            "Analysis spec invalid: metrics[0]: interval must be specified when count > 1",
            id="many measurements without an interval",
        ),
        pytest.param({}, "Analysis spec invalid: no metrics specified", id="nothing to measure"),
        pytest.param(
            {"metrics": [metric(successCondition="{{args.b}}")]},
            "Unable to resolve metric arguments: failed to resolve {{args.b}}",
            id="an unknown tag",
        ),
        pytest.param(
            {"metrics": [metric()], "dryRun": [{"metricName": "other"}]},
            "Analysis spec invalid: dryRun[0]: Rule didn't match any metric name(s)",
            id="a dry-run rule for nothing",
        ),
        pytest.param(
            {"metrics": [metric()], "measurementRetention": [{"metricName": "(", "limit": 1}]},
            "Analysis spec invalid: measurementRetention[0]: Rule didn't match any metric name(s)",
            id="a retention rule that is no regular expression",
        ),
        pytest.param(
            {"metrics": 7},
            "Analysis spec invalid: metrics: must be a list, not a number",
            id="a value of the wrong type",
        ),
    ],
)
def test_a_wrong_run_ends_in_error(spec: Json, message: str) -> None:
    world = World(spec)
    decision = world.decide()
    assert world.status == {"phase": "Error", "message": message}
    assert world.events == ["Warning AnalysisRunError: Analysis Completed. Result: Error"]
    assert decision.tasks == ()


def test_a_secret_that_is_missing_ends_the_run() -> None:
    world = World({"metrics": [metric(interval="1s")]})
    world.turn(always(Phase.SUCCESSFUL))
    world.now += timedelta(seconds=1)
    world.turn(
        always(Phase.ERROR, fatal='Unable to resolve metric arguments: secrets "x" not found')
    )
    assert world.phase is Phase.ERROR
    assert world.status["message"].startswith("Unable to resolve metric arguments")
    assert world.result("m")["count"] == 1, "what was found before stays"


def test_a_new_run_is_written_with_its_first_answers() -> None:
    world = World({"metrics": [metric()]})
    decision = world.decide()
    assert [task.action for task in decision.tasks] == [Action.MEASURE]
    assert world.decide(in_flight=["m"]) == RunDecision()
    assert world.writes == 0


def test_a_delayed_metric_waits_from_the_start_of_the_run() -> None:
    world = World({"metrics": [metric("late", initialDelay="30s"), metric("early")]})
    decision = world.decide()
    assert [task.metric for task in decision.tasks] == ["early"]
    assert world.status["startedAt"] == STAMP
    assert world.phase is Phase.RUNNING
    assert decision.look_again_in == 30
    world.now += timedelta(seconds=30)
    assert [task.metric for task in world.decide(in_flight=["early"]).tasks] == ["late"]


def test_a_job_is_resumed_and_ends_as_recorded() -> None:
    job = {"job-name": "uid.check.1"}
    world = World({"metrics": [metric("check")]})
    (task,) = world.decide().tasks
    world.decide(
        [
            Measured(
                task=task, phase=Phase.RUNNING, started=world.now, metadata=job, resume_at=world.now
            )
        ]
    )
    assert world.phase is Phase.RUNNING
    assert world.asked[-1].action is Action.RESUME
    assert world.asked[-1].earlier is not None
    assert world.asked[-1].earlier.metadata == job
    world.decide([Measured(task=world.asked[-1], phase=Phase.SUCCESSFUL, started=world.now)])
    assert world.result("check")["measurements"] == [
        {
            "phase": "Successful",
            "metadata": job,
            "startedAt": STAMP,
            "finishedAt": STAMP,
            "resumeAt": STAMP,
        }
    ]


def test_a_provider_that_never_names_a_time_is_resumed_each_second() -> None:
    world = World({"metrics": [metric()]})
    world.turn(always(Phase.RUNNING))
    world.play(always(Phase.RUNNING), seconds=10)
    assert 10 <= len(world.asked) <= 14
    assert world.phase is Phase.RUNNING


def test_what_is_under_way_is_terminated_before_the_run_ends() -> None:
    world = World({"metrics": [metric("job"), metric("bad")]})
    job, bad = world.decide().tasks
    later = world.now + timedelta(hours=1)
    world.decide(
        [Measured(task=job, phase=Phase.RUNNING, started=world.now, resume_at=later)], ["bad"]
    )
    decision = world.decide([Measured(task=bad, phase=Phase.FAILED, started=world.now)])
    assert [(task.metric, task.action) for task in decision.tasks] == [("job", Action.TERMINATE)]
    assert world.phase is Phase.RUNNING, "not before its end is known"
    world.decide([Measured(task=decision.tasks[0], phase=Phase.INCONCLUSIVE, started=world.now)])
    assert world.phase is Phase.FAILED
    assert world.result("job")["measurements"][0]["message"] == "Metric Terminated"


def test_a_measurement_that_will_not_end_is_ended() -> None:
    world = World({"metrics": [metric()], "terminate": False})
    world.turn(always(Phase.RUNNING, resume_at=START + timedelta(hours=1)))
    world.spec["terminate"] = True
    world.turn(always(Phase.RUNNING))
    assert world.phase is Phase.INCONCLUSIVE
    assert world.result("m")["measurements"][0]["finishedAt"] == STAMP


def test_a_service_that_asks_for_patience_gets_it() -> None:
    world = World({"metrics": [metric()]})
    decision = world.turn(always(Phase.ERROR, resume_at=START + timedelta(seconds=60)))
    assert decision.look_again_in == 60
    world.now += timedelta(seconds=30)
    assert world.decide().tasks == ()


def test_history_is_trimmed_to_ten() -> None:
    world = World({"metrics": [metric(count=15, interval="1s")]})
    world.play(always(Phase.SUCCESSFUL))
    assert len(world.result("m")["measurements"]) == 10
    assert world.result("m")["count"] == 15


def test_trimming_lets_the_provider_clean_up() -> None:
    world = World(
        {
            "metrics": [metric(count=3, interval="1s")],
            "measurementRetention": [{"metricName": "m", "limit": 1}],
        }
    )
    world.turn(always(Phase.SUCCESSFUL))
    world.now += timedelta(seconds=1)
    assert world.turn(always(Phase.SUCCESSFUL)).trimmed == {"m": 1}


def test_an_outcome_that_another_controller_counted_already_is_dropped() -> None:
    world = World({"metrics": [metric(count=3, interval="5s")]})
    (task,) = world.decide().tasks
    outcome = Measured(task=task, phase=Phase.SUCCESSFUL, started=world.now)
    world.decide([outcome])
    world.decide([outcome])
    assert world.result("m")["count"] == 1


def test_fields_that_we_do_not_know_survive() -> None:
    world = World({"metrics": [metric(count=3, interval="1s")]})
    world.turn(always(Phase.SUCCESSFUL))
    world.status["future"] = {"a": 1}
    world.result("m")["future"] = 1
    world.result("m")["measurements"][0]["future"] = 1
    world.now += timedelta(seconds=1)
    world.turn(always(Phase.SUCCESSFUL))
    assert world.status["future"] == {"a": 1}
    assert world.result("m")["future"] == 1
    assert world.result("m")["measurements"][0]["future"] == 1


@pytest.mark.parametrize(
    ("ttl", "phase", "lives"),
    [
        pytest.param({"secondsAfterCompletion": 5}, "Successful", 6, id="after completion"),
        pytest.param(
            {"secondsAfterCompletion": 5, "secondsAfterSuccess": 9}, "Successful", 10, id="success"
        ),
        pytest.param(
            {"secondsAfterCompletion": 5, "secondsAfterFailure": 9}, "Failed", 10, id="failure"
        ),
        pytest.param(
            {"secondsAfterCompletion": 5, "secondsAfterFailure": 9},
            "Error",
            6,
            id="an error is no failure",
        ),
        pytest.param({"secondsAfterSuccess": 9}, "Inconclusive", None, id="nothing said about it"),
        pytest.param({"secondsAfterCompletion": 0}, "Successful", 1, id="at once"),
    ],
)
def test_time_to_live(ttl: Json, phase: str, lives: int | None) -> None:
    world = World({"ttlStrategy": ttl}, {"phase": phase, "completedAt": STAMP})
    decision = world.decide()
    assert decision.look_again_in == lives
    assert not decision.delete
    if lives is not None:
        world.now += timedelta(seconds=lives)
        assert world.decide().delete


def test_a_run_that_ended_over_its_specification_is_deleted_too() -> None:
    world = World({"ttlStrategy": {"secondsAfterCompletion": 5}}, {"phase": "Error"})
    assert world.decide().look_again_in == 6


def test_a_run_that_is_being_deleted_is_left_alone() -> None:
    raw = {"metadata": {"deletionTimestamp": STAMP}, "spec": {"metrics": [metric()]}}
    assert decide_run(parse_analysis_run(raw), START) == RunDecision()


def test_a_metric_under_way_is_waited_for_when_the_run_is_terminated() -> None:
    world = World({"metrics": [metric(interval="5s")]})
    world.turn(always(Phase.SUCCESSFUL))
    world.now += timedelta(seconds=5)
    (task,) = world.decide().tasks
    world.spec["terminate"] = True
    assert world.decide(in_flight=["m"]) == RunDecision()
    world.decide([Measured(task=task, phase=Phase.SUCCESSFUL, started=world.now)])
    assert world.phase is Phase.SUCCESSFUL
    assert world.result("m")["count"] == 2


def test_the_first_of_two_failed_metrics_is_named() -> None:
    world = World({"metrics": [metric("a"), metric("b")]})
    world.play(always(Phase.FAILED))
    assert world.status["message"].startswith('Metric "a" assessed Failed')


@pytest.mark.parametrize(
    ("limit", "phase"),
    [(0, "Inconclusive"), (-1, "Failed")],
    ids=["no failure allowed", "any failure allowed"],
)
def test_a_run_says_that_it_had_too_few_successes(limit: int, phase: str) -> None:
    rules = {"count": 3, "interval": "1s", "failureLimit": limit, "consecutiveSuccessLimit": 3}
    answers = iter([Phase.SUCCESSFUL, Phase.INCONCLUSIVE, Phase.SUCCESSFUL])
    world = World({"metrics": [metric(inconclusiveLimit=1, **rules)]})
    world.play(lambda task, now: Measured(task=task, phase=next(answers), started=now))
    assert world.status["message"] == (
        f'Metric "m" assessed {phase} due to consecutiveSuccesses (1) < consecutiveSuccessLimit (3)'
    )
    assert world.status["runSummary"] == {"count": 1, phase.lower(): 1}
