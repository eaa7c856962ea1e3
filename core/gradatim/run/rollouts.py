"""The controller of Rollouts: a pass from snapshot to status.

In: keys of Rollouts from the queue. Out: writes through the applier, and one log line for each decision that writes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..apply import Applier
from ..decide import Decision, decide
from ..decide.effects import (
    ApplyRoute,
    CreateReplicaSet,
    CreateRun,
    DeleteReplicaSet,
    DeleteRun,
    Effect,
    Emit,
    PatchRoute,
    ScaleReplicaSet,
    SwitchService,
    TerminateRun,
)
from ..kube.errors import Conflict
from .gather import Gatherer
from .trafficmemory import TrafficMemory
from .world import World
from .writes import WrittenObjects

log = logging.getLogger(__name__)

Key = tuple[str, str]

#: Seconds to wait for the cache to show our last writes, and until the next try after a conflict.
_CATCH_UP: Final = 5.0
_RETRY: Final = 0.1

_MOVES_TRAFFIC: Final = (PatchRoute, ApplyRoute, SwitchService)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Whom the controller of Rollouts works with. `clock` gives the time, aware and UTC."""

    world: World
    gatherer: Gatherer
    applier: Applier
    written: WrittenObjects
    memory: TrafficMemory
    clock: Callable[[], datetime]


class Rollouts:
    """Reconciles Rollouts."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._uids: dict[Key, str] = {}
        self.decisions = 0

    async def reconcile(self, key: Key) -> float | None:
        """One pass.

        Returns:
            Seconds until the Rollout wants to be looked at again; None: not until something changes.

        Raises:
            GradatimError: something could not be read or written; the queue tries again.
        """
        ports = self._ports
        if not await ports.written.wait_seen(key, within=_CATCH_UP):
            return _RETRY
        entry = ports.world.rollouts.get(*key)
        if entry is None or entry.view is None:
            self._forget(key)
            return None
        self._uids[key] = entry.uid
        now = ports.clock()
        snapshot = await ports.gatherer.snapshot(entry, now)
        decision = decide(snapshot, now)
        try:
            with ports.written.of(key):
                wrote = await ports.applier.carry_out(entry.view, decision)
        except Conflict as error:
            log.debug("rollout %s/%s: %s", *key, error)
            return _RETRY
        finally:
            if any(isinstance(e, _MOVES_TRAFFIC) for e in decision.effects):
                ports.memory.touch(key, ports.clock())
        self.decisions += wrote
        if wrote:
            _tell(key, decision, entry.view.status.raw)
        wait = decision.look_again_in
        return None if wait is None else wait.total_seconds()

    def _forget(self, key: Key) -> None:
        self._ports.gatherer.forget(key, self._uids.pop(key, ""))
        self._ports.written.forget(key)


def _tell(key: Key, decision: Decision, before: dict[str, Any]) -> None:
    """One line: what was done, and where the Rollout stands with it."""
    status = decision.status
    done = ", ".join(described(decision.effects)) or "status"
    stands = " - ".join(filter(None, [status.get("phase"), status.get("message")]))
    step = status.get("currentStepIndex")
    log.info(
        "rollout %s/%s: %s",
        *key,
        f"{done}; {stands}" + (f" (step {step})" if step is not None else ""),
        extra={
            "namespace": key[0],
            "rollout": key[1],
            "effects": list(described(decision.effects)),
            "phase": status.get("phase"),
            "phase_before": before.get("phase"),
            "step": step,
        },
    )


def described(effects: Iterable[Effect]) -> Iterable[str]:
    """What effects do, in the words of a log line."""
    for effect in effects:
        match effect:
            case CreateReplicaSet(_, name, replicas):
                yield f"create {name} with {replicas}"
            case ScaleReplicaSet(name, before, replicas):
                yield f"scale {name} {before}→{replicas}"
            case DeleteReplicaSet(name) | DeleteRun(name):
                yield f"delete {name}"
            case SwitchService(name, pod_hash):
                yield f"point {name} at {pod_hash}"
            case PatchRoute(router, patch):
                yield f"{router}: {patch.message or f'write {patch.ref}'}"
            case ApplyRoute(router, wanted):
                yield f"{router}: weight {wanted.weight}"
            case CreateRun(name):
                yield f"analyse {name}"
            case TerminateRun(name):
                yield f"end analysis {name}"
            case Emit("RolloutStepCompleted" | "RolloutCompleted" | "RolloutAborted", message):
                yield message
            case _:
                continue
