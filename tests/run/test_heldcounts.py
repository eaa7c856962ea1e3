"""Which changes of a status may wait for more, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.run.heldcounts import (
    GATHERING,
    HeldCounts,
    only_counts_differ,
    only_counts_of_sets_differ,
)

KEY = ("default", "web")


def condition(kind: str, status: str = "True", **more: str) -> dict[str, str]:
    return {"type": kind, "status": status, "lastUpdateTime": "2026-01-01T00:00:00Z", **more}


BEFORE: dict[str, Any] = {
    "phase": "Progressing",
    "message": "more replicas need to be updated",
    "replicas": 2,
    "updatedReplicas": 1,
    "currentStepIndex": 1,
    "conditions": [
        condition("Progressing", reason="ReplicaSetUpdated", message="is progressing"),
        condition("Available", reason="AvailableReason"),
    ],
}
PROGRESSED = [
    condition("Available", reason="AvailableReason"),
    condition("Progressing", reason="ReplicaSetNotAvailable", lastUpdateTime="later"),
]


@pytest.mark.parametrize(
    ("change", "counts_only"),
    [
        pytest.param({"replicas": 3}, True, id="a pod came"),
        pytest.param(
            {"replicas": 3, "HPAReplicas": 3, "readyReplicas": 1}, True, id="and is ready"
        ),
        pytest.param({"message": "old replicas are pending termination"}, True, id="the sentence"),
        pytest.param({"conditions": PROGRESSED}, True, id="progress, in another order"),
        pytest.param({"phase": "Healthy"}, False, id="the phase"),
        pytest.param({"currentStepIndex": 2}, False, id="a step"),
        pytest.param({"pauseConditions": [{"reason": "x"}]}, False, id="a pause"),
        pytest.param({"abort": True}, False, id="an abort"),
        pytest.param({"stableRS": "abc"}, False, id="what is stable"),
        pytest.param({"observedGeneration": "2"}, False, id="the generation that was seen"),
        pytest.param({"canary": {"weights": {}}}, False, id="weights"),
        pytest.param({"selector": "app=web"}, False, id="a field that autoscalers read"),
        pytest.param(
            {"conditions": [condition("Progressing", "False", reason="RolloutAborted")]},
            False,
            id="an aborted release",
        ),
        pytest.param(
            {"conditions": [*BEFORE["conditions"][:1], condition("Available", "False")]},
            False,
            id="availability",
        ),
        pytest.param({"conditions": [{"type": []}, 3]}, False, id="conditions of no type"),
        pytest.param({"conditions": "nonsense"}, False, id="conditions that are none"),
    ],
)
def test_only_counts_may_wait(change: dict[str, Any], counts_only: bool) -> None:
    assert only_counts_differ(BEFORE, {**BEFORE, **change}) is counts_only


def test_a_sentence_that_people_wait_for_is_never_held() -> None:
    paused = {**BEFORE, "phase": "Paused"}
    assert not only_counts_differ(paused, {**paused, "message": "CanaryPauseStep"})
    assert only_counts_differ(paused, {**paused, "replicas": 7})


def test_counts_are_gathered_from_the_first_change_on() -> None:
    held, after = HeldCounts(), {**BEFORE, "replicas": 3}
    assert held.may_wait(KEY, BEFORE, after, 10.0) == pytest.approx(GATHERING)
    assert held.may_wait(KEY, BEFORE, {**after, "replicas": 4}, 10.4) == pytest.approx(
        GATHERING - 0.4
    )
    assert held.may_wait(KEY, BEFORE, after, 11.0) == 0.0
    # what comes afterwards is gathered anew
    assert held.may_wait(KEY, BEFORE, after, 11.1) == pytest.approx(GATHERING)


def test_a_change_of_something_else_takes_the_counts_with_it() -> None:
    held, after = HeldCounts(), {**BEFORE, "replicas": 3}
    held.may_wait(KEY, BEFORE, after, 10.0)
    assert held.may_wait(KEY, BEFORE, {**after, "abort": True}, 10.1) == 0.0
    assert held.may_wait(KEY, BEFORE, after, 10.9) == pytest.approx(GATHERING)


def test_counts_that_go_back_need_not_be_written_at_all() -> None:
    held = HeldCounts()
    held.may_wait(KEY, BEFORE, {**BEFORE, "replicas": 3}, 10.0)
    assert held.may_wait(KEY, BEFORE, BEFORE, 10.5) == 0.0
    held.may_wait(KEY, BEFORE, {**BEFORE, "replicas": 3}, 20.0)
    held.forget(KEY)
    assert held.may_wait(KEY, BEFORE, {**BEFORE, "replicas": 3}, 20.9) == pytest.approx(GATHERING)


def a_set(name: str, ready: int = 1, status: str = "Progressing", **more: Any) -> dict[str, Any]:
    counts = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": ready, "availableReplicas": 0}
    return {"name": name, "status": status, "lastTransitionTime": f"t{ready}", **counts, **more}


TRIAL: dict[str, Any] = {
    "phase": "Pending",
    "templateStatuses": [a_set("a"), a_set("b")],
    "conditions": [condition("Progressing", reason="ReplicaSetUpdated")],
}


@pytest.mark.parametrize(
    ("change", "counts_only"),
    [
        pytest.param({"templateStatuses": [a_set("a", 2), a_set("b")]}, True, id="a pod is ready"),
        pytest.param(
            {
                "templateStatuses": [a_set("a", 2), a_set("b")],
                "conditions": [condition("Progressing", reason="ReplicaSetUpdated", seen="now")],
            },
            True,
            id="and that is progress",
        ),
        pytest.param(
            {"templateStatuses": [a_set("a", 3, "Running"), a_set("b")]}, False, id="all are there"
        ),
        pytest.param(
            {"templateStatuses": [a_set("a", serviceName="a"), a_set("b")]}, False, id="a Service"
        ),
        pytest.param({"templateStatuses": [a_set("a")]}, False, id="a set less"),
        pytest.param({"phase": "Running"}, False, id="the phase"),
        pytest.param({"analysisRuns": [{"name": "one", "phase": "Pending"}]}, False, id="a run"),
        pytest.param(
            {"conditions": [condition("ReplicaFailure", reason="FailedCreate")]},
            False,
            id="pods that cannot be made",
        ),
        pytest.param({"message": "exceeded"}, False, id="a message"),
    ],
)
def test_what_is_new_in_an_experiment(change: dict[str, Any], counts_only: bool) -> None:
    assert only_counts_of_sets_differ(TRIAL, {**TRIAL, **change}) is counts_only
