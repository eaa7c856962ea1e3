"""The pods of Rollouts, followed from the first pass that needs them: for a restart, or for metadata of pods.

In: uids of ReplicaSets. Out: their pods, from a cache. Used by `gather.py`; `controller.py` ends the watch. A
cluster without restarts and such metadata pays nothing; and of each pod only what decisions read is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from ..kube.cache import Cache
from ..kube.client import Client
from ..kube.reflector import Health, Reflector
from ..kube.resources import PODS, Selection
from ..kube.watch import Watch
from ..model import names
from ..model.reading import Json, Reader
from ..model.workload import Pod
from .supervision import supervised
from .world import BY_OWNER

log = logging.getLogger(__name__)

Key = tuple[str, str]

_METADATA: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "annotations",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)


class PodWatch:
    """Follows the pods that have the label of a Rollout's revision.

    Args:
        namespace: the one namespace to follow; None: all.
        unreadable: told once of each Rollout whose pods cannot be read, and why.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache[Pod],
        namespace: str | None,
        unreadable: Callable[[Key, str], None],
    ) -> None:
        watch = Watch(client, Selection(PODS, namespace, names.POD_HASH))
        self._cache = cache
        self._reflector = Reflector(watch, cache, slim)
        self._unreadable = unreadable
        self._told: set[Key] = set()
        self._task: asyncio.Task[None] | None = None

    def of(self, key: Key, uids: Iterable[str]) -> tuple[Pod, ...] | None:
        """The pods of these ReplicaSets; None until all are known. It begins to follow, and waits for nothing."""
        if self._task is None:
            self._task = asyncio.create_task(supervised(str(PODS), self._reflector.run))
            log.info("watching %s", self._reflector.health.of)
        if not self._cache.is_synced:
            self._tell(key)
            return None
        self._told.clear()
        entries = (entry for uid in uids for entry in self._cache.by(BY_OWNER, uid))
        return tuple(entry.view for entry in entries if entry.view is not None)

    @property
    def health(self) -> tuple[Health, ...]:
        """How it goes, once it has gone well: a missing right concerns those only who need pods."""
        return (self._reflector.health,) if self._cache.is_synced else ()

    async def aclose(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _tell(self, key: Key) -> None:
        fault = self._reflector.health.fault
        if fault and key not in self._told:
            self._told.add(key)
            self._unreadable(key, f"cannot watch its pods: {fault}")


def slim(raw: Json) -> Json:
    """The part of a pod that decisions read."""
    root = Reader(raw)
    meta, status = root.json("metadata"), root.object("status")
    ready = [
        c for c in status.list("conditions") if isinstance(c, dict) and c.get("type") == "Ready"
    ]
    conditions = [{"type": "Ready", "status": c.get("status")} for c in ready]
    return {
        "metadata": {key: meta[key] for key in _METADATA if key in meta},
        "status": {"phase": status.raw.get("phase"), "conditions": conditions},
    }
