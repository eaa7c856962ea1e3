"""Whom the appliers talk to, and what they raise.

In: nothing. Out: protocols that `run/` fulfils, and errors that it answers. Used by all modules of this room.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ..errors import GradatimError
from ..kube.client import Client
from ..kube.resources import Address, Resource
from ..model.reading import Json
from ..plugin import ObjectRef, Wanted


class NameTaken(GradatimError):
    """Somebody else's object has the name that ours needs; the next pass chooses another.

    `name` is that of an AnalysisRun or an Experiment which is not the Rollout's, "" for anything else.
    """

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class Refused(GradatimError):
    """The API server will not have an object, now or later; the next pass says so in the status.

    Attributes:
        name: the object's name.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Recorder(Protocol):
    """Records Kubernetes events."""

    def emit(
        self, about: Json, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """Queue an event about an object."""
        ...


class Memory(Protocol):
    """Remembers our writes until the cache shows them."""

    def wrote(self, resource: Resource, written: Json) -> None:
        """The object as the server gave it back."""
        ...

    def deleted(self, address: Address, uid: str) -> None:
        """The object that was deleted."""
        ...


class Routers(Protocol):
    """Routers of control planes outside the cluster."""

    async def apply(self, router: str, wanted: Wanted) -> None:
        """Have one bring about a state. Raises RouterError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Whom the applier talks to.

    Attributes:
        resource_of: the resource that an object reference of a router means.
        client_of: who reaches a router's objects; they may be in another cluster.
    """

    client: Client
    recorder: Recorder
    memory: Memory
    routers: Routers
    resource_of: Callable[[ObjectRef], Awaitable[Resource]]
    client_of: Callable[[Resource], Client]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPorts:
    """Whom the applier of Experiments talks to."""

    client: Client
    recorder: Recorder
    memory: Memory
