"""Analysis: which AnalysisRun follows from templates, what a run measures next, and what its measurements mean.

In: frozen views, measured values and `now`. Out: values: specs, Problems, tasks, a status patch, events.
The Rollout's decision, `validate/` and `run/analysis.py` call it; nothing here asks anybody anything.
"""

from __future__ import annotations

from .arguments import resolve_arguments
from .creation import Identity, analysis_run, collision_names, is_same_run, same_spec
from .events import RunEvent
from .judging import judge
from .run import RunDecision, decide_run
from .schedule import Action, Task
from .substitution import UnresolvedError, substitute
from .templates import Gathered, RunSpec, flatten, gather
from .validation import metric_problems
from .values import Measured

__all__ = [
    "Action",
    "Gathered",
    "Identity",
    "Measured",
    "RunDecision",
    "RunEvent",
    "RunSpec",
    "Task",
    "UnresolvedError",
    "analysis_run",
    "collision_names",
    "decide_run",
    "flatten",
    "gather",
    "is_same_run",
    "judge",
    "metric_problems",
    "resolve_arguments",
    "same_spec",
    "substitute",
]
