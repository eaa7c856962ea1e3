"""Carries out decisions: the only room that changes the cluster. It evaluates nothing.

In: decisions of `decide`. Out: writes in their order, up to the first that fails, the status last. `run` calls it.
"""

from __future__ import annotations

from .experiments import ExperimentApplier
from .ports import ExperimentPorts, Memory, NameTaken, Ports, Recorder, Refused, Routers
from .rollouts import Applier
from .routes import at_version

__all__ = [
    "Applier",
    "ExperimentApplier",
    "ExperimentPorts",
    "Memory",
    "NameTaken",
    "Ports",
    "Recorder",
    "Refused",
    "Routers",
    "at_version",
]
