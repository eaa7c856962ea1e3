"""An AnalysisRun stays small enough to be stored, however long it goes on and whatever its measurements hold."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from runworld import World, metric

from gradatim.decide.analysis import Measured, Task
from gradatim.decide.analysis.bounds import LARGEST
from gradatim.decide.analysis.record import (
    LATENCY,
    PLUGIN,
    QUERY,
    RECORD,
    SAMPLES,
    Circumstances,
    record,
)
from gradatim.model.analysisrun import Phase
from gradatim.plugin import Measurement


def size(world: World) -> int:
    return len(json.dumps(world.object(), ensure_ascii=False).encode())


#: as large as the measuring lets them become
metadata = st.dictionaries(
    st.one_of(st.sampled_from(RECORD), st.text(max_size=8)),
    st.integers(0, 4_096).map(lambda n: "µ" * n),
    max_size=64,
)
answers = st.builds(
    lambda value, message, entries: {"value": "v" * value, "message": message, "metadata": entries},
    st.integers(0, 16_384),
    st.integers(0, 4_096).map(lambda n: "m" * n),
    metadata,
)


@given(
    st.integers(1, 20),
    st.integers(1, 500),
    st.integers(0, 100_000),
    st.lists(answers, min_size=1, max_size=4),
)
@settings(max_examples=10, deadline=None)
def test_no_run_grows_beyond_its_bound(
    metrics: int, kept: int, written: int, answers: list[dict[str, Any]]
) -> None:
    query = {"name": "m0", "provider": {"web": {"url": "u" * written}}}
    spec = {
        "metrics": [
            {**metric(f"m{n}"), **(query if n == 0 else {}), "interval": "1s", "count": 1_000}
            for n in range(metrics)
        ],
        "measurementRetention": [{"metricName": ".*", "limit": kept}],
    }
    world = World(spec)
    for turn in range(12):
        fields = answers[turn % len(answers)]

        def answer(task: Task, now: datetime, fields: dict[str, Any] = fields) -> Measured:
            return Measured(task=task, phase=Phase.SUCCESSFUL, started=now, **fields)

        decision = world.turn(answer)
        assert size(world) <= LARGEST
        for name in (f"m{n}" for n in range(metrics)):
            result = world.result(name)
            assert result["count"] == turn + 1
            assert result["measurements"][-1]["finishedAt"] == world.now.strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ), "the newest is kept"
        world.now += timedelta(seconds=decision.look_again_in or 1)


def test_what_is_newest_keeps_its_record_longest() -> None:
    world = World({"metrics": [metric(count=900, interval="1s")]})
    world.spec["measurementRetention"] = [{"metricName": "m", "limit": 900}]
    kept = {SAMPLES: "s" * 2_000, QUERY: "q" * 500, PLUGIN: "p", LATENCY: "0.001s"}

    def answer(task: Task, now: datetime) -> Measured:
        return Measured(task=task, phase=Phase.SUCCESSFUL, started=now, value="1", metadata=kept)

    world.play(answer, seconds=400)
    measurements = world.result("m")["measurements"]
    assert len(measurements) == 401, "short ones stay all"
    with_samples = [SAMPLES in m.get("metadata", {}) for m in measurements]
    assert with_samples == sorted(with_samples)
    assert 0 < sum(with_samples) < 120
    assert measurements[-1]["metadata"] == kept


def made(answer: Measurement, **how: Any) -> dict[str, str]:
    block = {"query": "up", "headers": [{"key": "Authorization", "value": "Bearer t0ken"}]}
    return record(answer, Circumstances(block=block, seconds=0.25, plugin="p 1.0", **how))


def test_the_record_of_a_provider_that_says_nothing_of_itself() -> None:
    assert made(Measurement(value=[1.0, 2.0], text="[1,2]")) == {
        QUERY: '{"query":"up"}',
        LATENCY: "0.250s",
        PLUGIN: "p 1.0",
        SAMPLES: "[1.0,2.0]",
    }


def test_the_record_as_the_provider_gives_it() -> None:
    answer = Measurement(value=1.5, query="GET /up", samples=[[1, 1.0], [2, 2.0]])
    found = made(answer)
    assert (found[QUERY], found[SAMPLES]) == ("GET /up", "[[1,1.0],[2,2.0]]")


def test_a_measurement_that_is_not_over_has_no_record() -> None:
    assert made(Measurement(running=True)) == {}


def test_the_newest_samples_are_kept() -> None:
    assert made(Measurement(samples=list(range(1_000))))[SAMPLES].startswith("[900,901,")


def test_what_cannot_be_written_is_left_out_and_what_is_long_is_cut() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert SAMPLES not in made(Measurement(samples=deep))
    assert len(made(Measurement(query="q" * 5_000))[QUERY]) == 1_024


def test_a_secret_is_taken_out_before_anything_is_cut() -> None:
    query = "x" * 1_020 + "t0ken-t0ken"
    found = made(Measurement(query=query), clear=lambda text: text.replace("t0ken-t0ken", "*"))
    assert "t0ken" not in found[QUERY]


def test_the_record_leaves_the_providers_own_metadata_alone() -> None:
    assert all(key.startswith("gradatim.dev/") for key in RECORD)
    assert replace(Measurement(), metadata={"warnings": "x"}).metadata == {"warnings": "x"}
