"""What one pass of a blue-green release has found and decided so far.

In: a snapshot and the present. Out: a `BlueGreenDraft`, which all that serves both strategies takes for a `Draft`.
Made by `flow.py` for each pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...model.bluegreen import BlueGreen
from ...model.canary import Canary
from ...model.runstatus import RunStatus
from ...model.workload import ReplicaSet, Service
from ..draft import INCONCLUSIVE_RUN, Draft


@dataclass(slots=True, kw_only=True)
class BlueGreenDraft(Draft):
    """One pass in the making.

    Attributes:
        active_hash, preview_hash: where the Services point after this pass's writes, "" at everybody.
        pre_run, post_run: what the status will say of the runs before and after the switch.
    """

    blue_green: BlueGreen
    active_hash: str
    preview_hash: str
    pre_run: RunStatus | None = None
    post_run: RunStatus | None = None

    @property
    def strategy(self) -> Canary | BlueGreen:
        """The block that the delays of old pods are in."""
        return self.blue_green

    @property
    def is_basic(self) -> bool:
        """Never: the Services say where requests go."""
        return False

    @property
    def awaits_verdict(self) -> bool:
        """A run before or after the switch is not at its end.

        The reference counts the progress deadline on, so that a long analysis ends a good release.
        """
        both = (self.pre_run, self.post_run)
        return any(run is not None and run.phase in ("", "Pending", "Running") for run in both)

    @property
    def active_service(self) -> Service | None:
        """The Service that all requests come by."""
        return self.snapshot.services.get(self.blue_green.active_service)

    @property
    def preview_service(self) -> Service | None:
        """The Service that the new revision is tried out by, if there is one."""
        return self.snapshot.services.get(self.blue_green.preview_service)

    @property
    def active(self) -> ReplicaSet | None:
        """The ReplicaSet that answers for the active Service; None where no selector names one."""
        return self.revisions.of(self.active_hash)

    @property
    def is_active(self) -> bool:
        """The new revision has the active Service."""
        return self.active_hash == self.pod_hash

    @property
    def is_stopped(self) -> bool:
        """Nothing may be switched: a person paused it, or nobody knows whether the release is good."""
        return self.is_halted or INCONCLUSIVE_RUN in self.paused_for


def remaining(replica_set: ReplicaSet | None) -> int:
    """The pods of a set that can answer, and that nobody has asked to go."""
    return 0 if replica_set is None else replica_set.answering
