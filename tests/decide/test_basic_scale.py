"""How many pods without traffic routing: the reference points of the spec, and laws against another formulation."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.decide.basic_scale import Counts, Pods, next_counts, target_counts
from gradatim.decide.limits import Limits, limits

DECIDE = settings.get_profile("decide")


def rest(replicas: int, weight: int, bounds: Limits, start: tuple[int, int]) -> Counts:
    """Where repeated steps with quick pods come to rest."""
    canary, stable = start
    target = target_counts(replicas, weight, 100, surge=bounds.surge > 0)
    for _ in range(200):
        counts = next_counts(
            replicas=replicas,
            target=target,
            limits=bounds,
            canary=Pods(canary, canary),
            stable=Pods(stable, stable),
            others=0,
        )
        if counts == (canary, stable):
            return counts
        canary, stable = counts
    raise AssertionError("it does not come to rest")


@pytest.mark.parametrize(
    ("replicas", "weight", "bounds", "start", "wanted"),
    [
        (10, 10, Limits(1, 1), (0, 10), (1, 9)),
        (10, 30, Limits(3, 0), (0, 10), (3, 7)),
        (1, 5, Limits(1, 0), (0, 1), (1, 1)),
        (10, 100, Limits(1, 0), (0, 10), (10, 0)),
        (10, 0, Limits(1, 0), (4, 6), (0, 10)),
        (0, 50, Limits(1, 0), (0, 0), (0, 0)),
        (3, 33, Limits(1, 0), (0, 3), (1, 2)),
        (4, 1, Limits(1, 0), (0, 4), (1, 4)),
        (4, 99, Limits(1, 0), (0, 4), (4, 1)),
        (4, 1, Limits(0, 1), (0, 4), (1, 3)),
        (1, 50, Limits(0, 1), (0, 1), (1, 0)),
        (5, 50, Limits(0, 1), (0, 5), (3, 2)),
    ],
)
def test_the_counts_at_rest(
    replicas: int, weight: int, bounds: Limits, start: tuple[int, int], wanted: tuple[int, int]
) -> None:
    assert rest(replicas, weight, bounds, start) == wanted


@pytest.mark.parametrize(
    ("replicas", "weight", "bounds", "wanted"),
    [(10, 30, Limits(3, 0), (3, 10)), (10, 30, Limits(0, 5), (0, 7))],
    ids=["surge goes up first", "without surge stable goes down first"],
)
def test_the_first_move(
    replicas: int, weight: int, bounds: Limits, wanted: tuple[int, int]
) -> None:
    target = target_counts(replicas, weight, 100, surge=bounds.surge > 0)
    moved = next_counts(
        replicas=replicas,
        target=target,
        limits=bounds,
        canary=Pods(),
        stable=Pods(replicas, replicas),
        others=0,
    )
    assert moved == wanted


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "wanted"),
    [
        (10, None, None, (3, 2)),
        (10, "25%", "25%", (3, 2)),
        (10, "25", "25", (3, 2)),
        (1, None, None, (1, 0)),
        (1, 0, "10%", (0, 1)),
        (0, 0, 0, (0, 0)),
        (4, 0, 9, (0, 4)),
        (4, "200%", 0, (8, 0)),
        (4, "many", "few", (0, 1)),
        (4, -3, -1, (0, 1)),
    ],
)
def test_surge_and_unavailability_as_pods(
    replicas: int, surge: int | str | None, unavailable: int | str | None, wanted: tuple[int, int]
) -> None:
    assert limits(replicas, max_surge=surge, max_unavailable=unavailable) == wanted


@DECIDE
@given(
    replicas=st.integers(0, 60),
    weight=st.integers(0, 100),
    total=st.sampled_from([100, 1000]),
    surge=st.booleans(),
)
def test_the_target_is_the_nearest_split_there_is(
    replicas: int, weight: int, total: int, surge: bool
) -> None:
    canary, stable = target_counts(replicas, weight, total, surge=surge)
    everyone = canary + stable
    if replicas == 0:
        assert everyone == 0
        return
    assert everyone in (replicas, replicas + 1 if surge else replicas)
    # by brute force: every split that keeps both alive where both are wanted
    keeps = weight not in (0, total) and (replicas > 1 or surge)
    splits = [
        Fraction(c, n)
        for n in ((replicas, replicas + 1) if surge else (replicas,))
        for c in range(n + 1)
        if not keeps or 0 < c < n
    ]
    goal = Fraction(weight, total)
    best = min(abs(split - goal) for split in splits)
    # the reference looks at two candidates a size, by rounding for `replicas`: one pod off at the most
    assert abs(Fraction(canary, everyone) - goal) <= best + Fraction(1, replicas)
    if keeps:
        assert canary > 0


pods = st.builds(Pods, st.integers(0, 12), st.integers(0, 12))


@DECIDE
@given(
    replicas=st.integers(0, 12),
    weight=st.integers(0, 100),
    surge=st.integers(0, 4),
    unavailable=st.integers(0, 4),
    canary=pods,
    stable=pods,
    others=st.integers(0, 3),
)
def test_a_move_neither_exceeds_the_surge_nor_takes_available_pods_below_the_limit(
    replicas: int,
    weight: int,
    surge: int,
    unavailable: int,
    canary: Pods,
    stable: Pods,
    others: int,
) -> None:
    canary = Pods(canary.wanted, min(canary.available, canary.wanted))
    stable = Pods(stable.wanted, min(stable.available, stable.wanted))
    bounds = limits(replicas, max_surge=surge, max_unavailable=unavailable)
    moved = next_counts(
        replicas=replicas,
        target=target_counts(replicas, weight, 100, surge=bounds.surge > 0),
        limits=bounds,
        canary=canary,
        stable=stable,
        others=others,
    )
    before = canary.wanted + stable.wanted
    assert min(moved) >= 0
    # never more in all than the surge allows, or than there were already
    assert moved.canary + moved.stable + others <= max(replicas + bounds.surge, before + others)
    # never fewer available than the limit, or than there were already
    left = min(canary.available, moved.canary) + min(stable.available, moved.stable)
    least = replicas - bounds.unavailable
    assert left >= min(least, canary.available + stable.available)


@DECIDE
@given(
    replicas=st.integers(0, 30),
    weight=st.integers(0, 100),
    surge=st.integers(0, 5),
    unavailable=st.integers(0, 5),
    start=st.integers(0, 30),
)
def test_with_quick_pods_the_counts_come_to_rest_at_the_target(
    replicas: int, weight: int, surge: int, unavailable: int, start: int
) -> None:
    bounds = limits(replicas, max_surge=surge, max_unavailable=unavailable)
    canary = min(start, replicas)
    reached = rest(replicas, weight, bounds, (canary, replicas - canary))
    assert reached == target_counts(replicas, weight, 100, surge=bounds.surge > 0)


def test_broken_stable_pods_make_room_for_the_mending_release() -> None:
    moved = next_counts(
        replicas=1,
        target=Counts(1, 0),
        limits=Limits(1, 0),
        canary=Pods(),
        stable=Pods(1, 0),
        others=1,
    )
    assert moved == (0, 0)
