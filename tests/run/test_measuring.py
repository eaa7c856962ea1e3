"""Measuring: what a provider is asked with, and what is kept of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gradatim.decide.analysis import Action, Measured, Task
from gradatim.errors import PluginError
from gradatim.kube.errors import Unreachable
from gradatim.model.analysisrun import AnalysisRun, MeasurementStatus, Phase, parse_analysis_run
from gradatim.plugin import (
    FieldPath,
    Json,
    Measurement,
    MetricProvider,
    ProviderError,
    Query,
    SecretRef,
    Verdict,
)
from gradatim.run.fence import Fence
from gradatim.run.inquiry import Surroundings
from gradatim.run.measuring import Measuring
from gradatim.run.secretcache import SecretCache
from gradatim.run.shared import Shared

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Scripted(MetricProvider):
    """Does what the test says, and keeps what it was asked."""

    key = "scripted"

    def __init__(self, answer: object = None, wants: Iterable[SecretRef] = ()) -> None:
        self.answer = answer
        self.wants = wants
        self.asked: list[tuple[str, Query]] = []
        self.earlier: Measurement | None = None

    async def measure(self, query: Query) -> Measurement:
        return self._answered("measure", query)

    async def resume(self, query: Query, measurement: Measurement) -> Measurement:
        self.earlier = measurement
        return self._answered("resume", query)

    async def terminate(self, query: Query, measurement: Measurement) -> Measurement:
        self.earlier = measurement
        return self._answered("terminate", query)

    async def garbage_collect(self, query: Query, keep: int) -> None:
        self.asked.append((f"keep {keep}", query))

    def secrets(self, config: Json) -> Iterable[SecretRef]:
        return self.wants

    def result_metadata(self, query: Query) -> Mapping[str, str]:
        return {"query": str(query.config.get("query", ""))}

    def _answered(self, method: str, query: Query) -> Any:
        self.asked.append((method, query))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class OneProvider:
    def __init__(self, provider: MetricProvider) -> None:
        self.provider = provider

    def metric_provider(self, key: str) -> MetricProvider:
        if key != "scripted":
            raise PluginError(f"no plugin serves the metric provider {key!r}", plugin=key)
        return self.provider

    def source_of(self, key: str) -> str:
        return "of-the-tests 1.0"


SECRETS = {
    ("shop", "tokens"): {"token": "hush-hush"},
    ("system", "datadog"): {"api-key": "key-4711", "address": "https://api.example"},
}


async def read_secret(namespace: str, name: str) -> Mapping[str, str] | None:
    if name == "unreachable":
        raise Unreachable("get secrets shop/unreachable: no answer from the API server")
    return SECRETS.get((namespace, name))


def a_run(args: Iterable[Json] = (), **metric: Any) -> AnalysisRun:
    provider = {"plugin": {"scripted": {"query": "up"}}}
    return parse_analysis_run(
        {
            "metadata": {"name": "run", "namespace": "shop", "uid": "u-1"},
            "spec": {
                "metrics": [{"name": "m", "provider": provider, **metric}],
                "args": list(args),
            },
        }
    )


def secret_arg(secret: str = "tokens", key: str = "token") -> Json:
    return {"name": "token", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


TASK = Task(action=Action.MEASURE, metric="m", number=3)


async def measured(provider: MetricProvider, run: AnalysisRun, task: Task = TASK) -> Measured:
    measuring = Measuring(
        OneProvider(provider),
        Fence(lambda: 0.0),
        read_secret,
        Surroundings(namespace="system", environment={"A": "1"}),
        lambda: NOW,
    )
    return await measuring.measure(run, task)


async def test_the_query() -> None:
    ref, own = SecretRef("datadog"), SecretRef("tokens", in_run_namespace=True)
    provider = Scripted(Measurement(value=1.0, text="1"), [ref, own, SecretRef("absent")])
    block = {"query": "up{t='{{args.token}}'}"}
    await measured(provider, a_run([secret_arg()], provider={"plugin": {"scripted": block}}))
    method, query = provider.asked[0]
    assert method == "measure"
    assert query == Query(
        config={"query": "up{t='hush-hush'}"},
        metric="m",
        namespace="shop",
        now=NOW,
        run="run",
        run_uid="u-1",
        secrets={
            ref: SECRETS["system", "datadog"],
            own: SECRETS["shop", "tokens"],
            SecretRef("absent"): None,
        },
        secret_namespaces={ref: "system", own: "shop", SecretRef("absent"): "system"},
        environment={"A": "1"},
        number=3,
    )


class Ranged(Scripted):
    """Has a field with the expression of a point of time."""

    def times(self, config: Json) -> Mapping[FieldPath, str]:
        return {FieldPath("start"): config["start"]}


async def test_points_of_time_are_resolved_for_the_provider() -> None:
    provider = Ranged(Measurement(value=1.0, text="1"))
    block = {"start": "now() - duration('{{args.ago}}')"}
    run = a_run([{"name": "ago", "value": "90s"}], provider={"plugin": {"scripted": block}})
    assert (await measured(provider, run)).phase is Phase.SUCCESSFUL
    ((_, query),) = provider.asked
    assert query.times == {FieldPath("start"): NOW - timedelta(seconds=90)}


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"start": "5"}, "could not evaluate start: expected time.Time, but got int"),
        ({"start": 5}, "scripted: times raised AttributeError: "),
        ({}, "scripted: times raised KeyError: 'start'"),
    ],
)
async def test_a_point_of_time_that_is_none_is_an_error_of_the_measurement(
    block: Json, message: str
) -> None:
    provider = Ranged(Measurement(value=1.0))
    outcome = await measured(provider, a_run(provider={"plugin": {"scripted": block}}))
    assert outcome.phase is Phase.ERROR
    assert outcome.message.startswith(message)
    assert provider.asked == []


async def test_an_answer_is_judged_with_the_secret_in_the_condition() -> None:
    provider = Scripted(
        Measurement(value="hush-hush", text='"hush-hush"', metadata={"m": "hush-hush"})
    )
    run = a_run([secret_arg()], successCondition="result == '{{args.token}}'")
    record = {
        "gradatim.dev/query": '{"query":"up"}',
        "gradatim.dev/latency": "0.000s",
        "gradatim.dev/plugin": "of-the-tests 1.0",
        "gradatim.dev/samples": '"*****"',
    }
    assert await measured(provider, run) == Measured(
        task=TASK,
        phase=Phase.SUCCESSFUL,
        started=NOW,
        value='"*****"',
        metadata={"m": "*****", **record},
    )


async def test_a_condition_that_fails_tells_no_secret_and_keeps_no_value() -> None:
    run = a_run([secret_arg()], successCondition="result.x == '{{args.token}}'")
    outcome = await measured(Scripted(Measurement(value=1.0, text="1")), run)
    assert (outcome.phase, outcome.value) == (Phase.ERROR, "")
    assert outcome.message.startswith(
        "could not evaluate successCondition \"result.x == '*****'\": "
    )


async def test_metadata_is_kept_once_for_the_metric() -> None:
    provider = Scripted(Measurement(value=1.0))
    first = await measured(provider, a_run(), replace(TASK, number=0))
    assert first.result_metadata == {"query": "up"}
    assert (await measured(provider, a_run())).result_metadata == {}


async def test_metadata_that_cannot_be_had_harms_no_measurement() -> None:
    class Careless(Scripted):
        def result_metadata(self, query: Query) -> Mapping[str, str]:
            raise KeyError("query")

    outcome = await measured(Careless(Measurement(value=1.0)), a_run(), replace(TASK, number=0))
    assert (outcome.phase, outcome.result_metadata) == (Phase.SUCCESSFUL, {})


@pytest.mark.parametrize("action", [Action.RESUME, Action.TERMINATE])
async def test_an_unfinished_measurement_goes_on(action: Action) -> None:
    earlier = MeasurementStatus(phase=Phase.RUNNING, started=NOW, value="v", metadata={"job": "j"})
    provider = Scripted(Measurement(verdict=Verdict.FAILED, message="exit 1"))
    outcome = await measured(provider, a_run(), replace(TASK, action=action, earlier=earlier))
    assert (outcome.phase, outcome.message) == (Phase.FAILED, "exit 1")
    assert provider.asked[0][0] == action
    assert provider.asked[0][1].metadata == {"job": "j"}
    assert provider.earlier == Measurement(text="v", running=True, metadata={"job": "j"})


async def test_one_that_still_runs() -> None:
    naive = NOW.replace(tzinfo=None)
    outcome = await measured(Scripted(Measurement(running=True, resume_at=naive)), a_run())
    assert (outcome.phase, outcome.resume_at) == (Phase.RUNNING, NOW)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(ProviderError("no answer"), "no answer", id="its own error"),
        pytest.param(KeyError("x"), "scripted: measure raised KeyError: 'x'", id="a mistake"),
        pytest.param(None, "scripted: measure gave a NoneType", id="nothing"),
        pytest.param("5", "scripted: measure gave a str", id="something else"),
    ],
)
async def test_a_provider_without_an_answer(answer: object, message: str) -> None:
    outcome = await measured(Scripted(answer), a_run())
    assert (outcome.phase, outcome.message, outcome.fatal) == (Phase.ERROR, message, "")


async def test_a_service_that_asks_for_patience() -> None:
    error = ProviderError("429", retry_after=30, outage=True)
    outcome = await measured(Scripted(error), a_run())
    assert outcome.resume_at == NOW + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("arg", "fatal"),
    [
        pytest.param(secret_arg("none"), 'secrets "none" not found', id="no such Secret"),
        pytest.param(
            secret_arg(key="other"),
            "key 'other' does not exist in secret 'tokens'",
            id="no such key",
        ),
        pytest.param({"name": "a"}, 'argument "a" was not supplied', id="no value"),
    ],
)
async def test_an_argument_without_a_value_ends_the_run(arg: Json, fatal: str) -> None:
    outcome = await measured(Scripted(), a_run([arg]))
    assert outcome.fatal == f"Unable to resolve metric arguments: {fatal}"


@pytest.mark.parametrize(
    ("run", "message"),
    [
        pytest.param(
            a_run([secret_arg("unreachable")]),
            "get secrets shop/unreachable: no answer from the API server",
            id="an API server that does not answer ends no run",
        ),
        pytest.param(
            a_run(provider={"unheard": {}}),
            "no plugin serves the metric provider 'unheard'",
            id="no such provider",
        ),
        pytest.param(
            a_run(provider={"plugin": {"scripted": 3}}),
            "metric 'm' has no provider block that can be read",
            id="a block that is none",
        ),
    ],
)
async def test_what_is_only_an_error_of_the_measurement(run: AnalysisRun, message: str) -> None:
    outcome = await measured(Scripted(), run)
    assert (outcome.phase, outcome.message, outcome.fatal) == (Phase.ERROR, message, "")


async def test_provider_secrets_are_taken_out_and_addresses_stay() -> None:
    provider = Scripted(
        ProviderError("https://api.example refused key-4711"), [SecretRef("datadog")]
    )
    assert (await measured(provider, a_run())).message == "https://api.example refused *****"


async def test_large_answers_are_cut() -> None:
    answer = Measurement(
        value=1.0,
        text="x" * 99_999,
        message="y" * 99_999,
        metadata={str(i): "z" * 9_999 for i in range(99)},
    )
    outcome = await measured(Scripted(answer), a_run())
    assert len(outcome.value) == 16_384
    assert len(outcome.message) == 4_096
    theirs = {k: v for k, v in outcome.metadata.items() if not k.startswith("gradatim.dev/")}
    assert len(theirs) == 64
    assert {len(value) for value in theirs.values()} == {4_096}


async def test_answers_of_wrong_types_do_not_raise() -> None:
    answer = Measurement(value=1.0, text=5, metadata=None)  # plugins need not be type-checked
    outcome = await measured(Scripted(answer), a_run())
    assert (outcome.phase, outcome.value) == (Phase.SUCCESSFUL, "")
    assert set(outcome.metadata) == {
        f"gradatim.dev/{k}" for k in ("query", "latency", "plugin", "samples")
    }


async def test_cleaning_up() -> None:
    provider = Scripted()
    measuring = Measuring(
        OneProvider(provider),
        Fence(lambda: 0.0),
        read_secret,
        Surroundings(namespace="s"),
        lambda: NOW,
    )
    await measuring.collect(a_run(), "m", 2)
    await measuring.collect(a_run(), "unknown", 2)
    await measuring.collect(a_run(provider={"unheard": {}}), "m", 2)
    await measuring.collect(a_run([{"name": "a"}]), "m", 2)
    assert [asked for asked, _ in provider.asked] == ["keep 2"]


async def test_secrets_are_read_once_for_those_who_wait_and_kept_for_seconds() -> None:
    time, reads = 0.0, 0

    async def read(namespace: str, name: str) -> Mapping[str, str] | None:
        nonlocal reads
        reads += 1
        await asyncio.sleep(0)
        if name == "bad":
            raise Unreachable("no answer")
        return {"n": str(reads)}

    cache = SecretCache(read, lambda: time, seconds=5.0)
    assert await asyncio.gather(*(cache("shop", "s") for _ in range(3))) == [{"n": "1"}] * 3
    time = 4.9
    assert await cache("shop", "s") == {"n": "1"}
    time = 5.0
    assert await cache("shop", "s") == {"n": "2"}
    assert await cache("other", "s") == {"n": "3"}
    for _ in range(2):
        with pytest.raises(Unreachable):
            await cache("shop", "bad")
    assert reads == 5, "a failure is not kept"


class Alike(Scripted):
    """Takes a moment to answer; queries with the same text are the same."""

    def identity(self, query: Query) -> Any:
        return query.config.get("query")

    async def measure(self, query: Query) -> Measurement:
        await asyncio.sleep(0)
        return self._answered("measure", query)


def a_measuring(provider: MetricProvider, ticks: Callable[[], float]) -> Measuring:
    return Measuring(
        OneProvider(provider), Fence(ticks), read_secret, Surroundings(namespace="s"), lambda: NOW
    )


async def test_what_is_asked_in_the_same_moment_is_asked_once() -> None:
    time = 0.0
    provider = Alike(Measurement(value=1.0, text="1"))
    measuring = a_measuring(provider, lambda: time)
    other = a_run(provider={"plugin": {"scripted": {"query": "down"}}})
    outcomes = await asyncio.gather(
        *(measuring.measure(run, TASK) for run in [a_run(), a_run(), a_run(), other])
    )
    assert [outcome.value for outcome in outcomes] == ["1"] * 4
    assert len(provider.asked) == 2
    time = 0.9
    late = replace(TASK, due=NOW - timedelta(seconds=0.9))
    await measuring.measure(a_run(), late)
    assert len(provider.asked) == 2, "one that is late takes the answer that was asked for in time"
    await measuring.measure(a_run(), TASK)
    assert len(provider.asked) == 3, "nobody gets an answer that is older than its own time"


async def test_each_run_judges_a_shared_answer_by_itself() -> None:
    measuring = a_measuring(Alike(Measurement(value=3.0, text="3")), lambda: 0.0)
    runs = [a_run(successCondition=f"result < {limit}") for limit in (2, 4)]
    outcomes = await asyncio.gather(*(measuring.measure(run, TASK) for run in runs))
    assert [outcome.phase for outcome in outcomes] == [Phase.FAILED, Phase.SUCCESSFUL]


async def test_a_failure_is_shared_by_those_who_wait_and_by_nobody_later() -> None:
    provider = Alike(ProviderError("no answer"))
    measuring = a_measuring(provider, lambda: 0.0)
    await asyncio.gather(*(measuring.measure(a_run(), TASK) for _ in range(3)))
    assert len(provider.asked) == 1
    assert (await measuring.measure(a_run(), TASK)).message == "no answer"
    assert len(provider.asked) == 2


async def test_what_still_runs_is_not_shared() -> None:
    provider = Alike(Measurement(running=True))
    measuring = a_measuring(provider, lambda: 0.0)
    await asyncio.gather(*(measuring.measure(a_run(), TASK) for _ in range(3)))
    assert len(provider.asked) == 3


async def test_who_leaves_takes_nothing_from_the_others_and_the_last_one_ends_it() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def ask() -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    shared: Shared[str, str] = Shared(lambda: 0.0, 1.0)
    first, second = (asyncio.create_task(shared.get("k", ask)) for _ in range(2))
    await began.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not ended.is_set()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await asyncio.wait_for(ended.wait(), 1)


async def test_an_identity_that_is_none_names_its_plugin() -> None:
    provider = Alike(Measurement(value=1.0))
    run = a_run(provider={"plugin": {"scripted": {"query": []}}})
    outcome = await a_measuring(provider, lambda: 0.0).measure(run, TASK)
    assert outcome.message == "scripted: identity raised TypeError: unhashable type: 'list'"
