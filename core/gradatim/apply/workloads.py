"""Scaling the Deployment that a Rollout takes over from.

In: a number of pods, and the version that was seen. Out: a write. Called by `rollouts.py`.
"""

from __future__ import annotations

import logging

from ..decide.effects import PatchWorkload
from ..kube.errors import Conflict, KubeError, NotFound, Unreachable
from .writing import Pass, versioned

log = logging.getLogger(__name__)


async def patch_workload(this: Pass, effect: PatchWorkload) -> None:
    """Scale the Deployment, as it was seen. That it cannot be is told, and stops no release."""
    ref = effect.ref
    body = versioned({"spec": {"replicas": effect.replicas}}, effect.resource_version)
    try:
        resource = await this.ports.resource_of(ref)
        address = resource.at(ref.namespace, ref.name)
        written = await this.ports.client.patch(address, body)
    except (Conflict, NotFound) as error:
        # it changed meanwhile, which its watch will tell
        log.debug("%s is scaled later: %s", ref, error)
    except Unreachable:
        raise
    except KubeError as error:
        said = f"{ref} cannot be scaled: {error}"
        this.ports.recorder.emit(this.rollout.raw, "Warning", "ReconciliationError", said)
    else:
        this.ports.memory.wrote(resource, written)
