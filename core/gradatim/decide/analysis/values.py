"""What came of one task: the value that the measuring hands to the run's decision.

In: an answer of a provider, already judged and cleared of secrets. Out: `Measured`.
`run/measuring.py` makes them, `absorption.py` counts them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gradatim.model.analysisrun import Phase

from .schedule import Task


class Silence(enum.StrEnum):
    """What a measurement lacked, if anything: then nothing is known about the release."""

    NONE = ""
    NO_DATA = "no data"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The outcome of one `Task`.

    Attributes:
        phase: RUNNING while the provider needs more time, otherwise a completed one.
        started: when the provider was first asked about this measurement.
        value, message, metadata: what the status keeps. Nothing in them is secret.
        resume_at: for a running one when to ask again; for one in Error, when asking makes sense again.
        result_metadata: what to keep once for the metric.
        silence: the provider had no data, or did not answer; `phase` is what Argo Rollouts makes of it.
        fatal: not "": the run cannot go on and ends in Error with this message.
    """

    task: Task
    phase: Phase
    started: datetime
    value: str = ""
    message: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    resume_at: datetime | None = None
    result_metadata: Mapping[str, str] = field(default_factory=dict)
    silence: Silence = Silence.NONE
    fatal: str = ""
