"""One decision being carried out: the writes that every effect is made of, and the versions that they led to.

In: a Rollout as it was decided on. Out: patches and deletions, each remembered until the cache shows it. The status
is written against the version that was decided on. Used by the modules of this room, one `Pass` for each decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..decide.sameness import holds_still
from ..decide.statuspatch import merge_patch
from ..kube.errors import Conflict, NotFound
from ..kube.resources import ROLLOUTS, Address, Resource
from ..model.reading import Json
from ..model.rollout import Rollout
from ..plugin import ObjectRef
from .ports import Ports

#: How often a write to a Rollout is tried that others annotate meanwhile.
_REWRITES: Final = 4


@dataclass(slots=True)
class Pass:
    """One decision being carried out.

    Attributes:
        version: the Rollout's, after our own writes of this pass.
        basis: the Rollout as it was decided on, with those writes.
        versions: of routers' objects, after our own writes.
        planned: the versions that patches of those objects were planned for.
    """

    ports: Ports
    rollout: Rollout
    version: str
    basis: Json
    versions: dict[ObjectRef, str] = field(default_factory=dict)
    planned: dict[ObjectRef, str] = field(default_factory=dict)

    @staticmethod
    def of(ports: Ports, rollout: Rollout) -> Pass:
        """A pass that has written nothing yet."""
        return Pass(ports, rollout, rollout.meta.resource_version, rollout.raw)

    async def patch(self, resource: Resource, name: str, body: Json) -> None:
        """Patch an object of the Rollout's namespace."""
        address = resource.at(self.rollout.namespace, name)
        self.ports.memory.wrote(resource, await self.ports.client.patch(address, body))

    async def delete(self, address: Address, uid: str) -> None:
        """Delete the object of that uid; it is well if there is none."""
        try:
            await self.ports.client.delete(address, uid=uid)
        except (NotFound, Conflict):
            # gone already, or another one of that name: nothing of ours is left there
            return
        self.ports.memory.deleted(address, uid)

    async def write_rollout(self, address: Address, body: Json) -> None:
        """Patch it at the version we decided on: a promote or an abort that came in between is never overwritten."""
        for left in reversed(range(_REWRITES)):
            try:
                written = await self.ports.client.patch(address, versioned(body, self.version))
            except Conflict:
                there = await self.ports.client.get(ROLLOUTS.at(address.namespace, address.name))
                if not left or not holds_still(self.basis, there):
                    raise
                self.version = version_of(there)
            else:
                self.version, self.basis = version_of(written), written
                self.ports.memory.wrote(ROLLOUTS, written)
                return

    async def write_status(self, status: Json) -> bool:
        """Write what of the status is new; True if anything is."""
        patch = merge_patch(self.rollout.status.raw, status)
        if not patch:
            return False
        address = ROLLOUTS.at(self.rollout.namespace, self.rollout.name).sub("status")
        await self.write_rollout(address, {"status": patch})
        return True


def version_of(obj: Mapping[str, Any]) -> str:
    """Its resourceVersion, "" for none."""
    return str((obj.get("metadata") or {}).get("resourceVersion", ""))


def versioned(body: Json, version: str) -> Json:
    """The patch, to be refused when the object is not at that version any more."""
    if not version:
        return body
    return {**body, "metadata": {**body.get("metadata", {}), "resourceVersion": version}}
