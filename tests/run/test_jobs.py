"""The Jobs of a run: its own, marked as such, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gradatim.kube.client import Client
from gradatim.kube.errors import Throttled
from gradatim.kube.resources import JOBS
from gradatim.model.analysisrun import AnalysisRun, parse_analysis_run
from gradatim.plugin import Json, ProviderError
from gradatim.run.jobs import KUBECONFIG_VARIABLE, NAMESPACE_VARIABLE, JobAccess
from gradatim.sim import Sim, SimSettings, run_virtual

LABEL = "analysisrun.argoproj.io/uid"


def run_of(uid: str = "u-1", namespace: str = "default") -> AnalysisRun:
    return parse_analysis_run({"metadata": {"name": "run", "namespace": namespace, "uid": uid}})


def job(name: str = "u-1.check.1", **pod: object) -> Json:
    spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "alpine"}], **pod}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {"team": "a"}},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": {"x": "y"}}, "spec": spec}},
    }


def apart(sim: Sim, client: Client) -> JobAccess:
    """In a namespace of their own Jobs have no owner: nothing collects those of a run that is not there."""
    sim.create_object({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jobs"}})
    return JobAccess(client, {NAMESPACE_VARIABLE: "jobs"})


def play(story: Callable[[Sim, Client], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Sim(SimSettings(ready_after=0.1, gone_after=0.1)) as sim:
            await story(sim, Client(sim.transport("jobs")))

    run_virtual(whole())


def test_a_job_says_whose_it_is_and_goes_with_its_run():
    async def story(sim: Sim, client: Client) -> None:
        made = await JobAccess(client, {}).of(run_of()).create(job())
        assert made["metadata"]["labels"] == {"team": "a", LABEL: "u-1"}
        assert made["spec"]["template"]["metadata"]["labels"]["x"] == "y"
        assert made["spec"]["template"]["metadata"]["labels"][LABEL] == "u-1"
        (owner,) = made["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("AnalysisRun", "u-1", True)

    play(story)


def test_in_the_operators_namespace_it_has_no_owner():
    async def story(sim: Sim, client: Client) -> None:
        jobs = apart(sim, client).of(run_of())
        made = await jobs.create(job())
        assert jobs.namespace == "jobs"
        assert made["metadata"]["namespace"] == "jobs"
        assert "ownerReferences" not in made["metadata"]

    play(story)


def test_a_job_is_made_once_however_often_it_is_asked_for():
    async def story(sim: Sim, client: Client) -> None:
        jobs = apart(sim, client).of(run_of())
        first = await jobs.create(job())
        again = await jobs.create(job())
        assert again["metadata"]["uid"] == first["metadata"]["uid"]
        assert len(await jobs.all()) == 1

    play(story)


def test_the_job_of_another_run_is_neither_seen_nor_touched():
    async def story(sim: Sim, client: Client) -> None:
        access = apart(sim, client)
        await access.of(run_of("u-2")).create(job())
        ours = access.of(run_of())
        assert await ours.get("jobs", "u-1.check.1") is None
        assert await ours.all() == ()
        await ours.delete("jobs", "u-1.check.1")
        assert len(sim.list("Job", "jobs")) == 1
        with pytest.raises(ProviderError, match="is there already, and not of this run"):
            await ours.create(job())

    play(story)


def test_its_pods_are_found_and_it_is_deleted_with_them():
    async def story(sim: Sim, client: Client) -> None:
        jobs = apart(sim, client).of(run_of())
        await jobs.create(job())
        await asyncio.sleep(5)
        (pod,) = await jobs.pods("jobs", "u-1.check.1")
        assert pod["metadata"]["labels"][LABEL] == "u-1"
        await jobs.delete("jobs", "u-1.check.1")
        await jobs.delete("jobs", "u-1.check.1")
        await asyncio.sleep(5)
        assert sim.list("Job", "jobs") == []
        assert sim.list("Pod", "jobs") == []

    play(story)


def test_what_the_api_server_refuses_is_an_error_of_the_measurement():
    async def story(sim: Sim, client: Client) -> None:
        jobs = JobAccess(client, {}).of(run_of())
        with pytest.raises(ProviderError, match="needs a spec with a template"):
            await jobs.create({**job(), "spec": {}})
        with pytest.raises(ProviderError, match=r"create jobs\.batch default/") as found:
            await jobs.create({**job(), "spec": {"template": {"spec": {"containers": []}}}})
        assert not found.value.outage

    play(story)


class Refusing(Client):
    def __init__(self) -> None:
        self.closed = False

    async def get(self, address: object) -> Json:
        raise Throttled("get jobs.batch: too many requests", retry_after=7.0)

    async def aclose(self) -> None:
        self.closed = True


async def test_a_server_that_throttles_is_an_outage_with_its_patience():
    jobs = JobAccess(Refusing(), {}).of(run_of())
    with pytest.raises(ProviderError) as found:
        await jobs.get("default", "x")
    assert (found.value.outage, found.value.retry_after) == (True, 7.0)


async def test_another_cluster_is_connected_to_once_and_left_at_the_end():
    other, asked = Refusing(), []

    async def connect(kubeconfig: str) -> Client:
        asked.append(kubeconfig)
        return other

    access = JobAccess(Refusing(), {KUBECONFIG_VARIABLE: "/etc/other"}, connect)
    for _ in range(2):
        with pytest.raises(ProviderError):
            await access.of(run_of()).get("default", "x")
    assert asked == ["/etc/other"]
    await access.aclose()
    assert other.closed


async def test_another_cluster_is_refused_where_nobody_can_connect():
    jobs = JobAccess(Refusing(), {KUBECONFIG_VARIABLE: "/etc/other"}).of(run_of())
    with pytest.raises(ProviderError, match=KUBECONFIG_VARIABLE):
        await jobs.get("default", "x")


def test_the_address_is_that_of_jobs():
    assert JOBS.at("a", "b").path == "/apis/batch/v1/namespaces/a/jobs/b"
