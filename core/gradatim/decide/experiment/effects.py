"""What a decision on an Experiment wants done: a closed union, in the order in which it must be done.

In: nothing. Out: values that `apply/experiments.py` carries out with one `match`.
What Experiments share with Rollouts is in `decide/effects.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ...model.reading import Json
from ..effects import (
    CreateReplicaSet,
    CreateRun,
    Emit,
    PatchReplicaSet,
    ScaleReplicaSet,
    TerminateRun,
)


@dataclass(frozen=True, slots=True)
class CreateService:
    """Create the Service of one set of pods."""

    name: str
    body: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeleteService:
    """Delete the Service of a set that has no pods any more."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class TellRollout:
    """Tell in a warning on the Rollout whose step it is, once the status is written; its subscribers wait for it."""

    reason: str
    message: str


#: What changes something.
ExperimentWrite: TypeAlias = (
    CreateReplicaSet
    | ScaleReplicaSet
    | PatchReplicaSet
    | CreateService
    | DeleteService
    | CreateRun
    | TerminateRun
)

ExperimentEffect: TypeAlias = ExperimentWrite | Emit | TellRollout
