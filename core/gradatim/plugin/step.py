"""Step plugins: what a canary step may do beside weights, pauses and analyses, and the class that does it.

In: a `StepCall` with the step's config and the plugin's own state of the call before. Out: a `StepResult`.
Called by the controller's `run/stepping.py` and by the contract suite in `gradatim.testing`.
"""

from __future__ import annotations

import enum
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final

from .metric import Json, SecretRef

#: Bytes of JSON that a plugin may keep in the Rollout's status for one step.
LARGEST_STATE: Final = 16_384

#: Seconds until `run` is called again where the plugin names no time, and the least that it can name.
DEFAULT_REQUEUE: Final = 30.0
LEAST_REQUEUE: Final = 10.0

_DEEPEST_STATE: Final = 32
_INT64: Final = range(-(1 << 63), 1 << 63)


class StepPhase(enum.StrEnum):
    """How far an operation has come."""

    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCall:
    """One call of an operation.

    Attributes:
        config: `config` of the step; {} where it has none.
        rollout: the Rollout's name.
        namespace: its namespace.
        rollout_uid: its uid.
        index: of the step, from 0.
        now: the moment of the call, aware and UTC.
        started: when the step was reached; the same in all calls for it, also after a restart.
        attempt: names this visit of this step. The same text in every call of `run`, `terminate` and `abort` for it,
            and another one after a retry or for another template: give it to other systems as an idempotency key.
        executions: how many calls of `run` for it were answered before. A call that was not, because the controller
            was killed or the call took too long, does not count.
        status: what the last `run` that was answered gave to keep. None: nothing yet.
        pod_hash: of the new ReplicaSet.
        stable_hash: of the stable ReplicaSet.
        manifest: the whole Rollout as it is on the API server. A copy of your own.
        secrets: the Secrets that `StepPlugin.secrets` asked for. A value of None: no such Secret.
        environment: the controller's environment variables.
    """

    config: Json
    rollout: str
    namespace: str
    now: datetime
    started: datetime
    attempt: str
    index: int = 0
    rollout_uid: str = ""
    executions: int = 0
    status: Json | None = None
    pod_hash: str = ""
    stable_hash: str = ""
    manifest: Json = field(default_factory=dict, repr=False)
    secrets: Mapping[SecretRef, Mapping[str, str] | None] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What came of a call.

    Attributes:
        phase: RUNNING: `run` is called again after `requeue_after`. SUCCESSFUL: the step is complete. FAILED: the
            release is aborted, with `message` as the reason. `terminate` and `abort` have to end in their one call:
            RUNNING counts as FAILED there.
        message: a sentence for the status and for events, without secrets.
        requeue_after: seconds; 30 where it is None, and never less than 10.
        status: a JSON object to keep, at most `LARGEST_STATE` bytes of it; it comes back in `StepCall.status`.
            Everybody who may read the Rollout can read it: no secret belongs there.
    """

    phase: StepPhase
    message: str = ""
    requeue_after: float | None = None
    status: Json | None = None


class StepPlugin(ABC):
    """Carries out canary steps of one kind: `steps: [{plugin: {name: org/name, config: {…}}}]`.

    One instance serves the whole controller, concurrently, on an event loop and a thread of its own. Subclasses are
    constructed without arguments, at first use. Only `run` must be written. The base class grows by methods with
    defaults, never by another abstract one.

    Each operation is called **at least once**, and exactly once as long as nothing goes wrong. That a step was reached
    is in the Rollout's status before `run` is called the first time, so whatever a killed controller has begun is
    known to the next one, which calls again with the same `attempt` and the last state that was kept. So do what is
    to be done in such a way that doing it again changes nothing: look whether it is done, or let the other system
    know by the `attempt`. Never are two calls for one Rollout under way at once.

    What becomes of a step:

    - `run` at the step, again and again while it is RUNNING; also after an error, 30 seconds later.
    - `terminate` when the step is left while `run` was not through: by a full promotion, by a person who skips the
      step, or by another template.
    - `abort` when the release is aborted, for each step whose `run` was SUCCESSFUL or not through, the latest first.

    `terminate` and `abort` are not repeated when they fail. They can come before any `run` was answered (`status` is
    then None), and for a `run` that has ended meanwhile. A Rollout that is deleted calls nothing.
    """

    #: The name that steps use: `org/name`.
    key: ClassVar[str]

    @abstractmethod
    async def run(self, call: StepCall) -> StepResult:
        """Do what the step is for, or look how far it has come.

        A call has two minutes; what takes longer is begun, and RUNNING until it is there.

        Raises:
            StepError: nothing is known about the step; `run` is called again.
        """

    async def terminate(self, call: StepCall) -> StepResult:
        """Stop what `run` has begun. By default: there is nothing to stop."""
        del call
        return StepResult(phase=StepPhase.SUCCESSFUL)

    async def abort(self, call: StepCall) -> StepResult:
        """Take back what `run` has done. By default: there is nothing to take back."""
        del call
        return StepResult(phase=StepPhase.SUCCESSFUL)

    def secrets(self, config: Json) -> Iterable[SecretRef]:
        """The Secrets that a step with this config needs. They come in `StepCall.secrets`. No I/O.

        `SecretRef.in_run_namespace` means the Rollout's namespace.
        """
        del config
        return ()

    def environment(self) -> Iterable[str]:
        """Names of the environment variables it reads, for `gradatim plugins list`. No I/O."""
        return ()

    async def aclose(self) -> None:
        """Release connections, at the end of the controller."""
        return


def state_fault(state: object) -> str | None:
    """Why this cannot be kept in a status and come back as it was, or None."""
    if state is None:
        return None
    if not isinstance(state, dict):
        return f"the status is a {type(state).__name__} and not a JSON object"
    for fault in _faults(state, _DEEPEST_STATE):
        return fault
    size = len(json.dumps(state, ensure_ascii=False).encode())
    if size > LARGEST_STATE:
        return f"the status has {size} bytes of JSON; {LARGEST_STATE} are kept at most"
    return None


def _faults(value: object, depth: int) -> Iterator[str]:
    """What would not come back from the API server as it was."""
    if depth == 0:
        yield f"the status is nested more than {_DEEPEST_STATE} levels deep"
        return
    match value:
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    yield f"the status has the key {str(key)[:64]!r}, which is no text"
                    return
                yield from _faults(key, depth)
                yield from _faults(item, depth - 1)
        case list():
            for item in value:
                yield from _faults(item, depth - 1)
        case str() if any("\ud800" <= sign <= "\udfff" for sign in value):
            yield "the status has a text that cannot be encoded"
        case bool() | None | str():
            return
        case int() if value in _INT64:
            return
        case float() if math.isfinite(value):
            return
        case int() | float():
            yield "the status has a number that does not fit into 64 bits"
        case _:
            yield f"the status has a value of type {type(value).__name__}, which is not JSON"
