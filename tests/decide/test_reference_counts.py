"""Counts of pods in one move, as the reference gives them: facts of its own tables, in our arrangement."""

from __future__ import annotations

from typing import Any

import pytest
from world import manifest

from gradatim.decide.basic_scale import Counts, Pods, next_counts, target_counts
from gradatim.decide.limits import limits
from gradatim.decide.routed_scale import meets, routed_counts, share
from gradatim.model.canary import ProgressThreshold
from gradatim.model.rollout import parse_rollout


@pytest.mark.parametrize(
    ("surge", "replicas", "splits"),
    [
        (False, 0, {0: (0, 0), 50: (0, 0), 100: (0, 0)}),
        (True, 0, {0: (0, 0), 50: (0, 0), 100: (0, 0)}),
        (False, 1, {0: (0, 1), 1: (0, 1), 49: (0, 1), 50: (1, 0), 99: (1, 0), 100: (1, 0)}),
        (True, 1, {0: (0, 1), 1: (1, 1), 49: (1, 1), 50: (1, 1), 99: (1, 1), 100: (1, 0)}),
        (False, 2, {0: (0, 2), 1: (1, 1), 50: (1, 1), 99: (1, 1), 100: (2, 0)}),
        (True, 2, {0: (0, 2), 1: (1, 2), 50: (1, 1), 99: (2, 1), 100: (2, 0)}),
        (False, 3, {10: (1, 2), 25: (1, 2), 33: (1, 2), 34: (1, 2), 49: (1, 2), 50: (2, 1)}),
        (True, 3, {10: (1, 3), 25: (1, 3), 33: (1, 2), 34: (1, 2), 49: (2, 2), 50: (2, 2)}),
        (False, 10, {1: (1, 9), 14: (1, 9), 15: (2, 8), 16: (2, 8), 99: (9, 1)}),
        (True, 10, {0: (0, 10), 1: (1, 10), 18: (2, 9), 19: (2, 9), 20: (2, 8), 23: (2, 8)}),
        (True, 10, {24: (3, 8), 25: (3, 8), 99: (10, 1), 100: (10, 0)}),
    ],
)
def test_the_nearest_split(surge: bool, replicas: int, splits: dict[int, tuple[int, int]]) -> None:
    assert {w: target_counts(replicas, w, 100, surge=surge) for w in splits} == splits


#: replicas, weight, maxSurge, maxUnavailable; canary and stable as (wanted, available); pods of others;
#: what is wanted next of canary and stable
MOVES: list[Any] = [
    ("pods on their way out are no room", 10, 100, 3, 0, (6, 3), (7, 8), 0, (6, 7)),
    ("surge in pods", 10, 20, 2, 0, (0, 0), (10, 10), 0, (2, 10)),
    ("surge in percent", 10, 20, "20%", 0, (0, 0), (10, 10), 0, (2, 10)),
    ("stable gives up what the canary replaced", 10, 20, "20%", 0, (2, 2), (10, 10), 0, (2, 8)),
    ("no more than the surge at once", 10, 30, 2, 0, (0, 0), (10, 10), 0, (2, 10)),
    ("unavailability in pods", 10, 20, 0, 2, (0, 0), (10, 10), 0, (0, 8)),
    ("unavailability in percent", 10, 20, 0, "20%", (0, 0), (10, 10), 0, (0, 8)),
    ("no more than may be unavailable at once", 10, 30, 0, 2, (0, 0), (10, 10), 0, (0, 8)),
    ("both at once", 10, 50, 2, 1, (0, 0), (10, 10), 0, (2, 9)),
    ("weight 0 empties the canary", 10, 0, 1, 1, (1, 1), (10, 10), 0, (0, 10)),
    ("weight 100 empties stable", 10, 100, 1, 1, (10, 10), (1, 1), 0, (10, 0)),
    ("one pod and a little weight", 1, 20, 1, 0, (0, 0), (1, 1), 0, (1, 1)),
    ("one pod and nearly all weight", 1, 90, 1, 0, (0, 0), (1, 1), 0, (1, 1)),
    ("one pod, no surge, less than half", 1, 49, 0, 1, (0, 0), (1, 1), 0, (0, 1)),
    ("one pod, no surge, more than half: stable first", 1, 51, 0, 1, (0, 0), (1, 1), 0, (0, 0)),
    ("one pod, no surge, more than half: canary next", 1, 51, 0, 1, (0, 0), (0, 0), 0, (1, 0)),
    ("stable grows before the canary", 10, 30, 1, 0, (0, 0), (1, 1), 3, (1, 7)),
    ("both shrink", 10, 30, 0, 3, (4, 4), (8, 5), 0, (3, 7)),
    ("both shrink to what is available", 10, 100, 1, 0, (10, 8), (10, 2), 0, (9, 2)),
    ("the pods of others go first", 10, 30, 0, 1, (4, 2), (8, 6), 3, (4, 8)),
    ("an uneven weight, first move", 10, 5, 0, 1, (0, 0), (10, 10), 0, (0, 9)),
    ("an uneven weight, second move", 10, 5, 0, 1, (0, 0), (9, 9), 0, (1, 9)),
    ("limits of 0 percent", 10, 10, "0%", "0%", (0, 0), (10, 10), 0, (0, 9)),
    ("surge beside a broken stable", 4, 100, 1, 0, (0, 0), (4, 1), 0, (1, 4)),
    ("stable gives up pods that do not answer", 4, 100, 1, 0, (1, 1), (4, 1), 0, (1, 3)),
    ("nearly all weight, first move", 3, 99, 0, 2, (0, 0), (3, 3), 0, (0, 1)),
    ("nearly all weight, second move", 3, 99, 0, 2, (0, 0), (1, 1), 0, (2, 1)),
    ("on the way back stable surges first", 4, 0, 1, 0, (4, 4), (0, 0), 0, (4, 1)),
    ("on the way back all wait for its pod", 4, 0, 1, 0, (4, 4), (1, 0), 0, (4, 1)),
    ("on the way back one goes for one", 4, 0, 1, 0, (4, 4), (1, 1), 0, (3, 1)),
    ("large limits, all at once", 4, 100, 4, 4, (0, 0), (4, 4), 0, (4, 0)),
    ("full promotion keeps to the limits", 4, 100, 3, 0, (0, 0), (4, 4), 0, (3, 4)),
]


@pytest.mark.parametrize("row", MOVES, ids=lambda row: row[0])
def test_one_move_without_routing(row: Any) -> None:
    _, replicas, weight, surge, unavailable, canary, stable, others, wanted = row
    bounds = limits(replicas, max_surge=surge, max_unavailable=unavailable)
    moved = next_counts(
        replicas=replicas,
        target=target_counts(replicas, weight, 100, surge=bounds.surge > 0),
        limits=bounds,
        canary=Pods(*canary),
        stable=Pods(*stable),
        others=others,
    )
    assert moved == wanted


ROUTED = {"trafficRouting": {"istio": {}}}


def routed(replicas: int, step: dict[str, Any], status: dict[str, Any], **canary: Any) -> Counts:
    raw = manifest(replicas, steps=[step], **ROUTED, **canary)
    raw["status"] = {"stableRS": "s", "currentPodHash": "c", "currentStepIndex": 0, **status}
    return routed_counts(parse_rollout(raw), aborted=bool(status.get("abort")))


@pytest.mark.parametrize(
    ("replicas", "step", "status", "canary", "wanted"),
    [
        (1, {"setWeight": 100, "setCanaryScale": {"replicas": 9}}, {}, {}, (9, 1)),
        (4, {"setWeight": 100, "setCanaryScale": {"weight": 200}}, {}, {}, (8, 4)),
        (
            10,
            {
                "setWeight": 20,
                "setCanaryScale": {"replicas": 9, "weight": 100, "matchTrafficWeight": True},
            },
            {},
            {},
            (2, 10),
        ),
        (10, {"setWeight": 10}, {}, {}, (1, 10)),
        (
            1,
            {"setCanaryScale": {"replicas": 1}},
            {"abort": True},
            {"abortScaleDownDelaySeconds": 0},
            (1, 1),
        ),
        (
            1,
            {"setCanaryScale": {"replicas": 1}},
            {"abort": True},
            {"abortScaleDownDelaySeconds": 30},
            (0, 1),
        ),
        (10, {"setWeight": 5}, {}, {"minPodsPerReplicaSet": 2}, (2, 10)),
        (1, {"setWeight": 100}, {"promoteFull": True}, {"minPodsPerReplicaSet": 2}, (1, 1)),
        (10, {"setWeight": 10}, {}, {"dynamicStableScale": True}, (1, 9)),
    ],
    ids=[
        "a scale in pods, beyond all replicas",
        "a scale of 200 percent",
        "matchTrafficWeight beats both other fields",
        "the weight alone",
        "after an abort whose delay is 0 the scale counts",
        "after an abort with a delay it does not",
        "minPodsPerReplicaSet raises a small canary",
        "minPodsPerReplicaSet is capped by the replicas",
        "a dynamic stable has the rest",
    ],
)
def test_the_pods_of_a_routed_step(
    replicas: int,
    step: dict[str, Any],
    status: dict[str, Any],
    canary: dict[str, Any],
    wanted: tuple[int, int],
) -> None:
    assert routed(replicas, step, status, **canary) == wanted


@pytest.mark.parametrize(
    ("replicas", "weight", "total", "pods"),
    [
        (10, 0, 100, 0),
        (10, 20, 100, 2),
        (10, 25, 100, 3),
        (10, 33, 100, 4),
        (10, 99, 100, 10),
        (10, 100, 100, 10),
        (23, 100_000_000, 100_000_000, 23),
    ],
)
def test_the_pods_that_a_weight_needs(replicas: int, weight: int, total: int, pods: int) -> None:
    assert share(replicas, weight, total) == pods


@pytest.mark.parametrize(
    ("kind", "value", "available", "wanted", "met"),
    [
        ("Percentage", 90, 9, 10, True),
        ("Percentage", 90, 8, 10, False),
        ("Percentage", 100, 100, 10, True),
        ("Percentage", 90, 0, 0, True),
        ("Pods", 9, 9, 10, True),
        ("Pods", 8, 7, 10, False),
        ("Pods", -100, 9, 10, False),
    ],
)
def test_a_threshold_of_progress(
    kind: str, value: int, available: int, wanted: int, met: bool
) -> None:
    assert meets(ProgressThreshold(kind=kind, value=value), available, wanted) is met
