"""Lets the tests of this folder import what they play: the load, the rows, and the reference's order of writes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.extend((str(Path(__file__).parent), str(Path(__file__).parents[1] / "run")))
