"""What `status.canary.stepPluginStatuses` says: which operations of step plugins there were, and what came of them.

In: the entries as JSON. Out: frozen values, and the JSON of changed ones. Read and written by `decide/stepplugins.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from .duration import NANOSECONDS_PER_SECOND, DurationError, duration_seconds, format_duration
from .reading import Json, Reader, format_time

#: Seconds between two calls where a status does not say it in a way that can be read.
_UNREADABLE_BACKOFF: Final = 30.0


class Operation(StrEnum):
    """What a plugin is asked to do."""

    RUN = "Run"
    TERMINATE = "Terminate"
    ABORT = "Abort"


class PluginPhase(StrEnum):
    """How far that has come; NONE where the step was passed over."""

    NONE = ""
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    ERROR = "Error"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPluginStatus:
    """One entry.

    Attributes:
        index: of the step, from 0.
        operation: one of `Operation`; other texts were written by somebody else, and mean nothing here.
        started: when the operation became due.
        updated: when the plugin last answered. In a `Terminate` or `Abort` that is left from an earlier attempt:
            when its step was reached.
        backoff: seconds after `updated` until the next call.
        executions: answers so far; of `Run`, also in what is left from an earlier attempt.
        status: the plugin's own.
    """

    index: int
    name: str
    operation: str
    phase: str = PluginPhase.NONE
    message: str = ""
    started: datetime | None = None
    updated: datetime | None = None
    finished: datetime | None = None
    backoff: float = 0.0
    executions: int = 0
    disabled: bool = False
    status: Json | None = field(repr=False, default=None)
    raw: Json = field(repr=False, compare=False, default_factory=dict)

    @property
    def is_run(self) -> bool:
        """It tells of the step itself."""
        return self.operation == Operation.RUN

    @property
    def is_pending(self) -> bool:
        """It tells of a `Terminate` or `Abort` that was not answered yet."""
        later = self.operation in (Operation.TERMINATE, Operation.ABORT)
        return later and self.phase == PluginPhase.RUNNING

    @property
    def is_open(self) -> bool:
        """It tells of a `Run` that may need more calls."""
        phases = (PluginPhase.RUNNING, PluginPhase.ERROR)
        return self.is_run and self.phase in phases and not self.disabled

    def is_about(self, index: int, name: str) -> bool:
        """It tells of that step."""
        return (self.index, self.name) == (index, name)

    def json(self) -> Json:
        """The entry as the reference writes it: empty fields are absent."""
        if self.raw:
            return self.raw
        made: dict[str, Any] = {
            "phase": str(self.phase),
            "message": self.message,
            "startedAt": _time(self.started),
            "updatedAt": _time(self.updated),
            "finishedAt": _time(self.finished),
            "backoff": _duration(self.backoff),
            "executions": self.executions,
            "disabled": self.disabled,
        }
        kept = {key: value for key, value in made.items() if value}
        if self.status is not None:
            kept["status"] = self.status
        name = {"index": self.index, "name": self.name, "operation": str(self.operation)}
        return {**name, **kept}


def changed(entry: StepPluginStatus, **fields: Any) -> StepPluginStatus:
    """The entry with other values in some fields."""
    return replace(entry, raw={}, **fields)


def read_step_plugins(canary: Reader) -> tuple[StepPluginStatus, ...]:
    """The entries below a `status.canary` block."""
    return tuple(_entry(reader) for reader in canary.objects("stepPluginStatuses"))


def _entry(reader: Reader) -> StepPluginStatus:
    return StepPluginStatus(
        index=reader.number("index"),
        name=reader.text("name"),
        operation=reader.text("operation"),
        phase=reader.text("phase"),
        message=reader.text("message"),
        started=reader.moment("startedAt"),
        updated=reader.moment("updatedAt"),
        finished=reader.moment("finishedAt"),
        backoff=_seconds(reader.text("backoff")),
        executions=reader.number("executions"),
        disabled=reader.flag("disabled"),
        status=reader.json("status") if reader.has("status") else None,
        raw=dict(reader.raw),
    )


def _seconds(text: str) -> float:
    try:
        return max(0.0, duration_seconds(text)) if text else 0.0
    except DurationError:
        return _UNREADABLE_BACKOFF


def _duration(seconds: float) -> str:
    return format_duration(round(seconds) * NANOSECONDS_PER_SECOND) if seconds else ""


def _time(moment: datetime | None) -> str:
    return format_time(moment) if moment else ""
