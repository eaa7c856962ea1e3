"""Calls of step plugins, as a decision asks for them and as their answers come back.

In: nothing. Out: small values. `stepplugins.py` makes and reads them, `run/stepping.py` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..model.reading import Json
from ..model.stepplugins import PluginPhase


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCall:
    """One call. Two are equal when they are the same one, asked for in two passes.

    Attributes:
        started: when the operation became due.
        executions: answers to the operation before this call.
        reached: when the step was reached.
        runs: answers to `Run` of the step before this call.
        status: the plugin's own, of its last answer.
    """

    operation: str
    index: int
    name: str
    started: datetime | None
    executions: int
    reached: datetime | None = field(default=None, compare=False)
    runs: int = field(default=0, compare=False)
    config: Json = field(default_factory=dict, compare=False, repr=False)
    status: Json | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginAsk:
    """The call whose answer a release waits for.

    Attributes:
        may_begin: it may be made now. Otherwise it is not its time yet; one that is under way goes on all the same.
        due: when it may be made, if nothing but time is in its way.
    """

    call: PluginCall
    may_begin: bool
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginAnswer:
    """What came of a call.

    Attributes:
        at: when it came.
        requeue_after: seconds until the next call, where the plugin said so.
        status: the plugin's own; None with phase ERROR, which leaves the last one in place.
    """

    call: PluginCall
    at: datetime
    phase: PluginPhase
    message: str = ""
    requeue_after: float | None = None
    status: Json | None = field(default=None, repr=False)
