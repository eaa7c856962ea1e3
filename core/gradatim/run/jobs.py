"""The Jobs of an AnalysisRun, as its metric providers may use them: its own, and no others.

In: a run, manifests, names. Out: Jobs and pods as JSON, or a ProviderError. `measuring.py` hands it to providers that
ask for it. Where Jobs are made is the operator's to say, by the reference's two environment variables.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from gradatim.kube.client import Client
from gradatim.kube.errors import (
    AlreadyExists,
    KubeError,
    NotFound,
    Throttled,
    Unavailable,
    Unreachable,
)
from gradatim.kube.resources import JOBS, PODS, Selection
from gradatim.model import names
from gradatim.model.analysisrun import AnalysisRun
from gradatim.model.reading import Json, Reader
from gradatim.plugin import ProviderError

#: Kubeconfig of the cluster that Jobs run on: a path, or `in-cluster`.
KUBECONFIG_VARIABLE: Final = "ARGO_ROLLOUTS_ANALYSIS_JOB_KUBECONFIG"
#: Namespace of all Jobs; without it each is in its run's.
NAMESPACE_VARIABLE: Final = "ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE"

#: Connects to the cluster of a kubeconfig.
Connect = Callable[[str], Awaitable[Client]]


class JobAccess:
    """Makes the `Jobs` of each run. One serves the whole controller.

    Args:
        client: of the cluster that the runs are in.
        environment: the controller's.
        connect: for Jobs that run on another cluster; it is connected to when the first one is made.
        is_owner_there: the runs are objects of the cluster, so that they can own their Jobs.
    """

    def __init__(
        self,
        client: Client,
        environment: Mapping[str, str],
        connect: Connect | None = None,
        *,
        is_owner_there: bool = True,
    ) -> None:
        self._client = client
        self._is_owner_there = is_owner_there
        self._namespace = environment.get(NAMESPACE_VARIABLE, "")
        self._elsewhere = environment.get(KUBECONFIG_VARIABLE, "")
        self._connect = connect
        self._other: Client | None = None

    def of(self, run: AnalysisRun) -> RunJobs:
        """The Jobs of one run."""
        namespace = self._namespace or run.meta.namespace
        is_here = self._is_owner_there and not self._elsewhere
        is_owned = is_here and namespace == run.meta.namespace
        return RunJobs(self._cluster, run, namespace, is_owned=is_owned)

    async def aclose(self) -> None:
        """Leave the other cluster."""
        other, self._other = self._other, None
        if other is not None:
            await other.aclose()

    async def _cluster(self) -> Client:
        if not self._elsewhere:
            return self._client
        if self._other is None:
            if self._connect is None:
                raise ProviderError(
                    f"{KUBECONFIG_VARIABLE} is set, and this command uses one cluster only"
                )
            self._other = await self._connect(self._elsewhere)
        return self._other


class RunJobs:
    """The `gradatim.plugin.Jobs` of one run."""

    def __init__(
        self,
        cluster: Callable[[], Awaitable[Client]],
        run: AnalysisRun,
        namespace: str,
        *,
        is_owned: bool,
    ) -> None:
        self._cluster = cluster
        self._run = run
        self._namespace = namespace
        self._is_owned = is_owned

    @property
    def namespace(self) -> str:
        """Where new Jobs are made."""
        return self._namespace

    async def create(self, job: Json) -> Json:
        """See `gradatim.plugin.Jobs.create`."""
        body = self._marked(job)
        name = body["metadata"].get("name", "")
        with _translated():
            client = await self._cluster()
            try:
                return await client.create(JOBS, body)
            except AlreadyExists:
                existing = await self.get(self._namespace, name)
                if existing is None:
                    raise ProviderError(
                        f"job {self._namespace}/{name} is there already, and not of this run"
                    ) from None
                return existing

    async def get(self, namespace: str, name: str) -> Json | None:
        """See `gradatim.plugin.Jobs.get`."""
        with _translated():
            client = await self._cluster()
            try:
                job = await client.get(JOBS.at(namespace, name))
            except NotFound:
                return None
        return job if _label(job) == self._run.meta.uid else None

    async def pods(self, namespace: str, name: str) -> Sequence[Json]:
        """See `gradatim.plugin.Jobs.pods`."""
        labels = f"{names.JOB_OF_RUN}={self._run.meta.uid},job-name={name}"
        with _translated():
            client = await self._cluster()
            return (await client.list(Selection(PODS, namespace, labels=labels))).items

    async def delete(self, namespace: str, name: str) -> None:
        """See `gradatim.plugin.Jobs.delete`."""
        job = await self.get(namespace, name)
        if job is None:
            return
        with _translated():
            client = await self._cluster()
            try:
                address = JOBS.at(namespace, name)
                uid = job["metadata"]["uid"]
                await client.delete(address, propagation="Foreground", uid=uid)
            except NotFound:
                return

    async def all(self) -> Sequence[Json]:
        """See `gradatim.plugin.Jobs.all`."""
        labels = f"{names.JOB_OF_RUN}={self._run.meta.uid}"
        with _translated():
            client = await self._cluster()
            return (await client.list(Selection(JOBS, self._namespace, labels=labels))).items

    def _marked(self, job: Json) -> Json:
        """The manifest with what says whose it is, on the Job and on its pods."""
        metadata = _labelled(job.get("metadata"), self._run.meta.uid)
        metadata["namespace"] = self._namespace
        if self._is_owned:
            metadata["ownerReferences"] = [_owner(self._run)]
        spec = job.get("spec")
        if not isinstance(spec, dict) or not isinstance(spec.get("template"), dict):
            raise ProviderError("a job needs a spec with a template")
        template = spec["template"]
        marked = {**template, "metadata": _labelled(template.get("metadata"), self._run.meta.uid)}
        return {**job, "metadata": metadata, "spec": {**spec, "template": marked}}


def _labelled(metadata: object, uid: str) -> Json:
    known = metadata if isinstance(metadata, dict) else {}
    labels = known.get("labels") if isinstance(known.get("labels"), dict) else {}
    return {**known, "labels": {**(labels or {}), names.JOB_OF_RUN: uid}}


def _label(job: Json) -> str:
    return Reader(job).object("metadata").texts("labels").get(names.JOB_OF_RUN, "")


def _owner(run: AnalysisRun) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "name": run.meta.name,
        "uid": run.meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


@contextmanager
def _translated() -> Iterator[None]:
    """The API server's refusals as what they mean to a measurement."""
    try:
        yield
    except KubeError as error:
        outage = isinstance(error, Unreachable | Unavailable | Throttled)
        raise ProviderError(str(error), retry_after=error.retry_after, outage=outage) from error
