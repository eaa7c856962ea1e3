"""What one pass has found and decided so far.

In: a snapshot and the present. Out: effects and the parts of the next status, gathered by the modules of this room.
Made by `canary.py` for each pass and gone at its end; the only mutable thing in this room, and local to one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from ..model import names
from ..model.bluegreen import BlueGreen
from ..model.canary import Canary
from ..model.reading import format_time
from ..model.rollout import Rollout
from ..model.runstatus import RunStatus
from ..model.status import Status, Weights
from ..model.stepplugins import StepPluginStatus
from ..model.workload import ReplicaSet, Service
from ..plugin import Wanted
from .basic_scale import Counts
from .effects import Effect, Emit, PatchReplicaSet, ScaleReplicaSet, SwitchService
from .revisions import Revisions
from .routed_scale import routed_counts
from .snapshot import Route, Snapshot

#: Pause reasons that only an inconclusive result sets; while the first is there nothing moves.
INCONCLUSIVE_RUN = "InconclusiveAnalysisRun"
INCONCLUSIVE_EXPERIMENT = "InconclusiveExperiment"
CANARY_PAUSE = "CanaryPauseStep"
BLUE_GREEN_PAUSE = "BlueGreenPause"
#: Why a release waits that goes on by itself, in its message; Argo Rollouts has no such word.
HELD_REASON = "ProviderOutage"


#: By a router's key: its objects, and the state of which it was found that they are in it.
Settled: TypeAlias = dict[str, tuple[Route, Wanted]]


@dataclass(slots=True, kw_only=True)
class Draft:
    """One pass in the making.

    Attributes:
        pod_hash: label of the new ReplicaSet, or the hash that it will get.
        step_hash: hash of the steps as they are now.
        weights: the weights as they are after this pass's writes.
        step_run, background_run: what the status will say of the current runs.
        step_plugins: what it will say of step plugins.
        experiment: name of the Experiment that the release is at, "" for none.
        look_again: when the next pass is due at the latest without any event.
        has_settled_runs: the pass came to its AnalysisRuns and said which are current.
        rolls_back: the release goes back to a revision within the rollback window: no steps, pauses or analyses.
        kept: ReplicaSets that are to have fewer pods, and how many, once every proxy follows.
        counts: pods wanted at the present step, by whether the release is aborted; computed once.
        settled: what the passes of this decision know of the routers' objects.
        trouble: why traffic could not be routed; nothing that depends on it is done in this pass.
    """

    snapshot: Snapshot
    now: datetime
    revisions: Revisions
    canary: Canary
    pod_hash: str
    step_hash: str
    weights: Weights | None = None
    step_run: RunStatus | None = None
    background_run: RunStatus | None = None
    step_plugins: tuple[StepPluginStatus, ...] = ()
    experiment: str = ""
    effects: list[Effect] = field(default_factory=list)
    look_again: timedelta | None = None
    rolls_back: bool = False
    trouble: str = ""
    has_settled_runs: bool = False
    paused_for: list[str] = field(default_factory=list)
    unpaused: set[str] = field(default_factory=set)
    pauses_cleared: bool = False
    abort_message: str | None = None
    abort_dropped: bool = False
    settled: Settled = field(default_factory=dict)
    kept: list[tuple[ReplicaSet, int]] = field(default_factory=list)
    counts: dict[bool, Counts] = field(default_factory=dict)

    @property
    def rollout(self) -> Rollout:
        """The Rollout as it is."""
        return self.snapshot.rollout

    @property
    def status(self) -> Status:
        """Its status as it was before this pass."""
        return self.snapshot.rollout.status

    @property
    def strategy(self) -> Canary | BlueGreen:
        """The block that the delays of old pods are in."""
        return self.canary

    @property
    def is_basic(self) -> bool:
        """The numbers of pods are the weight: nothing else says where requests go."""
        return self.canary.routing is None

    @property
    def awaits_verdict(self) -> bool:
        """An analysis is going on during which nobody expects pods to change."""
        return False

    @property
    def is_aborted(self) -> bool:
        """The release is being taken back, by a person or by this pass."""
        return self.abort_message is not None or (self.status.abort and not self.abort_dropped)

    @property
    def held(self) -> str:
        """What a current analysis says whose provider is silent, where its author wants the release to wait; ""."""
        here = self.status
        known = (
            here.step_run,
            here.background_run,
            here.blue_green.pre_run,
            here.blue_green.post_run,
        )
        current = {run.name for run in known if run is not None}
        own = [run for run in self.snapshot.runs if run.meta.name in current]
        runs = (*own, *self.snapshot.experiment_runs)
        return next((r.message for r in runs if r.holds_rollout and not r.terminate), "")

    @property
    def goes_on(self) -> bool:
        """The provider answers again that the release was seen waiting for."""
        return self.status.message.startswith(HELD_REASON) and not self.held

    @property
    def is_halted(self) -> bool:
        """Nothing may be scaled: a person paused it, or nobody knows whether the release is good."""
        return self.rollout.paused or self.status.is_paused_for(INCONCLUSIVE_RUN)

    @property
    def is_changed(self) -> bool:
        """The template or the steps are others than those the status was made for."""
        status = self.status
        return status.pod_hash != self.pod_hash or status.step_hash != self.step_hash

    def step_counts(self, *, aborted: bool) -> Counts:
        """The pods of a routed canary and of stable at the present step, computed once a pass."""
        if aborted not in self.counts:
            self.counts[aborted] = routed_counts(self.rollout, aborted=aborted)
        return self.counts[aborted]

    def emit(self, reason: str, message: str) -> None:
        """Tell of a write that is made in this pass."""
        self.effects.append(Emit(reason, message))

    def declare(
        self, reason: str, message: str, kind: Literal["Normal", "Warning"] = "Normal"
    ) -> None:
        """Tell of something that is so once the status of this pass is written."""
        self.effects.append(Emit(reason, message, kind, of_status=True))

    def abort(self, message: str) -> None:
        """Take the release back, for the reason given."""
        if self.abort_message is None:
            self.abort_message = message

    def due(self, moment: datetime) -> None:
        """Ask for a pass at `moment`, if none is asked for earlier."""
        wait = max(moment - self.now, timedelta())
        if self.look_again is None or wait < self.look_again:
            self.look_again = wait

    def scale(
        self,
        replica_set: ReplicaSet,
        replicas: int,
        annotations: Mapping[str, str | None] | None = None,
    ) -> bool:
        """Ask for a number of pods; True if that is a change.

        The annotation with the Rollout's replicas is kept right with it: by it a change of scale is
        told from a step's.
        """
        changes = dict(annotations or {})
        wanted = str(self.rollout.replicas)
        if replica_set.meta.annotations.get(names.DESIRED_REPLICAS) != wanted:
            changes[names.DESIRED_REPLICAS] = wanted
        if replica_set.replicas == replicas:
            if changes:
                self.effects.append(PatchReplicaSet(replica_set.name, changes))
            return False
        self.effects.append(
            ScaleReplicaSet(replica_set.name, replica_set.replicas, replicas, changes)
        )
        self.tell_scaled(replica_set, replica_set.replicas, replicas)
        return True

    def tell_scaled(self, replica_set: ReplicaSet, before: int, after: int) -> None:
        """The event of a scaling, in the words of the reference."""
        way = "up" if after > before else "down"
        self.emit(
            "ScalingReplicaSet",
            f"Scaled {way} ReplicaSet {replica_set.name} (revision {replica_set.revision}) "
            f"from {before} to {after}",
        )

    def switch(self, service: Service, target: ReplicaSet) -> None:
        """Write the selector, and whose the Service is where nobody has it yet; told if the selector changes."""
        name, before = service.meta.name, service.pod_hash
        owner = None if service.managed_by is not None else self.rollout.name
        if before == target.pod_hash and owner is None:
            return
        self.effects.append(SwitchService(name, target.pod_hash, owner))
        if before != target.pod_hash:
            self.emit(
                "SwitchService",
                f"Switched selector for service '{name}' from '{before}' to '{target.pod_hash}'",
            )

    def set_deadline(self, replica_set: ReplicaSet, deadline: datetime) -> None:
        """Let a ReplicaSet be scaled down after `deadline`."""
        self.effects.append(
            PatchReplicaSet(replica_set.name, {names.SCALE_DOWN_DEADLINE: format_time(deadline)})
        )

    def drop_deadline(self, replica_set: ReplicaSet) -> None:
        """Let a ReplicaSet stay."""
        if names.SCALE_DOWN_DEADLINE in replica_set.meta.annotations:
            self.effects.append(
                PatchReplicaSet(replica_set.name, {names.SCALE_DOWN_DEADLINE: None})
            )
