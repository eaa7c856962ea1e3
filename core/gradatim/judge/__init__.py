"""Compares a canary's samples with its baseline's, as Kayenta's judge does: is the canary higher, lower, or neither?

In: two lists of numbers and `Rules`. Out: a `Finding`: a classification, a score and the reason for it. Pure.
Called by `decide/analysis` for metrics that the annotation `gradatim.dev/judge` names, and by `make bench`.
"""

from __future__ import annotations

from .config import Comparison, Config, Selector, read_config
from .finding import Classification, Finding
from .mannwhitney import Shift, shift
from .rules import Direction, EffectSize, NanStrategy, Rules
from .verdict import compare

__all__ = [
    "Classification",
    "Comparison",
    "Config",
    "Direction",
    "EffectSize",
    "Finding",
    "NanStrategy",
    "Rules",
    "Selector",
    "Shift",
    "compare",
    "read_config",
    "shift",
]
