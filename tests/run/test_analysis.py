"""AnalysisRuns on an embedded cluster, in virtual time: all is real but for the provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from gradatim.crds import custom_resource_definitions
from gradatim.errors import PluginError
from gradatim.kube.cache import Cache
from gradatim.kube.client import Client
from gradatim.kube.errors import KubeError
from gradatim.kube.reflector import Reflector
from gradatim.kube.resources import ANALYSIS_RUNS, Selection
from gradatim.kube.watch import Watch
from gradatim.model.analysisrun import AnalysisRun, parse_analysis_run
from gradatim.plugin import (
    Json,
    Measurement,
    MetricProvider,
    ProviderError,
    Query,
    RateLimit,
    Verdict,
)
from gradatim.run.analysis import AnalysisRuns, Ports
from gradatim.run.fence import Fence, Limits
from gradatim.run.inquiry import Surroundings
from gradatim.run.measuring import Measuring
from gradatim.run.queue import WorkQueue
from gradatim.run.secretcache import SecretReader
from gradatim.sim import Line, Sim, run_virtual
from gradatim.sim.failure import ApiError

Ask = Callable[[Query], Awaitable[Measurement]]


class Web(MetricProvider):
    """Answers as the test says, by metric."""

    key = "web"

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.asked: list[str] = []

    async def measure(self, query: Query) -> Measurement:
        self.asked.append(query.metric)
        return await self.ask(query)

    async def resume(self, query: Query, measurement: Measurement) -> Measurement:
        self.asked.append(f"resume {query.metadata.get('job')}")
        return Measurement(verdict=Verdict.SUCCESSFUL, metadata=measurement.metadata)

    async def garbage_collect(self, query: Query, keep: int) -> None:
        self.asked.append(f"keep {keep}")


class OneProvider:
    def __init__(self, provider: MetricProvider) -> None:
        self.provider = provider

    def metric_provider(self, key: str) -> MetricProvider:
        if key != "web":
            raise PluginError(f"no plugin serves the metric provider {key!r}", plugin=key)
        return self.provider

    def source_of(self, key: str) -> str:
        return "of-the-tests 1.0"


@dataclass
class Recorded:
    events: list[str] = field(default_factory=list)

    def emit(
        self, about: Json, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        self.events.append(f"{kind} {reason} {about['metadata']['name']}: {message}")


async def no_secrets(namespace: str, name: str) -> Mapping[str, str] | None:
    return None


@dataclass
class Working:
    """A controller of AnalysisRuns at work on a cluster."""

    sim: Sim
    web: Web
    recorder: Recorded
    runs: AnalysisRuns
    queue: WorkQueue[tuple[str, str]]
    cache: Cache[AnalysisRun]

    def status(self, name: str) -> Json:
        found: Json = self.sim.get("AnalysisRun", name).get("status", {})
        return found

    async def ended(self, name: str, within: float = 300.0) -> Json:
        await self.sim.until(lambda: self.status(name).get("completedAt"), within=within)
        return self.status(name)


@asynccontextmanager
async def working(
    sim: Sim,
    ask: Ask,
    *,
    workers: int = 1,
    line: Line | None = None,
    limits: Limits | None = None,
    secrets: SecretReader = no_secrets,
) -> AsyncIterator[Working]:
    client = Client(sim.transport(line=line))
    cache = Cache(parse_analysis_run)
    web, recorder = Web(ask), Recorded()
    ticks = asyncio.get_running_loop().time
    measuring = Measuring(
        OneProvider(web),
        Fence(ticks, limits),
        secrets,
        Surroundings(namespace="s"),
        sim.clock.now,
    )
    ports = Ports(
        client=client,
        runs=cache,
        measurer=measuring,
        recorder=recorder,
        requeue=lambda key: queue.add(key),
        clock=sim.clock.now,
    )
    runs = AnalysisRuns(ports)
    queue: WorkQueue[tuple[str, str]] = WorkQueue("analysis run", runs.reconcile)

    def changed(change: Any) -> None:
        entry = change.new or change.old
        queue.add((entry.namespace, entry.name))

    cache.subscribe(changed)
    reflector = Reflector(Watch(client, Selection(ANALYSIS_RUNS)), cache)
    tasks = [
        asyncio.create_task(work)
        for work in [reflector.run(), *(queue.work() for _ in range(workers))]
    ]
    try:
        await cache.synced()
        yield Working(sim, web, recorder, runs, queue, cache)
    finally:
        queue.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runs.aclose()


@asynccontextmanager
async def cluster() -> AsyncIterator[Sim]:
    async with Sim() as sim:
        for definition in custom_resource_definitions():
            sim.create_object(definition)
        await sim.settle()
        yield sim


def virtual(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(main())


def metric(name: str = "m", **fields: Any) -> Json:
    return {"name": name, "provider": {"web": {"url": "http://x"}}, **fields}


def a_run(name: str, *metrics: Json, **spec: Any) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": name},
        "spec": {"metrics": list(metrics) or [metric()], **spec},
    }


async def one(query: Query) -> Measurement:
    return Measurement(value=1.0, text="1")


def test_a_run_made_by_hand_ends_as_recorded() -> None:
    async def main() -> None:
        async with cluster() as sim, working(sim, one) as at:
            good = metric("good", count=2, interval="1s", successCondition="result == 1")
            none = metric("none", count=1)
            bad = metric("bad", count=1, failureCondition="result == 1")
            sim.create_object(a_run("by-hand", good, none, bad))
            status = await at.ended("by-hand")
            assert status["phase"] == "Failed"
            assert (
                status["message"]
                == 'Metric "bad" assessed Failed due to failed (1) > failureLimit (0)'
            )
            assert status["runSummary"] == {"count": 3, "failed": 1, "successful": 2}
            assert sorted(at.recorder.events) == [
                "Normal MetricSuccessful by-hand: Metric 'good' Completed. Result: Successful",
                "Normal MetricSuccessful by-hand: Metric 'none' Completed. Result: Successful",
                "Warning AnalysisRunFailed by-hand: Analysis Completed. Result: Failed",
                "Warning MetricFailed by-hand: Metric 'bad' Completed. Result: Failed",
            ]

    virtual(main)


def test_a_fault_of_the_controller_s_own_is_an_error_and_no_measurement_without_end() -> None:
    async def broken(namespace: str, name: str) -> Mapping[str, str] | None:
        raise RuntimeError("Session is closed")

    async def main() -> None:
        async with cluster() as sim, working(sim, one, secrets=broken) as at:
            token = {
                "name": "token",
                "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "web"}},
            }
            sim.create_object(a_run("broken", metric(consecutiveErrorLimit=0), args=[token]))
            status = await at.ended("broken")
            assert status["phase"] == "Error"
            (measurement,) = status["metricResults"][0]["measurements"]
            assert measurement["message"] == "the controller failed at it: RuntimeError"

    virtual(main)


def test_intervals_are_kept_and_a_quiet_run_writes_nothing() -> None:
    async def main() -> None:
        async with cluster() as sim, working(sim, one) as at:
            sim.create_object(a_run("slow", metric(count=4, interval="1m")))
            await at.ended("slow")
            assert at.web.asked == ["m"] * 4
            assert 179 <= sim.clock.elapsed() <= 184
            assert at.queue.passes < 20
            await asyncio.sleep(1)
            passes = at.queue.passes
            await asyncio.sleep(3600)
            assert at.queue.passes == passes

    virtual(main)


def test_what_a_person_changes_in_a_run_that_waits_counts_from_then_on() -> None:
    async def main() -> None:
        async with cluster() as sim, working(sim, one) as at:
            sim.create_object(a_run("edited", metric(count=3, interval="1h")))
            await sim.until(lambda: at.web.asked, within=10)
            await asyncio.sleep(10)
            sim.patch("AnalysisRun", "edited", a_run("edited", metric(count=3, interval="5s")))
            await at.ended("edited", within=30)
            assert at.web.asked == ["m"] * 3

    virtual(main)


def test_what_is_due_in_one_second_is_spread_over_half_of_it_and_equal_questions_are_not() -> None:
    moments: dict[str, list[float]] = {}

    async def main() -> None:
        async with cluster() as sim:

            async def ask(query: Query) -> Measurement:
                moments.setdefault(query.run, []).append(sim.clock.elapsed())
                return await one(query)

            async with working(sim, ask) as at:
                for number in range(40):
                    asked = {"web": {"url": f"http://x/{number // 2}"}}
                    measured = metric(count=2, interval="10s", provider=asked)
                    sim.create_object(a_run(f"run-{number}", measured))
                for number in range(40):
                    await at.ended(f"run-{number}")

    virtual(main)
    second = [moments[f"run-{number}"][1] for number in range(40)]
    assert 10 <= min(second) < max(second) <= 10.6
    assert second[::2] == pytest.approx(second[1::2], abs=0.01)
    assert max(second) - min(second) > 0.3


def test_a_provider_that_hangs_moves_no_other_run() -> None:
    async def ask(query: Query) -> Measurement:
        if query.run.startswith("stuck"):
            await asyncio.Event().wait()
        return await one(query)

    async def main() -> None:
        async with cluster() as sim, working(sim, ask, workers=1) as at:
            for number in range(20):
                sim.create_object(a_run(f"stuck-{number}"))
            await asyncio.sleep(1)
            began = sim.clock.elapsed()
            sim.create_object(a_run("quick", metric(count=5, interval="2s")))
            await at.ended("quick")
            assert sim.clock.elapsed() - began < 11

    virtual(main)


def test_a_run_that_is_ended_does_not_wait_for_room_in_a_rate_limit() -> None:
    async def ask(query: Query) -> Measurement:
        used_up = RateLimit(limit=1, remaining=0, reset=3_000.0)
        return Measurement(value=1.0, text="1", rate_limit=used_up)

    async def main() -> None:
        async with cluster() as sim, working(sim, ask) as at:
            sim.create_object(a_run("first"))
            await at.ended("first")
            sim.create_object(a_run("waits", metric("known"), metric("waits")))
            await asyncio.sleep(60)
            began = sim.clock.elapsed()
            sim.patch("AnalysisRun", "waits", {"spec": {"terminate": True}})
            status = await at.ended("waits")
            assert sim.clock.elapsed() - began < 2
            assert (status["phase"], status["message"]) == ("Successful", "Run Terminated")
            assert at.web.asked == ["m"]

    virtual(main)


def test_a_slow_metric_does_not_hold_up_the_others_of_its_run() -> None:
    async def ask(query: Query) -> Measurement:
        await asyncio.sleep(60 if query.metric == "slow" else 0)
        return await one(query)

    async def main() -> None:
        async with cluster() as sim, working(sim, ask) as at:
            sim.create_object(
                a_run("mixed", metric("slow"), metric("quick", count=5, interval="2s"))
            )
            await sim.until(lambda: at.web.asked.count("quick") == 5, within=15)
            status = await at.ended("mixed")
            assert status["runSummary"] == {"count": 2, "successful": 2}

    virtual(main)


def test_a_hanging_provider_ends_its_run_in_error() -> None:
    async def ask(query: Query) -> Measurement:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        async with cluster() as sim, working(sim, ask, limits=Limits(deadline=30)) as at:
            sim.create_object(a_run("stuck"))
            status = await at.ended("stuck")
            assert status["phase"] == "Error"
            assert "web: measure did not answer within 30 seconds" in status["message"]

    virtual(main)


def test_a_malformed_run_ends_in_error_and_stops_no_other() -> None:
    async def main() -> None:
        async with cluster() as sim, working(sim, one) as at:
            sim.create_object(a_run("wrong", metric(count=3)))
            sim.create_object(
                a_run("unheard", {"name": "m", "provider": {"job": {"spec": {"template": {}}}}})
            )
            sim.create_object(a_run("sound"))
            assert (await at.ended("sound"))["phase"] == "Successful"
            assert at.status("wrong") == {
                "phase": "Error",
                "message": "Analysis spec invalid: metrics[0]: interval must be specified when count > 1",
            }
            status = await at.ended("unheard")
            assert "no plugin serves the metric provider 'job'" in status["message"]

    virtual(main)


def test_terminate_ends_an_endless_run() -> None:
    async def main() -> None:
        async with cluster() as sim, working(sim, one) as at:
            sim.create_object(a_run("endless", metric(interval="1s")))
            await sim.until(lambda: at.status("endless").get("phase") == "Running")
            await asyncio.sleep(20)
            sim.patch("AnalysisRun", "endless", {"spec": {"terminate": True}})
            status = await at.ended("endless", within=5)
            assert (status["phase"], status["message"]) == ("Successful", "Run Terminated")
            assert len(status["metricResults"][0]["measurements"]) == 10

    virtual(main)


def test_the_provider_cleans_up_what_the_status_forgets() -> None:
    async def main() -> None:
        async with cluster() as sim, working(sim, one) as at:
            rules = [{"metricName": "m", "limit": 1}]
            sim.create_object(
                a_run("r", metric(count=2, interval="1s"), measurementRetention=rules)
            )
            await at.ended("r")
            await asyncio.sleep(1)
            assert at.web.asked == ["m", "m", "keep 1"]

    virtual(main)


def test_a_completed_run_is_deleted_after_its_time() -> None:
    async def main() -> None:
        async with cluster() as sim, working(sim, one) as at:
            sim.create_object(a_run("brief", ttlStrategy={"secondsAfterCompletion": 30}))
            await at.ended("brief")
            await asyncio.sleep(29)
            assert sim.find("AnalysisRun", "brief") is not None
            await asyncio.sleep(4)
            assert sim.find("AnalysisRun", "brief") is None

    virtual(main)


def test_a_deleted_run_is_forgotten_and_a_new_one_of_its_name_begins_afresh() -> None:
    async def ask(query: Query) -> Measurement:
        await asyncio.sleep(10)
        return await one(query)

    async def main() -> None:
        async with cluster() as sim, working(sim, ask) as at:
            sim.create_object(a_run("again"))
            await asyncio.sleep(5)
            sim.delete("AnalysisRun", "again")
            sim.create_object(a_run("again", metric("other")))
            status = await at.ended("again")
            assert [result["name"] for result in status["metricResults"]] == ["other"]
            assert at.web.asked == ["m", "other"]
            sim.delete("AnalysisRun", "again")
            await asyncio.sleep(60)
            assert at.runs._flights == {}

    virtual(main)


def test_a_restarted_controller_resumes_what_the_status_knows() -> None:
    async def job(query: Query) -> Measurement:
        later = query.now.replace(hour=1)
        return Measurement(running=True, resume_at=later, metadata={"job": "j-1"})

    async def main() -> None:
        async with cluster() as sim:
            sim.create_object(a_run("job"))
            async with working(sim, job) as first:
                await sim.until(lambda: first.status("job").get("phase") == "Running")
            sim.patch("AnalysisRun", "job", {"status": {"metricResults": _due_now(sim, "job")}})
            async with working(sim, job) as second:
                status = await second.ended("job")
                assert second.web.asked == ["resume j-1"]
                (measurement,) = status["metricResults"][0]["measurements"]
                assert measurement["metadata"]["job"] == "j-1"

    virtual(main)


def _due_now(sim: Sim, name: str) -> list[Json]:
    results: list[Json] = sim.get("AnalysisRun", name)["status"]["metricResults"]
    for result in results:
        result["measurements"][0].pop("resumeAt")
    return results


def test_a_killed_controller_measures_again_what_no_status_holds() -> None:
    async def hang(query: Query) -> Measurement:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        async with cluster() as sim:
            sim.create_object(a_run("r"))
            async with working(sim, hang) as first:
                await asyncio.sleep(5)
                assert first.web.asked == ["m"]
                assert first.status("r") == {}
            async with working(sim, one) as second:
                assert (await second.ended("r"))["phase"] == "Successful"
                assert second.web.asked == ["m"]

    virtual(main)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(OSError("connection reset"), id="the line breaks"),
        pytest.param(ApiError(409, "Conflict", "the object has been modified"), id="a conflict"),
        pytest.param(ApiError(500, "InternalError", "etcd"), id="the server fails"),
    ],
)
@pytest.mark.parametrize("is_lost", [False, True], ids=["before the write", "after the write"])
def test_no_outcome_is_lost_or_counted_twice_when_a_write_fails(
    trouble: Any, is_lost: bool
) -> None:
    async def main() -> None:
        failures = 6

        def disturb(method: str, path: str) -> Any:
            nonlocal failures
            if method != "PATCH" or failures == 0:
                return None
            failures -= 1
            return trouble if failures % 2 else None

        line = Line(lose=disturb) if is_lost else Line(disturb=disturb)
        async with cluster() as sim, working(sim, one, line=line) as at:
            sim.create_object(a_run("r", metric(count=4, interval="2s")))
            status = await at.ended("r")
            assert failures <= 2
            result = status["metricResults"][0]
            assert (result["count"], result["successful"]) == (4, 4)
            assert at.web.asked == ["m"] * 4
            assert len(result["measurements"]) == 4

    virtual(main)


def test_a_change_of_somebody_elses_in_between_is_a_conflict_and_then_counted() -> None:
    async def main() -> None:
        async def ask(query: Query) -> Measurement:
            # between the pass that asked and the one that writes, in the same breath
            sim.patch(
                "AnalysisRun", "r", {"metadata": {"labels": {"touched": str(len(at.web.asked))}}}
            )
            return await one(query)

        async with cluster() as sim, working(sim, ask) as at:
            sim.create_object(a_run("r", metric(count=3, interval="2s")))
            status = await at.ended("r")
            assert status["metricResults"][0]["count"] == 3
            assert at.web.asked == ["m"] * 3

    virtual(main)


def test_errors_are_retried_each_ten_seconds() -> None:
    async def ask(query: Query) -> Measurement:
        raise ProviderError("received non 2xx response code: 500")

    async def main() -> None:
        async with cluster() as sim, working(sim, ask) as at:
            sim.create_object(a_run("r", metric(count=10, interval="1s")))
            status = await at.ended("r")
            assert status["message"] == (
                'Metric "m" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4): '
                '"Error Message: received non 2xx response code: 500"'
            )
            assert 36 <= sim.clock.elapsed() <= 42

    virtual(main)


def test_a_pass_waits_for_the_cache_to_show_our_own_write() -> None:
    class Late:
        async def wait_caught_up(self, namespace: str, name: str, within: float) -> bool:
            return False

    async def main() -> None:
        ports: Any = type("Somebody", (), {"runs": Late()})()
        assert await AnalysisRuns(ports).reconcile(("shop", "r")) == 1.0

    virtual(main)


def test_a_failed_write_is_the_queues_to_repeat() -> None:
    async def main() -> None:
        def refuse(method: str, path: str) -> Any:
            return ApiError(403, "Forbidden", "no") if method == "PATCH" else None

        async with cluster() as sim, working(sim, one, line=Line(disturb=refuse)) as at:
            sim.create_object(a_run("r"))
            await asyncio.sleep(30)
            assert at.queue.failures > 1
            assert at.web.asked == ["m"]
            with pytest.raises(KubeError):
                await at.runs.reconcile(("default", "r"))

    virtual(main)
