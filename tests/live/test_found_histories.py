"""Histories that once went wrong, as the search found and printed them, and some that rarely come by chance.

What was wrong, or would be with a rule left out, is in the name.
"""

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


def test_a_controller_that_is_killed_after_an_abort_knows_that_traffic_has_just_moved() -> None:
    play_history(
        Setup(
            kind="subsets",
            block={"abortScaleDownDelaySeconds": 2, "steps": [{"setWeight": 50}, {"pause": {}}]},
            spec={"progressDeadlineSeconds": 60},
            lag=30,
        ),
        [(40, "image", "app:v2"), (70, "abort"), (4, "kill", 0)],
    )


def test_an_aborted_blue_green_release_goes_back_only_to_pods_that_answer() -> None:
    play_history(
        Setup(
            kind="bluegreen",
            block={"postPromotionAnalysis": {"templates": [{"templateName": "good"}]}},
            spec={"progressDeadlineSeconds": 60},
        ),
        [
            (5, "verdict_is", "bad"),
            (1, "image", "app:v2"),
            (0.2, "sicken", "stable", 3),
            (20, "cure"),
        ],
    )


def test_evictions_whose_answers_are_lost_count_as_pods_that_are_missing() -> None:
    """The last pod was evicted in the place of one that had gone, while the cache still showed it."""
    play_history(
        Setup(
            kind="two",
            replicas=2,
            spec={"progressDeadlineSeconds": 60, "minReadySeconds": 1},
            stale=1,
        ),
        [(40, "fail", "lost", 3), (4, "restart_pods"), (4, "restart_pods")],
    )


def test_a_new_controller_does_not_take_the_stable_service_back_to_pods_that_are_too_few() -> None:
    """It moved to v2, whose pods all answered, and the status that says so was never written."""
    play_history(
        Setup(kind="istio", replicas=1, spec={"progressDeadlineSeconds": 60}),
        [
            (1, "scale", 5),
            (11, "sicken", "stable", 3),
            (4, "image", "app:v2"),
            (0.3, "kill", 3),
            (11, "scale", 2),
        ],
    )


def test_weight_stays_where_it_is_while_nobody_answers() -> None:
    """It went back to stable, step by step, and stable had no pod that was available."""
    play_history(
        Setup(
            kind="two",
            replicas=1,
            block={"steps": [{"setWeight": 33}, {"setWeight": 20}, {"pause": {}}]},
            spec={"progressDeadlineSeconds": 60},
            lag=30,
            stale=0.1,
        ),
        [(1, "sicken", "new", 3), (40, "image", "app:v2"), (40, "retry")],
    )


def test_pods_that_might_all_go_are_no_breach_when_the_author_then_wants_more() -> None:
    """All of one replica might be unavailable, and not all of two: nobody answered in that moment."""
    play_history(
        Setup(
            kind="basic",
            replicas=1,
            block={"maxUnavailable": 1, "stableService": "web-stable"},
            spec={"progressDeadlineSeconds": 60},
        ),
        [(1, "image", "app:bad"), (0.3, "scale", 2)],
    )


def test_old_pods_whose_delay_is_over_do_not_hide_that_a_release_is_overdue() -> None:
    """With ping and pong the Service of the next release names them, until it has a pod of its own."""
    play_history(
        Setup(kind="pingpong", replicas=3, block={}, spec={"progressDeadlineSeconds": 60}),
        [(0.3, "image", "app:v2"), (1, "promote"), (0.3, "image", "app:bad")],
    )


def test_a_scale_down_is_not_written_seconds_after_it_was_decided() -> None:
    """The API server refused it for three seconds, and an autoscaler had asked for more pods meanwhile."""
    play_history(
        Setup(kind="bluegreen", replicas=4, block={}, spec={"progressDeadlineSeconds": 60}),
        [
            (40, "cure"),
            (1, "fail", "refused", 4),
            (1, "scale_as_hpa", 1),
            (0.05, "scale_as_hpa", 6),
            (40, "scale_as_hpa", 5),
        ],
    )


def test_pods_that_are_lost_in_the_instant_of_an_eviction_are_not_its_fault() -> None:
    """A restart evicts one of four pods, and the three others are gone when that is written."""
    play_history(
        Setup(
            kind="istio",
            replicas=4,
            block={
                "minPodsPerReplicaSet": 2,
                "scaleDownDelayRevisionLimit": 1,
                "analysis": {"startingStep": 1, "templates": [{"templateName": "good"}]},
                "steps": [
                    {"plugin": {"config": {"level": 1}, "name": "test/step"}, "setWeight": 20},
                    {"setWeight": 80},
                ],
            },
            spec={
                "minReadySeconds": 1,
                "progressDeadlineAbort": True,
                "progressDeadlineSeconds": 60,
            },
            lag=17.0,
            stale=0.1,
        ),
        [
            (0.05, "promote_full"),
            (40, "restart_pods"),
            (11, "restart_pods"),
            (11, "restart_pods"),
            (1, "retry"),
            (1, "restart_pods"),
            (0.0, "lose", "stable", 3),
        ],
    )
