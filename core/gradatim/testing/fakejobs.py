"""Jobs in memory, for tests of providers that say `uses_jobs`.

In: manifests, and what the test says has become of them. Out: what `gradatim.plugin.Jobs` gives.
Called by the contract suite and by the tests of plugin authors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gradatim.plugin import Json, ProviderError

from .fakes import NOW


@dataclass
class FakeJobs:
    """The Jobs of one run. `jobs` and `waiting` may be changed by the test.

    Attributes:
        jobs: by namespace and name.
        waiting: reason for which the only container of a Job's pod waits, by the Job's name.
        refused: raised by each call, where there is one.
    """

    namespace: str = "shop"
    jobs: dict[tuple[str, str], Json] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    refused: ProviderError | None = None

    async def create(self, job: Json) -> Json:
        """A Job of that name that is there already is given back."""
        self._answer()
        metadata = {**job["metadata"], "namespace": self.namespace}
        metadata.setdefault("creationTimestamp", NOW.isoformat())
        key = (self.namespace, metadata["name"])
        return self.jobs.setdefault(key, {**job, "metadata": metadata})

    async def get(self, namespace: str, name: str) -> Json | None:
        """The Job, if it is there."""
        self._answer()
        return self.jobs.get((namespace, name))

    async def pods(self, namespace: str, name: str) -> Sequence[Json]:
        """One pod for each Job that is there."""
        self._answer()
        if (namespace, name) not in self.jobs:
            return ()
        reason = self.waiting.get(name)
        state = {"waiting": {"reason": reason, "message": f"{reason}: x"}} if reason else {}
        return ({"status": {"containerStatuses": [{"name": "c", "state": state}]}},)

    async def delete(self, namespace: str, name: str) -> None:
        """Take the Job away."""
        self._answer()
        self.jobs.pop((namespace, name), None)

    async def all(self) -> Sequence[Json]:
        """All of them."""
        self._answer()
        return tuple(self.jobs.values())

    def end(self, name: str, condition: str, namespace: str = "shop") -> None:
        """Let a Job end: `Complete` or `Failed`."""
        job = self.jobs[namespace, name]
        conditions = [{"type": condition, "status": "True"}]
        self.jobs[namespace, name] = {**job, "status": {"conditions": conditions}}

    def _answer(self) -> None:
        if self.refused is not None:
            raise self.refused
