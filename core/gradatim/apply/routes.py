"""Writing what routers planned: patches of their objects, states of control planes outside, fields given back.

In: effects on routes. Out: writes, each against the version that it was planned for. Called by `rollouts.py`.
"""

from __future__ import annotations

import logging

from ..kube.errors import KubeError, Unreachable
from ..plugin import ObjectRef, Patch
from .writing import Pass, version_of, versioned

log = logging.getLogger(__name__)


async def write_route(this: Pass, patch: Patch) -> None:
    """Write a router's object, against the version that the write was planned for."""
    resource = await this.ports.resource_of(patch.ref)
    address = resource.at(patch.ref.namespace, patch.ref.name)
    version = patch.resource_version
    if this.planned.get(patch.ref) == version:
        # planned against an object that this pass has written itself since
        version = this.versions[patch.ref]
    else:
        this.planned[patch.ref] = patch.resource_version
    written = await this.ports.client_of(resource).patch(
        address, at_version(patch, version), kind=patch.kind
    )
    this.versions[patch.ref] = version_of(written)
    this.ports.memory.wrote(resource, written)


async def give_back(this: Pass, ref: ObjectRef) -> None:
    """Own no field of an object any more whose content is what others want."""
    try:
        resource = await this.ports.resource_of(ref)
        client = this.ports.client_of(resource)
        written = await client.give_back(resource.at(ref.namespace, ref.name))
    except Unreachable:
        raise
    except KubeError as error:
        # somebody writes at the same moment, or it may not be done: the next pass tries again
        log.info("%s: our fields are given back later: %s", ref, error)
    else:
        if written is not None:
            this.ports.memory.wrote(resource, written)


def at_version(patch: Patch, version: str) -> object:
    """The patch's body, to be refused when the object is not at that version any more."""
    if isinstance(patch.body, dict):
        return versioned(patch.body, version)
    if not version:
        return list(patch.body)
    return [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}, *patch.body]
