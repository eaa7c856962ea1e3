"""What a set would lose only to get it back is not taken from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from world import World, istio, manifest, routed

from gradatim.decide.effects import Effect, Emit, PatchReplicaSet, ScaleReplicaSet, SwitchService
from gradatim.decide.netscale import without_detours

BETWEEN = SwitchService("web", "abc")
COMPLETED = Emit("RolloutStepCompleted", "Rollout step 2/3 completed (pause: 2s)")


def scaled(name: str, before: int, after: int, **annotations: str | None) -> list[Effect]:
    way = "up" if after > before else "down"
    text = f"Scaled {way} ReplicaSet {name} (revision 2) from {before} to {after}"
    return [ScaleReplicaSet(name, before, after, annotations), Emit("ScalingReplicaSet", text)]


@pytest.mark.parametrize(
    ("effects", "left"),
    [
        pytest.param(
            [*scaled("c", 2, 1), COMPLETED, *scaled("c", 1, 2)],
            [COMPLETED],
            id="down and up to where it was is nothing",
        ),
        pytest.param(
            [*scaled("c", 2, 1, a="1"), COMPLETED, *scaled("c", 1, 2, b=None)],
            [COMPLETED, PatchReplicaSet("c", {"a": "1", "b": None})],
            id="its annotations are still written",
        ),
        pytest.param(
            [*scaled("c", 4, 1), BETWEEN, *scaled("c", 1, 3)],
            [
                ScaleReplicaSet("c", 4, 3),
                Emit("ScalingReplicaSet", "Scaled down ReplicaSet c (revision 2) from 4 to 3"),
                BETWEEN,
            ],
            id="less of a way down stays where it was allowed",
        ),
        pytest.param(
            [*scaled("c", 2, 1), BETWEEN, *scaled("c", 1, 4)],
            [
                BETWEEN,
                ScaleReplicaSet("c", 2, 4),
                Emit("ScalingReplicaSet", "Scaled up ReplicaSet c (revision 2) from 2 to 4"),
            ],
            id="a way up is what it is in the end",
        ),
        pytest.param(
            [*scaled("c", 2, 1), *scaled("s", 4, 3), *scaled("c", 1, 2), *scaled("s", 3, 4)],
            [],
            id="each set by itself",
        ),
        pytest.param(
            [*scaled("c", 3, 2), *scaled("c", 2, 1), *scaled("c", 1, 3)],
            [],
            id="down in two parts",
        ),
    ],
)
def test_detours_are_taken_out(effects: list[Effect], left: list[Effect]) -> None:
    assert without_detours(effects) == left


@pytest.mark.parametrize(
    "effects",
    [
        pytest.param([*scaled("c", 1, 4), BETWEEN, *scaled("c", 4, 2)], id="up and then down"),
        pytest.param([*scaled("c", 1, 2), BETWEEN, *scaled("c", 2, 4)], id="up and further up"),
        pytest.param([*scaled("s", 4, 3), *scaled("c", 1, 2)], id="two sets"),
        pytest.param([ScaleReplicaSet("c", 2, 1), BETWEEN], id="down without an event"),
        pytest.param([], id="nothing"),
    ],
)
def test_everything_else_stays(effects: list[Effect]) -> None:
    assert without_detours(effects) == effects


def test_a_status_that_was_lost_takes_no_pod_from_the_canary() -> None:
    steps = [{"setWeight": 25}, {"pause": {"duration": "5m"}}, {"setWeight": 50}, {"pause": {}}]
    world = routed(manifest(4, **istio(steps=steps)))
    world.run()
    world.image("app:v2")
    world.run()
    assert (world.status["currentStepIndex"], world.of_revision(2).replicas) == (1, 1)
    world.pass_time(400)

    decision = world.decide()
    status_events = [e for e in decision.effects if isinstance(e, Emit) and e.of_status]
    world.carry_out(decision, stop_after=len(decision.effects) - len(status_events))
    assert (world.status["currentStepIndex"], world.of_revision(2).replicas) == (1, 2)

    again = world.decide()
    assert again.status["currentStepIndex"] == 2
    assert not [effect for effect in again.effects if isinstance(effect, ScaleReplicaSet)]
    assert "ScalingReplicaSet" not in [e.reason for e in again.effects if isinstance(e, Emit)]


def test_a_plan_goes_on_with_the_pods_that_a_detour_would_have_taken() -> None:
    world = World.of(
        manifest(5, steps=[{"pause": {"duration": 1}}, {"setWeight": 1}, {"pause": {}}])
    )
    world.run()
    world.image("app:v2")
    world.carry_out(world.decide())
    # a pod too many, as of a promotion that was taken back; the pause is over, and the next step wants it
    sets = world.snapshot.replica_sets
    pod = {"replicas": 1, "current": 1, "ready": 1, "available": 1}
    sets = tuple(replace(r, **pod) if r.revision == 2 else r for r in sets)
    world.snapshot = replace(world.snapshot, replica_sets=sets)
    world.pass_time(3)
    world.carry_out(world.decide())
    assert not [e for e in world.log if isinstance(e, ScaleReplicaSet) and "web-6dd8" in e.name]
    assert world.decide().effects == ()
    assert world.status["currentStepIndex"] == 2
