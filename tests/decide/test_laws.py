"""The laws of a decision, over random strategies and random histories: quiet, total, safe, monotone, live."""

from __future__ import annotations

import os
from copy import copy
from datetime import timedelta

from histories import Event, events, happen, histories, overtaking, routed_worlds, worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from world import World, in_two_calls

from gradatim.decide import decide

EXAMPLES = int(os.environ.get("GRADATIM_EXAMPLES", "0"))
LONG = settings(settings.get_profile("decide"), max_examples=EXAMPLES or 25)


def assert_quiet(world: World) -> None:
    """Carried out, a decision leaves nothing to decide at the same instant."""
    twin = copy(world)
    twin.mesh, twin.events, twin.log = None, [], []
    twin.carry_out(twin.decide())
    again = twin.decide()
    assert again.effects == ()
    assert again.status == twin.status


def assert_monotone(world: World, seconds: float) -> None:
    """A later decision on the same world is at the same step or a later one, but for an abort."""
    sooner = world.decide().status
    later = decide(world.snapshot, world.now + timedelta(seconds=seconds)).status
    if later.get("abort", False) == sooner.get("abort", False):
        assert later.get("currentStepIndex", 0) >= sooner.get("currentStepIndex", 0)


def assert_ends(world: World) -> None:
    """With good pods, metrics and plugins, a release that somebody promotes in full is all there is in the end."""
    world.verdict = lambda _: ("Successful", "")
    world.plugin = in_two_calls
    world.arrived = True
    world.pause(False)
    world.image("app:v4")
    world.run(400)
    world.retry()
    world.promote_full()
    world.run(400)
    assert world.phase == ("Healthy", "")
    newest = max(world.snapshot.replica_sets, key=lambda r: r.revision)
    assert newest.available == world.rollout.replicas
    if world.snapshot.routes:
        assert sorted(world.weights()) == [0, 100]


@LONG
@given(world=worlds(), history=histories)
def test_any_history_is_quiet_safe_and_total_and_good_pods_end_it(
    world: World, history: list[Event]
) -> None:
    for event in history:
        happen(world, event)
        assert_quiet(world)
        world.carry_out(world.decide())
        world.kubelet(1)
        world.measure()
        world.pass_time(1)
    assert_ends(world)


@LONG
@given(world=routed_worlds(), history=overtaking)
def test_releases_that_overtake_each_other_are_safe_and_good_pods_end_them(
    world: World, history: list[Event]
) -> None:
    for event in history:
        happen(world, event)
        world.carry_out(world.decide())
        world.kubelet(1)
        world.measure()
        world.pass_time(1)
    assert_ends(world)


@settings(settings.get_profile("decide"))
@given(
    world=worlds(),
    history=st.lists(events, max_size=12),
    seconds=st.sampled_from([0.001, 1, 10, 31, 700]),
)
def test_a_later_decision_never_uncompletes_a_step(
    world: World, history: list[Event], seconds: float
) -> None:
    for event in history:
        happen(world, event)
        assert_monotone(world, seconds)


@settings(settings.get_profile("decide"))
@given(world=worlds(waits=False))
def test_with_good_pods_and_metrics_every_release_ends_healthy(world: World) -> None:
    world.run()
    assert world.phase == ("Healthy", "")
    world.image("app:v2")
    world.run(1000)
    assert world.phase == ("Healthy", "")
    assert world.of_revision(2).available == world.rollout.replicas
    assert world.of_revision(1).available == 0


@settings(settings.get_profile("decide"))
@given(world=worlds(waits=False), verdict=st.sampled_from(["Failed", "Error"]))
def test_with_bad_metrics_stable_serves_all_in_the_end(world: World, verdict: str) -> None:
    world.verdict = lambda _: (verdict, "bad")
    world.run()
    world.image("app:v2")
    world.run(1000)
    if not world.rollout.status.abort:
        # no run was reached before the last step
        assert world.phase == ("Healthy", "")
        return
    assert world.phase[0] == "Degraded"
    assert world.of_revision(1).available == world.rollout.replicas
    canary = world.rollout.canary
    assert canary is not None
    if world.snapshot.routes:
        assert world.weights() == (100, 0)
    if not world.snapshot.routes or canary.abort_scale_down_delay != 0:
        assert world.of_revision(2).replicas == 0
