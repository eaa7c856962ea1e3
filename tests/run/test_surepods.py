"""Pods that a status counts, and that were asked to go before more were asked for."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from gradatim.model.meta import Meta
from gradatim.model.workload import ReplicaSet
from gradatim.run.surepods import SurePods

KEY = ("default", "web")


class Seen(NamedTuple):
    """A set as a pass sees it: wanted, counted, and whether the status is of this spec."""

    replicas: int
    available: int
    is_fresh: bool = True


def replica_set(seen: Seen, uid: str = "u") -> ReplicaSet:
    meta = Meta(name="web-1", namespace="default", uid=uid, generation=7)
    generation = 7 if seen.is_fresh else 6
    return ReplicaSet(
        meta=meta,
        replicas=seen.replicas,
        available=seen.available,
        observed_generation=generation,
    )


STALE = False


@pytest.mark.parametrize(
    ("history", "sure"),
    [
        ([Seen(0, 4), Seen(4, 4, STALE)], 0),
        ([Seen(0, 4, STALE), Seen(4, 4, STALE)], 0),
        ([Seen(4, 4), Seen(1, 4, STALE), Seen(3, 4, STALE)], 1),
        ([Seen(0, 4), Seen(4, 4, STALE), Seen(4, 4, STALE)], 0),
        ([Seen(0, 4), Seen(4, 4, STALE), Seen(4, 0), Seen(4, 2)], 2),
        ([Seen(2, 2), Seen(4, 2, STALE)], 2),
        ([Seen(2, 2), Seen(4, 4)], 4),
        ([Seen(4, 4), Seen(2, 4, STALE)], 4),
        ([Seen(4, 4, STALE)], 4),
    ],
    ids=[
        "back-from-nothing-at-once",
        "though-nothing-was-ever-fresh",
        "back-from-one",
        "as-long-as-the-status-is-behind",
        "and-then-what-the-status-says",
        "more-are-asked-for-and-none-has-gone",
        "a-fresh-status-is-believed",
        "fewer-are-asked-for-and-the-count-stays-what-it-is",
        "what-is-seen-first-is-believed",
    ],
)
def test_pods_that_were_asked_to_go_are_not_counted_again(history: list[Seen], sure: int) -> None:
    pods = SurePods()
    found = [pods.seen(KEY, [replica_set(each)])[0].available for each in history]
    assert found[-1] == sure


def test_sets_and_rollouts_are_told_apart_and_forgotten() -> None:
    pods = SurePods()
    pods.seen(KEY, [replica_set(Seen(0, 4))])
    for key, uid in ((KEY, "other"), (("default", "other"), "u")):
        (seen,) = pods.seen(key, [replica_set(Seen(4, 4, STALE), uid)])
        assert seen.available == 4
    pods.seen(KEY, [replica_set(Seen(0, 4))])
    pods.forget(KEY)
    (seen,) = pods.seen(KEY, [replica_set(Seen(4, 4, STALE))])
    assert seen.available == 4


def awaited(*moments: tuple[float, Seen]) -> list[bool]:
    """Whether a controller that has just started waits, at each of these moments."""
    pods = SurePods()
    return [pods.awaits(KEY, [replica_set(seen)], at) for at, seen in moments]


@pytest.mark.parametrize(
    ("moments", "waits"),
    [
        ([(0.0, Seen(4, 4, STALE)), (0.1, Seen(4, 4, STALE)), (0.2, Seen(4, 0))], [1, 1, 0]),
        ([(0.0, Seen(4, 4))], [0]),
        ([(0.0, Seen(4, 0, STALE))], [0]),
        ([(0.0, Seen(1, 4, STALE))], [0]),
        ([(0.0, Seen(4, 4, STALE)), (1.9, Seen(4, 4, STALE)), (2.0, Seen(4, 4, STALE))], [1, 1, 0]),
        (
            [(0.0, Seen(4, 4, STALE)), (1.0, Seen(4, 4)), (9.0, Seen(4, 4, STALE))],
            [1, 0, 1],
        ),
    ],
    ids=[
        "until-the-status-is-of-this-spec",
        "a-fresh-status-is-believed",
        "a-new-set-counts-no-pods",
        "those-that-are-too-many-go-and-the-others-stay",
        "for-two-seconds-at-most",
        "and-each-time-anew",
    ],
)
def test_a_controller_that_has_just_started_waits_for_counts_that_may_be_of_pods_that_go(
    moments: list[tuple[float, Seen]], waits: list[bool]
) -> None:
    assert awaited(*moments) == waits


def test_what_a_pass_has_seen_needs_no_wait() -> None:
    pods = SurePods()
    pods.seen(KEY, [replica_set(Seen(0, 4))])
    assert not pods.awaits(KEY, [replica_set(Seen(4, 4, STALE))], 0.0)
