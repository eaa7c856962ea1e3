"""What the status of a Rollout says of one of its AnalysisRuns.

In: the block of the status. Out: a frozen `RunStatus`, or nothing. Read for canaries and for blue-green alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from .reading import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """What the Rollout last knew of one of its AnalysisRuns."""

    name: str
    phase: str = ""
    message: str = ""


def read_run_status(reader: Reader, key: str) -> RunStatus | None:
    """The view of the block under `key`; None where no run is named."""
    block = reader.object(key)
    if not block.text("name"):
        return None
    return RunStatus(
        name=block.text("name"), phase=block.text("status"), message=block.text("message")
    )
