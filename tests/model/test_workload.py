"""Views of what runs: a pod, and the notes on a ReplicaSet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gradatim.model import names
from gradatim.model.workload import parse_pod, parse_replica_set

POD: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u",
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": {"app": "web"},
        "ownerReferences": [
            {"kind": "Node", "name": "other", "uid": "n"},
            {"kind": "ReplicaSet", "name": "web", "uid": "r", "controller": True},
        ],
    },
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


def test_a_pod_tells_whose_it_is_how_old_and_whether_it_answers() -> None:
    pod = parse_pod(POD)
    assert (pod.meta.owner_uid, pod.meta.owner_name) == ("r", "web")
    assert pod.meta.created == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (pod.ready, pod.phase, pod.meta.deleting) == (True, "Running", False)
    assert pod.faults == ()


@pytest.mark.parametrize(
    ("conditions", "is_ready"),
    [
        pytest.param([], False, id="without conditions it is not ready"),
        pytest.param([{"type": "Ready", "status": "False"}], False, id="not ready"),
        pytest.param([{"type": "Ready", "status": "Unknown"}], False, id="its node is gone"),
        pytest.param([{"type": "PodScheduled", "status": "True"}], False, id="only scheduled"),
        pytest.param(
            [{"type": "x"}, {"type": "Ready", "status": "True"}], True, id="ready among others"
        ),
    ],
)
def test_readiness_is_the_condition_and_nothing_else(conditions: Any, is_ready: bool) -> None:
    assert parse_pod({**POD, "status": {"conditions": conditions}}).ready is is_ready


def test_a_pod_that_is_going_is_told_apart() -> None:
    meta = {**POD["metadata"], "deletionTimestamp": "2026-01-02T03:05:00Z"}
    assert parse_pod({**POD, "metadata": meta}).meta.deleting


@pytest.mark.parametrize(
    "raw", [{}, {"metadata": 1}, {"status": []}, {"status": {"conditions": 1}}]
)
def test_a_malformed_pod_is_a_pod_without_facts(raw: Any) -> None:
    pod = parse_pod(raw)
    assert (pod.ready, pod.meta.owner_uid) == (False, "")


@pytest.mark.parametrize(
    ("text", "has", "is_known"),
    [
        pytest.param("", False, False, id="no deadline"),
        pytest.param("2026-01-02T03:04:05Z", True, True, id="a deadline"),
        pytest.param("soon", True, False, id="a deadline that cannot be read"),
    ],
)
def test_the_deadline_of_a_replica_set(text: str, has: bool, is_known: bool) -> None:
    annotations = {names.SCALE_DOWN_DEADLINE: text, names.REVISION: "x"}
    view = parse_replica_set({"metadata": {"annotations": annotations}})
    assert view.has_deadline is has
    assert (view.deadline is not None) is is_known
    assert view.revision == 0
