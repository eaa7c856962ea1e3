"""The controller of Rollouts: a pass from snapshot to status.

In: keys of Rollouts from the queue. Out: writes through the applier, and one log line for each decision that writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ..apply import Applier, NameTaken, Recorder
from ..decide import Decision, decide
from ..decide.effects import (
    AdoptReplicaSet,
    ApplyRoute,
    CreateExperiment,
    CreateReplicaSet,
    CreateRun,
    DeleteExperiment,
    DeleteReplicaSet,
    DeleteRun,
    Effect,
    Emit,
    EvictPods,
    PatchRoute,
    PatchWorkload,
    ReleaseReplicaSet,
    ScaleReplicaSet,
    SwitchService,
    TerminateExperiment,
    TerminateRun,
)
from ..errors import GradatimError
from ..kube.cache import Entry
from ..kube.errors import Conflict, Throttled, Unavailable, Unreachable, is_refusal
from ..model.rollout import Rollout
from ..plugin import RouterError
from .gather import Gatherer
from .heldcounts import HeldCounts
from .stepping import Stepping
from .trafficmemory import TrafficMemory
from .world import World
from .writes import WrittenObjects

log = logging.getLogger(__name__)

Key = tuple[str, str]

#: Seconds until the next look at whether the caches show our last writes. Mostly the change itself comes first.
_RETRY: Final = 0.1

#: What happens on any day, to everybody: the pass is tried again, and nobody need read of it under the Rollout.
_ORDINARY: Final = (Conflict, Unreachable, Unavailable, Throttled, NameTaken)

_MOVES_TRAFFIC: Final = (PatchRoute, ApplyRoute, SwitchService)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Whom the controller of Rollouts works with. `clock` gives the time, aware and UTC."""

    world: World
    gatherer: Gatherer
    applier: Applier
    written: WrittenObjects
    memory: TrafficMemory
    stepping: Stepping
    recorder: Recorder
    clock: Callable[[], datetime]


class Rollouts:
    """Reconciles Rollouts."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._uids: dict[Key, str] = {}
        self._counts = HeldCounts()
        self._unnoted: dict[Key, frozenset[str]] = {}
        self._taken: dict[Key, frozenset[str]] = {}
        self.decisions = 0

    async def reconcile(self, key: Key) -> float | None:
        """One pass.

        Returns:
            Seconds until the Rollout wants to be looked at again; None: not until something changes.

        Raises:
            GradatimError: something could not be read or written; the queue tries again.
        """
        ports = self._ports
        if not ports.written.are_seen(key):
            return _RETRY
        entry = ports.world.rollouts.get(*key)
        if entry is None or entry.view is None or self._uids.get(key, entry.uid) != entry.uid:
            # gone, or another one of that name, which has nothing to do with the first
            self._forget(key)
        if entry is None or entry.view is None:
            return None
        self._uids[key] = entry.uid
        if ports.gatherer.awaits_counts(entry, asyncio.get_running_loop().time()):
            return _RETRY
        try:
            return await self._pass(key, entry, entry.view)
        except _ORDINARY as error:
            if is_refusal(error):
                ports.recorder.emit(entry.object, "Warning", "ReconciliationError", str(error))
            raise
        except RouterError as error:
            ports.recorder.emit(entry.object, "Warning", "TrafficRoutingError", str(error))
            raise
        except GradatimError as error:
            ports.recorder.emit(entry.object, "Warning", "ReconciliationError", str(error))
            raise
        except Exception as error:
            message = f"internal error: {type(error).__name__}"
            ports.recorder.emit(entry.object, "Warning", "ReconciliationError", message)
            raise

    async def _pass(self, key: Key, entry: Entry[Rollout], rollout: Rollout) -> float | None:
        ports = self._ports
        now = ports.clock()
        snapshot = await ports.gatherer.snapshot(entry, now)
        snapshot = replace(
            snapshot,
            unnoted_runs=self._unnoted.get(key, frozenset()),
            taken_names=self._taken.get(key, frozenset()),
            plugin_answer=ports.stepping.answer(key, entry.uid),
        )
        decision = decide(snapshot, now)
        wait = self._held(key, rollout, decision)
        if wait:
            decision = replace(decision, status=rollout.status.raw)
        created = frozenset(e.name for e in decision.effects if isinstance(e, CreateRun))
        self._unnoted[key] = snapshot.unnoted_runs | created
        moves = any(isinstance(e, _MOVES_TRAFFIC) for e in decision.effects)
        if moves:
            # before it as well: an Experiment's pods may wait for this very pass, and its status tells of it first
            ports.memory.touch(key, ports.clock())
        try:
            with ports.written.of(key):
                wrote = await ports.applier.carry_out(rollout, decision)
            del self._unnoted[key]
        except NameTaken as error:
            if error.name:
                self._taken[key] = snapshot.taken_names | {error.name}
            raise
        finally:
            if moves:
                ports.memory.touch(key, ports.clock())
        # only now: whatever is begun is in the status already
        ports.stepping.follow(key, rollout, decision.plugin)
        self.decisions += wrote
        if wrote:
            _tell(key, decision, rollout.status.raw)
        again = decision.look_again_in
        waits = [*([wait] if wait else []), *([again.total_seconds()] if again is not None else [])]
        return min(waits, default=None)

    def _held(self, key: Key, rollout: Rollout, decision: Decision) -> float:
        """Seconds for which the status may wait, as there is nothing in it but counts of pods."""
        now = asyncio.get_running_loop().time()
        if any(isinstance(e, Emit) and e.of_status for e in decision.effects):
            self._counts.forget(key)
            return 0.0
        return self._counts.may_wait(key, rollout.status.raw, decision.status, now)

    def _forget(self, key: Key) -> None:
        self._ports.gatherer.forget(key, self._uids.pop(key, ""))
        self._ports.written.forget(key)
        self._ports.stepping.forget(key)
        self._counts.forget(key)
        self._unnoted.pop(key, None)
        self._taken.pop(key, None)


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
            case DeleteReplicaSet(name) | DeleteRun(name) | DeleteExperiment(name):
                yield f"delete {name}"
            case AdoptReplicaSet(name):
                yield f"adopt {name}"
            case ReleaseReplicaSet(name):
                yield f"release {name}"
            case EvictPods(_, most):
                yield f"restart {most} pod{'s' if most > 1 else ''}"
            case PatchWorkload(ref, before, replicas) if before != replicas:
                yield f"scale {ref} {before}→{replicas}"
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
            case CreateExperiment(name):
                yield f"try out {name}"
            case TerminateExperiment(name):
                yield f"end experiment {name}"
            case Emit("RolloutStepCompleted" | "RolloutCompleted" | "RolloutAborted", message):
                yield message
            case _:
                continue
