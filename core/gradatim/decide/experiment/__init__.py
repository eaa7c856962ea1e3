"""Experiments: which sets of pods, Services and AnalysisRuns one wants now, and what its status is.

In: a frozen `ExperimentSnapshot` and `now`. Out: an `ExperimentDecision`: effects in their order, and the whole status.
`run/experiments.py` calls `decide_experiment`, `apply/experiments.py` carries out what it says. §3.8 of the reference.
"""

from __future__ import annotations

from .decision import ExperimentDecision, decide_experiment
from .effects import CreateService, DeleteService, ExperimentEffect, TellRollout
from .snapshot import ExperimentSnapshot

__all__ = [
    "CreateService",
    "DeleteService",
    "ExperimentDecision",
    "ExperimentEffect",
    "ExperimentSnapshot",
    "TellRollout",
    "decide_experiment",
]
