"""The built-in `job`: what its Jobs are, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.builtin.job.manifest import job_name, job_of, problems
from gradatim.builtin.job.outcome import outcome
from gradatim.builtin.job.provider import JobProvider
from gradatim.plugin import FieldPath, Json, Measurement, ProviderError, Query, Verdict
from gradatim.testing.fakejobs import FakeJobs
from gradatim.testing.fakes import NOW, a_query
from gradatim.testing.metric_contract import MetricProviderContract

CONTAINER = {"name": "c", "image": "alpine", "command": ["true"]}
UID = "00000000-0000-0000-0000-000000000001"
NAME = f"{UID}.success-rate.1"


def block(**pod: Any) -> Json:
    spec = {"restartPolicy": "Never", "containers": [CONTAINER], **pod}
    return {"spec": {"backoffLimit": 0, "template": {"spec": spec}}}


def query(jobs: FakeJobs | None, **changes: Any) -> Query:
    return a_query(block(), jobs=jobs, **changes)


class TestJob(MetricProviderContract):
    module = "gradatim.builtin.job"
    provider_class = JobProvider
    good_config: ClassVar = block()
    wrong_configs = (
        ({}, "spec"),
        ({"spec": []}, "spec"),
        ({"spec": {}}, "spec.template.spec"),
        ({"spec": {"template": {"spec": 1}}}, "spec.template.spec"),
        (block(restartPolicy="Always"), "spec.template.spec.restartPolicy"),
        (block(restartPolicy=None), "spec.template.spec.restartPolicy"),
        (block(containers=[]), "spec.template.spec.containers"),
        (block(containers=[{"name": "c"}]), "spec.template.spec.containers[0].image"),
        (block(containers=["c"]), "spec.template.spec.containers[0].name"),
    )


def test_the_job_is_the_blocks_with_what_it_is_for():
    metadata = {"labels": {"team": "a"}, "annotations": {"note": "b"}}
    job = job_of(a_query({**block(), "metadata": metadata}))
    assert job["spec"] == block()["spec"]
    assert job["metadata"] == {
        "name": NAME,
        "labels": {"team": "a"},
        "annotations": {
            "note": "b",
            "analysisrun.argoproj.io/name": "web-5d7f-2",
            "analysisrun.argoproj.io/namespace": "shop",
            "analysisrun.argoproj.io/metric-name": "success-rate",
        },
    }


@pytest.mark.parametrize(
    ("metric", "number", "name"),
    [
        ("check", 0, f"{UID}.check.1"),
        ("check", 9, f"{UID}.check.10"),
        ("a-metric-with-a-very-long-name", 0, f"{UID}.a-metric-with-a-v-1448b4.1"),
        ("a-metric-with-a-very-long-game", 0, f"{UID}.a-metric-with-a-v-9336f5.1"),
        ("Success_Rate", 0, f"{UID}.success-rate-56a686.1"),
        ("!!", 0, f"{UID}.233d26.1"),
    ],
)
def test_a_job_is_called_after_run_metric_and_measurement(metric: str, number: int, name: str):
    found = job_name(query(None, metric=metric, number=number))
    assert found == name
    assert len(found) <= 63


@given(st.text(max_size=80), st.integers(0, 10**6))
def test_any_metric_gives_a_name_that_a_job_can_have(metric: str, number: int):
    found = job_name(query(None, metric=metric, number=number))
    assert len(found) <= 63
    assert all(part.strip("-") == part and part for part in found.split("."))


async def test_a_measurement_runs_until_its_job_is_over():
    jobs, provider = FakeJobs(), JobProvider()
    begun = await provider.measure(query(jobs))
    assert begun.running
    assert begun.metadata == {"job-name": NAME, "job-namespace": "shop"}
    still = await provider.resume(query(jobs), begun)
    assert still.running
    jobs.end(NAME, "Complete")
    assert (await provider.resume(query(jobs), still)).verdict is Verdict.SUCCESSFUL


async def test_a_job_that_fails_is_a_failed_measurement():
    jobs, provider = FakeJobs(), JobProvider()
    begun = await provider.measure(query(jobs))
    jobs.end(NAME, "Failed")
    assert (await provider.resume(query(jobs), begun)).verdict is Verdict.FAILED


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
async def test_an_image_that_cannot_be_had_is_inconclusive_and_no_success(reason: str):
    """Argo #4602, #4692: it counted as a success."""
    jobs, provider = FakeJobs(), JobProvider()
    begun = await provider.measure(query(jobs))
    jobs.waiting[NAME] = reason
    found = await provider.resume(query(jobs), begun)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.message.startswith(f"container c cannot start: {reason}: ")


async def test_a_container_that_waits_for_another_reason_may_yet_start():
    jobs, provider = FakeJobs(), JobProvider()
    begun = await provider.measure(query(jobs))
    jobs.waiting[NAME] = "ContainerCreating"
    assert (await provider.resume(query(jobs), begun)).running


async def test_a_controller_that_was_killed_after_creating_does_not_run_it_twice():
    jobs, provider = FakeJobs(), JobProvider()
    await provider.measure(query(jobs))
    again = await provider.measure(query(jobs))
    assert again.running
    assert list(jobs.jobs) == [("shop", NAME)]


async def test_a_job_that_somebody_deleted_is_an_error():
    with pytest.raises(ProviderError, match=f"job shop/{NAME} is gone"):
        await JobProvider().resume(query(FakeJobs()), Measurement(running=True))


async def test_a_job_that_nobody_waits_for_is_deleted():
    jobs, provider = FakeJobs(), JobProvider()
    begun = await provider.measure(query(jobs))
    ended = await provider.terminate(query(jobs), begun)
    assert ended.verdict is Verdict.INCONCLUSIVE
    assert jobs.jobs == {}
    # and once more, as after a crash
    assert (await provider.terminate(query(jobs), begun)).verdict is Verdict.INCONCLUSIVE


async def test_the_oldest_jobs_of_the_metric_go_and_those_of_others_stay():
    jobs, provider = FakeJobs(), JobProvider()
    for number in range(12):
        await provider.measure(query(jobs, number=number))
    await provider.measure(query(jobs, metric="other"))
    await provider.garbage_collect(query(jobs), 3)
    left = sorted(name for _, name in jobs.jobs)
    assert left == [f"{UID}.other.1", *(f"{UID}.success-rate.{n}" for n in (10, 11, 12))]


async def test_without_a_cluster_there_is_nothing_to_run_on():
    with pytest.raises(ProviderError, match="no cluster"):
        await JobProvider().measure(query(None))


@pytest.mark.parametrize(("age", "wait"), [(0, 1.0), (0.3, 1.0), (50, 10.0), (5000, 100.0)])
def test_it_is_looked_at_less_often_as_it_grows_older(age: float, wait: float):
    job = {"metadata": {"creationTimestamp": NOW.isoformat()}}
    now = NOW + timedelta(seconds=age)
    found = outcome(job, (), now, {})
    assert found.running
    assert found.resume_at == now + timedelta(seconds=wait)


HOSTILE: list[Json] = [
    {},
    {"metadata": [], "status": 3},
    {"metadata": {"creationTimestamp": "yesterday"}, "status": {"conditions": [1, {"type": []}]}},
    {"metadata": {"creationTimestamp": "2026-01-01T00:00:00"}, "status": {"conditions": {}}},
]


@pytest.mark.parametrize("job", HOSTILE)
def test_a_job_of_any_shape_is_still_running(job: Json):
    pods: list[Json] = [{}, {"status": {"containerStatuses": [None, {"state": []}]}}]
    assert outcome(job, pods, NOW, {}).running


def test_a_sound_block_has_no_problem():
    assert list(problems(replace(query(None)).config, FieldPath())) == []


@pytest.mark.parametrize(
    ("amount", "is_good"),
    [
        *[
            (good, True)
            for good in ("100m", "1.5Gi", "0.5", ".5", "5.", "2e3", "1E", "+1k", 2, 0.5)
        ],
        *[(bad, False) for bad in ("invalid", "512 Mi", "512MB", "1,5", "", "0x10", True, ["1"])],
        ("{{args.memory}}", True),
        ("{{args.memory}}Mi", True),
        (None, True),
    ],
)
@pytest.mark.parametrize("part", ["requests", "limits"])
@pytest.mark.parametrize("field", ["containers", "initContainers"])
def test_a_quantity_that_the_api_server_would_refuse_is_a_problem(
    amount: object, is_good: bool, part: str, field: str
):
    def container(**more: object) -> Json:
        return {"name": "a", "image": "b", **more}

    pod: Json = {"restartPolicy": "Never", "containers": [container()]}
    pod[field] = [container(), container(resources={part: {"memory": amount}})]
    found = list(problems({"spec": {"template": {"spec": pod}}}, FieldPath("job")))
    where = f"job.spec.template.spec.{field}[1].resources.{part}.memory"
    wanted = [] if is_good else [f"{where}: must be a quantity such as 100m or 1.5Gi"]
    assert [str(problem) for problem in found] == wanted


@pytest.mark.parametrize("resources", [None, 3, [], {"requests": 3}, {"limits": ["1Gi"]}])
def test_resources_of_any_shape_are_read(resources: object):
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "a", "image": "b", "resources": resources}],
        "initContainers": 3,
    }
    assert list(problems({"spec": {"template": {"spec": pod}}}, FieldPath())) == []
