"""The laws of step plugins, over random histories: every call is accounted for, in an order to rely on."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from histories import PLUGINS, Event, happen
from hypothesis import given, settings
from hypothesis import strategies as st
from world import World, in_two_calls, manifest

from gradatim.decide import PluginCall

EXAMPLES = int(os.environ.get("GRADATIM_EXAMPLES", "0"))
LONG = settings(settings.get_profile("decide"), max_examples=EXAMPLES or 40)

KINDS: list[dict[str, Any]] = [
    {"plugin": {"name": "org/gate", "config": {"level": 1}}},
    {"plugin": {"name": "org/test"}},
    {"plugin": {"name": "org/test"}, "setWeight": 40},
    {"plugin": {"name": "org/gate"}, "pause": {"duration": 5}},
    {"setWeight": 50},
    {"pause": {"duration": 3}},
]
steps = st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)
events: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("image"), st.sampled_from(["app:v1", "app:v2", "app:v3"])),
    st.tuples(st.sampled_from(["abort", "retry", "promote", "promote_full"]), st.none()),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("crash"), st.integers(0, 3)),
    st.tuples(
        st.just("plugin"), st.sampled_from(["Successful", "Running", "Failed", "Error", *PLUGINS])
    ),
    st.tuples(st.just("steps"), steps),
    st.tuples(st.just("work"), st.tuples(st.integers(1, 8), st.none())),
    st.tuples(st.just("wait"), st.sampled_from([0.3, 1, 12, 31])),
)

#: One visit of one step.
Visit = tuple[int, str, datetime | None]


def visits(calls: tuple[PluginCall, ...]) -> dict[Visit, list[PluginCall]]:
    found: dict[Visit, list[PluginCall]] = defaultdict(list)
    for call in calls:
        found[call.index, call.name, call.reached].append(call)
    return found


def assert_accounted_for(calls: tuple[PluginCall, ...]) -> None:
    for visit, made in visits(calls).items():
        operations = [call.operation for call in made]
        after = [o for o in operations if o != "Run"]
        # no Run comes after the word to end, and none of the others before
        assert operations == [*["Run"] * operations.count("Run"), *after], visit
        # they are asked for in this order, again only when the controller had to be replaced
        assert after == sorted(after, key=["Terminate", "Abort"].index), visit
        runs = [call.runs for call in made]
        assert runs == sorted(runs), visit
        assert all(b - a <= 1 for a, b in pairwise(runs)), visit


def assert_settled(world: World) -> None:
    entries = world.status.get("canary", {}).get("stepPluginStatuses", [])
    assert not [e for e in entries if e["operation"] != "Run" and e["phase"] == "Running"]
    keys = [(e["index"], e["name"], e["operation"]) for e in entries]
    assert len(set(keys)) == len(keys)


@LONG
@given(steps=steps, history=st.lists(events, min_size=12, max_size=30))
def test_every_call_is_accounted_for(steps: list[dict[str, Any]], history: list[Event]) -> None:
    world = World.of(manifest(replicas=2, steps=steps))
    world.run()
    for event in history:
        if event[0] == "steps":
            world.canary(steps=event[1])
        else:
            happen(world, event)
        world.carry_out(world.decide())
        world.kubelet()
        world.measure()
        world.pass_time(1)
        assert_accounted_for(world.calls)
    world.plugin = in_two_calls
    world.pause(False)
    world.run(600)
    assert_settled(world)
    assert_accounted_for(world.calls)
    world.image("app:v4")
    world.run(600)
    world.retry()
    world.promote_full()
    world.run(600)
    assert world.phase == ("Healthy", "")
    assert_settled(world)


@LONG
@given(steps=steps, failing=st.integers(0, 4))
def test_what_was_done_is_taken_back_in_reverse(steps: list[dict[str, Any]], failing: int) -> None:
    world = World.of(manifest(replicas=2, steps=steps))
    world.run()
    world.pass_time(5)
    world.image("app:v2")
    world.plugin = lambda call: (
        "Failed" if (call.operation, call.index) == ("Run", failing) else "Successful",
        {},
    )
    world.run(600)
    plugins = [i for i, step in enumerate(steps) if "plugin" in step]
    calls = [(call.operation, call.index) for call in world.calls]
    if failing not in plugins:
        assert world.phase == ("Healthy", "")
        assert calls == [("Run", i) for i in plugins]
        return
    done = [i for i in plugins if i < failing]
    runs = [("Run", i) for i in [*done, failing]]
    assert calls == [*runs, *(("Abort", i) for i in reversed(done))]
