"""Random histories of releases with Experiments: quiet, safe under proxies that lag, and every one ends."""

from __future__ import annotations

import os
from copy import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from stepworld import StepWorld, asking, tries, weighed

from gradatim.model.reading import Json

EXAMPLES = int(os.environ.get("GRADATIM_EXAMPLES", "0"))
LONG = settings(settings.get_profile("decide"), max_examples=EXAMPLES or 15)

Event = tuple[str, Any]


@st.composite
def steps(draw: st.DrawFn, *, is_routed: bool) -> Json:
    given: Json = {}
    if draw(st.booleans()):
        given["duration"] = draw(st.sampled_from(["1s", "5s", "30s"]))
    if draw(st.booleans()) or not given:
        given["analyses"] = asking(requiredForCompletion=draw(st.booleans()) or not given)
    delay = draw(st.sampled_from([None, 0, 3]))
    if delay is not None:
        given["scaleDownDelaySeconds"] = delay
    if not is_routed:
        return tries(**given)
    return weighed(draw(st.sampled_from([0, 10, 40])), draw(st.sampled_from([0, 20, 60])), **given)


@st.composite
def worlds(draw: st.DrawFn) -> StepWorld:
    is_routed = draw(st.booleans())
    plain = st.sampled_from([{"setWeight": 20}, {"setWeight": 60}, {"pause": {"duration": 2}}])
    wanted = draw(st.lists(st.one_of(steps(is_routed=is_routed), plain), min_size=1, max_size=4))
    replicas = draw(st.integers(1, 5))
    if not is_routed:
        return StepWorld.basic(*wanted, replicas=replicas)
    canary: Json = {}
    for name, values in {
        "abortScaleDownDelaySeconds": [None, 0, 2],
        "scaleDownDelaySeconds": [None, 8],
    }.items():
        value = draw(st.sampled_from(values))
        if value is not None:
            canary[name] = value
    if not canary and draw(st.booleans()):
        canary["dynamicStableScale"] = True
    return StepWorld.with_steps(
        *wanted, replicas=replicas, lag=draw(st.sampled_from([0, 2, 9])), **canary
    )


events: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("image"), st.sampled_from(["app:v1", "app:v2", "app:v3", "bad"])),
    st.tuples(st.sampled_from(["abort", "retry", "promote", "promote", "promote_full"]), st.none()),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("scale"), st.integers(0, 6)),
    st.tuples(st.just("lose"), st.tuples(st.integers(1, 3), st.integers(1, 2))),
    st.tuples(st.just("lost"), st.sampled_from(["baseline", "canary"])),
    st.tuples(st.just("crash"), st.integers(0, 5)),
    st.tuples(
        st.just("verdict"),
        st.sampled_from(["Successful", "Successful", "Running", "Failed", "Inconclusive"]),
    ),
    st.tuples(st.just("work"), st.integers(1, 8)),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 3, 40])),
)


def happen(world: StepWorld, event: Event) -> None:
    name, value = event
    match name:
        case "image" | "pause" | "scale":
            getattr(world, name)(value)
        case "abort" | "retry" | "promote" | "promote_full":
            getattr(world, name)()
        case "lose":
            world.lose(*value)
        case "lost" if world.rollout.status.current_experiment in world.sets:
            world.lose_experiment(value)
        case "verdict":
            world.verdict = lambda _: (value, "")
        case "crash":
            world.carry_out(world.decide(), stop_after=value)
        case "wait":
            world.pass_time(value)
        case "work":
            for _ in range(value):
                world.carry_out(world.decide())
                world.kubelet()
                world.measure()
                world.pass_time(1)


def assert_quiet(world: StepWorld) -> None:
    twin = copy(world)
    twin.mesh, twin.events, twin.log = None, [], []
    twin.sets, twin.made, twin.runs_of = dict(world.sets), dict(world.made), dict(world.runs_of)
    uids = [r.meta.uid for r in twin.snapshot.replica_sets]
    twin.carry_out(twin.decide())
    if [r.meta.uid for r in twin.snapshot.replica_sets] != uids:
        # the server has a new set now, and with it there is more to do
        return
    again = twin.decide()
    assert again.effects == ()
    assert again.status == twin.status


@LONG
@given(world=worlds(), history=st.lists(events, min_size=12, max_size=30))
def test_any_history_is_quiet_and_safe_and_ends(world: StepWorld, history: list[Event]) -> None:
    world.run(3)
    for event in history:
        happen(world, event)
        assert_quiet(world)
        world.carry_out(world.decide())
        world.kubelet()
        world.measure()
        world.pass_time(1)
    world.verdict = lambda _: ("Successful", "")
    world.pause(False)
    world.scale(max(1, world.rollout.replicas))
    world.image("app:v4")
    world.run(400)
    world.retry()
    world.promote_full()
    world.run(400)
    assert world.phase == ("Healthy", "")
    assert all(e.phase.is_completed for e in world.snapshot.experiments)
    assert all(r.replicas == 0 for sets in world.sets.values() for r in sets)
    assert not any(world.made.values())
    if world.snapshot.routes:
        assert sorted(world.weights_by_host.values()) == [0, 100]
