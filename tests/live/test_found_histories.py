"""Histories that once went wrong, as the search found and printed them, with what was wrong in the name."""

from __future__ import annotations

from player import play_history
from setups import Setup

GOOD = {"analysis": {"templates": [{"templateName": "good"}]}}


def test_a_change_of_scale_that_has_to_wait_does_not_keep_traffic_from_moving() -> None:
    """Stable's pods waited for weights to arrive, and the weights for stable's pods."""
    play_history(
        Setup(
            kind="subsets",
            replicas=3,
            block={"steps": [GOOD, {"setCanaryScale": {"replicas": 0}}, {"pause": {}}]},
            spec={"progressDeadlineSeconds": 60},
        ),
        [
            (0.3, "image", "app:v2"),
            (0.3, "scale_as_hpa", 1),
            (0.0, "steps", [{"setWeight": 50}, {"pause": {}}]),
        ],
    )


def test_a_full_promotion_that_is_overdue_is_not_aborted_and_begun_again_for_ever() -> None:
    play_history(
        Setup(
            kind="basic",
            replicas=5,
            block={"maxSurge": 1, "steps": [{"setWeight": 33}, {"pause": {}}]},
            spec={"progressDeadlineAbort": True, "progressDeadlineSeconds": 60},
        ),
        [(40, "image", "app:bad"), (11, "promote_full")],
    )
