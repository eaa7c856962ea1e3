"""Jobs of a run that is in no cluster itself: made in the cluster of the kubeconfig, and removed at the end.

In: the run, the plugins and the cluster. Out: access to Jobs for its measuring. Called by the trial.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress

import click

from ...decide.analysis.validation import provider_block
from ...errors import GradatimError, SetupError
from ...model.analysisrun import AnalysisRun
from ...plugin import Json
from ...registry import Registry
from ...run.jobs import JobAccess
from .secrets import Cluster


def uses_jobs(run: AnalysisRun, registry: Registry) -> str:
    """The name of a metric whose provider runs Jobs; "" where there is none. The providers are known to exist."""
    for metric in run.metrics:
        if registry.metric_provider(provider_block(metric)[0]).uses_jobs is True:
            return metric.name
    return ""


def by_a_name_of_its_own(run: Json) -> Json:
    """The run as nobody else has it: its Jobs are called and labelled by its name and uid."""
    uid = secrets.token_hex(8)
    metadata = run["metadata"]
    return {**run, "metadata": {**metadata, "name": f"{metadata['name']}-{uid[:5]}", "uid": uid}}


async def job_access(metric: str, cluster: Cluster) -> JobAccess:
    """Access to the Jobs of the cluster.

    Raises:
        SetupError: there is no cluster.
    """
    client = await cluster.client()
    if client is None:
        raise SetupError(
            f"metric {metric!r} runs a Job, which needs a cluster, with the right to create, read and delete Jobs and "
            f"to list pods there: {cluster.absence}"
        )
    return JobAccess(client, os.environ, is_owner_there=False)


async def clean_up(access: JobAccess, run: AnalysisRun) -> None:
    """Delete the run's Jobs with their pods; what cannot be deleted is named."""
    jobs = access.of(run)
    found: list[Json] = []
    with suppress(GradatimError):
        found += await jobs.all()
    for job in found:
        name = str(job["metadata"]["name"])
        try:
            await jobs.delete(jobs.namespace, name)
        except GradatimError as error:
            click.echo(f"gradatim: job {jobs.namespace}/{name} is left: {error}", err=True)
