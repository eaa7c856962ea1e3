"""Conditions: how a Rollout says what it is doing, and since when.

In: the conditions before, and what is true now. Out: the conditions after. Pure; §2.15.1 of the reference.
The order of the list matters: the phase is read from the first that tells of trouble.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from ..model.reading import Json, format_time
from ..model.status import Condition

AVAILABLE = "Available"
COMPLETED = "Completed"
HEALTHY = "Healthy"
INVALID_SPEC = "InvalidSpec"
PAUSED = "Paused"
PROGRESSING = "Progressing"
REPLICA_FAILURE = "ReplicaFailure"

ABORTED_REASON = "RolloutAborted"
PAUSED_REASON = "RolloutPaused"
RESUMED_REASON = "RolloutResumed"
RETRY_REASON = "RolloutRetry"
TIMED_OUT_REASON = "ProgressDeadlineExceeded"
NEW_AVAILABLE_REASON = "NewReplicaSetAvailable"
CREATE_ERROR_REASON = "ReplicaSetCreateError"


class Conditions:
    """The list of conditions in the making; local to one pass."""

    def __init__(self, conditions: tuple[Condition, ...], now: datetime) -> None:
        self._items = list(conditions)
        self._now = now

    def get(self, kind: str) -> Condition | None:
        """The condition of a type."""
        return next((c for c in self._items if c.type == kind), None)

    def set(self, kind: str, status: str, reason: str, message: str) -> bool:
        """Set a condition; True if its status or reason changed. A message alone changes nothing."""
        before = self.get(kind)
        if before is not None and before.status == status and before.reason == reason:
            return False
        kept = before is not None and before.status == status
        changed = before.changed if before is not None and kept else self._now
        self.remove(kind)
        self._items.append(
            Condition(
                type=kind,
                status=status,
                reason=reason,
                message=message,
                updated=self._now,
                changed=changed,
            )
        )
        return True

    def refresh(self, kind: str, status: str, reason: str, message: str) -> None:
        """Set a condition and its time of update, whether it changed or not."""
        before = self.get(kind)
        if not self.set(kind, status, reason, message) and before is not None:
            self.remove(kind)
            self._items.append(replace(before, message=message, updated=self._now))

    def reword(self, kind: str, message: str) -> None:
        """Give a condition another message, in its place and with its times."""
        self._items = [replace(c, message=message) if c.type == kind else c for c in self._items]

    def remove(self, kind: str) -> None:
        """Take a condition away."""
        self._items = [c for c in self._items if c.type != kind]

    def all(self) -> tuple[Condition, ...]:
        """The conditions in their order."""
        return tuple(self._items)


def conditions_json(conditions: tuple[Condition, ...]) -> list[Json]:
    """The conditions as the status holds them."""
    return [_condition_json(c) for c in conditions]


@lru_cache(maxsize=4096)
def _condition_json(condition: Condition) -> Json:
    """One condition. It is the same object for equal ones: JSON is never changed in place."""
    updated, changed = condition.updated, condition.changed
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        **({"lastUpdateTime": format_time(updated)} if updated else {}),
        **({"lastTransitionTime": format_time(changed)} if changed else {}),
    }
