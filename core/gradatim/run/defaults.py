"""A Rollout's template with the API server's defaults, where a decision cannot do without.

In: a Rollout and its ReplicaSets. Out: the template as the server would store it, asked for once by a creation that is
not carried out. `gather.py` asks when it takes over ReplicaSets that another controller named.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..decide.creation import new_replica_set
from ..decide.recognition import needs_defaults, own_hash
from ..kube.client import Client
from ..kube.request import WriteOptions
from ..kube.resources import REPLICA_SETS
from ..model.reading import Json
from ..model.rollout import Rollout
from ..model.workload import ReplicaSet


class Defaults:
    """Templates with defaults, by the Rollout's uid and the template's hash."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, tuple[str, Json]] = {}

    async def template(self, rollout: Rollout, replica_sets: Iterable[ReplicaSet]) -> Json | None:
        """The template with defaults; None where nobody needs it.

        Raises:
            KubeError: it could not be asked. Nothing may be created before it is known.
        """
        if not needs_defaults(rollout, replica_sets):
            self._known.pop(rollout.meta.uid, None)
            return None
        pod_hash = own_hash(rollout)
        known = self._known.get(rollout.meta.uid)
        if known is None or known[0] != pod_hash:
            known = self._known[rollout.meta.uid] = pod_hash, await self._ask(rollout, pod_hash)
        return known[1]

    def forget(self, uid: str) -> None:
        """The Rollout is gone."""
        self._known.pop(uid, None)

    async def _ask(self, rollout: Rollout, pod_hash: str) -> Json:
        body = new_replica_set(rollout, pod_hash=pod_hash, revision=0)
        metadata = {k: v for k, v in body["metadata"].items() if k != "name"}
        # a name of the server's choice: ours may be taken, which is not what is asked here
        body = {**body, "metadata": {**metadata, "generateName": f"{rollout.name}-"}}
        answer = await self._client.create(REPLICA_SETS, body, WriteOptions(dry_run=True))
        template: Json = answer["spec"]["template"]
        return template
