"""The laws of a decision, over random blue-green strategies and histories: quiet, total, safe, live."""

from __future__ import annotations

import os
from copy import copy
from datetime import timedelta
from typing import Any

from histories import Event, events, happen
from hypothesis import given, settings
from hypothesis import strategies as st
from switchworld import ACTIVE, SwitchWorld, worlds

from gradatim.decide import decide

LONG = settings(
    settings.get_profile("decide"), max_examples=int(os.environ.get("GRADATIM_EXAMPLES", "60"))
)

histories: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(events, st.tuples(st.just("strip"), st.just(ACTIVE))), min_size=20, max_size=40
)


def step(world: SwitchWorld, event: Event) -> None:
    if event[0] == "strip":
        world.strip(event[1])
    else:
        happen(world, event)


def assert_quiet(world: SwitchWorld) -> None:
    """Carried out, a decision leaves nothing to decide at the same instant."""
    twin = copy(world)
    twin.events, twin.log, twin.selectors_seen = [], [], list(world.selectors_seen)
    twin.served, twin.excused = set(world.served), set(world.excused)
    twin.carry_out(twin.decide())
    again = twin.decide()
    assert again.effects == ()
    assert again.status == twin.status
    if again.look_again_in is None or again.look_again_in > timedelta(seconds=2):
        # nor when time goes by in which nothing is due
        later = decide(twin.snapshot, twin.now + timedelta(seconds=2))
        assert (later.effects, later.status) == ((), twin.status)


@LONG
@given(world=worlds(), history=histories)
def test_any_history_is_quiet_and_safe_and_good_pods_end_it(
    world: SwitchWorld, history: list[Event]
) -> None:
    for event in history:
        step(world, event)
        assert_quiet(world)
        world.carry_out(world.decide())
        world.kubelet(1)
        world.measure()
        world.pass_time(1)
    world.verdict = lambda _: ("Successful", "")
    world.pause(False)
    world.image("app:v4")
    world.run(400)
    world.retry()
    world.promote_full()
    world.run(400)
    assert world.phase == ("Healthy", "")
    newest = max(world.snapshot.replica_sets, key=lambda r: r.revision)
    assert newest.available == world.rollout.replicas
    assert set(world.selectors().values()) == {newest.revision}
    world.run(4000)
    others = [r for r in world.snapshot.replica_sets if r is not newest]
    assert all(r.replicas == 0 for r in others if r.revision != newest.revision)


@settings(settings.get_profile("decide"))
@given(world=worlds(waits=False))
def test_with_good_pods_and_metrics_every_release_ends_healthy(world: SwitchWorld) -> None:
    world.run()
    assert world.phase == ("Healthy", "")
    world.image("app:v2")
    world.run(1000)
    assert world.phase == ("Healthy", "")
    assert world.of_revision(2).available == world.rollout.replicas
    assert world.of_revision(1).available == 0


@settings(settings.get_profile("decide"))
@given(world=worlds(waits=False), verdict=st.sampled_from(["Failed", "Error"]))
def test_with_bad_metrics_stable_serves_all_in_the_end(world: SwitchWorld, verdict: str) -> None:
    world.verdict = lambda _: (verdict, "bad")
    world.run()
    world.image("app:v2")
    world.run(1000)
    block = world.rollout.blue_green_view
    assert block is not None
    if block.pre_promotion is None and block.post_promotion is None:
        assert world.phase == ("Healthy", "")
        return
    assert world.phase[0] == "Degraded"
    assert world.selectors()[ACTIVE] == 1
    assert world.of_revision(1).available == world.rollout.replicas
    if block.abort_scale_down_delay != 0:
        assert world.of_revision(2).replicas == 0
