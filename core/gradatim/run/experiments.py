"""The controller of Experiments: a pass from snapshot to status.

In: keys of Experiments from the queue. Out: writes through the applier, and one log line for each decision that writes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from ..apply import ExperimentApplier, NameTaken, Recorder, Refused
from ..decide.effects import CreateReplicaSet, CreateRun, ScaleReplicaSet, TerminateRun
from ..decide.experiment import (
    CreateService,
    DeleteService,
    ExperimentDecision,
    ExperimentEffect,
    decide_experiment,
)
from ..errors import GradatimError
from ..kube.errors import Conflict, Throttled, Unavailable, Unreachable
from ..model.experiment import Experiment
from .experimentgather import ExperimentGatherer
from .heldcounts import HeldCounts, only_counts_of_sets_differ
from .world import World
from .writes import WrittenObjects

log = logging.getLogger(__name__)

Key = tuple[str, str]

#: Seconds until the next look at whether the caches show our last writes. Mostly the change itself comes first.
_RETRY: Final = 0.1

#: What happens on any day, to everybody: the pass is tried again, and nobody need read of it under the Experiment.
_ORDINARY: Final = (Conflict, Unreachable, Unavailable, Throttled, NameTaken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Whom the controller of Experiments works with. `clock` gives the time, aware and UTC."""

    world: World
    gatherer: ExperimentGatherer
    applier: ExperimentApplier
    written: WrittenObjects
    recorder: Recorder
    clock: Callable[[], datetime]


@dataclass(slots=True)
class _Known:
    """What is known of an Experiment beside its status.

    Attributes:
        refused: what the API server said to objects that it will not have, by their names.
        unnoted: AnalysisRuns that were created in passes whose status could not be written.
    """

    uid: str
    unnoted: frozenset[str] = frozenset()
    refused: dict[str, str] = field(default_factory=dict)


class Experiments:
    """Reconciles Experiments, whether a Rollout made them or a person."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._known: dict[Key, _Known] = {}
        self._counts = HeldCounts(only_counts_of_sets_differ)

    async def reconcile(self, key: Key) -> float | None:
        """One pass.

        Returns:
            Seconds until the Experiment wants to be looked at again; None: not until something changes.

        Raises:
            GradatimError: something could not be read or written; the queue tries again.
        """
        ports = self._ports
        if not ports.written.are_seen(key):
            return _RETRY
        entry = ports.world.experiments.get(*key)
        known = self._known.get(key)
        if known is not None and (entry is None or entry.uid != known.uid):
            # gone, or another one of that name, which has nothing to do with the first
            self._forget(key, known)
        if entry is None or entry.view is None:
            return None
        known = self._known.setdefault(key, _Known(entry.uid))
        try:
            return await self._pass(key, entry.view, known)
        except Refused as refusal:
            known.refused[refusal.name] = str(refusal)
            return 0.0
        except _ORDINARY:
            raise
        except GradatimError as error:
            ports.recorder.emit(entry.object, "Warning", "ReconciliationError", str(error))
            raise

    async def _pass(self, key: Key, experiment: Experiment, known: _Known) -> float | None:
        ports = self._ports
        snapshot = await ports.gatherer.snapshot(experiment)
        snapshot = replace(snapshot, refused=dict(known.refused), unnoted=known.unnoted)
        decision = decide_experiment(snapshot, ports.clock())
        wait = self._held(key, experiment, decision)
        if wait:
            decision = replace(decision, status=experiment.status)
        known.unnoted |= {e.name for e in decision.effects if isinstance(e, CreateRun)}
        with ports.written.of(key):
            wrote = await ports.applier.carry_out(snapshot, decision)
        # both stand in the status now
        known.refused.clear()
        known.unnoted = frozenset()
        if wrote:
            _tell(key, experiment, decision)
        again = decision.look_again_in
        waits = [*([wait] if wait else []), *([again.total_seconds()] if again is not None else [])]
        return min(waits, default=None)

    def _held(self, key: Key, experiment: Experiment, decision: ExperimentDecision) -> float:
        """Seconds for which the status may wait, as there is nothing in it but counts of pods."""
        if decision.effects:
            self._counts.forget(key)
            return 0.0
        now = asyncio.get_running_loop().time()
        return self._counts.may_wait(key, experiment.status, decision.status, now)

    def _forget(self, key: Key, known: _Known) -> None:
        self._ports.gatherer.forget(known.uid)
        self._ports.written.forget(key)
        self._counts.forget(key)
        del self._known[key]


def _tell(key: Key, before: Experiment, decision: ExperimentDecision) -> None:
    """One line: what was done, and where the Experiment stands with it."""
    status = decision.status
    done = ", ".join(described(decision.effects)) or "status"
    stands = " - ".join(filter(None, [status.get("phase"), status.get("message")]))
    log.info(
        "experiment %s/%s: %s",
        *key,
        f"{done}; {stands}",
        extra={
            "namespace": key[0],
            "experiment": key[1],
            "effects": list(described(decision.effects)),
            "phase": status.get("phase"),
            "phase_before": str(before.phase),
        },
    )


def described(effects: Iterable[ExperimentEffect]) -> Iterable[str]:
    """What effects do, in the words of a log line."""
    for effect in effects:
        match effect:
            case CreateReplicaSet(_, name, replicas):
                yield f"create {name} with {replicas}"
            case ScaleReplicaSet(name, before, replicas):
                yield f"scale {name} {before}→{replicas}"
            case CreateService(name):
                yield f"create Service {name}"
            case DeleteService(name):
                yield f"delete Service {name}"
            case CreateRun(name):
                yield f"analyse {name}"
            case TerminateRun(name):
                yield f"end analysis {name}"
            case _:
                continue
