"""A setWeight step is over when its weight was written and has arrived, whatever holds it back meanwhile.

And a newer canary has the canary's side only once every proxy has taken the earlier one's weight from it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from world import World, istio, istio_subsets, manifest, ping_pong, routed

from gradatim.decide.effects import PatchRoute

BLOCKS = [istio, istio_subsets, ping_pong]
DOWN: list[Any] = [{"setWeight": 80}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]


def released(block: Any = istio, lag: float = 0, **fields: Any) -> World:
    """The second revision at its first pause."""
    world = routed(manifest(4, **block(**{"steps": DOWN, **fields})), lag=lag, delay=lag)
    world.run()
    world.image("app:v2")
    world.run()
    assert world.phase == ("Paused", "CanaryPauseStep")
    return world


def says(world: World, verdict: bool | None) -> None:
    """What the router says from now on of the weights as they are."""
    routes = tuple(replace(r, verified=verdict) for r in world.snapshot.routes)
    world.snapshot = replace(world.snapshot, routes=routes)


def work(world: World, passes: int = 14) -> None:
    """Passes in which no pod comes or goes."""
    for _ in range(passes):
        world.carry_out(world.decide())
        world.pass_time(1)


def message(world: World) -> str:
    return world.conditions()["Progressing"][2].partition(": ")[2]


# a weight that is held back


def test_a_step_whose_weight_stable_cannot_take_is_not_over() -> None:
    world = released()
    world.lose(1, 3)
    world.promote()
    work(world)
    assert sorted(world.weights()) == [20, 80]
    assert world.status["currentStepIndex"] == 2
    assert message(world) == "waiting for 1 of 3 stable pods before 20 %."
    world.run(60)
    assert world.status["currentStepIndex"] == 3
    assert sorted(world.weights()) == [20, 80]


def test_a_weight_that_takes_load_from_a_stable_short_of_pods_is_not_held_back() -> None:
    world = released(steps=[{"setWeight": 20}, {"pause": {}}, {"setWeight": 40}, {"pause": {}}])
    world.lose(1, 3)
    world.promote()
    for _ in range(3):
        # pods of the canary come, and none of stable
        sets = tuple(
            replace(r, ready=r.replicas, available=r.replicas) if r.revision == 2 else r
            for r in world.snapshot.replica_sets
        )
        world.snapshot = replace(world.snapshot, replica_sets=sets)
        work(world, 1)
    assert sorted(world.weights()) == [40, 60]
    assert world.of_revision(1).available == 1


def test_a_stable_that_never_gets_well_ends_in_a_deadline_that_a_full_promotion_ends() -> None:
    world = released()
    world.lose(1, 3)
    world.promote()
    work(world, 620)
    assert world.phase[0] == "Degraded"
    assert world.phase[1].startswith("ProgressDeadlineExceeded")
    world.promote_full()
    world.run(300)
    assert world.phase == ("Healthy", "")


# a weight that has not arrived


def test_a_step_waits_for_a_router_that_says_not_yet_and_says_so() -> None:
    world = released(steps=[{"setWeight": 25}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}])
    says(world, True)
    world.promote()
    world.carry_out(world.decide())
    assert sorted(world.weights()) == [20, 80]
    assert world.status["currentStepIndex"] == 2, "nobody has asked it about the new weight"
    says(world, False)
    work(world)
    assert world.status["canary"]["weights"]["verified"] is False
    assert world.status["currentStepIndex"] == 2
    assert message(world) == "waiting for istio to report that 20 % has arrived."
    says(world, True)
    world.carry_out(world.decide())
    assert world.status["currentStepIndex"] == 3
    assert world.status["canary"]["weights"]["verified"] is True


def test_one_router_of_two_that_says_not_yet_holds_the_step() -> None:
    world = released(block=istio)
    (route,) = world.snapshot.routes
    other = replace(route, key="other", verified=None)
    world.snapshot = replace(world.snapshot, routes=(route, other))
    world.promote()
    world.carry_out(world.decide())
    first, second = world.snapshot.routes
    world.snapshot = replace(world.snapshot, routes=(replace(first, verified=False), second))
    world.patch_status(currentStepIndex=2)
    work(world, 3)
    assert world.status["currentStepIndex"] == 2
    assert world.status["canary"]["weights"]["verified"] is False


def test_a_router_that_cannot_say_costs_no_pass() -> None:
    world = released(steps=[{"setWeight": 20}, {"pause": {}}, {"setWeight": 25}, {"pause": {}}])
    world.promote()
    world.carry_out(world.decide())
    assert sorted(world.weights()) == [25, 75]
    assert world.status["currentStepIndex"] == 3


def test_a_router_that_says_not_yet_is_asked_again_after_ten_seconds() -> None:
    world = released(block=istio)
    says(world, False)
    wait = world.decide().look_again_in
    assert wait is not None
    assert wait.total_seconds() == 10


# an earlier canary's weight


@pytest.mark.parametrize("lag", [2, 30])
@pytest.mark.parametrize("block", BLOCKS)
def test_row_4_a_newer_canary_gets_the_side_when_no_proxy_sends_the_earlier_weight_there(
    block: Any, lag: float
) -> None:
    """The mesh fails at a write that gives it more; here is how long that takes, and that pods stay meanwhile."""
    world = released(block, lag)
    world.pass_time(60)
    since, began = len(world.log), world.now
    world.image("app:v3")
    world.carry_out(world.decide())
    fallen = world.now
    while not any(h == 3 for h in side(world).values()):
        assert world.of_revision(2).replicas == 4
        world.kubelet()
        world.pass_time(1)
        world.carry_out(world.decide())
        assert (world.now - began).total_seconds() < 40
    assert world.now - fallen >= world.snapshot.propagation_delay
    world.run(120)
    assert sorted(world.weights()) == [20, 80]
    assert world.of_revision(2).replicas == 0
    moves = [e for e in world.log[since:] if isinstance(e, PatchRoute)]
    assert len(moves) <= 3


def test_a_revision_that_still_has_its_pods_gets_no_more_than_its_step() -> None:
    """An earlier template comes back within its delay: all its pods answer when it is released again."""
    steps = [{"setWeight": 50}, {"pause": {}}]
    world = released(lag=5, steps=steps, scaleDownDelaySeconds=600)
    world.promote()
    world.run(60)
    world.canary(steps=[{"setWeight": 25}, {"pause": {}}, *steps])
    world.image("app:v3")
    world.run(60)
    world.promote()
    world.run(60)
    assert sorted(world.weights()) == [50, 50]
    world.image("app:v1")
    for _ in range(30):
        # `Mesh.check_takeover` looks at every write
        world.carry_out(world.decide())
        world.pass_time(1)
        if side(world)["canary"] == 3:
            assert world.weights()[1] <= 50
        else:
            assert min(world.weights()) <= 25
    world.run(60)
    assert side(world)["canary"] == 4
    assert sorted(world.weights()) == [25, 75]


def side(world: World) -> dict[str, int]:
    """The revision at each side; with ping and pong by the names that they had first."""
    if world.snapshot.services:
        return {name.removeprefix("web-"): n for name, n in world.selectors().items()}
    return world.subsets()
