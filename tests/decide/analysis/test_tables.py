"""The tables of phases: of a measurement by its conditions, of a metric by its counters, of a run by its metrics."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gradatim.decide.analysis.absorption import counted
from gradatim.decide.analysis.assessment import assess, metric_phase
from gradatim.decide.analysis.judging import judge, outcome
from gradatim.decide.analysis.plan import plan_of
from gradatim.model.analysis import Metric
from gradatim.model.analysisrun import (
    AnalysisRun,
    MeasurementStatus,
    MetricResult,
    Phase,
    parse_analysis_run,
)
from gradatim.plugin import Measurement, Numbers, Verdict

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
S, F, INC, E, R, P = (
    Phase.SUCCESSFUL,
    Phase.FAILED,
    Phase.INCONCLUSIVE,
    Phase.ERROR,
    Phase.RUNNING,
    Phase.PENDING,
)


#: What Prometheus says where no series fits.
NO_ROWS = Measurement(value=[], text="[]", no_data=True)


@pytest.mark.parametrize(
    ("success", "failure", "phase"),
    [
        pytest.param(None, None, S, id="without conditions every answer is a success"),
        pytest.param(True, None, S, id="a success condition that holds"),
        pytest.param(False, None, F, id="a success condition that does not hold"),
        pytest.param(None, True, F, id="a failure condition that holds"),
        pytest.param(None, False, S, id="a failure condition that does not hold"),
        pytest.param(True, True, F, id="both hold: failure wins"),
        pytest.param(True, False, S, id="only success holds"),
        pytest.param(False, True, F, id="only failure holds"),
        pytest.param(False, False, INC, id="neither holds"),
    ],
)
def test_two_conditions(success: bool | None, failure: bool | None, phase: Phase) -> None:
    assert outcome(success, failure) is phase


@pytest.mark.parametrize(
    ("metric", "answer", "phase", "message"),
    [
        pytest.param(
            Metric(success_condition="result < 2"), Measurement(value=1.0), S, "", id="a value"
        ),
        pytest.param(
            Metric(success_condition="result < 2"),
            Measurement(value="text"),
            E,
            'could not evaluate successCondition "result < 2": ',
            id="a value of another type is an error",
        ),
        pytest.param(
            Metric(success_condition="result =="),
            Measurement(value=1.0),
            E,
            'could not evaluate successCondition "result ==": ',
            id="a condition that is none is an error",
        ),
        pytest.param(
            Metric(failure_condition="result[0] > 1"),
            Measurement(no_data=True, value=7.0),
            E,
            'could not evaluate failureCondition "result[0] > 1": '
            "metric result is nil or empty: no data returned from the metric provider",
            id="no data is said to be that",
        ),
        pytest.param(
            Metric(success_condition="len(result) == 0 || result[0] >= 0.95"),
            NO_ROWS,
            S,
            "",
            id="an empty list has a length, and its author may want it to be a success",
        ),
        pytest.param(
            Metric(
                success_condition="len(result) == 0 || isNaN(result[0]) || result[0] >= 0.95",
                failure_condition="len(result) != 0 && result[0] < 0.9",
            ),
            NO_ROWS,
            S,
            "",
            id="an empty list is judged by both conditions",
        ),
        pytest.param(
            Metric(success_condition="len(result) > 0 && result[0] >= 0.95"),
            NO_ROWS,
            F,
            "",
            id="an empty list is a failure for who wants values",
        ),
        pytest.param(
            Metric(success_condition="all(result, # > 1)"), NO_ROWS, S, "", id="all of no values"
        ),
        pytest.param(
            Metric(failure_condition="len(result) > 0 && result[0] == 'down'"),
            Measurement(value=Numbers(), no_data=True),
            E,
            "could not evaluate failureCondition \"len(result) > 0 && result[0] == 'down'\": "
            "metric result is nil or empty: no data returned from the metric provider",
            id="a number that is compared with a text, whether there is one or not",
        ),
        pytest.param(
            Metric(failure_condition="any(result, # > 1)"), NO_ROWS, S, "", id="any of no values"
        ),
        pytest.param(
            Metric(success_condition="isNil(result) || default(result, 1) == 1"),
            NO_ROWS,
            F,
            "",
            id="an empty list is not null",
        ),
        pytest.param(
            Metric(success_condition="default(result, 0) < 0.05"),
            Measurement(no_data=True),
            S,
            "",
            id="null has a default",
        ),
        pytest.param(
            Metric(success_condition="result[0] >= 0.95"),
            NO_ROWS,
            E,
            'could not evaluate successCondition "result[0] >= 0.95": '
            "metric result is nil or empty: no data returned from the metric provider",
            id="an empty list has no first value",
        ),
        pytest.param(
            Metric(success_condition="false"),
            Measurement(verdict=Verdict.SUCCESSFUL, message="Job ended"),
            S,
            "Job ended",
            id="a provider's verdict stands, whatever the conditions",
        ),
        pytest.param(
            Metric(success_condition="result < 2"),
            Measurement(running=True, message="waiting"),
            R,
            "waiting",
            id="nothing is judged while it runs",
        ),
        pytest.param(
            Metric(),
            Measurement(verdict="Perhaps"),
            E,
            "the provider gave the unknown verdict 'Perhaps'",
            id="an unknown verdict is an error",
        ),
    ],
)
def test_an_answer(metric: Metric, answer: Measurement, phase: Phase, message: str) -> None:
    judgement = judge(metric, answer, NOW)
    assert judgement.phase is phase
    if message.endswith(": "):  # what follows is the condition language's to say
        assert judgement.message.startswith(message)
    else:
        assert judgement.message == message


@pytest.mark.parametrize(
    ("phase", "changes"),
    [
        (S, {"successful": 3, "count": 6, "consecutive_error": 0, "consecutive_success": 3}),
        (F, {"failed": 2, "count": 6, "consecutive_error": 0, "consecutive_success": 0}),
        (INC, {"inconclusive": 3, "count": 6, "consecutive_error": 0, "consecutive_success": 0}),
        (E, {"error": 3, "consecutive_error": 2, "consecutive_success": 0}),
        (R, {}),
    ],
)
def test_counters(phase: Phase, changes: dict[str, int]) -> None:
    before = {
        "count": 5,
        "successful": 2,
        "failed": 1,
        "inconclusive": 2,
        "error": 2,
        "consecutive_error": 1,
        "consecutive_success": 2,
    }
    assert counted(MetricResult(**before), phase) == MetricResult(**{**before, **changes})


DONE = MeasurementStatus(phase=S, started=NOW, finished=NOW)
BUSY = MeasurementStatus(phase=R, started=NOW)


def result(*measurements: MeasurementStatus, **counters: object) -> MetricResult:
    return MetricResult(name="m", measurements=measurements, **counters)


@pytest.mark.parametrize(
    ("metric", "found", "terminating", "phase", "reason"),
    [
        pytest.param(
            Metric(), result(phase=F), False, F, "", id="a completed metric stays as it is"
        ),
        pytest.param(Metric(), result(), False, P, "", id="not measured yet"),
        pytest.param(Metric(), result(), True, S, "", id="not measured, and told to end"),
        pytest.param(Metric(), result(BUSY), True, R, "", id="a measurement is under way"),
        pytest.param(
            Metric(),
            result(DONE, failed=1, count=1),
            False,
            F,
            "failed (1) > failureLimit (0)",
            id="one failure is too much by default",
        ),
        pytest.param(
            Metric(failure_limit=-1, interval="1s", consecutive_success_limit=3),
            result(DONE, failed=9, count=9),
            False,
            R,
            "",
            id="a failure limit of -1 tolerates all",
        ),
        pytest.param(
            Metric(failure_limit="2", interval="1s"),
            result(DONE, failed=2, count=2),
            False,
            R,
            "",
            id="a limit may be text",
        ),
        pytest.param(
            Metric(),
            result(DONE, inconclusive=1, count=1),
            False,
            INC,
            "inconclusive (1) > inconclusiveLimit (0)",
            id="one inconclusive measurement is too much by default",
        ),
        pytest.param(
            Metric(),
            result(DONE, error=5, consecutive_error=5),
            False,
            E,
            "consecutiveErrors (5) > consecutiveErrorLimit (4)",
            id="the fifth error in a row is too much by default",
        ),
        pytest.param(
            Metric(consecutive_error_limit=0),
            result(DONE, failed=1, inconclusive=1, consecutive_error=1, count=2),
            False,
            E,
            "consecutiveErrors (1) > consecutiveErrorLimit (0)",
            id="of three broken limits the one of errors is named",
        ),
        pytest.param(
            Metric(),
            result(DONE, failed=1, inconclusive=1, count=2),
            False,
            INC,
            "inconclusive (1) > inconclusiveLimit (0)",
            id="inconclusive comes before failed inside a metric",
        ),
        pytest.param(
            Metric(interval="1s", consecutive_success_limit=2),
            result(DONE, successful=2, count=2, consecutive_success=2),
            False,
            S,
            "",
            id="enough successes in a row",
        ),
        pytest.param(
            Metric(interval="1s", count=4, failure_limit=2, consecutive_success_limit=3),
            result(DONE, successful=2, failed=2, count=4, consecutive_success=1),
            False,
            INC,
            "consecutiveSuccesses (1) < consecutiveSuccessLimit (3)",
            id="neither limit reached at the end is inconclusive",
        ),
        pytest.param(
            Metric(interval="1s", count=4, failure_limit=-1, consecutive_success_limit=3),
            result(DONE, successful=2, failed=2, count=4, consecutive_success=1),
            False,
            F,
            "consecutiveSuccesses (1) < consecutiveSuccessLimit (3)",
            id="with failures tolerated too few successes are a failure",
        ),
        pytest.param(
            Metric(interval="1s", count=2), result(DONE, count=1), False, R, "", id="more to come"
        ),
        pytest.param(
            Metric(interval="1s", count=2), result(DONE, count=2), False, S, "", id="count reached"
        ),
        pytest.param(Metric(), result(DONE, count=1), False, S, "", id="one, without an interval"),
        pytest.param(Metric(interval="1s"), result(DONE, count=99), False, R, "", id="without end"),
        pytest.param(
            Metric(interval="1s"), result(DONE, count=99), True, S, "", id="without end, ended"
        ),
    ],
)
def test_a_metric(
    metric: Metric, found: MetricResult, terminating: bool, phase: Phase, reason: str
) -> None:
    assert metric_phase(metric, found, terminating) == (phase, reason)


def a_run(phases: dict[str, str], *, terminate: bool = False, dry: str = "") -> AnalysisRun:
    """A run with a metric of each name; a phase of "" was never measured, "busy" is being measured."""
    metrics = [
        {"name": name, "interval": "1s", "provider": {"web": {"url": "x"}}} for name in phases
    ]
    results = [
        {
            "name": name,
            "phase": "Running" if phase == "busy" else phase,
            "dryRun": name == dry,
            "failed": 1 if phase == "Failed" else 0,
            "measurements": [
                {"phase": "Running", "startedAt": "2026-01-02T03:04:05Z"}
                | (
                    {}
                    if phase == "busy"
                    else {"finishedAt": "2026-01-02T03:04:05Z", "phase": phase}
                )
            ],
        }
        for name, phase in phases.items()
        if phase
    ]
    rules = [{"metricName": dry}] if dry else []
    return parse_analysis_run(
        {
            "metadata": {"name": "run", "namespace": "shop"},
            "spec": {"metrics": metrics, "terminate": terminate, "dryRun": rules},
            "status": {"phase": "Running", "metricResults": results},
        }
    )


@pytest.mark.parametrize(
    ("phases", "options", "phase", "message"),
    [
        pytest.param({"a": "Successful", "b": "Successful"}, {}, S, "", id="all successful"),
        pytest.param({"a": "Successful", "b": ""}, {}, R, "", id="one was never measured"),
        pytest.param({"a": "Successful", "b": "busy"}, {}, R, "", id="one is being measured"),
        pytest.param(
            {"a": "Failed", "b": ""},
            {},
            F,
            'Metric "a" assessed Failed due to failed (1) > failureLimit (0)',
            id="a failure decides without waiting for the others",
        ),
        pytest.param(
            {"a": "Failed", "b": "busy"}, {}, R, "", id="but for the end of what is under way"
        ),
        pytest.param({"a": "Error", "b": "Failed"}, {}, F, ..., id="failed is worse than error"),
        pytest.param({"a": "Failed", "b": "Error"}, {}, F, ..., id="in whatever order"),
        pytest.param({"a": "Inconclusive", "b": "Error"}, {}, E, ..., id="error than inconclusive"),
        pytest.param({"a": ""}, {"terminate": True}, S, "Run Terminated", id="terminated at once"),
        pytest.param(
            {"a": "Successful", "b": ""},
            {"terminate": True},
            S,
            "Run Terminated",
            id="terminated after a success",
        ),
        pytest.param(
            {"a": "Failed", "b": "Successful"},
            {"dry": "a"},
            S,
            "",
            id="a dry-run failure does not count",
        ),
        pytest.param(
            {"a": "Failed", "b": ""}, {"dry": "a"}, R, "", id="nor does it end the other metric"
        ),
        pytest.param({"a": "Failed"}, {"dry": "a"}, S, "", id="nor when there is nothing else"),
    ],
)
def test_a_run(
    phases: dict[str, str], options: dict[str, object], phase: Phase, message: object
) -> None:
    run = a_run(phases, **options)
    plan = plan_of(run)
    assert not isinstance(plan, str)
    assessed = assess(run, plan, ())
    assert assessed.phase is phase
    if message is not ...:
        assert assessed.message == message


def test_summaries_count_metrics_and_leave_out_zeros() -> None:
    run = a_run({"a": "Failed", "b": "Successful", "c": ""}, dry="a")
    plan = plan_of(run)
    assert not isinstance(plan, str)
    assessed = assess(run, plan, ())
    assert assessed.summary == {"count": 2, "successful": 1}
    assert assessed.dry_run_summary == {"count": 1, "failed": 1}
