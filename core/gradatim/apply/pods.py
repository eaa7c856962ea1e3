"""Patching and evicting pods.

In: effects on pods. Out: writes; a pod that is gone meanwhile is no failure. Called by `rollouts.py`.
"""

from __future__ import annotations

import logging
from typing import Final

from ..decide.effects import EvictPods, PatchPod
from ..kube.errors import KubeError, NotFound, Throttled, Unreachable
from ..kube.resources import PODS
from .writing import Pass

log = logging.getLogger(__name__)

#: Pods that a disruption budget keeps, after which it is not asked for more in this pass.
_REFUSALS: Final = 5


async def patch_pod(this: Pass, effect: PatchPod) -> None:
    """Give it labels and annotations."""
    metadata = {"labels": dict(effect.labels), "annotations": dict(effect.annotations)}
    body = {"metadata": {kind: texts for kind, texts in metadata.items() if texts}}
    try:
        await this.patch(PODS, effect.name, body)
    except NotFound:
        log.debug("pod %s went before it could be patched", effect.name)


async def evict(this: Pass, effect: EvictPods) -> None:
    """Whatever becomes of evictions, the status is written: the restart goes on when it can."""
    going = refused = 0
    for name, uid in effect.pods:
        if going == effect.most or refused == _REFUSALS:
            return
        address = PODS.at(this.rollout.namespace, name)
        try:
            await this.ports.client.evict(address)
        except NotFound:
            # it went, perhaps by an eviction of ours whose answer was lost: it is one of those that may be missing
            log.debug("pod %s went before it could be evicted", name)
            going += 1
            this.ports.memory.deleted(address, uid)
        except Throttled as error:
            refused += 1
            log.info("not yet: %s", error)
        except Unreachable:
            raise
        except KubeError as error:
            said = str(error)
            this.ports.recorder.emit(this.rollout.raw, "Warning", "ReconciliationError", said)
            return
        else:
            going += 1
            this.ports.memory.deleted(address, uid)
