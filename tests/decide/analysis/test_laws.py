"""The laws of the run loop, over random specifications and histories of outcomes."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.decide.analysis import (
    Action,
    Measured,
    RunDecision,
    RunSpec,
    decide_run,
    flatten,
    resolve_arguments,
    same_spec,
)
from gradatim.model.analysis import parse_template
from gradatim.model.analysisrun import Phase, parse_analysis_run

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
Json = dict[str, Any]
ENDED = [Phase.SUCCESSFUL, Phase.FAILED, Phase.INCONCLUSIVE, Phase.ERROR]

limits = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 3).map(str))
metrics = st.fixed_dictionaries(
    {
        "interval": st.sampled_from(["1s", "500ms", "7s", "1m"]),
        "initialDelay": st.sampled_from([None, "0s", "3s"]),
        "count": st.sampled_from([None, 0, 1, 3, "4"]),
        "failureLimit": st.one_of(limits, st.just(-1)),
        "inconclusiveLimit": limits,
        "consecutiveErrorLimit": limits,
        "consecutiveSuccessLimit": limits,
    }
)
specs = st.builds(
    lambda found, dry, terminate: {
        "metrics": [
            {
                "name": f"m{i}",
                "provider": {"web": {}},
                **{k: v for k, v in m.items() if v is not None},
            }
            for i, m in enumerate(found)
        ],
        "dryRun": [{"metricName": "m0"}] if dry else [],
        "terminate": terminate,
    },
    st.lists(metrics, min_size=1, max_size=3),
    st.booleans(),
    st.booleans(),
)
phases = st.sampled_from([*ENDED, Phase.RUNNING])
#: one step: seconds that pass, which of the open tasks answers, with what
steps = st.tuples(st.sampled_from([0.0, 0.3, 1.0, 10.0, 61.0]), st.integers(0, 5), phases)


class History:
    """A run whose tasks are under way until a step lets one of them end."""

    def __init__(self, spec: Json) -> None:
        self.raw: Json = {
            "metadata": {"name": "run", "namespace": "shop", "resourceVersion": "1"},
            "spec": spec,
        }
        self.now = START
        self.open: dict[str, Any] = {}

    def view(self) -> Any:
        return parse_analysis_run(copy.deepcopy(self.raw))

    def decide(self, outcomes: tuple[Measured, ...] = ()) -> RunDecision:
        decision = decide_run(self.view(), self.now, outcomes, frozenset(self.open))
        status = merged(self.raw, decision.patch)
        self.raw = status
        for task in decision.tasks:
            assert task.metric not in self.open
            self.open[task.metric] = task
        return decision

    def step(self, seconds: float, which: int, phase: Phase) -> RunDecision:
        self.now += timedelta(seconds=seconds)
        if not self.open:
            return self.decide()
        name = sorted(self.open)[which % len(self.open)]
        task = self.open.pop(name)
        return self.decide((Measured(task=task, phase=phase, started=self.now),))

    @property
    def status(self) -> Json:
        return self.raw.get("status", {})

    @property
    def phase(self) -> Phase:
        return Phase(self.status.get("phase", ""))


def merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(specs, st.lists(steps, max_size=25))
@settings(max_examples=150, deadline=None)
def test_deciding_again_changes_nothing(
    spec: Json, history: list[tuple[float, int, Phase]]
) -> None:
    run = History(spec)
    run.decide()
    for step in history:
        run.step(*step)
        again = decide_run(run.view(), run.now, (), frozenset(run.open))
        assert (again.tasks, again.patch, again.events, again.trimmed) == ((), {}, (), {})


@given(specs, st.lists(steps, max_size=25))
@settings(max_examples=150, deadline=None)
def test_what_is_completed_stays_and_counters_add_up(
    spec: Json, history: list[tuple[float, int, Phase]]
) -> None:
    run = History(spec)
    run.decide()
    completed: Json = {}
    for step in history:
        before = run.phase
        run.step(*step)
        assert not before.is_completed or run.phase is before
        for result in run.status.get("metricResults", []):
            name, count = result["name"], result.get("count", 0)
            ended = sum(result.get(key, 0) for key in ("successful", "failed", "inconclusive"))
            assert count == ended
            assert result.get("consecutiveError", 0) <= result.get("error", 0)
            assert result.get("consecutiveSuccess", 0) <= result.get("successful", 0)
            assert len(result["measurements"]) <= 10
            if name in completed:
                assert result["phase"] == completed[name]
            if Phase(result["phase"]).is_completed:
                completed[name] = result["phase"]


@given(specs, st.lists(phases, min_size=1, max_size=12), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_every_run_with_a_count_ends(spec: Json, answers: list[Phase], terminate_at: int) -> None:
    """With whatever outcomes, as long as none is under way for ever."""
    for metric in spec["metrics"]:
        metric.setdefault("count", 3)
        metric["count"] = metric["count"] or 1
    run = History(spec)
    turn = 0
    for turn in range(600):
        if turn == terminate_at * 20 + 15:
            spec["terminate"] = spec["terminate"] or terminate_at == 3
        decision = run.decide()
        if run.phase.is_completed:
            break
        if run.open:
            # after some patience every provider comes to an end, with errors growing rare
            phase = answers[turn % len(answers)]
            stubborn = phase in {Phase.RUNNING, Phase.ERROR} and turn > 40
            run.step(0.0, turn, Phase.SUCCESSFUL if stubborn else phase)
        else:
            assert decision.look_again_in is not None, "nothing will ever happen again"
            run.now += timedelta(seconds=decision.look_again_in)
    assert run.phase.is_completed


@given(specs, st.lists(steps, max_size=15), st.lists(steps, max_size=15))
@settings(max_examples=100, deadline=None)
def test_a_restarted_controller_goes_on_from_the_status(
    spec: Json, before: list[tuple[float, int, Phase]], after: list[tuple[float, int, Phase]]
) -> None:
    run = History(spec)
    run.decide()
    for step in before:
        run.step(*step)
    run.open.clear()  # the tasks of the killed one never come back
    run.decide()
    if not run.phase.is_completed:
        unfinished = {
            result["name"]
            for result in run.status.get("metricResults", [])
            if result["measurements"] and "finishedAt" not in result["measurements"][-1]
        }
        for name, task in run.open.items():
            assert (task.action is not Action.MEASURE) == (name in unfinished)
    for step in after:
        run.step(*step)


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-9, 9),
        st.floats(allow_nan=False),
        st.text(max_size=4),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = ["metrics", "args", "terminate", "dryRun", "measurementRetention", "ttlStrategy", "phase"]
NAMES += [
    "metricResults",
    "startedAt",
    "completedAt",
    "measurements",
    "name",
    "finishedAt",
    "count",
]
NAMES += ["provider", "interval", "valueFrom", "secretKeyRef", "resumeAt", "metadata", "value"]
texts = st.sampled_from(
    ["Running", "Failed", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "m", "-5h", "2562047h"]
)
wild = st.recursive(
    st.one_of(json_values, texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(wild, wild)
@settings(max_examples=300, deadline=None)
def test_no_object_raises(spec: Any, status: Any) -> None:
    raw = {"metadata": {"name": "run"}, "spec": spec, "status": status}
    decision = decide_run(parse_analysis_run(raw), START)
    assert decision.look_again_in is None or decision.look_again_in >= 0


@given(specs, wild)
@settings(max_examples=300, deadline=None)
def test_no_status_raises(spec: Json, status: Any) -> None:
    raw = {"metadata": {"name": "run"}, "spec": spec, "status": status}
    decide_run(parse_analysis_run(raw), START)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": st.just("m0"),
                "phase": st.sampled_from(["", "Running"]),
                "measurements": st.lists(
                    st.fixed_dictionaries(
                        {"phase": st.sampled_from(["Running", "Error", "Successful", "?"])},
                        optional={"finishedAt": texts, "resumeAt": texts, "startedAt": texts},
                    ),
                    max_size=3,
                ),
            }
        ),
        max_size=2,
    ),
    texts,
)
@settings(max_examples=200, deadline=None)
def test_no_times_raise(results: list[Json], started: str) -> None:
    metric = {
        "name": "m0",
        "interval": "2562047h",
        "initialDelay": "-2562047h",
        "provider": {"web": {}},
    }
    status = {"metricResults": results, "startedAt": started}
    raw = {"metadata": {"name": "run"}, "spec": {"metrics": [metric]}, "status": status}
    decide_run(parse_analysis_run(raw), START)


@given(wild, wild, wild)
@settings(max_examples=300, deadline=None)
def test_no_template_and_no_argument_raises(spec: Any, block: Any, metadata: Any) -> None:
    template = parse_template({"metadata": {"name": "t"}, "spec": spec})
    rollout = {"metadata": metadata, "spec": spec}
    source = {"fieldRef": {"fieldPath": "metadata.labels"}}
    sources = [
        {"name": "a", "valueFrom": source},
        {"name": "b", "value": block, "valueFrom": block},
    ]
    args, _ = resolve_arguments(rollout, sources, "s", "l")
    made = flatten([template], args, [block], [block])
    assert same_spec({"spec": spec}, RunSpec()) in {True, False}
    if isinstance(made, RunSpec):
        decide_run(parse_analysis_run({"spec": made.json()}), START)
