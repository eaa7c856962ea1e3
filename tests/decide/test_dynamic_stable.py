"""`dynamicStableScale`: stable shrinks as traffic leaves it, and is there again before traffic comes back.

Each write is checked by the traffic-safety rules, and a mesh that lags asks after each one whether stable has the pods
for whatever some proxy still believes. Rows are those of the known outages.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from world import World, istio, istio_subsets, manifest, ping_pong, routed

from gradatim.decide import Decision
from gradatim.decide.effects import PatchRoute, ScaleReplicaSet

STEPS: list[Any] = [
    {"setWeight": 20},
    {"setWeight": 40},
    {"setWeight": 60},
    {"pause": {}},
    {"setWeight": 30},
    {"pause": {}},
]
LAGS = [0, 2, 30]
BLOCKS = [istio, istio_subsets, ping_pong]


def at_sixty(block: Any = istio, lag: float = 2, replicas: int = 10, **fields: Any) -> World:
    """A release of the second revision that waits at 60 %, long after stable has shrunk."""
    strategy = block(**{"steps": STEPS, "dynamicStableScale": True, **fields})
    world = routed(manifest(replicas, **strategy), lag=lag, delay=lag)
    world.run()
    world.image("app:v2")
    world.run(400, pods=1)
    world.pass_time(60)
    assert sorted(world.weights()) == [40, 60]
    return world


def canary_weights(world: World, since: int) -> list[int]:
    """The canary's weights in the order in which they were written, of all writes from `since` on."""
    patches = [e.patch for e in world.log[since:] if isinstance(e, PatchRoute)]
    return [int(p.message.split("'")[1]) for p in patches if "desiredWeight" in p.message]


def asked(world: World, revision: int, since: int) -> list[int]:
    """The numbers of pods that a revision was asked for, in order."""
    name = world.of_revision(revision).name
    scalings = [e for e in world.log[since:] if isinstance(e, ScaleReplicaSet)]
    return [e.replicas for e in scalings if e.name == name]


everywhere = pytest.mark.parametrize(
    ("block", "lag"),
    [(b, lag) for b in BLOCKS for lag in LAGS],
    ids=lambda v: getattr(v, "__name__", str(v)),
)


@everywhere
def test_both_have_the_pods_for_their_weight(block: Any, lag: float) -> None:
    world = at_sixty(block, lag)
    assert world.sets() == {1: (4, 4), 2: (6, 6)}


@everywhere
def test_row_2_stable_keeps_its_pods_until_every_proxy_knows_that_traffic_left(
    block: Any, lag: float
) -> None:
    world = at_sixty(block, lag)
    world.promote()
    # the step with 30 %: stable first, then its traffic, then the canary's pods
    since = len(world.log)
    world.run(400, pods=1)
    kinds = [type(e).__name__ for e in world.log[since:] if isinstance(e, ScaleReplicaSet)]
    assert kinds
    assert world.sets() == {1: (7, 7), 2: (3, 3)}
    assert sorted(world.weights()) == [30, 70]


@everywhere
def test_row_2_the_whole_way_to_the_end(block: Any, lag: float) -> None:
    world = at_sixty(block, lag)
    for _ in range(2):
        world.promote()
        world.run(400, pods=1)
    assert world.phase == ("Healthy", "")
    assert world.sets() == {1: (0, 0), 2: (10, 10)}
    assert sorted(world.weights()) == [0, 100]


def test_row_2_pods_of_stable_wait_for_a_router_that_says_not_yet() -> None:
    world = at_sixty()
    since = len(world.log)
    world.promote_full()
    world.run(3)
    told = world.snapshot.routes
    world.snapshot = replace(world.snapshot, routes=tuple(replace(r, verified=False) for r in told))
    before = world.of_revision(1).replicas
    world.run(100)
    assert world.of_revision(1).replicas == before
    world.snapshot = replace(
        world.snapshot, routes=tuple(replace(r, verified=None) for r in world.snapshot.routes)
    )
    world.run(100)
    assert asked(world, 1, since)[-1] == 0


@everywhere
def test_row_8_more_canary_pods_than_replicas_never_make_a_weight_beyond_its_bounds(
    block: Any, lag: float
) -> None:
    steps = [{"setCanaryScale": {"replicas": 9}}, {"setWeight": 50}, {"pause": {}}]
    strategy = block(steps=steps, dynamicStableScale=True)
    world = routed(manifest(4, **strategy), lag=lag, delay=lag)
    world.run()
    world.image("app:v2")
    world.run(100)
    assert world.sets() == {1: (2, 2), 2: (9, 9)}
    world.promote_full()
    world.run(300)
    assert all(0 <= weight <= 100 for weight in canary_weights(world, 0))
    assert world.phase == ("Healthy", "")
    assert world.sets() == {1: (0, 0), 2: (4, 4)}


@everywhere
def test_row_9_and_10_an_autoscaler_changes_both_by_their_weight(block: Any, lag: float) -> None:
    world = at_sixty(block, lag)
    for replicas, stable, canary in ((20, 8, 12), (3, 2, 2), (10, 4, 6)):
        world.scale(replicas)
        world.run(400, pods=1)
        assert world.sets() == {1: (stable, stable), 2: (canary, canary)}
        assert sorted(world.weights()) == [40, 60]


def test_row_10_stable_keeps_its_pods_while_the_canary_is_short_of_some() -> None:
    world = routed(manifest(10, **istio(steps=STEPS, dynamicStableScale=True)), lag=2, delay=2)
    world.run()
    world.image("app:v2")
    while world.weights() != (40, 60):
        world.carry_out(world.decide())
        world.kubelet(1)
        world.pass_time(1)
    before = world.of_revision(1).replicas
    assert before > 4
    world.lose(2, 2)
    world.pass_time(60)
    world.carry_out(world.decide())
    assert world.of_revision(1).replicas == before
    world.run(100)
    assert world.sets() == {1: (4, 4), 2: (6, 6)}


def test_row_10_the_last_pod_of_stable_stays_until_the_release_is_over() -> None:
    world = routed(
        manifest(4, **istio(steps=[{"setWeight": 100}, {"pause": {}}], dynamicStableScale=True)),
        lag=2,
        delay=2,
    )
    world.run()
    world.image("app:v2")
    world.run(200)
    assert world.weights() == (0, 100)
    assert world.sets() == {1: (1, 1), 2: (4, 4)}
    world.promote()
    world.run(200)
    assert world.sets() == {1: (0, 0), 2: (4, 4)}


@everywhere
def test_an_abort_goes_back_from_step_to_step_and_never_further_than_stable_carries(
    block: Any, lag: float
) -> None:
    world = at_sixty(block, lag)
    since = len(world.log)
    world.abort()
    world.run(400, pods=2)
    assert asked(world, 1, since) == [7, 8, 10]
    falling = canary_weights(world, since)
    assert falling == sorted(falling, reverse=True)
    assert {30, 20, 0} <= set(falling)
    assert world.sets() == {1: (10, 10), 2: (0, 0)}
    assert sorted(world.weights()) == [0, 100]
    assert world.phase[0] == "Degraded"


@pytest.mark.parametrize(
    ("delay", "left"), [(None, (0, 0)), (60, (0, 0)), (0, (6, 6))], ids=["none", "60 s", "for ever"]
)
def test_the_canary_of_an_abort_keeps_its_pods_for_the_delay_if_one_is_given(
    delay: int | None, left: Any
) -> None:
    fields = {} if delay is None else {"abortScaleDownDelaySeconds": delay}
    world = at_sixty(**fields)
    world.abort()
    world.run(30, pods=2)
    assert world.weights() == (100, 0)
    world.run(20)
    assert world.of_revision(2).replicas == (0 if delay is None else 6)
    world.run(100)
    assert world.sets() == {1: (10, 10), 2: left}


@everywhere
def test_back_to_the_template_of_stable_traffic_follows_its_pods(block: Any, lag: float) -> None:
    world = at_sixty(block, lag)
    since = len(world.log)
    world.image("app:v1")
    world.carry_out(world.decide())
    assert sorted(world.weights()) == [40, 60]
    world.run(400, pods=2)
    assert asked(world, 3, since) == [10]
    falling = canary_weights(world, since)
    assert falling == sorted(falling, reverse=True)
    assert len(falling) > 2
    assert world.sets() == {3: (10, 10), 2: (0, 0)}
    assert world.phase == ("Healthy", "")


@everywhere
def test_a_third_revision_waits_until_stable_has_taken_the_second_ones_traffic(
    block: Any, lag: float
) -> None:
    world = at_sixty(block, lag)
    world.image("app:v3")
    world.carry_out(world.decide())
    assert sorted(world.weights()) == [40, 60]
    assert world.of_revision(1).replicas == 10
    assert world.of_revision(2).replicas == 6
    world.run(600, pods=1)
    assert world.sets() == {1: (4, 4), 2: (0, 0), 3: (6, 6)}
    assert sorted(world.weights()) == [40, 60]


@everywhere
def test_row_15_a_rollback_within_the_window_brings_its_pods_first(block: Any, lag: float) -> None:
    strategy = block(steps=STEPS, dynamicStableScale=True)
    world = routed(manifest(10, **strategy), lag=lag, delay=lag)
    world.edit(lambda spec: {**spec, "rollbackWindow": {"revisions": 3}})
    world.run()
    world.image("app:v2")
    world.run(100)
    world.promote_full()
    world.run(400, pods=1)
    assert world.phase == ("Healthy", "")
    world.pass_time(60)
    since = len(world.log)
    world.image("app:v1")
    world.run(400, pods=1)
    assert world.phase == ("Healthy", "")
    assert asked(world, 3, since) == [10]
    assert world.sets() == {2: (0, 0), 3: (10, 10)}


def test_traffic_leaves_a_dead_canary_even_while_stable_is_small() -> None:
    world = at_sixty()
    world.lose(2, 6)
    world.carry_out(world.decide())
    assert world.weights() == (100, 0)
    assert world.of_revision(1).replicas == 10


@everywhere
@pytest.mark.parametrize("replicas", [10, 6], ids=["same scale", "fewer replicas"])
def test_a_release_that_begins_while_stable_is_being_named_leaves_it_its_pods(
    block: Any, lag: float, replicas: int
) -> None:
    strategy = block(steps=[{"setWeight": 50}, {"pause": {}}], dynamicStableScale=True)
    world = routed(manifest(10, **strategy), lag=lag, delay=lag)
    world.run()
    world.image("app:v2")
    world.run(200)
    world.promote()
    while world.rollout.status.stable_hash != world.of_revision(2).pod_hash:
        world.carry_out(world.decide())
        world.kubelet()
        world.pass_time(1)
    # all requests still come by the canary's side, and those are stable's pods
    world.image("app:v3")
    world.scale(replicas)
    # each plan is checked
    world.run(300, pods=1)
    assert sorted(world.weights()) == [50, 50]
    world.promote()
    world.run(300, pods=1)
    assert world.phase == ("Healthy", "")


def test_a_step_that_wants_no_canary_pods_brings_stable_back_before_they_go() -> None:
    wait, none = {"pause": {"duration": 20}}, {"setCanaryScale": {"replicas": 0}}
    steps: list[Any] = [{"setWeight": 50}, wait, none, {"pause": {}}]
    world = routed(manifest(4, **istio(steps=steps, dynamicStableScale=True)), lag=2, delay=2)
    world.run()
    world.image("app:v2")
    world.run(200, pods=1)
    assert world.status["currentStepIndex"] == 3
    assert world.sets() == {1: (4, 4), 2: (0, 0)}
    assert world.weights() == (100, 0)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda v: v.__name__)
def test_a_first_revision_without_replicas_leaves_all_weight_to_stable(block: Any) -> None:
    world = routed(manifest(0, **block(steps=[], dynamicStableScale=True)), lag=0, delay=0)
    world.run()
    assert world.weights() == (100, 0)
    world.scale(2)
    world.carry_out(world.decide())
    world.kubelet(1)
    world.image("app:v2")
    # each plan is checked: none gives all weight to a Service that names the one pod that has come
    world.run(200, pods=1)
    assert world.phase == ("Healthy", "")


def test_no_fewer_than_the_least_number_of_pods_on_either_side() -> None:
    world = at_sixty(replicas=4, steps=[{"setWeight": 60}, {"pause": {}}], minPodsPerReplicaSet=3)
    assert world.sets() == {1: (3, 3), 2: (3, 3)}


def test_who_lets_stable_shrink_in_the_middle_keeps_every_request() -> None:
    world = routed(manifest(10, **istio(steps=STEPS)), lag=2, delay=2)
    world.run()
    world.image("app:v2")
    world.run(100)
    assert world.sets() == {1: (10, 10), 2: (6, 6)}
    world.canary(dynamicStableScale=True)
    world.run(100)
    assert world.sets() == {1: (4, 4), 2: (6, 6)}
    world.canary(dynamicStableScale=None)
    world.abort()
    world.run(200, pods=1)
    assert world.weights() == (100, 0)
    assert world.of_revision(1).available == 10


def test_a_subset_without_a_label_is_bound_only_when_stable_carries_what_it_has_now() -> None:
    block = istio_subsets(steps=[])
    world = routed(manifest(0, **block), lag=0, delay=0)
    world.run()
    world.image("app:v2")
    world.run()
    world.scale(4)
    world.carry_out(world.decide())
    world.kubelet(1)
    world.pass_time(1)
    world.image("app:v1")
    for _ in range(2):
        world.carry_out(world.decide())
        world.kubelet(1)
        world.pass_time(1)
    world.promote_full()
    world.canary(dynamicStableScale=True)
    # each plan is checked: the first one that binds stable leaves it all the weight for a moment
    world.run(200, pods=1)
    assert world.phase == ("Healthy", "")


def test_the_mesh_of_these_tests_sees_a_stable_that_shrinks_too_early() -> None:
    world = routed(manifest(10, **istio(steps=STEPS, dynamicStableScale=True)), lag=30, delay=30)
    world.run()
    world.image("app:v2")
    while world.weights() != (80, 20):
        world.carry_out(world.decide())
        world.kubelet()
        world.pass_time(1)
    world.checked = False
    name = world.of_revision(1).name
    with pytest.raises(AssertionError, match="stable is scaled below 10"):
        world.carry_out(Decision((ScaleReplicaSet(name, 10, 8),), world.status))


@everywhere
def test_a_step_that_takes_all_canary_pods_brings_stables_back_first(
    block: Any, lag: float
) -> None:
    """Its weight is still that of the step before: stable has half of the pods, and gets all requests."""
    steps = [{"setWeight": 50}, {"pause": {"duration": 2}}, {"setCanaryScale": {"replicas": 0}}]
    raw = manifest(2, **block(steps=[*steps, {"pause": {}}], dynamicStableScale=True))
    world = routed(raw, lag=lag, delay=lag)
    world.run()
    world.image("app:v2")
    world.run(300)
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert world.sets() == {1: (2, 2), 2: (0, 0)}
    assert sorted(world.weights()) == [0, 100]


@everywhere
@pytest.mark.parametrize("pods", [0, 1, 4], ids="after {} passes".format)
def test_who_is_promoted_in_full_takes_an_earlier_canarys_side_with_the_pods_for_it(
    block: Any, lag: float, pods: int
) -> None:
    """It was given to the first pod: stable had shrunk, so the earlier one's weight could not leave."""
    world = at_sixty(block, lag)
    world.image("app:v3")
    for _ in range(1 + pods):
        world.carry_out(world.decide())
        world.kubelet(1)
        world.pass_time(1)
    world.promote_full()
    world.run(400, pods=1)
    assert world.phase == ("Healthy", "")
    assert world.of_revision(3).available == 10


@everywhere
def test_who_is_promoted_in_full_takes_the_side_of_a_release_that_just_ended_with_all_pods(
    block: Any, lag: float
) -> None:
    world = at_sixty(block, lag)
    world.promote_full()
    for _ in range(30):
        world.carry_out(world.decide())
        world.kubelet(1)
        world.pass_time(0.5)
        if world.phase[0] == "Healthy":
            break
    world.image("app:v3")
    world.carry_out(world.decide())
    world.kubelet(1)
    world.promote_full()
    world.run(400, pods=1)
    assert world.phase == ("Healthy", "")
    assert world.of_revision(3).available == 10
