"""The provider `job`: one Kubernetes Job for each measurement.

In: a query with `jobs`. Out: a measurement that is running until its Job is over, or a `ProviderError`.
Called by the controller through `gradatim.plugin.MetricProvider`.
"""

from __future__ import annotations

from typing import Final

from gradatim.plugin import Jobs, Json, Measurement, MetricProvider, ProviderError, Query, Verdict

from .manifest import METRIC, job_name, job_of
from .outcome import next_look, outcome

#: Where the Job is, kept with the measurement under the names that Argo Rollouts uses.
NAME: Final = "job-name"
NAMESPACE: Final = "job-namespace"


class JobProvider(MetricProvider):
    """Runs a Job; the measurement is Successful when it completes and Failed when it fails."""

    key = "job"
    uses_jobs = True

    async def measure(self, query: Query) -> Measurement:
        """Create the Job, or find the one that this measurement has made already."""
        jobs = _jobs(query)
        job = await jobs.create(job_of(query))
        metadata = {NAME: job_name(query), NAMESPACE: jobs.namespace}
        return Measurement(running=True, resume_at=next_look(job, query.now), metadata=metadata)

    async def resume(self, query: Query, measurement: Measurement) -> Measurement:
        """Look what has become of it."""
        jobs, (namespace, name) = _jobs(query), _place(query, measurement)
        job = await jobs.get(namespace, name)
        if job is None:
            raise ProviderError(f"job {namespace}/{name} is gone: somebody has deleted it")
        pods = await jobs.pods(namespace, name)
        return outcome(job, pods, query.now, measurement.metadata)

    async def terminate(self, query: Query, measurement: Measurement) -> Measurement:
        """Delete it: nobody waits for it any more."""
        await _jobs(query).delete(*_place(query, measurement))
        return Measurement(verdict=Verdict.INCONCLUSIVE, metadata=measurement.metadata)

    async def garbage_collect(self, query: Query, keep: int) -> None:
        """Delete the oldest Jobs of this metric; the reference counts those of all metrics together."""
        jobs = _jobs(query)
        ours = [job for job in await jobs.all() if _metric(job) == query.metric]
        ours.sort(key=lambda job: (str(_metadata(job).get("creationTimestamp", "")), _number(job)))
        for job in ours[: max(0, len(ours) - keep)]:
            await jobs.delete(jobs.namespace, str(_metadata(job).get("name", "")))


def _jobs(query: Query) -> Jobs:
    if query.jobs is None:
        raise ProviderError("there is no cluster to run a job on")
    return query.jobs


def _place(query: Query, measurement: Measurement) -> tuple[str, str]:
    """Where the Job is. A measurement that was begun by nobody who noted it has the name it would get."""
    metadata = measurement.metadata
    return (
        metadata.get(NAMESPACE) or _jobs(query).namespace,
        metadata.get(NAME) or job_name(query),
    )


def _metadata(job: Json) -> Json:
    metadata = job.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _metric(job: Json) -> object:
    annotations = _metadata(job).get("annotations")
    return annotations.get(METRIC) if isinstance(annotations, dict) else None


def _number(job: Json) -> int:
    """Which measurement it was made for: Jobs of one second are told apart by it."""
    number = str(_metadata(job).get("name", "")).rpartition(".")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
