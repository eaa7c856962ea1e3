"""Lets the tests of this folder import the cluster that they are played on, and its faults."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "run"))
