"""How often a service may be asked, learnt from what its replies say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.plugin import RateLimit
from gradatim.run.budget import Budget

HOUR = 3600.0


def told(remaining: int, limit: int = 1600, reset: float | None = HOUR) -> RateLimit:
    return RateLimit(limit=limit, remaining=remaining, reset=reset)


def a_budget(*words: RateLimit) -> Budget:
    budget = Budget()
    for word in words:
        budget.spend(0.0)
        budget.learn(word, 0.0)
    return budget


@pytest.mark.parametrize(
    ("budget", "wait"),
    [
        pytest.param(a_budget(), 0.0, id="nothing is known"),
        pytest.param(a_budget(RateLimit()), 0.0, id="nothing was said"),
        pytest.param(a_budget(told(1000)), 0.0, id="plenty is left"),
        pytest.param(a_budget(told(480)), 9.0, id="the rest is spread over the rest of the period"),
        pytest.param(a_budget(told(80)), HOUR, id="the last ones are left to others"),
        pytest.param(a_budget(told(0)), HOUR, id="nothing is left"),
        pytest.param(a_budget(RateLimit(remaining=0)), 60.0, id="nothing, and no end is named"),
        pytest.param(a_budget(RateLimit(remaining=5)), 0.0, id="some, of an unknown number"),
        pytest.param(a_budget(told(0), told(1600, reset=2 * HOUR)), 0.0, id="a new period"),
        pytest.param(a_budget(told(0), told(900)), HOUR, id="a reply that was overtaken"),
    ],
)
def test_seconds_until_the_next_call(budget: Budget, wait: float) -> None:
    assert budget.wait(0.0) == pytest.approx(wait)


def test_when_the_period_is_over_all_calls_are_there_again() -> None:
    budget = a_budget(told(0, limit=100, reset=10))
    assert budget.wait(9.0) == 1.0
    assert budget.wait(10.0) == 0.0
    assert budget.left == 100


def test_calls_under_way_are_not_counted_by_the_reply_yet() -> None:
    budget = Budget()
    for _ in range(3):
        budget.spend(0.0)
    budget.learn(told(10, limit=12), 0.0)
    assert (budget.left, budget.under_way) == (8, 2)


@given(
    st.integers(1, 300),
    st.integers(5, 600),
    st.lists(st.sampled_from([0.0, 0.01, 0.5, 3.0, 70.0]), max_size=400),
)
def test_a_service_that_is_asked_by_nobody_else_is_never_asked_too_often(
    limit: int, period: int, gaps: list[float]
) -> None:
    """Whatever the pauses between questions are. Replies tell whole seconds, so that they round the wait up."""
    budget, now = Budget(), 0.0
    asked: dict[int, int] = {}
    for gap in gaps:
        now += gap
        for _ in range(1_000):
            wait = budget.wait(now)
            if wait <= 0:
                break
            now += wait
        budget.spend(now)
        which = int(now // period)
        asked[which] = asked.get(which, 0) + 1
        assert asked[which] <= limit
        reset = float(-((now % period - period) // 1))
        budget.learn(told(limit - asked[which], limit=limit, reset=reset), now)
