"""Kubernetes Jobs for a provider whose measurement is work that has to be done: a load test, a query tool.

In: manifests and names. Out: Jobs and their pods as JSON. The core hands it over in `Query.jobs` to providers that
say `uses_jobs`; it reaches the Jobs of one AnalysisRun and nothing else of the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

#: A JSON object of the API server. Never mutate one.
Json: TypeAlias = dict[str, Any]


class Jobs(Protocol):
    """The Jobs of one AnalysisRun. Each method raises `ProviderError` where the API server refuses or is silent."""

    @property
    def namespace(self) -> str:
        """Where new Jobs are made: the run's namespace, or the one that the operator has set for all."""
        ...

    async def create(self, job: Json) -> Json:
        """Create a Job and say whose it is: namespace, labels of the run and an owner reference are put in.

        A Job of that name that the same run has made already is given back as it is, so that a controller that
        was killed after creating one does not run it twice.
        """
        ...

    async def get(self, namespace: str, name: str) -> Json | None:
        """A Job of this run; None where there is none."""
        ...

    async def pods(self, namespace: str, name: str) -> Sequence[Json]:
        """The pods of a Job."""
        ...

    async def delete(self, namespace: str, name: str) -> None:
        """Delete a Job and its pods. One that is gone already is fine."""
        ...

    async def all(self) -> Sequence[Json]:
        """All Jobs of this run, in the namespace where new ones are made."""
        ...
