"""Restarts: every pod goes once, never more at a time than the Rollout can do without."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from podworld import PodWorld
from world import START, manifest

from gradatim.decide.effects import EvictPods
from gradatim.decide.restart import RECHECK
from gradatim.model import names
from gradatim.model.meta import Meta
from gradatim.model.reading import format_time
from gradatim.model.workload import Pod, ReplicaSet

STEPS = [{"setWeight": 50}, {"pause": {}}]


def released(replicas: int = 4, **canary: Any) -> PodWorld:
    world = PodWorld.of(manifest(replicas=replicas, **canary))
    world.run(8)
    assert world.world.phase == ("Healthy", "")
    world.fewest = 1_000_000
    return world


@pytest.mark.parametrize(
    ("replicas", "unavailable", "fewest"),
    [
        pytest.param(4, None, 3, id="a quarter of the pods goes at a time"),
        pytest.param(8, None, 6, id="two of eight, which is a quarter"),
        pytest.param(
            4, 0, 3, id="one goes even where none may be unavailable, or it would never end"
        ),
        pytest.param(4, "50%", 2, id="half of them where half may be unavailable"),
        pytest.param(1, 0, 0, id="the only pod goes, as the reference does"),
    ],
)
def test_all_pods_are_replaced_within_the_limit(
    replicas: int, unavailable: Any, fewest: int
) -> None:
    world = released(replicas, maxUnavailable=unavailable)
    before = world.names()
    world.restart()
    world.run()
    assert sorted(world.gone) == sorted(before)
    assert not world.names() & before
    assert world.fewest == fewest
    assert world.world.phase == ("Healthy", "")
    assert world.world.status["restartedAt"] == world.world.rollout.raw["spec"]["restartAt"]


def test_it_is_shown_as_restarting_and_makes_no_revision() -> None:
    world = released()
    world.restart()
    world.turn()
    assert world.world.phase == ("Progressing", "rollout is restarting")
    assert "restartedAt" not in world.world.status
    world.run()
    assert world.world.sets() == {1: (4, 4)}


def test_restarting_ends_only_when_the_last_pod_is_really_going() -> None:
    world = released(replicas=1)
    world.restart()
    decision = world.world.decide()
    assert [type(effect) for effect in decision.effects] == [EvictPods]
    assert "restartedAt" not in decision.status, "a refusal would end it else"
    assert decision.look_again_in == RECHECK


def test_it_is_never_called_healthy_before_the_last_pod_is_back() -> None:
    world = released(replicas=1)
    before = world.names()
    world.restart()
    for _ in range(8):
        answering = {p.meta.name for p in world.pods if p.ready and not p.meta.deleting}
        decision = world.world.decide()
        if decision.status["phase"] == "Healthy":
            assert answering
            assert not answering & before
        world.turn()
    assert world.world.phase == ("Healthy", "")


def test_a_disruption_budget_is_respected_and_asked_again() -> None:
    world = released()
    held = sorted(world.names())[0]
    world.refused = {held}
    world.restart()
    world.run()
    assert held in world.names()
    assert world.world.phase == ("Progressing", "rollout is restarting")
    assert world.fewest == 3
    assert world.world.decide().look_again_in == RECHECK
    world.refused = set()
    world.run(5)
    assert held not in world.names()
    assert world.world.phase == ("Healthy", "")


def test_a_restart_in_the_future_is_waited_for() -> None:
    world = released()
    world.spec(restartAt=format_time(world.world.now + timedelta(seconds=100)))
    before = world.names()
    world.turn()
    assert world.gone == []
    decision = world.world.decide()
    assert decision.look_again_in is not None
    assert timedelta(seconds=98) < decision.look_again_in < timedelta(seconds=101)
    world.world.pass_time(decision.look_again_in.total_seconds())
    world.turn()
    assert len(world.gone) == 1
    world.run()
    assert not world.names() & before


def test_pods_that_came_after_it_stay() -> None:
    world = released()
    world.restart()
    world.run()
    young = world.names()
    world.run()
    assert world.names() == young


def test_an_old_request_that_was_fulfilled_is_not_fulfilled_again() -> None:
    world = released()
    world.restart()
    world.run()
    world.run()
    assert len(world.gone) == 4


def test_nothing_is_evicted_while_the_pods_are_not_known() -> None:
    world = released()
    world.restart()
    world.world.snapshot = replace(world.world.snapshot, pods=None)
    decision = world.world.decide()
    assert decision.effects == ()
    assert decision.look_again_in == timedelta(seconds=2)
    assert decision.status["message"] == "rollout is restarting"


def test_a_new_template_ends_the_restart_as_its_pods_are_new() -> None:
    world = released()
    world.restart()
    world.turn()
    assert len(world.gone) == 1
    world.world.image("app:v2")
    world.run()
    assert len(world.gone) == 1
    assert world.world.phase == ("Healthy", "")
    assert world.world.status["restartedAt"] == world.world.rollout.raw["spec"]["restartAt"]


def test_pods_of_a_broken_canary_leave_no_room_for_evictions() -> None:
    # argo-rollouts #4221: a restart during an update took pods that were needed
    world = released(steps=STEPS, maxSurge=1, maxUnavailable=0)
    world.world.image("app:bad")
    world.run(5)
    world.fewest = 1_000_000
    world.restart()
    world.run()
    assert world.gone == []
    assert world.fewest == 4


def test_during_an_update_the_surge_makes_up_for_it() -> None:
    # the same row: with all pods there, one may go, and never so many that fewer than the replicas answer
    world = released(steps=[{"setWeight": 25}, {"pause": {}}], maxSurge=2, maxUnavailable=0)
    world.world.image("app:v2")
    world.run(8)
    assert world.world.phase[0] == "Paused"
    before = world.names()
    world.fewest = 1_000_000
    world.restart()
    world.run()
    assert not world.names() & before
    assert world.fewest == len(before) - 1


def test_the_only_pod_of_a_canary_that_has_a_name_waits_for_the_end_of_the_update() -> None:
    services = {"canaryService": "web-canary", "stableService": "web-stable"}
    world = released(steps=[{"setWeight": 25}, {"pause": {}}], **services)
    world.world.image("app:v2")
    world.run(8)
    alone = {p.meta.name for p in world.of_revision(2)}
    assert len(alone) == 1
    world.restart()
    world.run()
    assert {p.meta.name for p in world.of_revision(2)} == alone
    assert world.world.phase == ("Paused", "CanaryPauseStep")
    world.world.promote()
    world.run()
    assert not world.names() & alone
    assert world.world.phase == ("Healthy", "")


def test_scaling_counts_pods_that_were_evicted_a_moment_ago() -> None:
    world = released(steps=STEPS, maxSurge=0, maxUnavailable=1)
    world.restart()
    # the status of the set still counts the pod that is going
    world.turn()
    assert len(world.gone) == 1
    assert world.world.of_revision(1).available == 4
    world.world.scale(4)
    decision = world.world.decide()
    assert decision.status["availableReplicas"] == 3
    assert decision.effects == ()


def made(name: str, **facts: Any) -> ReplicaSet:
    meta = Meta(
        name=name,
        uid=name,
        labels={names.POD_HASH: name},
        created=facts.pop("created", START),
    )
    return ReplicaSet(meta=meta, replicas=2, current=2, ready=2, available=2, **facts)


def test_stable_comes_first_then_the_new_one_then_others_by_age() -> None:
    from gradatim.decide.restart import evictions
    from gradatim.decide.revisions import revisions
    from gradatim.decide.snapshot import Snapshot
    from gradatim.model.rollout import Rollout

    ages = {"older": 9, "old": 8, "stable": 7, "new": 6}
    sets = tuple(made(n, created=START - timedelta(hours=h)) for n, h in ages.items())
    pods = tuple(
        Pod(meta=Meta(name=f"{r.name}-{i}", owner_uid=r.name, created=START), ready=i > 0)
        for r in reversed(sets)
        for i in (1, 0)
    )
    rollout = Rollout(meta=Meta(), replicas=2, restart_at=START + timedelta(hours=1))
    snapshot = Snapshot(rollout=rollout, replica_sets=sets, pods=pods)
    found = revisions(sets, pod_hash="new", stable_hash="stable")
    now = START + timedelta(hours=2)
    gone = evictions(snapshot, found, now, unavailable=8, by_name=False)
    # within a set, a pod that does not answer goes before one that does
    order = ["stable-0", "stable-1", "new-0", "new-1", "older-0", "older-1", "old-0", "old-1"]
    assert gone is not None
    assert [name for name, _ in gone.pods] == order
    assert gone.most == 8


events = st.one_of(
    st.tuples(st.just("image"), st.sampled_from(["app:v1", "app:v2", "app:bad"])),
    st.tuples(st.just("scale"), st.integers(1, 5)),
    st.tuples(st.sampled_from(["restart", "promote", "abort", "retry", "turn"]), st.none()),
    st.tuples(st.just("refuse"), st.booleans()),
)


@settings(settings.get_profile("decide"))
@given(
    surge=st.integers(0, 2),
    unavailable=st.integers(0, 2),
    history=st.lists(events, max_size=15),
)
def test_whatever_happens_a_restart_ends_and_decisions_are_quiet(
    surge: int, unavailable: int, history: list[tuple[str, Any]]
) -> None:
    world = released(steps=STEPS, maxSurge=surge, maxUnavailable=unavailable)
    for name, value in history:
        if name == "restart":
            world.restart()
        elif name == "refuse":
            world.refused = world.names() if value else set()
        elif name != "turn":
            getattr(world.world, name)(*([] if value is None else [value]))
        world.carry_out()
        assert world.world.decide().effects == ()
        world.cluster()
        world.world.pass_time(1)
    world.refused = set()
    world.world.retry()
    world.world.image("app:v3")
    world.run(30)
    world.world.promote_full()
    world.run(40)
    world.restart()
    before = world.names()
    world.fewest = 1_000_000
    world.run(60)
    assert not world.names() & before
    assert world.world.phase == ("Healthy", "")
    assert world.fewest >= world.world.rollout.replicas - max(unavailable, 1)
