"""The laws of a decision on an Experiment: quiet, total, once, and every history ends."""

from __future__ import annotations

import os
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from trialworld import START, Json, Trial, asks, manifest, part

from gradatim.decide.effects import CreateReplicaSet, CreateRun, ScaleReplicaSet
from gradatim.decide.experiment import ExperimentSnapshot, decide_experiment
from gradatim.model.analysisrun import parse_analysis_run
from gradatim.model.experiment import parse_experiment
from gradatim.model.rollout import parse_rollout
from gradatim.model.workload import parse_replica_set, parse_service

EXAMPLES = int(os.environ.get("GRADATIM_EXAMPLES", "0"))
MANY = settings(settings.get_profile("decide"), max_examples=EXAMPLES or 60)

parts = st.builds(
    lambda replicas, image, service: (replicas, image, service),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from(["app:v1", "app:v1", "app:v2", "bad"]),
    st.sampled_from([None, None, {}, {"name": "svc"}]),
)
analyses = st.lists(st.booleans(), max_size=3)


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    made = []
    for name, (replicas, image, service) in zip(
        "abc", draw(st.lists(parts, min_size=1, max_size=3)), strict=False
    ):
        given_service = (
            {}
            if service is None
            else {"service": {**service, **({"name": f"svc-{name}"} if service else {})}}
        )
        made.append(part(name, image=image, replicas=replicas, **given_service))
    wanted = [
        asks(name, requiredForCompletion=required)[0]
        for name, required in zip("xyz", draw(analyses), strict=False)
    ]
    spec: Json = {"analyses": wanted, "progressDeadlineSeconds": 30}
    duration = draw(st.sampled_from(["", "5s", "1m"]))
    if duration:
        spec["duration"] = duration
    delay = draw(st.sampled_from([None, 0, 7]))
    if delay is not None:
        spec["scaleDownDelaySeconds"] = delay
    return Trial.of(manifest(*made, **spec))


verdicts = st.sampled_from(["Running", "Successful", "Failed", "Error", "Inconclusive"])
events = st.one_of(
    st.tuples(st.just("work"), st.tuples(st.integers(1, 4), st.sampled_from([1, None]))),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 3, 20, 61])),
    st.tuples(st.just("crash"), st.integers(0, 4)),
    st.tuples(st.just("lose"), st.sampled_from("abc")),
    st.tuples(st.just("verdict"), verdicts),
    st.tuples(st.just("terminate"), st.booleans()),
    st.tuples(st.just("anew"), st.none()),
    st.tuples(st.just("scale"), st.integers(0, 4)),
)


def happen(trial: Trial, event: tuple[str, Any]) -> None:
    name, value = event
    match name:
        case "work":
            rounds, pods = value
            for _ in range(rounds):
                trial.carry_out(trial.decide())
                trial.kubelet(pods)
                trial.measure()
                trial.now += timedelta(seconds=1)
        case "wait":
            trial.now += timedelta(seconds=value)
        case "crash":
            trial.carry_out(trial.decide(), stop_after=value)
        case "lose":
            trial.lose(value)
        case "verdict":
            trial.verdict = lambda _: (value, "said so")
        case "terminate":
            trial.edit(terminate=value)
        case "anew":
            trial.begin_anew()
        case "scale":
            first, *rest = trial.experiment.raw["spec"]["templates"]
            trial.edit(templates=[{**first, "replicas": value}, *rest])


def assert_quiet(trial: Trial) -> None:
    """Carried out, a decision leaves nothing to decide at the same instant."""
    twin = copy(trial)
    twin.events, twin.log = [], []
    twin.carry_out(twin.decide())
    again = twin.decide()
    assert again.effects == ()
    assert again.status == twin.status


def assert_sound(trial: Trial) -> None:
    """Nothing twice, nothing new once it ends, and no pods beyond what is wanted."""
    names = [r.name for r in trial.snapshot.replica_sets]
    assert len(names) == len(set(names))
    notes = [s.meta.name for s in trial.snapshot.services]
    assert len(notes) == len(set(notes))
    if not trial.experiment.phase.is_completed:
        return
    for effect in trial.decide().effects:
        assert not isinstance(effect, CreateReplicaSet | CreateRun)
        if isinstance(effect, ScaleReplicaSet):
            assert effect.replicas == 0


@MANY
@given(trial=trials(), history=st.lists(events, min_size=8, max_size=25))
def test_any_history_is_quiet_and_sound_and_ends(
    trial: Trial, history: list[tuple[str, Any]]
) -> None:
    for event in history:
        happen(trial, event)
        assert_quiet(trial)
        assert_sound(trial)
    trial.edit(terminate=True)
    trial.verdict = lambda _: ("Successful", "")
    trial.run()
    assert trial.experiment.phase.is_completed
    assert set(trial.sizes.values()) <= {0}
    assert not trial.snapshot.services
    assert all(run.phase.is_completed for run in trial.snapshot.runs)


@MANY
@given(
    trial=trials(), history=st.lists(events, max_size=12), seconds=st.sampled_from([0.001, 5, 100])
)
def test_what_is_completed_stays_so(
    trial: Trial, history: list[tuple[str, Any]], seconds: float
) -> None:
    for event in history:
        happen(trial, event)
    before = trial.experiment
    trial.now += timedelta(seconds=seconds)
    trial.carry_out(trial.decide())
    if before.phase.is_completed:
        assert trial.experiment.phase is before.phase
    for state in before.template_states:
        if state.status.is_completed:
            assert trial.experiment.template_state(state.name).status is state.status


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just("9999-12-31T23:59:59Z")
)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ["templates", "analyses", "duration", "terminate", "scaleDownDelaySeconds", "dryRun"]
TOLD = ["phase", "availableAt", "templateStatuses", "analysisRuns", "conditions", "message"]
huge = st.sampled_from([10**15, -1, 0])


@MANY
@given(
    spec=st.dictionaries(st.sampled_from(FIELDS), junk, max_size=3),
    status=st.dictionaries(st.sampled_from(TOLD), junk, max_size=4),
    numbers=st.dictionaries(
        st.sampled_from(["progressDeadlineSeconds", "scaleDownDelaySeconds"]), huge
    ),
    inner=st.dictionaries(st.sampled_from(["replicas", "selector", "template", "service"]), junk),
    around=junk,
)
def test_no_object_makes_it_raise(
    spec: Json, status: Json, numbers: Json, inner: Json, around: Any
) -> None:
    raw = manifest(part("a") | inner, part("b"), status=status)
    raw["spec"] |= {"analyses": asks("x"), **numbers, **spec}
    mark = {"experiment.argoproj.io/template-name": "a"}
    found = {"metadata": {"name": "trial-a", "annotations": mark}, "spec": around, "status": around}
    snapshot = ExperimentSnapshot(
        experiment=parse_experiment(raw),
        rollout=parse_rollout({"spec": around, "status": around}),
        replica_sets=(parse_replica_set(found),),
        services=(parse_service(found),),
        runs=(parse_analysis_run(found),),
    )
    late = {"phase": "Running", "availableAt": "9999-12-31T23:59:59Z", **status}
    for each in (snapshot, replace(snapshot, experiment=parse_experiment(raw | {"status": late}))):
        decision = decide_experiment(each, START)
        assert isinstance(decision.status, dict)
