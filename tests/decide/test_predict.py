"""What the world will look like after an effect, where a wrong guess would be an outage."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gradatim.decide import Snapshot
from gradatim.decide.effects import ScaleReplicaSet
from gradatim.decide.predict import after, predicted
from gradatim.model.meta import Meta
from gradatim.model.rollout import parse_rollout
from gradatim.model.workload import ReplicaSet

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("replicas", "available", "scaled_to", "left"),
    [(0, 4, 4, 0), (1, 4, 4, 1), (2, 2, 4, 2), (4, 4, 2, 4), (4, 3, 5, 3)],
    ids=[
        "all-were-asked-to-go",
        "all-but-one-were",
        "none-was",
        "those-that-go-still-count",
        "one-was-never-there",
    ],
)
def test_pods_that_were_asked_to_go_do_not_count_when_more_are_asked_for(
    replicas: int, available: int, scaled_to: int, left: int
) -> None:
    meta = Meta(name="web-1", namespace="default")
    replica_set = ReplicaSet(meta=meta, replicas=replicas, available=available)
    snapshot = Snapshot(rollout=parse_rollout({}), replica_sets=(replica_set,))
    (seen,) = after(snapshot, ScaleReplicaSet("web-1", replicas, scaled_to), NOW).replica_sets
    assert (seen.replicas, seen.available) == (scaled_to, left)


def test_a_status_that_stays_as_it_is_is_not_read_anew() -> None:
    status = {"stableRS": "abc", "phase": "Healthy"}
    snapshot = Snapshot(rollout=parse_rollout({"status": status}))
    assert predicted(snapshot, (), dict(status), NOW) is snapshot
    following = predicted(snapshot, (), {**status, "phase": "Paused"}, NOW).rollout
    assert (following.status.phase, following.raw["status"]["phase"]) == ("Paused", "Paused")
