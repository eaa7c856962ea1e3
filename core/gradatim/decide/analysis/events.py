"""What a run tells as Kubernetes events.

In: names and phases. Out: `RunEvent` values, worded as Argo Rollouts words them: tools filter by the reason.
`assessment.py` and `run.py` make them, `run/analysis.py` hands them to the recorder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gradatim.model.analysisrun import Phase


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event about the AnalysisRun."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def metric_completed(metric: str, phase: Phase) -> RunEvent:
    """A metric has its final phase."""
    return RunEvent(_type(phase), f"Metric{phase}", f"Metric '{metric}' Completed. Result: {phase}")


def metric_waits(metric: str, message: str) -> RunEvent:
    """A provider is silent, and by its policy that is not counted yet. Argo Rollouts has no such event."""
    return RunEvent("Warning", "MetricWaiting", f"Metric '{metric}' waits: {message}")


def metric_goes_on(metric: str) -> RunEvent:
    """The silence is over."""
    return RunEvent("Normal", "MetricGoesOn", f"Metric '{metric}' goes on")


def run_completed(phase: Phase) -> RunEvent:
    """The run has its final phase."""
    return RunEvent(_type(phase), f"AnalysisRun{phase}", f"Analysis Completed. Result: {phase}")


def _type(phase: Phase) -> Literal["Normal", "Warning"]:
    return "Warning" if phase in {Phase.FAILED, Phase.ERROR} else "Normal"
