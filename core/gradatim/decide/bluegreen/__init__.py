"""The decisions of a blue-green release: two Services, and one switch between two whole sets of pods.

In: a snapshot. Out: a pass, as for a canary. `decision.py` calls `blue_green_pass`.
"""

from __future__ import annotations

from .flow import blue_green_pass

__all__ = ["blue_green_pass"]
