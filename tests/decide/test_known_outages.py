"""The outages that users of Argo Rollouts reported, by their row in the list of them: what becomes of each here.

Every write is checked by the traffic-safety rules, and a mesh that lags watches the requests meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from world import World, istio, istio_subsets, manifest, routed

from gradatim.decide.effects import PatchRoute, ScaleReplicaSet, SwitchService

STEPS: list[Any] = [{"setWeight": 50}, {"pause": {}}]
LAGS = [0, 2, 30]
BLOCKS = [istio, istio_subsets]


def canary(block: Any, lag: float, replicas: int = 4, **fields: Any) -> World:
    """A release of the second revision that waits at 50 %."""
    world = routed(manifest(replicas, **block(**{"steps": STEPS, **fields})), lag=lag, delay=lag)
    world.run()
    world.image("app:v2")
    world.run(pods=1)
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert world.weights() == (50, 50)
    return world


def bound(world: World) -> dict[str, int]:
    """The revision that each side is bound to, by Service or by subset."""
    if world.snapshot.services:
        return {name.removeprefix("web-"): n for name, n in world.selectors().items()}
    return world.subsets()


everywhere = pytest.mark.parametrize(
    ("block", "lag"),
    [(b, lag) for b in BLOCKS for lag in LAGS],
    ids=lambda v: getattr(v, "__name__", str(v)),
)


@everywhere
def test_row_1_a_third_revision_does_not_take_the_subset_from_under_the_weight(
    block: Any, lag: float
) -> None:
    world = canary(block, lag)
    world.image("app:v3")
    world.carry_out(world.decide())
    assert world.weights() == (100, 0)
    assert bound(world)["canary"] == 2
    assert world.of_revision(2).replicas == 2
    world.run(pods=1)
    assert bound(world)["canary"] == 3
    assert world.weights() == (50, 50)
    assert world.of_revision(2).replicas == 0


@everywhere
def test_row_3_at_the_start_and_at_promotion_somebody_answers_at_every_instant(
    block: Any, lag: float
) -> None:
    world = canary(block, lag)
    world.promote()
    world.run(300, pods=1)
    assert world.phase == ("Healthy", "")
    assert world.weights() == (100, 0)
    assert bound(world) == {"canary": 2, "stable": 2}
    assert world.of_revision(1).replicas == 0


@everywhere
def test_row_4_a_third_revision_while_stable_is_ill_leaves_the_second_its_pods(
    block: Any, lag: float
) -> None:
    world = canary(block, lag)
    world.lose(1, 3)
    world.image("app:v3")
    for _ in range(5):
        world.carry_out(world.decide())
        world.pass_time(lag + 1)
    assert world.weights() == (50, 50)
    assert world.of_revision(2).replicas == 2
    world.run(pods=1)
    assert world.weights() == (50, 50)
    assert bound(world)["canary"] == 3


@pytest.mark.parametrize("block", BLOCKS)
def test_row_5_the_first_rollout_over_a_deployment_waits_for_its_pods(block: Any) -> None:
    world = routed(manifest(4, **block(steps=STEPS)), lag=0)
    world.carry_out(world.decide())
    assert set(bound(world).values()) == {0}
    world.kubelet()
    world.kubelet(1)
    world.carry_out(world.decide())
    if world.snapshot.services:
        assert set(bound(world).values()) == {0}, (
            "the Service may carry all of a Deployment's traffic"
        )
    world.run()
    assert set(bound(world).values()) == {1}


@everywhere
def test_row_7_on_abort_traffic_leaves_at_once_and_pods_after_the_delay(
    block: Any, lag: float
) -> None:
    world = canary(block, lag, abortScaleDownDelaySeconds=40)
    world.abort()
    world.carry_out(world.decide())
    assert world.weights() == (100, 0)
    assert world.of_revision(2).replicas == 2
    world.run(39)
    assert world.of_revision(2).replicas == 2
    world.run(200)
    assert world.of_revision(2).replicas == 0
    assert bound(world) == {"canary": 1, "stable": 1}


@everywhere
def test_row_7_on_abort_without_a_delay_pods_still_wait_for_the_proxies(
    block: Any, lag: float
) -> None:
    world = canary(block, lag, abortScaleDownDelaySeconds=1)
    world.abort()
    world.run(200)
    writes = [e for e in world.log if isinstance(e, PatchRoute | ScaleReplicaSet)]
    last = writes[-1]
    assert isinstance(last, ScaleReplicaSet)
    assert last.replicas == 0
    assert world.of_revision(2).replicas == 0


def test_row_8_more_canary_pods_than_replicas_never_make_a_weight_below_0() -> None:
    steps = [{"setCanaryScale": {"replicas": 9}}, {"setWeight": 50}, {"pause": {}}]
    world = canary(istio, 2, steps=steps)
    assert world.of_revision(2).replicas == 9
    world.promote_full()
    world.run(300)
    assert world.phase == ("Healthy", "")
    assert world.weights() == (100, 0)
    assert world.of_revision(2).replicas == 4


@everywhere
def test_row_10_an_autoscaler_during_a_canary_leaves_both_their_share(
    block: Any, lag: float
) -> None:
    world = canary(block, lag)
    for replicas in (8, 3, 6):
        world.scale(replicas)
        world.run(pods=1)
        assert world.of_revision(1).available == replicas
        assert world.of_revision(2).available >= (replicas + 1) // 2
        assert world.weights() == (50, 50)


def test_row_13_a_foreign_destination_is_taken_out_and_the_rest_adds_up() -> None:
    world = canary(istio, 0)
    world.abort()
    ((ref, raw),) = world.snapshot.routes[0].objects.items()
    (http,) = raw["spec"]["http"]
    foreign = {"destination": {"host": "web-experiment"}, "weight": 20}
    stable, other = http["route"]
    routes = [{**stable, "weight": 30}, {**foreign}, {**other, "weight": 50}]
    broken = {**raw, "spec": {**raw["spec"], "http": [{**http, "route": routes}]}}
    route = replace(world.snapshot.routes[0], objects={ref: broken})
    world.snapshot = replace(world.snapshot, routes=(route,))
    world.checked = False
    world.mesh = None
    world.carry_out(world.decide())
    (after,) = world.snapshot.routes[0].objects.values()
    left = {d["destination"]["host"]: d["weight"] for d in after["spec"]["http"][0]["route"]}
    assert left == {"web-stable": 100, "web-canary": 0}


@everywhere
def test_row_15_going_back_neither_surges_nor_overloads_stable(block: Any, lag: float) -> None:
    world = canary(block, lag, replicas=10, steps=[{"setWeight": 80}, {"pause": {}}, *STEPS][2:])
    world.image("app:v1")
    world.run(300, pods=1)
    assert world.phase == ("Healthy", "")
    assert world.weights() == (100, 0)
    scaled_up = [
        e
        for e in world.log
        if isinstance(e, ScaleReplicaSet) and e.replicas > e.before and "7d769bcb95" in e.name
    ]
    assert scaled_up == []


@everywhere
def test_row_16_after_an_abort_the_canary_is_bound_to_stable_again(block: Any, lag: float) -> None:
    world = canary(block, lag, abortScaleDownDelaySeconds=10)
    world.abort()
    world.run(200)
    assert bound(world) == {"canary": 1, "stable": 1}
    world.retry()
    world.run(pods=1)
    assert world.weights() == (50, 50)
    assert bound(world) == {"canary": 2, "stable": 1}


def test_row_39_a_broken_stable_can_be_rolled_forward_from() -> None:
    world = routed(manifest(4, image="app:bad", **istio(steps=STEPS)))
    world.run(60)
    world.image("app:v2")
    world.run(60)
    assert world.of_revision(2).available > 0
    world.promote_full()
    world.run(300)
    assert world.phase == ("Healthy", "")


@pytest.mark.parametrize("lag", LAGS)
def test_a_canary_that_loses_all_its_pods_gets_no_requests_any_more(lag: float) -> None:
    world = canary(istio, lag)
    world.lose(2, 2)
    world.carry_out(world.decide())
    assert world.weights() == (100, 0)
    world.run(pods=1)
    assert world.weights() == (50, 50)


def test_traffic_leaves_a_dead_canary_even_while_stable_is_ill() -> None:
    world = canary(istio, 0)
    world.lose(2, 2)
    world.lose(1, 1)
    world.carry_out(world.decide())
    assert world.weights() == (100, 0)


def test_a_basic_canary_moves_the_service_of_stable_with_its_last_pods() -> None:
    from world import service

    from gradatim.model.workload import parse_service

    names = {"canaryService": "web-canary", "stableService": "web-stable"}
    services = {n: parse_service(service(n)) for n in names.values()}
    world = World.of(manifest(3, steps=[{"setWeight": 50}], **names), services=services)
    world.run()
    world.image("app:v2")
    world.run(pods=1)
    assert world.phase == ("Healthy", "")
    switched = [i for i, e in enumerate(world.log) if isinstance(e, SwitchService)]
    gone = [
        i for i, e in enumerate(world.log) if isinstance(e, ScaleReplicaSet) and e.replicas == 0
    ]
    assert switched[-1] < gone[-1]


def test_a_change_of_scale_at_the_end_of_an_aborted_canary_takes_its_service_along() -> None:
    world = routed(manifest(2, **istio(steps=[])), lag=0, delay=0)
    world.run()
    world.image("app:v2")
    world.carry_out(world.decide())
    world.kubelet()
    world.abort()
    for _ in range(3):
        world.carry_out(world.decide())
        world.kubelet()
        world.pass_time(1)
    assert world.selectors() == {"web-stable": 1, "web-canary": 2}
    world.scale(1)
    world.pass_time(60)
    world.run()
    assert world.selectors() == {"web-stable": 1, "web-canary": 1}
    assert world.of_revision(2).replicas == 0


def test_a_full_promotion_outranks_an_abort_from_the_first_pass_on() -> None:
    from world import service

    from gradatim.model.workload import parse_service

    names = {"canaryService": "web-canary", "stableService": "web-stable"}
    services = {n: parse_service(service(n)) for n in names.values()}
    raw = manifest(6, steps=[{"setWeight": 50}, {"pause": {}}], maxUnavailable=5, **names)
    world = World.of(raw, services=services)
    world.run()
    world.image("app:v2")
    world.run(pods=1)
    world.promote_full()
    world.carry_out(world.decide())
    world.kubelet(1)
    world.abort()
    # each plan is checked against the safety rules: stable's Service never names pods that are gone
    world.run(pods=1)
    assert world.phase == ("Healthy", "")
    assert not world.status.get("abort")


def test_a_full_promotion_that_is_overdue_is_late_and_not_aborted_and_begun_again_for_ever() -> (
    None
):
    raw = manifest(4, steps=[{"setWeight": 33}, {"pause": {}}])
    raw["spec"] |= {"progressDeadlineSeconds": 60, "progressDeadlineAbort": True}
    world = World.of(raw)
    world.run()
    world.image("app:bad")
    world.run(20)
    world.promote_full()
    world.run(200)
    assert world.phase == ("Degraded", "ProgressDeadlineExceeded: " + LATE)
    events, began = len(world.events), world.status["duration"]
    world.run(600)
    assert len(world.events) == events
    assert world.status["duration"] == began


LATE = 'ReplicaSet "web-7d84db995f" has timed out progressing.'


@pytest.mark.parametrize("steps", [[], [{"setWeight": 50}]], ids=["no steps", "a step"])
@pytest.mark.parametrize("block", BLOCKS)
def test_row_15_stable_does_not_get_back_what_a_killed_controller_gave_to_others(
    block: Any, steps: list[Any]
) -> None:
    """Stable's name went to the new pods, the status that says so was not written, and old pods were lost since."""
    world = routed(manifest(4, **block(steps=steps)), lag=0, delay=0)
    world.run()
    world.image("app:v2")
    before = world.rollout.status.raw
    for _ in range(20):
        world.kubelet()
        decision = world.decide()
        world.carry_out(decision)
        if bound(world)["stable"] == 2:
            break
        before = world.rollout.status.raw
    assert bound(world)["stable"] == 2
    world.patch_status(**before)
    world.lose(1, 2)
    world.carry_out(world.decide())
    assert bound(world)["stable"] == 2
    world.run(100)
    assert world.phase == ("Healthy", "")
    assert bound(world) == {"canary": 2, "stable": 2}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_small_share_of_few_replicas_does_not_go_back_to_a_stable_without_pods(
    block: Any,
) -> None:
    """A share of one replica, rounded down, is no pod at all."""
    steps = [{"setWeight": 60}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]
    world = routed(manifest(1, **block(steps=steps)), lag=0, delay=0)
    world.run()
    world.image("app:v2")
    world.run()
    assert world.weights() == (40, 60)
    world.lose(1, 1)
    world.promote()
    for _ in range(4):
        world.carry_out(world.decide())
        world.pass_time(1)
    assert world.weights() == (40, 60)
    world.run()
    assert world.weights() == (80, 20)
