"""Decisions: from what is so to what is to be done. Pure, whatever happens.

In: a `Snapshot` and the present. Out: a `Decision`: effects in a safe order, and the status afterwards.
`run/` asks for decisions and `apply` carries them out; `sim/`-driven tests and simulations use the same function.
"""

from __future__ import annotations

from .decision import Decision, decide
from .plugincall import PluginAnswer, PluginAsk, PluginCall
from .snapshot import DEFAULT_PROPAGATION_DELAY, Route, Snapshot

__all__ = [
    "DEFAULT_PROPAGATION_DELAY",
    "Decision",
    "PluginAnswer",
    "PluginAsk",
    "PluginCall",
    "Route",
    "Snapshot",
    "decide",
]
