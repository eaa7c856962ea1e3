"""No snapshot raises: hostile Rollouts, statuses written by hand, foreign ReplicaSets, routers that fail."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from histories import Event, events, happen, worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from world import START, World, istio, manifest, routed

from gradatim.decide import Snapshot, decide
from gradatim.decide.decision import Decision
from gradatim.model import names
from gradatim.model.reading import Json
from gradatim.model.rollout import parse_rollout
from gradatim.model.workload import parse_replica_set, parse_service
from gradatim.plugin import FieldPath, Problem, RouterError, TrafficRouter

DECIDE = settings.get_profile("decide")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**40),
    st.floats(allow_nan=False),
    st.sampled_from(["", "0", "-1", "x", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "100%"]),
)
junk = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=3,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        found.append((*path, key))
        if isinstance(item, dict | list):
            found += _paths(item, (*path, key))
    return found


@st.composite
def broken(draw: st.DrawFn, raw: Json) -> Json:
    """An object with some of its fields, and some beside them, turned into junk."""
    raw = deepcopy(raw)
    for path in draw(st.lists(st.sampled_from(_paths(raw)), min_size=1, max_size=4)):
        holder = raw
        for key in path[:-1]:
            fits = isinstance(holder, dict) and key in holder
            fits = fits or (isinstance(holder, list) and isinstance(key, int) and key < len(holder))
            if not fits:
                break
            holder = holder[key]
        else:
            if isinstance(holder, dict) or (
                isinstance(holder, list) and isinstance(path[-1], int) and path[-1] < len(holder)
            ):
                holder[path[-1]] = draw(junk)
    return raw


STEPS: list[Json] = [
    {"setWeight": 20},
    {"pause": {"duration": "10s"}},
    {"setCanaryScale": {"replicas": 2}},
    {"analysis": {"templates": [{"templateName": "t"}], "args": [{"name": "a", "value": "b"}]}},
    {"setHeaderRoute": {"name": "h"}},
    {"experiment": {}},
    {"plugin": {"name": "x"}},
    {},
]


def full_rollout() -> Json:
    fields = {
        "maxSurge": "25%",
        "maxUnavailable": 1,
        "scaleDownDelaySeconds": 3,
        "abortScaleDownDelaySeconds": 3,
        "minPodsPerReplicaSet": 1,
        "replicaProgressThreshold": {"type": "Pods", "value": 1},
        "analysis": {"templates": [{"templateName": "t"}], "startingStep": 1},
    }
    raw = manifest(3, **istio(steps=STEPS, **fields))
    raw["spec"] |= {"progressDeadlineSeconds": 60, "restartAt": "2026-01-01T00:00:00Z"}
    raw["status"] = full_status()
    return raw


def full_status() -> Json:
    return {
        "abort": True,
        "abortedAt": "2026-01-01T00:00:00Z",
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}],
        "controllerPause": True,
        "currentPodHash": "abc",
        "currentStepHash": "def",
        "currentStepIndex": 1,
        "collisionCount": 1,
        "observedGeneration": "1",
        "stableRS": "abc",
        "promoteFull": False,
        "replicas": 3,
        "conditions": [
            {
                "type": "Progressing",
                "status": "True",
                "reason": "ReplicaSetUpdated",
                "lastUpdateTime": "2026-01-01T00:00:00Z",
            }
        ],
        "canary": {
            "weights": {
                "canary": {"weight": 20, "podTemplateHash": "abc"},
                "stable": {"weight": 80},
            },
            "currentStepAnalysisRunStatus": {"name": "r", "status": "Running"},
            "currentBackgroundAnalysisRunStatus": {"name": "b", "status": "Failed"},
            "stepPluginStatuses": [
                plugin_status("Run", 6, "Running", executions=1, updatedAt="2026-01-01T00:00:00Z"),
                plugin_status("Terminate", 6, "Running", status={"job": 1}),
                plugin_status("Abort", 6, "Successful"),
            ],
        },
        "duration": {"rolloutStartedAt": "2026-01-01T00:00:00Z", "manualPauseStartedAt": "x"},
    }


def plugin_status(operation: str, index: int, phase: str, **more: Any) -> Json:
    started = {"startedAt": "2026-01-01T00:00:00Z", "backoff": "30s"}
    entry = {"index": index, "name": "x", "operation": operation, "phase": phase}
    return {**entry, **started, **more}


def replica_set(name: str = "web-abc") -> Json:
    return {
        "metadata": {
            "name": name,
            "generation": 1,
            "labels": {"rollouts-pod-template-hash": "abc"},
            "annotations": {
                "rollout.argoproj.io/revision": "2",
                "rollout.argoproj.io/desired-replicas": "3",
                "scale-down-deadline": "2026-01-01T00:01:00Z",
            },
        },
        "spec": {"replicas": 2, "minReadySeconds": 1, "template": {}},
        "status": {
            "replicas": 2,
            "availableReplicas": 1,
            "conditions": [{"type": "ReplicaFailure"}],
        },
    }


def quiet(snapshot: Snapshot, seconds: float = 90) -> Decision:
    return decide(snapshot, START + timedelta(seconds=seconds))


@DECIDE
@given(
    raw=broken(full_rollout()),
    sets=st.lists(broken(replica_set()), max_size=3),
    service=broken({"metadata": {"name": "web-canary"}, "spec": {"selector": {"app": "web"}}}),
    seconds=st.sampled_from([-1e6, 0, 90, 1e6]),
)
def test_no_object_makes_a_decision_raise(
    raw: Json, sets: list[Json], service: Json, seconds: float
) -> None:
    world = routed(manifest(3, **istio()))
    snapshot = replace(
        world.snapshot,
        rollout=parse_rollout(raw),
        replica_sets=tuple(parse_replica_set(s) for s in sets),
        services={"web-canary": parse_service(service)},
    )
    decision = quiet(snapshot, seconds)
    assert isinstance(decision.status, dict)
    quiet(replace(snapshot, routes=()), seconds)


@DECIDE
@given(
    world=worlds(),
    history=st.lists(events, min_size=4, max_size=15),
    status=st.dictionaries(st.sampled_from(sorted(full_status())), junk, max_size=4),
    seconds=st.sampled_from([-100000, -30, 0, 50]),
)
def test_a_status_written_by_hand_and_a_clock_that_jumps_do_no_harm(
    world: World, history: list[Event], status: Json, seconds: float
) -> None:
    for event in history:
        happen(world, event)
    world.now += timedelta(seconds=seconds)
    world.checked, world.mesh = False, None
    merged = {**world.status, **status}
    world.patch_status(**merged)
    decision = world.decide()
    world.carry_out(decision)
    again = world.decide()
    assert again.effects == ()
    assert again.status == world.status


class Broken(TrafficRouter):
    """Raises at everything that it is told to."""

    key = "istio"

    def __init__(self, *methods: str) -> None:
        self.methods = methods

    def _do(self, method: str, answer: Any) -> Any:
        if method in self.methods:
            raise RouterError(f"{method} is broken")
        return answer

    def references(self, config: Json, namespace: str) -> Any:
        return self._do("references", ["x"])

    def plan(self, wanted: Any, objects: Any) -> Any:
        return self._do("plan", ())

    def observed(self, wanted: Any, objects: Any) -> Any:
        return self._do("observed", super().observed(wanted, objects))

    def bound_hashes(self, config: Json, namespace: str, objects: Any) -> Any:
        return self._do("bound_hashes", frozenset())


@pytest.mark.parametrize("method", ["references", "plan", "observed", "bound_hashes"])
def test_a_router_that_fails_stops_steps_and_pods_and_is_told(method: str) -> None:
    world = routed(manifest(4, **istio(steps=[{"setWeight": 50}, {"pause": {}}])))
    world.run()
    world.image("app:v2")
    world.run()
    world.pass_time(60)
    route = replace(world.snapshot.routes[0], router=Broken(method))
    world.snapshot = replace(world.snapshot, routes=(route,))
    before = world.sets()
    world.abort()
    for _ in range(40):
        world.carry_out(world.decide())
        world.kubelet()
        world.pass_time(10)
    if method == "bound_hashes":
        # nothing can be told of it but that the pods may still be named
        assert world.of_revision(2).replicas in (0, 2)
        return
    assert world.sets() == before
    assert f"Warning TrafficRoutingError: {method} is broken" in world.events
    assert world.decide().look_again_in == timedelta(seconds=10)


def test_a_rollout_that_is_being_deleted_is_left_alone() -> None:
    raw = manifest(3)
    raw["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert quiet(World.of(raw).snapshot) == Decision((), {})


def test_an_invalid_rollout_says_so_and_nothing_is_touched() -> None:
    path = FieldPath("spec", "strategy", "canary", "steps") / 0
    world = World.of(manifest(3), problems=(Problem(path, "is wrong"),))
    decision = world.decide()
    assert decision.effects == ()
    assert decision.look_again_in == timedelta(seconds=20)
    world.carry_out(decision)
    assert world.phase == (
        "Degraded",
        'InvalidSpec: The Rollout "web" is invalid: spec.strategy.canary.steps[0]: is wrong',
    )
    assert world.decide().status == world.status
    world.snapshot = replace(world.snapshot, problems=(Problem(path, "is worse"),))
    world.carry_out(world.decide())
    assert "is worse" in world.phase[1]
    world.snapshot = replace(world.snapshot, problems=())
    world.run()
    assert world.phase == ("Healthy", "")
    assert "InvalidSpec" not in world.conditions()


def at_half(**fields: Any) -> World:
    steps = [{"setWeight": 50}, {"pause": {}}]
    world = routed(manifest(4, **istio(steps=steps, **fields)), lag=2)
    world.run()
    world.image("app:v2")
    world.run()
    assert world.weights() == (50, 50)
    return world


@pytest.mark.parametrize(("index", "read"), [(99, 2), (-5, 0)])
def test_a_step_index_beyond_the_steps_is_taken_as_the_nearest(index: int, read: int) -> None:
    world = at_half()
    world.patch_status(currentStepIndex=index)
    world.run(1)
    assert world.status["currentStepIndex"] in (read, read + 1)


def test_a_missing_stable_set_is_a_first_deployment() -> None:
    world = at_half()
    kept = tuple(r for r in world.snapshot.replica_sets if r.revision == 2)
    world.snapshot = replace(world.snapshot, replica_sets=kept)
    world.mesh = None
    world.run(300)
    assert world.phase == ("Healthy", "")
    assert world.sets() == {2: (4, 4)}


def test_two_sets_of_one_hash_are_told_apart_by_age() -> None:
    world = at_half()
    twin = world.of_revision(2)
    twin = replace(
        twin, meta=replace(twin.meta, name="web-twin", created=world.now + timedelta(1)), replicas=1
    )
    sets = (twin, *world.snapshot.replica_sets)
    world.snapshot = replace(world.snapshot, replica_sets=sets)
    world.promote()
    world.run(300)
    assert world.phase == ("Healthy", "")


@pytest.mark.parametrize(
    "change",
    [
        {"steps": []},
        {"steps": None},
        {"steps": [{"setWeight": 10}, {"pause": {}}]},
        {"abortScaleDownDelaySeconds": 0},
    ],
    ids=str,
)
def test_a_strategy_edited_in_flight_still_comes_to_an_end(change: Json) -> None:
    world = at_half()
    world.canary(**change)
    world.run(300)
    world.promote_full()
    world.run(300)
    assert world.phase == ("Healthy", "")
    assert world.weights() == (100, 0)


def test_routing_that_is_taken_away_in_flight_leaves_a_basic_canary() -> None:
    world = at_half()
    world.canary(trafficRouting=None)
    world.snapshot = replace(world.snapshot, routes=())
    world.run(300)
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert world.sets() == {1: (2, 2), 2: (2, 2)}
    assert "weights" not in world.status.get("canary", {})
    world.promote()
    world.run(300)
    assert world.phase == ("Healthy", "")


def test_routing_that_is_added_in_flight_takes_over_with_all_pods_of_stable() -> None:
    steps = [{"setWeight": 50}, {"pause": {}}]
    other = routed(manifest(4, **istio(steps=steps)))
    world = World.of(manifest(4, steps=steps))
    world.run()
    world.image("app:v2")
    world.run()
    assert world.sets() == {1: (2, 2), 2: (2, 2)}
    block = istio()
    world.canary(**block)
    world.snapshot = replace(
        world.snapshot, routes=other.snapshot.routes, services=other.snapshot.services
    )
    world.run(300)
    assert world.weights() == (50, 50)
    assert world.sets() == {1: (4, 4), 2: (2, 2)}


def test_a_deadline_that_cannot_be_read_counts_as_over() -> None:
    world = at_half(scaleDownDelaySeconds=60)
    world.promote()
    world.run(20)
    old = world.of_revision(1)
    annotations = {**old.meta.annotations, "scale-down-deadline": "soon"}
    broken_one = replace(old, meta=replace(old.meta, annotations=annotations))
    sets = tuple(broken_one if r is old else r for r in world.snapshot.replica_sets)
    world.snapshot = replace(world.snapshot, replica_sets=sets)
    world.run(20)
    assert world.of_revision(1).replicas == 0


@pytest.mark.parametrize(
    "change",
    [
        {"template": {"metadata": [], "spec": {"containers": []}}},
        {"template": {"metadata": {"labels": ["app"]}}},
        {"selector": {"matchLabels": ["app"]}},
    ],
    ids=["metadata-is-a-list", "labels-are-a-list", "matchLabels-are-a-list"],
)
def test_a_template_of_the_wrong_shape_makes_no_decision_raise(change: dict[str, Any]) -> None:
    raw = manifest(2)
    raw["spec"] |= change
    World.of(raw).decide()


def test_a_revision_of_thousands_of_digits_counts_as_none() -> None:
    world = World.of(manifest(2))
    world.run()
    (replica_set,) = world.snapshot.replica_sets
    meta = replace(replica_set.meta, annotations={names.REVISION: "9" * 5000})
    world.snapshot = replace(world.snapshot, replica_sets=(replace(replica_set, meta=meta),))
    assert world.snapshot.replica_sets[0].revision == 0
    world.decide()
