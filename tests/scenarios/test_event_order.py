"""The events of a release come in the order in which Argo Rollouts tells them: scripts and dashboards read them so."""

from __future__ import annotations

import pytest
from livecluster import Json, Live, play, rollout, service

BEGUN = ["RolloutUpdated", "NewReplicaSetCreated", "RolloutNotCompleted"]


def told(live: Live) -> list[str]:
    """The reasons of the Rollout's events, in the order of their writes."""
    events = [e for e in live.sim.list("Event") if e["involvedObject"]["kind"] == "Rollout"]
    events.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
    return [str(event["reason"]) for event in events]


def canary() -> list[Json]:
    return [rollout(replicas=1, steps=[{"setWeight": 50}, {"pause": {"duration": "3s"}}])]


def blue_green() -> list[Json]:
    raw = rollout(replicas=3)
    raw["spec"]["strategy"] = {"blueGreen": {"activeService": "web-active"}}
    return [raw, service("web-active")]


CANARY_FIRST = [*BEGUN, "ScalingReplicaSet", "RolloutCompleted"]
CANARY_UPDATE = [
    *BEGUN,
    "ScalingReplicaSet",
    "RolloutStepCompleted",
    "RolloutPaused",
    "RolloutStepCompleted",
    "RolloutResumed",
    "ScalingReplicaSet",
    "RolloutCompleted",
]
BLUE_GREEN_FIRST = [*BEGUN[:2], "ScalingReplicaSet", "RolloutCompleted", "SwitchService"]
BLUE_GREEN_UPDATE = [*BEGUN, "ScalingReplicaSet", "SwitchService", "RolloutCompleted"]


@pytest.mark.parametrize(
    ("objects", "first", "update"),
    [
        pytest.param(canary(), CANARY_FIRST, CANARY_UPDATE, id="canary"),
        pytest.param(blue_green(), BLUE_GREEN_FIRST, BLUE_GREEN_UPDATE, id="blue-green"),
    ],
)
def test_events_come_in_the_order_of_the_reference(
    objects: list[Json], first: list[str], update: list[str]
) -> None:
    async def story(live: Live) -> None:
        live.apply(*objects)
        await live.until("Healthy")
        await live.sim.until(lambda: told(live) == ["RolloutAddedToInformer", *first], within=2)
        live.image("app:v2")
        await live.until("Healthy")
        expected = ["RolloutAddedToInformer", *first, *update]
        await live.sim.until(lambda: told(live) == expected, within=2)

    play(story)
