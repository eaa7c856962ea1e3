"""Histories that broke a law of `test_laws.py`, as they were found: each of them failed once."""

from __future__ import annotations

from typing import Any

import pytest
from histories import Event, happen
from world import istio, istio_subsets, manifest, ping_pong, routed

ONE_AND_NONE: list[Any] = [{"setWeight": 1}, {"setWeight": 0}]

#: By the sentence that was not so: the strategy, the replicas, the mesh's lag, and what happened.
FOUND: dict[str, tuple[dict[str, Any], int, float, list[Event]]] = {
    "a canary keeps its pod while the Service of stable, of which nobody answers, names it": (
        istio(steps=ONE_AND_NONE),
        1,
        30,
        [
            ("wait", 40),
            ("image", "app:bad"),
            ("scale", 0),
            ("scale", 3),
            ("image", "app:v1"),
            ("promote", None),
            ("wait", 3),
            ("image", "app:v1"),
            ("scale", 4),
            ("work", (5, None)),
            ("crash", 0),
            ("scale", 1),
            ("image", "app:v1"),
            ("work", (6, 1)),
            ("scale", 1),
            ("wait", 3),
        ],
    ),
    "a stable that a person scales up is asked for no more than before under a name it just got": (
        istio_subsets(steps=ONE_AND_NONE),
        1,
        30,
        [
            ("image", "app:v1"),
            ("image", "app:v3"),
            ("wait", 40),
            ("retry", None),
            ("wait", 40),
            ("work", (5, 2)),
            ("dynamic", True),
            ("scale", 3),
        ],
    ),
    "a canary's Service that was never pointed at any pods goes to those that carry its weight": (
        ping_pong(steps=[{"setWeight": 50}], dynamicStableScale=True),
        4,
        2,
        [
            ("image", "app:v3"),
            ("promote_full", None),
            ("image", "app:v1"),
            ("scale", 2),
            ("lose", (1, 1)),
            ("scale", 7),
        ],
    ),
    "a side that stable's pods have is theirs in the status, too, while its weight goes back": (
        istio_subsets(steps=[{"setWeight": 0}], dynamicStableScale=True),
        5,
        30,
        [
            ("scale", 1),
            ("image", "app:v2"),
            ("promote_full", None),
            ("image", "app:v2"),
            ("scale", 4),
            ("image", "app:v1"),
        ],
    ),
    "the revision that stable's subset still names is no earlier canary": (
        istio_subsets(steps=[{"setWeight": 50}]),
        1,
        30,
        [
            ("dynamic", True),
            ("image", "app:bad"),
            ("promote_full", None),
            ("pause", True),
            ("scale", 0),
            ("scale", 7),
            ("pause", False),
        ],
    ),
    "an aborted release gets nothing of what the canary has that it superseded": (
        istio(steps=[{"setCanaryScale": {"replicas": 2}}, {"setWeight": 50}]),
        3,
        30,
        [
            ("image", "app:v3"),
            ("image", "app:v1"),
            ("wait", 40),
            ("scale", 6),
            ("scale", 6),
            ("image", "app:v2"),
            ("promote", None),
            ("abort", None),
        ],
    ),
    "pods of stable that do not answer yet may go while it is short of them": (
        istio_subsets(steps=[{"setCanaryScale": {"replicas": 2}}], dynamicStableScale=True),
        0,
        0,
        [
            ("promote_full", None),
            ("image", "app:v2"),
            ("scale", 1),
            ("scale", 6),
            ("promote_full", None),
        ],
    ),
}


@pytest.mark.parametrize(
    ("strategy", "replicas", "lag", "history"), FOUND.values(), ids=list(FOUND)
)
def test_what_was_found_holds(
    strategy: dict[str, Any], replicas: int, lag: float, history: list[Event]
) -> None:
    world = routed(manifest(replicas, **strategy), lag=lag, delay=lag)
    for event in history:
        happen(world, event)
        world.carry_out(world.decide())
        world.kubelet(1)
        world.pass_time(1)
    world.image("app:v4")
    world.run(400)
    world.promote_full()
    world.run(400)
    assert world.phase == ("Healthy", "")
